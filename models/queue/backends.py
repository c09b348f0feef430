"""The backends that train an experiment: the scheduler of this workspace, or Ray with a driver process per experiment.

An experiment has one backend at a time, `ExperimentConfig.backend`; the scheduler skips the experiments of
other backends. The driver writes driver.json in the experiment's folder, and gives the experiment back when none of its
tasks are queued any more. Nothing here imports ray.
"""

import re
import time
from dataclasses import dataclass, replace
from pathlib import Path

from closecall.data.experiments.store import experiment_folder, experiments_lock, load_experiment, save_experiment
from closecall.data.io.errors import UserError
from closecall.data.io.files import read_json
from closecall.data.io.processes import is_alive
from closecall.data.io.workspace import workspace_folder
from closecall.models.runtime.child_process import start_module
from closecall.models.runtime.extras import is_installed

HOME, RAY = "", "ray"
START_SECONDS = 180.0
"""How long a driver may take to find its cluster."""
POLL_SECONDS = 0.1
QUIET = {"RAY_ENABLE_AUTO_CONNECT": "0", "RAY_USAGE_STATS_ENABLED": "0"}
"""Ray must not start a cluster of its own when its cluster goes away, nor report usage statistics."""


@dataclass(frozen=True)
class DriverStatus:
    """Whether an experiment's driver is alive and starts runs already, and the values of its last heartbeat.

    `processes` is how many runs the cluster trains in parallel, `nodes` on how many machines.
    """

    alive: bool = False
    ready: bool = False
    pid: int = 0
    address: str = ""
    processes: int = 0
    busy: int = 0
    nodes: int = 0
    message: str = ""


def backend_of(on: str) -> str:
    """The backend that `--on` names. UserError when there is none of that name, or it is not installed."""
    if on == "":
        return HOME
    if on != RAY and not re.fullmatch(r"ray://[^\s/]+:\d+", on):
        raise UserError(f"--on is {on!r}; give ray, or the address of a Ray cluster such as ray://host:10001.")
    if not is_installed("ray"):
        raise UserError('Ray is not installed here. Install it: pip install "closecall[ray]".')
    return RAY


def assign_backend(experiment: str, backend: str) -> None:
    """Set the backend that trains the queued runs of an experiment."""
    with experiments_lock():
        config = load_experiment(experiment)
        if config.backend != backend:
            save_experiment(replace(config, backend=backend))


def start_driver(experiment: str, on: str) -> None:
    """Start the driver of an experiment unless one is alive, and wait until it starts runs.

    UserError with the driver's own message when it cannot.
    """
    if driver_status(experiment).alive:
        return  # it checks the queue again before it ends
    log = workspace_folder() / "ray.log"
    try:
        process = start_module("closecall.models.queue.ray_driver", experiment, on, log=log, **QUIET)
    except OSError as error:
        raise UserError(f"The Ray driver could not be started ({error}). Fix that and resume.") from error
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline:
        code, status = process.poll(), driver_status(experiment)
        if code == 0 or (status.ready and status.alive and status.pid == process.pid):
            return
        if code is not None:
            own = status.message if status.pid == process.pid else ""
            why = own or f"The Ray driver ended before it started a run; see {log}."
            raise UserError(f"{why} The runs stay queued. Train them here with: closecall resume {experiment}")
        time.sleep(POLL_SECONDS)
    raise UserError(f"The Ray driver found no cluster in {START_SECONDS:.0f} s; see {log}.")


def driver_status(experiment: str) -> DriverStatus:
    """The driver of an experiment, by its last heartbeat."""
    path = driver_file(experiment)
    if not path.exists():
        return DriverStatus()
    try:
        status = read_json(path)
        alive = not status["ended"] and is_alive(
            status["pid"], status["pid_created"], status["machine"], status["heartbeat"]
        )
        names = ("ready", "pid", "address", "busy", "nodes", "message")
        return DriverStatus(alive, **{name: status[name] for name in names}, processes=status["lanes"])
    except (UserError, KeyError, TypeError):
        return DriverStatus()


def driver_file(experiment: str) -> Path:
    return experiment_folder(experiment) / "driver.json"
