"""A sweep whose worker and processes are killed at random moments, compared bit for bit with one that was undisturbed.

    .venv/bin/python -m benchmarks.killed_sweep                    # a tiny BERT on made texts, 30 kills
    .venv/bin/python -m benchmarks.killed_sweep --minilm --kills 10

Each kill (SIGKILL) hits the worker or one of its processes after a random time, and `resume` goes on. A torn sweep that
ends before all kills are spent is compared, and the next one begun. Exit code 1 when anything differs but times.
Meanwhile threads and memory of all processes are watched; see `benchmarks.process_watch`.
"""

import argparse
import os
import random
import signal
import sys
import tempfile
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

import psutil

from benchmarks.process_watch import Watcher, wait_until
from closecall.data.datasets.builtin import builtin_dataset
from closecall.data.datasets.store import save_dataset
from closecall.data.experiments.store import TrainingConfig, experiment_folder
from closecall.data.io.files import read_json
from closecall.models.queue import jobs
from closecall.models.queue.sweeps import SweepRequest
from closecall.models.runtime.capacity import max_processes
from tests.makers import make_dataset
from tests.tiny_bert import make_tiny_bert

REMEDIES = ("focal", "under-sampling", "tfidf-logistic", "retrained-head", "frozen-logistic")
ENCODER = "tiny-bert"
TIMES = ("seconds", "examples_per_second")
"""Entries of metrics.json that tell the clock's time."""
PATIENCE = 900.0


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kills", type=int, default=30)
    parser.add_argument("--minilm", action="store_true", help="the built-in encoder on newsgroup posts")
    parser.add_argument("--small", action="store_true", help="a plain run and two remedies: for a test")
    parser.add_argument("--longest", type=float, default=40.0, help="seconds until a kill, at most")
    parser.add_argument("--seed", type=int, default=int(time.time()))
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        os.environ["CLOSECALL_HOME"] = folder
        try:
            return race(asked)
        finally:
            end_worker()


def race(asked: argparse.Namespace) -> int:
    """Run the whole sweep, then torn ones until the kills are spent; how many differ decides the exit code."""
    chance, kills, differences, rounds = random.Random(asked.seed), 0, 0, 0
    print(f"random seed {asked.seed}, {max_processes()} processes", flush=True)
    with Watcher(lambda: [jobs.scheduler_status().pid]) as watcher:
        started = time.monotonic()
        whole = queue("whole", asked)
        wait_for_end(whole)
        print(f"undisturbed: {len(tasks(whole))} tasks in {time.monotonic() - started:.0f} s", flush=True)
        while kills < asked.kills:
            rounds += 1
            torn = queue(f"torn-{rounds}", asked)
            kills += tear(torn, chance, asked.kills - kills, asked.longest)
            found = compare(experiment_folder(whole), experiment_folder(torn))
            differences += len(found)
            print(f"{kills} kills; {torn}: " + ("the same, bit for bit" if not found else "differs"), flush=True)
            print(*[f"  {one}" for one in found], sep="\n", end="\n" if found else "", flush=True)
    print(watcher.seen.words())
    return 1 if differences else 0


def queue(title: str, asked: argparse.Namespace) -> str:
    """A sweep of some ratios, seeds and remedies, with caches emptied so that none rests on another's work."""
    home = Path(os.environ["CLOSECALL_HOME"])
    for path in (home / "cache").rglob("*.npz"):
        path.unlink()
    if asked.minilm:
        if not (home / "datasets" / "newsgroups-close").exists():
            save_dataset(builtin_dataset("newsgroups-close"))
        training, more = TrainingConfig(max_tokens=48, epochs=2), {"positives": 50, "test_negatives_cap": 60}
        return jobs.queue_sweep(SweepRequest("newsgroups-close", title=title, ratios=[1, 3], training=training,
                                             remedies=REMEDIES, **more)).id  # fmt: skip
    if not (home / ENCODER).exists():
        make_dataset()
        make_tiny_bert(home / ENCODER)
    training = TrainingConfig(str(home / ENCODER), epochs=30, batch_size=8, learning_rate=1e-3, max_tokens=24)
    ratios, remedies = ([1], REMEDIES[-2:]) if asked.small else ([1, 4], REMEDIES)
    return jobs.queue_sweep(SweepRequest("posts", title=title, ratios=ratios, training=training, remedies=remedies)).id


def tear(experiment: str, chance: random.Random, most: int, longest: float) -> int:
    """Kill and resume until the sweep is done; how many kills it took, `most` at most.

    Every fourth time at any moment, else once a process is past loading, so that the sweep comes to its end.
    """
    kills = 0
    while kills < most and not finished(experiment):
        if chance.random() > 0.25:
            wait_until(lambda: working(experiment), PATIENCE)
        if not wait_until(lambda: finished(experiment), chance.uniform(0.0, longest)):
            kills += kill_one(chance)
        if stopped(experiment) or not jobs.any_running():
            jobs.resume(experiment)
    wait_for_end(experiment)
    return kills


def stopped(experiment: str) -> bool:
    return any(state == "interrupted" for state, _ in tasks(experiment).values())


def working(experiment: str) -> bool:
    """Whether a process does more than to load, or all is done."""
    runs = jobs.experiment_progress(experiment).runs
    return finished(experiment) or any(r.status.state == "running" and r.status.phase != "loading" for r in runs)


def kill_one(chance: random.Random) -> int:
    """SIGKILL to the worker or to one of its processes at random and wait until they are gone; how many were killed."""
    try:
        worker = psutil.Process(jobs.scheduler_status().pid or -1)
        processes = worker.children()
        chosen = chance.choice([worker, *processes])
        os.kill(chosen.pid, signal.SIGKILL)
    except (psutil.Error, ValueError, ProcessLookupError):
        return 0
    psutil.wait_procs([worker, *processes] if chosen == worker else [chosen], timeout=10)
    time.sleep(0.5)  # nobody presses Resume sooner; the worker has shown of its dead process by then
    return 1


def finished(experiment: str) -> bool:
    """Whether every task is done. UserError and failures are shown, not waited for."""
    states = tasks(experiment)
    if failed := [name for name, (state, _) in states.items() if state == "failed"]:
        raise SystemExit(f"{experiment}: {failed[0]} failed: {states[failed[0]][1]}")
    return all(state == "done" for state, _ in states.values())


def tasks(experiment: str) -> dict[str, tuple[str, str]]:
    progress = jobs.experiment_progress(experiment)
    shown = {run.name: (run.status.state, run.status.message) for run in progress.runs}
    return shown | ({"frozen": (progress.frozen.state, progress.frozen.message)} if progress.frozen else {})


def wait_for_end(experiment: str) -> None:
    """Until all is done; what a late word of a killed process left interrupted is resumed once more."""
    deadline = time.monotonic() + PATIENCE
    while not finished(experiment):
        if time.monotonic() > deadline:
            raise SystemExit(f"{experiment} is not done after {PATIENCE:.0f} s: {tasks(experiment)}")
        if stopped(experiment) or not jobs.any_running():
            jobs.resume(experiment)
        time.sleep(1.0)


def compare(whole: Path, torn: Path) -> list[str]:
    """What differs between two experiment folders, status and times aside; half files and leftovers too."""
    ours, theirs = (sorted(one.relative_to(side) for one in side.rglob("*") if one.is_file()) for side in (whole, torn))
    found = [f"{one} is in one of both only" for one in sorted({*ours} ^ {*theirs})]
    found += [f"{one} was left behind" for one in theirs if one.name.startswith(".") or "resume" in one.name]
    for path in sorted({*ours} & {*theirs}):
        if path.name not in ("status.json", "config.json", "experiment.json") and not same(whole / path, torn / path):
            found.append(f"{path} differs")
    return found


def same(first: Path, second: Path) -> bool:
    if first.name == "metrics.json":
        return _timeless(read_json(first)) == _timeless(read_json(second))
    return first.read_bytes() == second.read_bytes()


def _timeless(content: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in content.items() if name not in TIMES}


def end_worker() -> None:
    """End the worker of our own temporary workspace, if it still lives."""
    if pid := jobs.scheduler_status().pid:
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGTERM)
        wait_until(lambda: not jobs.any_running(), 15)


if __name__ == "__main__":
    sys.exit(main())
