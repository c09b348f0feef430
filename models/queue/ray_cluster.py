"""A Ray cluster as a backend: which nodes see the workspace, how many runs it trains in parallel, and the run itself.

A worker process is a Ray task with the same environment as a local worker process. Every node needs Close Call and the
workspace folder at the same path.
"""

import math
import os
import socket
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import ray
from ray.exceptions import RayError, RayTaskError, RuntimeEnvSetupError
from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

from closecall.data.experiments.runs import read_status
from closecall.data.experiments.task_folders import task_folder
from closecall.data.io.errors import UserError
from closecall.data.io.files import read_json
from closecall.data.io.workspace import workspace_folder
from closecall.models.queue.tasks import Task
from closecall.models.queue.worker_process import perform_task
from closecall.models.runtime.capacity import (
    PROCESS_BYTES,
    free_cores,
    max_processes,
    requested_processes,
    threads_per_process,
)
from closecall.models.runtime.child_process import task_environment

OBJECT_BYTES = 80 * 1024 * 1024
"""What a Ray of our own reserves for objects: tasks only pass names."""
LOOK_SECONDS = 5.0
FIRST_LOOK_SECONDS = 60.0
POLL_SECONDS = 0.1
KNOCK_SECONDS = 10.0
NO_WORKSPACE = "blind"
"""What a task answers on a node that does not see the workspace."""


@dataclass(frozen=True)
class WorkspaceMarker:
    """A file of the experiment and the token in it: a node that finds both sees the workspace."""

    path: str
    token: str

    def in_sight(self) -> bool:
        try:
            return bool(read_json(Path(self.path)).get("token") == self.token)
        except UserError:
            return False


@dataclass(frozen=True)
class Node:
    """A machine of the cluster: its address, what Ray may give away of it, and its physical cores."""

    name: str
    resources: dict[str, float]
    cores: int


def connect(on: str) -> None:
    """Connect to the cluster at `ray://host:port`, or for "ray" to that of RAY_ADDRESS, else start a Ray of our own."""
    address = on if "://" in on else os.environ.get("RAY_ADDRESS", "")
    try:
        _check_address(address)
        if address:
            ray.init(address=address)
        else:
            cores = max_processes() * threads_per_process()
            ray.init(address="local", num_cpus=cores, include_dashboard=False, object_store_memory=OBJECT_BYTES)
    except Exception as error:  # Ray has no type of its own for it
        first_line = (str(error).strip().splitlines() or [type(error).__name__])[0][:200]
        where = f"No Ray cluster can be reached at {address}" if address else "Ray could not be started"
        raise UserError(f"{where} ({first_line}).") from error


def _check_address(address: str) -> None:
    """OSError when nobody answers at `host:port`: Ray itself tries for minutes."""
    host, _, port = address.rpartition("://")[2].rpartition(":")
    if port.isdecimal():
        socket.create_connection((host, int(port)), timeout=KNOCK_SECONDS).close()


def inspect_node(mark: WorkspaceMarker) -> tuple[bool, int]:
    """On a node: whether it sees the workspace, and how many cores it has."""
    return mark.in_sight(), free_cores()


def train(mark: WorkspaceMarker, experiment: str, name: str) -> tuple[str, str]:
    """On a node: work on one task. The state it ended in, and the node."""
    node = ray.get_runtime_context().get_node_id()
    if not mark.in_sight():
        return NO_WORKSPACE, node
    folder = task_folder(experiment, name)
    if read_status(folder).state != "queued":  # cancelled while it waited for a node
        return read_status(folder).state, node
    state, _ = perform_task(experiment, name)
    return state, node


class Cluster:
    """The nodes of the connected cluster, looked at now and then since they come and go."""

    def __init__(self, mark: WorkspaceMarker) -> None:
        self.nodes: dict[str, Node] = {}
        self.blind: dict[str, str] = {}
        self._mark = mark
        self._looking: dict[str, tuple[dict[str, Any], Any]] = {}
        self._looked = float("-inf")
        told = {name: value for name, value in os.environ.items() if name.startswith("CLOSECALL_")}
        self._environment = {"env_vars": {**told, **task_environment(threads_per_process())}}

    def first_look(self) -> None:
        """Look at all nodes. UserError when none of them sees the workspace."""
        deadline = time.monotonic() + FIRST_LOOK_SECONDS
        self.look_around()
        while self._looking and time.monotonic() < deadline:
            time.sleep(POLL_SECONDS)
            self._hear()
        self._check()

    def look_around(self) -> None:
        """Take note of nodes that are new or gone."""
        self._hear()
        if time.monotonic() - self._looked < LOOK_SECONDS:
            return
        self._looked = time.monotonic()
        alive = {one["NodeID"]: one for one in ray.nodes() if one["Alive"] and one["Resources"].get("CPU", 0) > 0}
        for known in (self.nodes, self.blind, self._looking):
            for node in set(known) - set(alive):
                del known[node]
        for node in set(alive) - set(self.nodes) - set(self.blind) - set(self._looking):
            there = NodeAffinitySchedulingStrategy(node, soft=False)
            ways = {"num_cpus": 0, "max_retries": 0, "scheduling_strategy": there, "runtime_env": self._environment}
            self._looking[node] = alive[node], ray.remote(inspect_node).options(**ways).remote(self._mark)

    def send(self, task: Task) -> Any:
        """Hand a task to Ray; the reference to its answer."""
        ways: dict[str, Any] = {**self._share(), "max_retries": 0, "runtime_env": self._environment}
        if self.blind:
            ways["label_selector"] = {"ray.io/node-id": f"!in({','.join(self.blind)})"}
        return ray.remote(train).options(**ways).remote(self._mark, task.experiment, task.name)

    def is_blind(self, node: str) -> None:
        """A node lost sight of the workspace, or never had it. UserError when no other is left."""
        gone = self.nodes.pop(node, None)
        self.blind[node] = gone.name if gone else node[:8]
        self._check()

    @property
    def processes(self) -> int:
        """How many runs train in parallel."""
        share = self._share()
        names = {"num_cpus": "CPU", "memory": "memory", "num_gpus": "GPU"}
        return sum(
            min(math.floor(node.resources.get(names[name], 0) / part + 1e-6) for name, part in share.items() if part)
            for node in self.nodes.values()
        )

    @property
    def message(self) -> str:
        """Which nodes get no run, in a sentence."""
        if not self.blind:
            return ""
        verb, gets = ("does", "gets") if len(self.blind) == 1 else ("do", "get")
        names = ", ".join(sorted(self.blind.values()))
        return f"{names} {verb} not see {workspace_folder()} and {gets} no runs."

    def _share(self) -> dict[str, float]:
        """The Ray resources of one worker process: whole cores, memory, and a GPU when there are any."""
        nodes = list(self.nodes.values())
        # Ray counts hyperthreads: a worker process takes as many of them as make a core.
        a_core = max([1.0, *(node.resources["CPU"] / node.cores for node in nodes)])
        memory = max((node.resources.get("memory", 0.0) for node in nodes), default=float(PROCESS_BYTES))
        share = {"num_cpus": round(threads_per_process() * a_core, 3), "memory": math.floor(min(memory, PROCESS_BYTES))}
        if any(node.resources.get("GPU", 0) for node in nodes):
            share["num_gpus"] = round(1 / max(1, requested_processes()), 4)
        return share

    def _hear(self) -> None:
        """Read what new nodes answered."""
        ready = ray.wait([ref for _, ref in self._looking.values()], timeout=0)[0] if self._looking else []
        for node, (described, ref) in list(self._looking.items()):
            if ref not in ready:
                continue
            del self._looking[node]
            name = str(described["NodeManagerHostname"] or described["NodeManagerAddress"])
            sees, cores = self._answer(name, ref)
            if sees:
                self.nodes[node] = Node(name, described["Resources"], cores)
            else:
                self.blind[node] = f"{name} ({described['NodeManagerAddress']})"

    def _answer(self, name: str, ref: Any) -> tuple[bool, int]:
        try:
            answer: tuple[bool, int] = ray.get(ref)
            return answer
        except (RayTaskError, RuntimeEnvSetupError) as error:
            raise UserError(
                f"{name} cannot run Close Call ({last_line(error)}). Install the same version there."
            ) from error
        except RayError:
            return False, 1  # it went away meanwhile, or is on its way

    def _check(self) -> None:
        if self.blind and not self.nodes and not self._looking:
            which = ", ".join(sorted(self.blind.values()))
            raise UserError(
                f"The Ray node {which} does not see {workspace_folder()}. Put the workspace on a folder that every "
                "node has at the same path."
            )


def last_line(error: Exception) -> str:
    """The end of what Ray says, where the cause is."""
    return (str(error).strip().splitlines() or [type(error).__name__])[-1].strip().rstrip(".")[:200]
