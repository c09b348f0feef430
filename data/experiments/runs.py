"""The files of a run: status, metrics, predictions, training dynamics, embeddings, projection."""

from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, Protocol
from zipfile import BadZipFile

import numpy as np
import pandas as pd

from closecall.data.experiments.store import (
    RunConfig,
    load_experiment,
    load_run_config,
    run_folder,
    run_name,
    run_names,
)
from closecall.data.io.errors import UserError
from closecall.data.io.files import read_frame, read_json, write_array, write_arrays, write_frame, write_json
from closecall.data.io.processes import is_alive

STATES = ("queued", "running", "done", "failed", "cancelled", "interrupted")


@dataclass(frozen=True)
class RunStatus:
    """How far a run is. `phase` is one of loading, training, predicting, embedding, projecting; times are ISO UTC.

    `machine` is where `pid` is to be looked for (empty: here).
    """

    state: str = "queued"
    phase: str = ""
    epoch: int = 0
    epochs: int = 0
    step: int = 0
    steps: int = 0
    examples_per_second: float = 0.0
    eta_seconds: float | None = None
    started: str = ""
    finished: str = ""
    heartbeat: str = ""
    pid: int = 0
    pid_created: float = 0.0
    machine: str = ""
    message: str = ""
    details: str = ""

    def __post_init__(self) -> None:
        if self.state not in STATES:
            raise UserError(f"A run cannot be in the state {self.state!r}.")


@dataclass(frozen=True)
class Run:
    """A run folder with its config and status, read at one moment."""

    config: RunConfig
    status: RunStatus
    folder: Path

    @property
    def name(self) -> str:
        return self.config.name

    @property
    def has_predictions(self) -> bool:
        return (self.folder / "predictions.parquet").exists()

    @property
    def has_embeddings(self) -> bool:
        return (self.folder / "embeddings.npy").exists()

    @property
    def has_projection(self) -> bool:
        return (self.folder / "projection.parquet").exists()

    @property
    def checkpoint(self) -> Path:
        return self.folder / "checkpoint"


@dataclass(frozen=True)
class Predictions:
    """One split's predictions of one run; all arrays aligned with `ids`.

    `pos_probs` is the positive class's softmax probability, `logits` the log-odds (positive logit less negative logit).
    """

    ids: np.ndarray
    labels: np.ndarray
    pos_probs: np.ndarray
    logits: np.ndarray

    def __post_init__(self) -> None:
        sizes = {len(self.ids), len(self.labels), len(self.pos_probs), len(self.logits)}
        if len(sizes) > 1:
            raise UserError("Predictions need one label, probability and logit for each id.")
        if len(self.pos_probs) and not (np.nanmin(self.pos_probs) >= 0 and np.nanmax(self.pos_probs) <= 1):
            raise UserError("Probabilities must lie between 0 and 1.")


@dataclass(frozen=True)
class TrainingDynamics:
    """Training-time probabilities: `pos_probs` is epochs x n, aligned with `ids` and `labels` (n)."""

    ids: np.ndarray
    labels: np.ndarray
    pos_probs: np.ndarray


def read_status(folder: Path) -> RunStatus:
    """The status of a run folder. A run with the state running whose process is dead is reported as interrupted."""
    path = folder / "status.json"
    if not path.exists():
        return RunStatus()
    status = RunStatus(**{k: v for k, v in read_json(path).items() if k != "schema"})
    here = status.pid, status.pid_created, status.machine, status.heartbeat
    if status.state == "running" and not is_alive(*here):
        return replace(status, state="interrupted", eta_seconds=None)
    return status


def write_status(folder: Path, status: RunStatus) -> None:
    write_json(folder / "status.json", {"schema": 1, **asdict(status)})


def load_run(experiment: str, name: str) -> Run:
    folder = run_folder(experiment, name)
    return Run(load_run_config(experiment, name), read_status(folder), folder)


def load_runs(experiment: str) -> list[Run]:
    """All runs of an experiment, by ratio, seed and remedy."""
    return [load_run(experiment, name) for name in run_names(experiment)]


def finished_run(experiment: str, *, ratio: float, seed: int | None = None, remedy: str = "none") -> Run:
    """The finished run of this ratio, seed (or the first) and remedy; UserError that lists those there are."""
    load_experiment(experiment)  # UserError that lists the known experiments
    runs = [run for run in load_runs(experiment) if run.has_predictions]
    for run in runs:
        if (run.config.ratio, run.config.remedy) == (ratio, remedy) and seed in (None, run.config.seed):
            return run
    if not runs:
        raise UserError(f"No run of {experiment} has finished yet. To follow it: closecall status {experiment}")
    name = f"1:{ratio:g}" if seed is None else run_name(ratio, seed, remedy)
    named = f"{name} with the remedy {remedy}" if seed is None and remedy != "none" else name
    known = ", ".join(run.name for run in runs)
    raise UserError(f"{experiment} has no finished run {named}. Finished runs: {known}.")


PREDICTION_TYPES = {"pos_prob": "float64", "logit": "float32", "logit_negative": "float32", "logit_positive": "float32"}
"""The types of predictions.parquet. A float32 probability would tie above a logit of 12, and 0.7 be below 0.70."""


def save_predictions(folder: Path, frame: pd.DataFrame) -> None:
    """Write predictions.parquet: id, split, label (int8), pos_prob, logit, logit_negative, logit_positive."""
    write_frame(folder / "predictions.parquet", frame)


class InFolder(Protocol):
    """Anything with the folder of a run: a run or a preview."""

    @property
    def folder(self) -> Path: ...


def load_predictions(run: InFolder, split: str = "test") -> Predictions:
    """One split's predictions, in the order of the evaluation ids."""
    frame = read_frame(run.folder / "predictions.parquet", ["id", "split", "label", "pos_prob", "logit"])
    part = frame[frame["split"] == split]
    return Predictions(
        part["id"].to_numpy(dtype=object),
        part["label"].to_numpy(dtype=np.int8),
        part["pos_prob"].to_numpy(dtype=np.float64),
        part["logit"].to_numpy(dtype=np.float64),
    )


def save_dynamics(folder: Path, dynamics: TrainingDynamics) -> None:
    """Write dynamics.npz: ids (text), labels, pos_probs (epochs x n, float32)."""
    ids = np.asarray([str(one) for one in dynamics.ids])
    write_arrays(
        folder / "dynamics.npz",
        {"ids": ids, "labels": dynamics.labels.astype(np.int8), "pos_probs": dynamics.pos_probs.astype(np.float32)},
    )


def load_dynamics(run: Run) -> TrainingDynamics:
    with np.load(run.folder / "dynamics.npz", allow_pickle=False) as stored:
        return TrainingDynamics(stored["ids"].astype(object), stored["labels"], stored["pos_probs"])


def save_embeddings(folder: Path, rows: pd.DataFrame, embeddings: np.ndarray) -> None:
    """Write embeddings.npy (n x d, float32) and embedding_rows.parquet (id, split, label), in the same order.

    Neighbours of other embeddings are removed first.
    """
    (folder / "neighbours.npz").unlink(missing_ok=True)
    write_frame(folder / "embedding_rows.parquet", rows[["id", "split", "label"]])
    write_array(folder / "embeddings.npy", embeddings.astype(np.float32))


def load_embeddings(folder: Path) -> tuple[pd.DataFrame, np.ndarray]:
    """The rows (id, split, label) and their embeddings, of a run folder or of an experiment's `frozen` folder."""
    rows = read_frame(folder / "embedding_rows.parquet")
    embeddings = np.load(folder / "embeddings.npy", mmap_mode="r", allow_pickle=False)
    if len(rows) != len(embeddings):
        raise UserError(f"{folder} has {len(embeddings)} embeddings for {len(rows)} rows. Delete both and resume.")
    return rows, embeddings


def save_neighbours(folder: Path, indices: np.ndarray, distances: np.ndarray) -> None:
    """Write neighbours.npz: each row's nearest rows, itself first, and their cosine distances (both n x k)."""
    write_arrays(folder / "neighbours.npz", {"indices": indices, "distances": distances})


def load_neighbours(folder: Path, count: int) -> tuple[np.ndarray, np.ndarray] | None:
    """Indices and distances of the nearest rows of each of `count` embeddings; None when they are not there."""
    try:
        with np.load(folder / "neighbours.npz", allow_pickle=False) as stored:
            indices, distances = stored["indices"], stored["distances"]
    except (OSError, ValueError, KeyError, BadZipFile):
        return None
    return (indices, distances) if len(indices) == len(distances) == count else None


def save_projection(folder: Path, projection: pd.DataFrame) -> None:
    """Write projection.parquet: id, split, label, x, y (float32)."""
    write_frame(folder / "projection.parquet", projection)


def load_projection(folder: Path) -> pd.DataFrame:
    return read_frame(folder / "projection.parquet")


def save_metrics(folder: Path, metrics: dict[str, Any]) -> None:
    write_json(folder / "metrics.json", {"schema": 1, **metrics})


def load_metrics(run: Run) -> dict[str, Any]:
    return read_json(run.folder / "metrics.json")
