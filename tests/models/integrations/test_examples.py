"""Splits as tables, samples, the plan of several callbacks, and what they must agree on."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from datasets import Dataset
from hypothesis import given
from hypothesis import strategies as st

from closecall.data.experiments.plans import PLAN_COLUMNS, training_ids
from closecall.data.experiments.runs import RunStatus, write_status
from closecall.data.experiments.store import TrainingConfig, load_experiment, load_plan, run_folder
from closecall.data.io.errors import UserError
from closecall.models.integrations.classes import Classes
from closecall.models.integrations.examples import (
    check_same_evaluation,
    check_same_training,
    recorded_examples,
    sampled_places,
    training_plan,
)
from closecall.models.integrations.experiments import claim_run
from closecall.models.integrations.splits import read_split

CLASSES = Classes({0: "ham", 1: "spam"}, 1, 1, 2)
ROWS = [
    {"idx": row, "text": f"text {row}", "y": row % 2, "source": "mail", "input_ids": [1, 2], "words": ["a"]}
    for row in range(6)
]
EMPTY = pd.DataFrame(columns=list(PLAN_COLUMNS))


def read(name: str, rows: object = ROWS, **changes: object):
    return read_split(name, rows, **{"text": "text", "label": "y", "id": "idx", **changes})  # type: ignore[arg-type]


def test_a_dataset_a_frame_and_a_list_read_the_same() -> None:
    for rows in (ROWS, pd.DataFrame(ROWS), Dataset.from_list(ROWS), Dataset.from_list(ROWS).with_format("torch")):
        split = read("test", rows)
        assert split.ids == list("012345") and split.labels == [0, 1] * 3 and split.texts[2] == "text 2"
        assert list(split.meta) == ["meta.source"] and set(split.meta["meta.source"]) == {"mail"}


def test_ids_from_texts_are_the_same_in_every_script() -> None:
    whole, part = read("train", ROWS, id=None), read("train", ROWS[3:], id=None)
    assert whole.ids[3:] == part.ids and len(set(whole.ids)) == 6
    twice = read("train", [ROWS[0], ROWS[0]], id=None)
    assert twice.ids == [whole.ids[0], f"{whole.ids[0]}-2"]


@pytest.mark.parametrize(("rows", "changes", "words"), [([], {}, "empty"), (ROWS, {"text": "body"}, "'body'")])
def test_a_dataset_that_cannot_be_read(rows, changes, words) -> None:
    with pytest.raises(UserError, match=words):
        read("train", rows, **changes)


def test_ids_that_splits_share_get_the_name_of_the_split() -> None:
    examples = recorded_examples([read("train"), read("test", ROWS[:2])], CLASSES)
    assert examples["id"].tolist() == [*(f"train-{row}" for row in range(6)), "test-0", "test-1"]
    assert examples["class_name"].tolist()[:2] == ["ham", "spam"]
    for bad, words in (([*ROWS, ROWS[0]], "twice"), (ROWS[:1], "no positive")):
        with pytest.raises(UserError, match=words):
            recorded_examples([read("test", bad)], CLASSES)


@given(st.lists(st.booleans(), max_size=60), st.integers(4, 70))
def test_a_sample_has_its_size_and_no_row_twice(labels: list[bool], cap: int) -> None:
    own = np.array(labels, dtype=np.int8)
    places = sampled_places(own, cap)
    assert len(places) == min(cap, len(own)) and (np.diff(places) > 0).all()
    assert np.array_equal(places, sampled_places(own, cap))
    if len(own) > cap:  # as many positives as half of it, if there are
        assert own[places].sum() >= min(own.sum(), cap // 2)


def test_the_plan_gives_every_run_its_own_examples_in_any_order() -> None:
    """Where the runs share their positives and add negatives, as the ratio plan of a sweep does."""
    rng = np.random.default_rng(0)
    positives, negatives = [f"p{i}" for i in range(4)], rng.permutation([f"n{i}" for i in range(40)]).tolist()
    runs = {ratio: negatives[: 4 * ratio] for ratio in (1, 3, 10)}
    for order in ((1, 3, 10), (10, 1, 3), (3, 10, 1), (10, 3, 1)):
        plan = EMPTY
        for ratio in order:
            ids = rng.permutation([*positives, *runs[ratio]])
            rows = pd.DataFrame({"id": ids, "label": [int(one.startswith("p")) for one in ids]})
            plan = training_plan(plan, rows, seed=0)
        for ratio, own in runs.items():
            assert set(training_ids(plan, ratio=ratio, seed=0)["id"]) == {*positives, *own}


def test_other_test_examples_are_refused() -> None:
    known = pd.DataFrame({"id": ["a", "b"], "label": [0, 1], "split": "test"})
    check_same_evaluation(known, known.iloc[::-1], "spam")
    with pytest.raises(UserError, match="1 are missing, 1 are new"):
        check_same_evaluation(known, known.assign(id=["a", "c"]), "spam")
    with pytest.raises(UserError, match="another label"):
        check_same_evaluation(known, known.assign(label=[1, 1]), "spam")
    with pytest.raises(UserError, match="another text"):
        check_same_training(known.assign(text="x"), known.assign(text=["x", "y"]), "spam")


def test_a_run_that_is_refused_changes_nothing(workspace: Path) -> None:
    """The second script has a further training example."""
    small, large = (recorded_examples([read("train", ROWS[:n]), read("test", ROWS[4:])], CLASSES) for n in (3, 4))

    def claim(examples: pd.DataFrame, **changes: bool):
        return claim_run("Spam", examples, CLASSES, ratio=2, seed=0, training=TrainingConfig(), **changes)[0]

    run = claim(small)
    assert (run.experiment, run.n_positives, run.n_negatives) == ("spam", 1, 2)
    before, plan = load_experiment("spam"), load_plan("spam")
    folder = run_folder("spam", run.name)
    folder.mkdir(parents=True)
    write_status(folder, RunStatus(state="done"))
    with pytest.raises(UserError, match="finished run r2-s0-none"):
        claim(large)
    assert load_experiment("spam") == before and load_plan("spam").equals(plan)
    assert claim(large, overwrite=True).n_positives == 2
    assert load_experiment("spam").dataset_sha256 != before.dataset_sha256 and len(load_plan("spam")) == 4
