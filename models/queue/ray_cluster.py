"""A Ray cluster as a backend: its nodes with access to the workspace, and the function that trains a run on a node.

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
"""Memory that a local Ray reserves for objects: tasks only pass names."""
SCAN_SECONDS = 5.0
FIRST_SCAN_SECONDS = 60.0
POLL_SECONDS = 0.1
CONNECT_SECONDS = 10.0
NO_WORKSPACE = "no workspace"
"""What a task returns on a node without access to the workspace."""


@dataclass(frozen=True)
class WorkspaceMarker:
    """A file of the experiment and the token in it: a node that reads this token has access to the workspace."""

    path: str
    token: str

    def is_readable(self) -> bool:
        try:
            return bool(read_json(Path(self.path)).get("token") == self.token)
        except UserError:
            return False


@dataclass(frozen=True)
class Node:
    """A machine of the cluster: its address, the resources that Ray may use, and its physical cores."""

    name: str
    resources: dict[str, float]
    cores: int


def connect(on: str) -> None:
    """Connect to the cluster at `ray://host:port`, or for "ray" to that of RAY_ADDRESS, else start Ray locally."""
    address = on if "://" in on else os.environ.get("RAY_ADDRESS", "")
    try:
        _check_address(address)
        if address:
            ray.init(address=address)
        else:
            cores = max_processes() * threads_per_process()
            ray.init(address="local", num_cpus=cores, include_dashboard=False, object_store_memory=OBJECT_BYTES)
    except Exception as error:  # Ray has no exception type for it
        first_line = (str(error).strip().splitlines() or [type(error).__name__])[0][:200]
        where = f"No Ray cluster can be reached at {address}" if address else "Ray could not be started"
        raise UserError(f"{where} ({first_line}).") from error


def _check_address(address: str) -> None:
    """OSError when nothing listens at `host:port`: Ray itself tries for minutes."""
    host, _, port = address.rpartition("://")[2].rpartition(":")
    if port.isdecimal():
        socket.create_connection((host, int(port)), timeout=CONNECT_SECONDS).close()


def inspect_node(marker: WorkspaceMarker) -> tuple[bool, int]:
    """On a node: whether it has access to the workspace, and its number of cores."""
    return marker.is_readable(), free_cores()


def train(marker: WorkspaceMarker, experiment: str, name: str) -> tuple[str, str]:
    """On a node: work on one task. Its final state, and the node."""
    node = ray.get_runtime_context().get_node_id()
    if not marker.is_readable():
        return NO_WORKSPACE, node
    folder = task_folder(experiment, name)
    if read_status(folder).state != "queued":  # cancelled while it waited for a node
        return read_status(folder).state, node
    state, _ = perform_task(experiment, name)
    return state, node


class Cluster:
    """The nodes of the connected cluster, which are scanned again every `SCAN_SECONDS`."""

    def __init__(self, marker: WorkspaceMarker) -> None:
        self.nodes: dict[str, Node] = {}
        self.without_workspace: dict[str, str] = {}
        self._marker = marker
        self._inspections: dict[str, tuple[dict[str, Any], Any]] = {}
        self._scanned = float("-inf")
        settings = {name: value for name, value in os.environ.items() if name.startswith("CLOSECALL_")}
        self._environment = {"env_vars": {**settings, **task_environment(threads_per_process())}}

    def first_scan(self) -> None:
        """Inspect all nodes. UserError when none of them has access to the workspace."""
        deadline = time.monotonic() + FIRST_SCAN_SECONDS
        self.scan()
        while self._inspections and time.monotonic() < deadline:
            time.sleep(POLL_SECONDS)
            self._collect()
        self._check()

    def scan(self) -> None:
        """Inspect new nodes, and forget those that left."""
        self._collect()
        if time.monotonic() - self._scanned < SCAN_SECONDS:
            return
        self._scanned = time.monotonic()
        alive = {one["NodeID"]: one for one in ray.nodes() if one["Alive"] and one["Resources"].get("CPU", 0) > 0}
        for known in (self.nodes, self.without_workspace, self._inspections):
            for node in set(known) - set(alive):
                del known[node]
        for node in set(alive) - set(self.nodes) - set(self.without_workspace) - set(self._inspections):
            node_only = NodeAffinitySchedulingStrategy(node, soft=False)
            options = {"scheduling_strategy": node_only, "runtime_env": self._environment}
            inspection = ray.remote(inspect_node).options(num_cpus=0, max_retries=0, **options)
            self._inspections[node] = alive[node], inspection.remote(self._marker)

    def send(self, task: Task) -> Any:
        """Submit a task to Ray; the reference to its result."""
        options: dict[str, Any] = {**self._share(), "max_retries": 0, "runtime_env": self._environment}
        if self.without_workspace:
            options["label_selector"] = {"ray.io/node-id": f"!in({','.join(self.without_workspace)})"}
        return ray.remote(train).options(**options).remote(self._marker, task.experiment, task.name)

    def exclude(self, node: str) -> None:
        """Give no more runs to a node without access to the workspace. UserError when no other node is left."""
        known = self.nodes.pop(node, None)
        self.without_workspace[node] = known.name if known else node[:8]
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
        if not self.without_workspace:
            return ""
        verb, gets = ("does", "gets") if len(self.without_workspace) == 1 else ("do", "get")
        names = ", ".join(sorted(self.without_workspace.values()))
        return f"{names} {verb} not see {workspace_folder()} and {gets} no runs."

    def _share(self) -> dict[str, float]:
        """The Ray resources of one worker process: whole cores, memory, and a GPU when there are any."""
        nodes = list(self.nodes.values())
        # Ray counts hyperthreads: a worker process takes as many of them as make a core.
        cpus_per_core = max([1.0, *(node.resources["CPU"] / node.cores for node in nodes)])
        memory = max((node.resources.get("memory", 0.0) for node in nodes), default=float(PROCESS_BYTES))
        cpus = round(threads_per_process() * cpus_per_core, 3)
        share = {"num_cpus": cpus, "memory": math.floor(min(memory, PROCESS_BYTES))}
        if any(node.resources.get("GPU", 0) for node in nodes):
            share["num_gpus"] = round(1 / max(1, requested_processes()), 4)
        return share

    def _collect(self) -> None:
        """Read the results of the inspections."""
        ready = ray.wait([ref for _, ref in self._inspections.values()], timeout=0)[0] if self._inspections else []
        for node, (described, ref) in list(self._inspections.items()):
            if ref not in ready:
                continue
            del self._inspections[node]
            name = str(described["NodeManagerHostname"] or described["NodeManagerAddress"])
            readable, cores = self._answer(name, ref)
            if readable:
                self.nodes[node] = Node(name, described["Resources"], cores)
            else:
                self.without_workspace[node] = f"{name} ({described['NodeManagerAddress']})"

    def _answer(self, name: str, ref: Any) -> tuple[bool, int]:
        try:
            answer: tuple[bool, int] = ray.get(ref)
            return answer
        except (RayTaskError, RuntimeEnvSetupError) as error:
            raise UserError(
                f"{name} cannot run Close Call ({last_line(error)}). Install the same version there."
            ) from error
        except RayError:
            return False, 1  # it left, or is leaving

    def _check(self) -> None:
        if self.without_workspace and not self.nodes and not self._inspections:
            which = ", ".join(sorted(self.without_workspace.values()))
            raise UserError(
                f"The Ray node {which} does not see {workspace_folder()}. Put the workspace on a folder that every "
                "node has at the same path."
            )


def last_line(error: Exception) -> str:
    """The last line of an error of Ray, which has the cause."""
    return (str(error).strip().splitlines() or [type(error).__name__])[-1].strip().rstrip(".")[:200]
