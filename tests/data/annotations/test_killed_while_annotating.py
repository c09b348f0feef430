"""kill -9 in mid-annotation, fifty times: nothing is lost but at most the record being written."""

import multiprocessing
import os
import random
import signal
import time
from multiprocessing.connection import Connection
from pathlib import Path

import pytest

from closecall.data.annotations.hard_cases import (
    add_hard_cases,
    add_tag,
    hard_cases_log,
    import_changes,
    load_annotations,
    load_hard_cases,
    set_action,
    set_note,
    undo,
)
from closecall.data.io.files import read_lines
from tests.makers import HOSTILE, make_dataset, make_experiment

KILLS = 50


def annotate(experiment: str, seed: int, shown: Connection) -> None:
    """What a person at the reading desk does, as fast as it goes; each finished step is shown by its key."""
    draw = random.Random(seed)
    for number in range(100_000):
        one = f"post-{draw.randrange(480):05d}"
        text = draw.choice(HOSTILE) + "x" * draw.choice((0, 100, 50_000))
        kind = number % 6
        if kind == 0:
            key = add_hard_cases(experiment, [one], ["missed"], who=str(seed))
        elif kind == 1:
            key = set_note(experiment, [one], text, who=str(seed))
        elif kind == 2:
            key = set_action(experiment, [one], "ambiguous", who=str(seed))
        elif kind == 3:
            key = add_tag(experiment, [one], "seen", who=str(seed))
        elif kind == 4:
            key = import_changes(experiment, [one, "post-00000"], [{"listed": True}, {"note": text}], source="list.csv")
        else:
            key = str((undo(experiment, who=str(seed)) or {})["key"])
        shown.send(key)


@pytest.mark.slow
def test_fifty_kills_lose_nothing_that_was_done(workspace: Path) -> None:
    make_experiment(make_dataset(), ratios=(1,), seeds=(0,), with_embeddings=False)
    context, draw = multiprocessing.get_context("fork"), random.Random(1)
    done: list[str] = []
    torn = unheard = 0
    for kill in range(KILLS):
        hear, tell = context.Pipe(duplex=False)
        person = context.Process(target=annotate, args=("sweep", kill, tell))
        person.start()
        tell.close()
        done.append(hear.recv())  # it is at it
        time.sleep(draw.uniform(0, 0.08))
        assert person.pid is not None
        os.kill(person.pid, signal.SIGKILL)
        try:
            while True:
                done.append(hear.recv())
        except EOFError:
            pass
        person.join()
        assert person.exitcode == -signal.SIGKILL
        content = hard_cases_log("sweep").read_bytes()
        records = read_lines(hard_cases_log("sweep"))
        known = {record["key"] for record in records}
        assert set(done) <= known, "a finished step is gone"
        undone = sum(record["op"] == "undo" for record in records)
        unheard = len(records) - undone - len(set(done) & known)
        assert unheard <= kill + 1, "at most one step a kill was written and not shown"
        torn += not content.endswith(b"\n")
        load_annotations("sweep")
    assert len(done) > 2 * KILLS
    add_hard_cases("sweep", ["post-00479"], ["after all kills"])
    assert "post-00479" in set(load_hard_cases("sweep")["id"])
    assert set(done) <= {record["key"] for record in read_lines(hard_cases_log("sweep"))}
