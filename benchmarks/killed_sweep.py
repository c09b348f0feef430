"""Kill the processes of a sweep at random moments, resume it, and compare it bit for bit with an undisturbed sweep.

    python -m benchmarks.killed_sweep                    # a tiny BERT on generated texts, 30 kills
    python -m benchmarks.killed_sweep --minilm --kills 10

Each kill (SIGKILL) hits the scheduler or one of its worker processes after a random time; then the sweep is resumed.
A sweep that ends before all kills are used is compared, and the next one starts. The exit code is 1 when anything but
times differs. Meanwhile the script samples threads and memory of all processes; see `benchmarks.process_watch`.
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
"""Entries of metrics.json that depend on the clock."""
TIMEOUT = 900.0


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kills", type=int, default=30)
    parser.add_argument("--minilm", action="store_true", help="the built-in encoder on newsgroup posts")
    parser.add_argument("--small", action="store_true", help="one ratio and two remedies, for a test")
    parser.add_argument("--longest", type=float, default=40.0, help="seconds until a kill, at most")
    parser.add_argument("--seed", type=int, default=int(time.time()))
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        os.environ["CLOSECALL_HOME"] = folder
        try:
            return kill_and_compare(options)
        finally:
            end_scheduler()


def kill_and_compare(options: argparse.Namespace) -> int:
    """Run an undisturbed sweep, then killed ones until all kills are used. Return 1 when any result differs."""
    rng, kills, differences, rounds = random.Random(options.seed), 0, 0, 0
    print(f"random seed {options.seed}, {max_processes()} processes", flush=True)
    with Watcher(lambda: [jobs.scheduler_status().pid]) as watcher:
        started = time.monotonic()
        undisturbed = queue("undisturbed", options)
        wait_for_end(undisturbed)
        print(f"undisturbed: {len(tasks(undisturbed))} tasks in {time.monotonic() - started:.0f} s", flush=True)
        while kills < options.kills:
            rounds += 1
            killed = queue(f"killed-{rounds}", options)
            kills += kill_and_resume(killed, rng, options.kills - kills, options.longest)
            different = compare(experiment_folder(undisturbed), experiment_folder(killed))
            differences += len(different)
            print(f"{kills} kills; {killed}: " + ("the same, bit for bit" if not different else "differs"), flush=True)
            print(*[f"  {one}" for one in different], sep="\n", end="\n" if different else "", flush=True)
    print(watcher.totals.summary())
    return 1 if differences else 0


def queue(title: str, options: argparse.Namespace) -> str:
    """Queue a small sweep, with caches emptied so that it computes everything itself."""
    home = Path(os.environ["CLOSECALL_HOME"])
    for path in (home / "cache").rglob("*.npz"):
        path.unlink()
    if options.minilm:
        if not (home / "datasets" / "newsgroups-close").exists():
            save_dataset(builtin_dataset("newsgroups-close"))
        training, more = TrainingConfig(max_tokens=48, epochs=2), {"positives": 50, "test_negatives_cap": 60}
        return jobs.queue_sweep(SweepRequest("newsgroups-close", title=title, ratios=[1, 3], training=training,
                                             remedies=REMEDIES, **more)).id  # fmt: skip
    if not (home / ENCODER).exists():
        make_dataset()
        make_tiny_bert(home / ENCODER)
    training = TrainingConfig(str(home / ENCODER), epochs=30, batch_size=8, learning_rate=1e-3, max_tokens=24)
    ratios, remedies = ([1], REMEDIES[-2:]) if options.small else ([1, 4], REMEDIES)
    return jobs.queue_sweep(SweepRequest("posts", title=title, ratios=ratios, training=training, remedies=remedies)).id


def kill_and_resume(experiment: str, rng: random.Random, most: int, longest: float) -> int:
    """Kill and resume the sweep until it is done or `most` kills are used; return the number of kills.

    One kill in four comes at any moment; the others come after loading, so that the sweep progresses.
    """
    kills = 0
    while kills < most and not finished(experiment):
        if rng.random() > 0.25:
            wait_until(lambda: past_loading(experiment), TIMEOUT)
        if not wait_until(lambda: finished(experiment), rng.uniform(0.0, longest)):
            kills += kill_one(rng)
        if interrupted(experiment) or not jobs.any_running():
            jobs.resume(experiment)
    wait_for_end(experiment)
    return kills


def interrupted(experiment: str) -> bool:
    return any(state == "interrupted" for state, _ in tasks(experiment).values())


def past_loading(experiment: str) -> bool:
    """Whether a run is past loading, or the sweep is done."""
    runs = jobs.experiment_progress(experiment).runs
    return finished(experiment) or any(r.status.state == "running" and r.status.phase != "loading" for r in runs)


def kill_one(rng: random.Random) -> int:
    """Send SIGKILL to the scheduler or a worker process at random and wait for its end; return the number of kills."""
    try:
        scheduler = psutil.Process(jobs.scheduler_status().pid or -1)
        processes = scheduler.children()
        chosen = rng.choice([scheduler, *processes])
        os.kill(chosen.pid, signal.SIGKILL)
    except (psutil.Error, ValueError, ProcessLookupError):
        return 0
    psutil.wait_procs([scheduler, *processes] if chosen == scheduler else [chosen], timeout=10)
    time.sleep(0.5)  # by then the scheduler has noticed the death of its process
    return 1


def finished(experiment: str) -> bool:
    """Whether every task is done. Exit with a message when a task has failed."""
    states = tasks(experiment)
    if failed := [name for name, (state, _) in states.items() if state == "failed"]:
        raise SystemExit(f"{experiment}: {failed[0]} failed: {states[failed[0]][1]}")
    return all(state == "done" for state, _ in states.values())


def tasks(experiment: str) -> dict[str, tuple[str, str]]:
    progress = jobs.experiment_progress(experiment)
    shown = {run.name: (run.status.state, run.status.message) for run in progress.runs}
    return shown | ({"frozen": (progress.frozen.state, progress.frozen.message)} if progress.frozen else {})


def wait_for_end(experiment: str) -> None:
    """Wait until all tasks are done; resume tasks that a killed process left interrupted."""
    deadline = time.monotonic() + TIMEOUT
    while not finished(experiment):
        if time.monotonic() > deadline:
            raise SystemExit(f"{experiment} is not done after {TIMEOUT:.0f} s: {tasks(experiment)}")
        if interrupted(experiment) or not jobs.any_running():
            jobs.resume(experiment)
        time.sleep(1.0)


def compare(undisturbed: Path, killed: Path) -> list[str]:
    """List the differences of two experiment folders, except status and times, and files left behind."""
    ours, theirs = (
        sorted(one.relative_to(top) for one in top.rglob("*") if one.is_file()) for top in (undisturbed, killed)
    )
    different = [f"{one} is in one folder only" for one in sorted({*ours} ^ {*theirs})]
    different += [f"{one} was left behind" for one in theirs if one.name.startswith(".") or "resume" in one.name]
    for path in sorted({*ours} & {*theirs}):
        if path.name not in ("status.json", "config.json", "experiment.json") and not same(
            undisturbed / path, killed / path
        ):
            different.append(f"{path} differs")
    return different


def same(first: Path, second: Path) -> bool:
    if first.name == "metrics.json":
        return _without_times(read_json(first)) == _without_times(read_json(second))
    return first.read_bytes() == second.read_bytes()


def _without_times(content: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in content.items() if name not in TIMES}


def end_scheduler() -> None:
    """End the scheduler of this temporary workspace, if it still runs."""
    if pid := jobs.scheduler_status().pid:
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGTERM)
        wait_until(lambda: not jobs.any_running(), 15)


if __name__ == "__main__":
    sys.exit(main())
