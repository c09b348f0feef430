"""The queue: order, progress, cancel and resume on real folders, with no worker started unless a test says so."""

import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import psutil
import pytest

from closecall.data.experiments.runs import RunStatus, load_run, read_status, write_status
from closecall.data.experiments.store import run_folder, run_names
from closecall.data.experiments.task_folders import CANCEL, FROZEN, task_folder
from closecall.data.io.errors import UserError
from closecall.models.queue import jobs
from closecall.models.queue.progress import eta, run_share
from closecall.models.queue.scheduler import scheduler_lock
from closecall.models.queue.sweeps import SweepRequest, make_sweep
from closecall.models.queue.tasks import Task, choose, next_task
from closecall.models.runtime.capacity import free_cores, free_memory, max_processes, threads_per_process
from closecall.models.runtime.child_process import CODE_FOLDER
from closecall.models.runtime.failures import exit_sentence, failure_sentence
from closecall.models.runtime.progress import StatusWriter, write_status_if_possible
from tests.makers import make_dataset

pytestmark = pytest.mark.timeout(60)
RATIOS = [1, 2, 3, 5, 10]


def queued_sweep(title: str = "sweep", ratios: list[float] = RATIOS, seeds: tuple[int, ...] = (0,)) -> str:
    return make_sweep(SweepRequest("posts", title=title, ratios=ratios, seeds=seeds, positives=15)).id


def drained(processes: int) -> list[str]:
    """The names in the order in which the tasks of the workspace are handed out, each finished at once."""
    order = []
    while task := next_task(processes=processes):
        order.append(task.name)
        write_status(task.folder, RunStatus(state="done"))
    return order


def test_each_process_starts_with_a_short_run_then_the_longest(workspace: Path) -> None:
    make_dataset()
    queued_sweep()
    assert drained(processes=2) == ["r1-s0-none", "r2-s0-none", "r10-s0-none", "r5-s0-none", "r3-s0-none", FROZEN]


def test_one_process_starts_with_a_short_run_too(workspace: Path) -> None:
    make_dataset()
    queued_sweep(ratios=[1, 3, 10])
    assert drained(processes=1) == ["r1-s0-none", "r10-s0-none", "r3-s0-none", FROZEN]


def test_the_first_seed_is_finished_before_the_second(workspace: Path) -> None:
    make_dataset()
    queued_sweep(ratios=[1, 10], seeds=(0, 1))
    assert drained(processes=2) == ["r1-s0-none", "r10-s0-none", "r10-s1-none", "r1-s1-none", FROZEN]


def test_experiments_are_taken_in_the_order_of_queueing(workspace: Path) -> None:
    make_dataset()
    for title in ("zebra", "ant"):
        queued_sweep(title, [1])
    first = next_task(processes=1)
    assert first is not None and first.key == ("zebra", "r1-s0-none") and first.work == 90
    taken = {("zebra", "r1-s0-none"), ("zebra", FROZEN)}
    second = next_task(processes=1, taken=taken)
    assert second is not None and second.experiment == "ant"


@pytest.mark.parametrize("state, begins", [("queued", False), ("interrupted", False), ("done", True), ("failed", True)])
def test_a_retrained_head_waits_for_an_unfinished_baseline(workspace: Path, state: str, begins: bool) -> None:
    make_dataset()
    one = make_sweep(SweepRequest("posts", title="heads", ratios=[2], positives=15, remedies=["retrained-head"])).id
    write_status(run_folder(one, "r2-s0-none"), RunStatus(state=state))
    task = next_task(processes=1, taken={(one, "r2-s0-none"), (one, FROZEN)})
    assert (task is not None) is begins


def test_choose_takes_the_frozen_task_last() -> None:
    frozen, run = Task("one", FROZEN), Task("one", "r1-s0-none", 10.0)
    assert choose([frozen, run], begun=5, processes=2) == run
    assert choose([frozen], begun=0, processes=2) == frozen


def test_a_broken_config_fails_its_run_and_nothing_else(workspace: Path) -> None:
    make_dataset()
    queued_sweep(ratios=[1, 2])
    (run_folder("sweep", "r1-s0-none") / "config.json").write_text("{ half")
    (run_folder("sweep", "r2-s0-none") / "status.json").write_text("[]")
    queued_sweep("other", [3])
    (workspace / "experiments" / "broken").mkdir()
    (workspace / "experiments" / "broken" / "experiment.json").write_text("no json")
    assert drained(processes=1) == [FROZEN, "r3-s0-none", FROZEN]
    for name in ("r1-s0-none", "r2-s0-none"):
        status = read_status(run_folder("sweep", name))
        assert status.state == "failed" and ".json" in status.message


def test_cancelling_what_is_queued_needs_no_worker(workspace: Path) -> None:
    make_dataset()
    queued_sweep(ratios=[1, 2])
    write_status(run_folder("sweep", "r1-s0-none"), RunStatus(state="done"))
    jobs.cancel("sweep")
    progress = jobs.experiment_progress("sweep")
    assert progress.counts["done"] == 1 and progress.counts["cancelled"] == 1 and not progress.active
    assert progress.frozen is not None and progress.frozen.state == "cancelled"
    assert next_task(processes=1) is None


def test_a_cancel_file_created_by_hand_is_obeyed(workspace: Path) -> None:
    make_dataset()
    queued_sweep(ratios=[1, 2])
    (run_folder("sweep", "r1-s0-none") / CANCEL).touch()
    task = next_task(processes=1)
    assert task is not None and task.name == "r2-s0-none"
    assert read_status(run_folder("sweep", "r1-s0-none")).state == "cancelled"


def test_cancelling_one_run_leaves_the_others(workspace: Path) -> None:
    make_dataset()
    queued_sweep(ratios=[1, 2])
    jobs.cancel("sweep", "r2-s0-none")
    assert drained(processes=1) == ["r1-s0-none", FROZEN]
    with pytest.raises(UserError, match="no run r7"):
        jobs.cancel("sweep", "r7-s0-none")
    with pytest.raises(UserError, match="no experiment named nothing"):
        jobs.cancel("nothing")


def test_resume_queues_again_what_ended_early(workspace: Path) -> None:
    make_dataset()
    queued_sweep(ratios=[1, 2, 3, 5])
    states = {"r1-s0-none": "done", "r2-s0-none": "failed", "r3-s0-none": "cancelled"}
    for name, state in states.items():
        write_status(run_folder("sweep", name), RunStatus(state=state, message="why"))
    gone = RunStatus(state="running", pid=2**22, pid_created=1.0, epoch=2, epochs=3)
    write_status(run_folder("sweep", "r5-s0-none"), gone)
    (run_folder("sweep", "r3-s0-none") / CANCEL).touch()
    assert load_run("sweep", "r5-s0-none").status.state == "interrupted"
    with scheduler_lock():  # a worker seems to be alive, so that none is started
        jobs.resume("sweep")
    again = {name: read_status(run_folder("sweep", name)) for name in run_names("sweep")}
    assert [status.state for status in again.values()] == ["done", "queued", "queued", "queued"]
    assert again["r2-s0-none"].message == "" and again["r5-s0-none"].epoch == 2
    assert not (run_folder("sweep", "r3-s0-none") / CANCEL).exists()


def test_resume_waits_for_a_process_that_ends_with_its_scheduler(workspace: Path) -> None:
    make_dataset()
    queued_sweep(ratios=[1])
    jobs.cancel("sweep", FROZEN)
    process = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(1)"])
    alive = RunStatus(state="running", pid=process.pid, pid_created=psutil.Process(process.pid).create_time())
    write_status(run_folder("sweep", "r1-s0-none"), alive)
    jobs.resume("sweep", "r1-s0-none")
    assert process.poll() == 0
    deadline = time.monotonic() + 40
    while read_status(run_folder("sweep", "r1-s0-none")).pid in (0, process.pid) and time.monotonic() < deadline:
        time.sleep(0.2)  # until a real worker process has started it
    assert read_status(run_folder("sweep", "r1-s0-none")).pid not in (0, process.pid)
    jobs.cancel("sweep")
    while jobs.any_running() and time.monotonic() < deadline:
        time.sleep(0.2)


def test_progress_weighs_runs_by_their_work_and_is_cheap(workspace: Path) -> None:
    make_dataset()
    queued_sweep(seeds=(0, 1, 2, 3, 4))
    write_status(run_folder("sweep", "r10-s0-none"), RunStatus(state="done"))
    largest = jobs.experiment_progress("sweep").done_share
    write_status(run_folder("sweep", "r10-s0-none"), RunStatus())
    write_status(run_folder("sweep", "r1-s0-none"), RunStatus(state="done"))
    progress = jobs.experiment_progress("sweep")
    assert 0 < progress.done_share < largest < 1 / 10
    assert len(progress.runs) == 25 and progress.counts["queued"] == 24 and progress.eta_seconds is None
    begun = time.perf_counter()
    for _ in range(5):
        jobs.experiment_progress("sweep")
        jobs.any_running()
    assert (time.perf_counter() - begun) / 5 < 0.1
    assert jobs.scheduler_status() == jobs.SchedulerStatus()


def test_a_run_s_share_rises_from_phase_to_phase() -> None:
    moments = [
        ("loading", 0, 0),
        ("training", 1, 100),
        ("training", 99, 100),
        ("predicting", 0, 9),
        ("projecting", 1, 2),
    ]
    shares = [run_share(RunStatus(state="running", phase=p, step=s, steps=n)) for p, s, n in moments]
    assert shares == sorted(shares) and shares[0] == 0 and shares[-1] < 1
    assert run_share(RunStatus(state="done")) == 1


def test_the_time_left_follows_the_measured_speed_and_the_processes(workspace: Path) -> None:
    make_dataset()
    queued_sweep(ratios=[1, 2, 3])
    done = RunStatus(state="done", started="2026-01-01T00:00:00+00:00", finished="2026-01-01T00:01:00+00:00")
    write_status(run_folder("sweep", "r1-s0-none"), done)
    runs = jobs.experiment_progress("sweep").runs
    one, two = eta(runs, processes=1), eta(runs, processes=2)
    assert one is not None and two is not None and one / 2 <= two < one
    assert 120 < one < 200  # two runs, a little larger than the one that took a minute


def test_processes_follow_cores_memory_and_the_users_setting() -> None:
    assert max_processes({"CLOSECALL_PROCESSES": "3"}) == 3
    assert max_processes({"CLOSECALL_PROCESSES": "none"}) == max_processes({})
    assert max_processes({"CLOSECALL_LANES": "3"}) == 3  # its older name
    assert 1 <= max_processes({}) <= free_cores()
    assert max_processes({"CLOSECALL_THREADS": "1000"}) == 1 and threads_per_process({"CLOSECALL_THREADS": "0"}) == 1
    assert 0 < free_memory() <= psutil.virtual_memory().total


def test_failures_have_one_sentence_each() -> None:
    assert failure_sentence(UserError("Row 7 is empty.")) == "Row 7 is empty."
    assert "Memory ran out" in failure_sentence(MemoryError())
    assert "GPU memory ran out" in failure_sentence(RuntimeError("CUDA out of memory. Tried to allocate"))
    assert failure_sentence(OSError(28, "No space left on device", "/x/y")).startswith(
        "/x/y could not be written: the disk is full"
    )
    assert "/x/y could not be read" in failure_sentence(PermissionError(13, "Permission denied", "/x/y"))
    assert "disk is full" in failure_sentence(
        RuntimeError("Error while serializing: I/O error: No space left (os error 28)")
    )
    assert failure_sentence(KeyError("a")).endswith("KeyError: 'a'")
    assert "killed" in exit_sentence(-9) and "SIGTERM" in exit_sentence(-15) and "exit code 3" in exit_sentence(3)


def test_a_status_does_not_bring_a_deleted_experiment_back(workspace: Path) -> None:
    folder = workspace / "experiments" / "gone" / "runs" / "r1-s0-none"
    assert write_status_if_possible(folder, RunStatus(state="failed"))
    keeper = StatusWriter(folder)
    keeper.begin()
    keeper.end("done")
    assert not (workspace / "experiments").exists()


def test_a_running_task_is_shown_with_its_process(workspace: Path) -> None:
    make_dataset()
    queued_sweep(ratios=[1])
    folder = task_folder("sweep", "r1-s0-none")
    keeper = StatusWriter(folder)
    keeper.begin()
    keeper.report(replace(RunStatus(), phase="training", step=3, steps=9))
    time.sleep(1.3)
    status = read_status(folder)
    assert (status.state, status.phase, status.step) == ("running", "training", 3)
    keeper.end("failed", "It broke.", "Traceback")
    assert read_status(folder).message == "It broke." and read_status(folder).finished


def test_nothing_of_the_queue_imports_torch() -> None:
    modules = ", ".join(f"closecall.models.queue.{name}" for name in ("jobs", "scheduler", "worker_process", "demo"))
    check = f"import sys, {modules}; sys.exit('torch' in sys.modules)"
    subprocess.run([sys.executable, "-c", check], check=True, cwd=CODE_FOLDER, timeout=30)


def test_watching_a_finished_experiment_ends_at_once(workspace: Path) -> None:
    make_dataset()
    queued_sweep(ratios=[1])
    jobs.cancel("sweep")
    assert [progress.counts["cancelled"] for progress in jobs.watch("sweep")] == [1]


def test_embeddings_are_waited_for_when_only_they_are_left(workspace: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    make_dataset()
    queued_sweep(ratios=[1])
    notes: list[str] = []
    jobs.wait_for_embeddings("sweep", notes.append)
    assert len(notes) == 1 and "closecall status sweep" in notes[0]
    write_status(task_folder("sweep", "r1-s0-none"), RunStatus(state="done"))
    jobs.wait_for_embeddings("sweep", notes.append)
    assert len(notes) == 2 and "closecall resume sweep" in notes[1]

    def slept(seconds: float) -> None:
        write_status(task_folder("sweep", FROZEN), RunStatus(state="queued" if len(polls) < 2 else "done"))
        polls.append(seconds)

    polls: list[float] = []
    monkeypatch.setattr(jobs, "is_attended", lambda experiment: True)
    monkeypatch.setattr(jobs.time, "sleep", slept)
    jobs.wait_for_embeddings("sweep", notes.append)
    assert len(polls) == 3 and len(notes) == 3 and "Waiting" in notes[2]
    jobs.wait_for_embeddings("sweep", notes.append)
    assert len(notes) == 3


def test_the_process_of_a_status_is_known_by_more_than_its_pid(workspace: Path) -> None:
    make_dataset()
    queued_sweep(ratios=[1])
    folder = task_folder("sweep", "r1-s0-none")
    own = psutil.Process()
    write_status(folder, RunStatus(state="running", pid=own.pid, pid_created=own.create_time()))
    assert read_status(folder).state == "running"
    write_status(folder, RunStatus(state="running", pid=own.pid, pid_created=own.create_time() - 500))
    assert read_status(folder).state == "interrupted"
