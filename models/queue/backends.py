"""Who trains an experiment: the worker of this workspace, or Ray, by way of a driver process for each experiment.

An experiment belongs to one engine at a time: experiment.json names it, and the worker passes over what is not its
own. The driver keeps driver.json in the experiment's folder, and gives the experiment back when nothing of it waits
any more. Nothing here imports ray.
"""

import re
import time
from dataclasses import asdict, dataclass, replace
from importlib.util import find_spec
from pathlib import Path

from closecall.data.experiments.store import experiment_folder, experiments_lock, load_experiment
from closecall.data.io.errors import UserError
from closecall.data.io.files import read_json, write_json
from closecall.data.io.processes import is_alive
from closecall.data.io.workspace import workspace_folder
from closecall.models.runtime.child_process import start_module

HOME, RAY = "", "ray"
START_SECONDS = 180.0
"""How long a driver may take to find its cluster."""
POLL_SECONDS = 0.1
QUIET = {"RAY_ENABLE_AUTO_CONNECT": "0", "RAY_USAGE_STATS_ENABLED": "0"}
"""Ray must not start one of its own when its cluster goes away, nor tell anyone that it is used."""


@dataclass(frozen=True)
class DriverStatus:
    """Whether an experiment's driver lives, whether it hands out runs yet, and what it last told.

    `lanes` is how many runs the cluster takes side by side, `nodes` on how many machines.
    """

    alive: bool = False
    ready: bool = False
    pid: int = 0
    address: str = ""
    lanes: int = 0
    busy: int = 0
    nodes: int = 0
    message: str = ""


def backend_of(on: str) -> str:
    """The engine that `--on` names. UserError when there is none of that name, or it is not installed."""
    if on == "":
        return HOME
    if on != RAY and not re.fullmatch(r"ray://[^\s/]+:\d+", on):
        raise UserError(f"--on is {on!r}; give ray, or the address of a Ray cluster such as ray://host:10001.")
    if find_spec("ray") is None:
        raise UserError('Ray is not installed here. Install it: pip install "closecall[ray]".')
    return RAY


def assign_backend(experiment: str, engine: str) -> None:
    """Let another engine take the queued runs of an experiment from now on."""
    with experiments_lock():
        config = load_experiment(experiment)
        if config.engine != engine:
            write_json(experiment_folder(experiment) / "experiment.json", asdict(replace(config, engine=engine)))


def start_driver(experiment: str, on: str) -> None:
    """Start the driver of an experiment unless one lives, and wait until it hands out runs.

    UserError in the driver's own words when it cannot.
    """
    if driver_status(experiment).alive:
        return  # it looks at the queue again before it ends
    log = workspace_folder() / "ray.log"
    try:
        process = start_module("closecall.models.queue.ray_driver", experiment, on, log=log, **QUIET)
    except OSError as error:
        raise UserError(f"The Ray driver could not be started ({error}). Mend that and resume.") from error
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline:
        code, told = process.poll(), driver_status(experiment)
        if code == 0 or (told.ready and told.alive and told.pid == process.pid):
            return
        if code is not None:
            own = told.message if told.pid == process.pid else ""
            why = own or f"The Ray driver ended before it began; {log} may tell why."
            raise UserError(f"{why} The runs wait. Train them here with: closecall resume {experiment}")
        time.sleep(POLL_SECONDS)
    raise UserError(f"The Ray driver has found no cluster in {START_SECONDS:.0f} s; {log} may tell why.")


def driver_status(experiment: str) -> DriverStatus:
    """The driver of an experiment, as it last told."""
    path = driver_file(experiment)
    if not path.exists():
        return DriverStatus()
    try:
        told = read_json(path)
        alive = not told["ended"] and is_alive(told["pid"], told["pid_created"], told["machine"], told["heartbeat"])
        names = ("ready", "pid", "address", "lanes", "busy", "nodes", "message")
        return DriverStatus(alive, **{name: told[name] for name in names})
    except (UserError, KeyError, TypeError):
        return DriverStatus()


def driver_file(experiment: str) -> Path:
    return experiment_folder(experiment) / "driver.json"
