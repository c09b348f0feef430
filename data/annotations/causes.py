"""Evidence on the causes of errors, kept in an experiment's `causes` folder: one row for each test example."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path

import numpy as np
import pandas as pd

from closecall.data.experiments.store import experiment_folder
from closecall.data.io.files import read_frame, read_record, write_frame, write_json

VERSION = 2
COLUMNS = {
    "id": "object",
    "label": "int8",
    "suspect": "boolean",
    "self_confidence": "float64",
    "other_class_neighbours": "Int8",
    "near_copy": "object",
    "near_copy_split": "object",
    "near_copy_label": "Int8",
    "near_copy_jaccard": "float64",
    "p_positive": "float64",
    "nearest_positive": "object",
    "positive_cosine": "float64",
    "p_negative": "float64",
    "nearest_negative": "object",
    "negative_cosine": "float64",
    "frozen_other_of_10": "Int8",
    "tokens": "Int32",
    "tokens_read": "Int32",
    "window_sample": "boolean",
}
"""Columns of evidence.parquet and their types; missing where not measured, "" for no id.

`window_sample`: a random sample of the examples in which the later windows of every cut text were scored.
"""
RUN_COLUMNS = ("tuned_other_of_10", "window_high", "window_low")
"""Columns of runs.parquet for each run, each named as in `run_column`."""


@dataclass(frozen=True)
class EvidenceInfo:
    """How the evidence was computed.

    `content`: hash of the input of the examples' columns; `runs`: hash of the input of each run's columns.
    `not_measured`: what could not be computed, by cause, and why. `training_suspects`: by class, "positive" and
    "negative", how many training examples have a suspect label, and of how many. `calibration`: by class, the number
    of training examples behind `p_positive` and `p_negative`. `version`: of the files.
    """

    content: str
    runs: dict[str, str]
    not_measured: dict[str, str] = field(default_factory=dict)
    training_suspects: dict[str, list[int]] = field(default_factory=dict)
    calibration: dict[str, int] = field(default_factory=dict)
    created: str = ""
    version: int = VERSION


@dataclass(frozen=True)
class CauseEvidence:
    """The stored evidence. `examples` has COLUMNS; `runs` has `run_column`s; both one row for each test example."""

    info: EvidenceInfo
    examples: pd.DataFrame
    runs: pd.DataFrame


@dataclass(frozen=True)
class AlignedEvidence:
    """The evidence on n examples and some runs, in the order asked for. `by_run`: (runs, n) for each of RUN_COLUMNS.

    Numbers are nan where they were not measured. `info` is None where there is no stored evidence.
    """

    info: EvidenceInfo | None
    examples: pd.DataFrame
    by_run: dict[str, np.ndarray]

    def number(self, name: str) -> np.ndarray:
        """A column of the examples as floats, nan where missing. Shape (n,)."""
        return _floats(self.examples[name])

    @property
    def sampled(self) -> np.ndarray:
        """Which examples are in the random sample whose later windows were scored. Shape (n,)."""
        return np.asarray(self.number("window_sample") == 1)

    @property
    def cut(self) -> np.ndarray:
        """Which texts are longer than the encoder read. Shape (n,)."""
        return np.asarray(self.number("tokens") > self.number("tokens_read"))


def empty_columns(ids: np.ndarray, labels: np.ndarray) -> pd.DataFrame:
    """COLUMNS of some examples (n,), nothing measured yet."""
    known, nothing = {"id": ids, "label": labels}, {"object": "", "float64": np.nan}
    columns = {
        name: pd.Series(known.get(name, nothing.get(kind, pd.NA)), index=range(len(ids)), dtype=kind)
        for name, kind in COLUMNS.items()
    }
    return pd.DataFrame(columns)


def align(evidence: CauseEvidence | None, ids: np.ndarray, runs: Sequence[str]) -> AlignedEvidence:
    """The stored evidence on these examples and runs; missing everywhere without evidence or for other ids."""
    if evidence is None:
        nothing = {name: np.full((len(runs), len(ids)), np.nan) for name in RUN_COLUMNS}
        return AlignedEvidence(None, empty_columns(ids, np.zeros(len(ids))), nothing)
    places = pd.Index(evidence.examples["id"]).get_indexer(pd.Index(ids))
    frame = evidence.examples.set_index("id").reindex(ids).reset_index(names="id")
    by_run = {name: _of_runs(evidence.runs, name, places, runs) for name in RUN_COLUMNS}
    return AlignedEvidence(evidence.info, frame, by_run)


def _of_runs(table: pd.DataFrame, name: str, places: np.ndarray, runs: Sequence[str]) -> np.ndarray:
    """One of RUN_COLUMNS of some runs at some rows of the table, (runs, n); nan for unknown runs and row -1."""
    columns = [run_column(name, run) for run in runs]
    stored = [_floats(table[one]) if one in table else np.full(len(table), np.nan) for one in columns]
    values = [np.where(places >= 0, one[places], np.nan) for one in stored]
    return np.array(values, dtype=np.float64).reshape(len(runs), len(places))


def _floats(column: pd.Series) -> np.ndarray:
    return np.asarray(column.astype("Float64").to_numpy(dtype=np.float64, na_value=np.nan))


def run_column(name: str, run: str) -> str:
    """The column of runs.parquet with one of RUN_COLUMNS of a run: "window_high:r10-s0-none"."""
    return f"{name}:{run}"


def evidence_folder(experiment: str) -> Path:
    return experiment_folder(experiment) / "causes"


def save_evidence(experiment: str, evidence: CauseEvidence) -> None:
    """Write evidence.parquet and runs.parquet, then info.json."""
    folder = evidence_folder(experiment)
    write_frame(folder / "evidence.parquet", evidence.examples[list(COLUMNS)].astype(COLUMNS))
    write_frame(folder / "runs.parquet", evidence.runs)
    write_json(folder / "info.json", asdict(evidence.info))


def load_info(experiment: str) -> EvidenceInfo | None:
    """How the evidence was computed; None when there is none, or it was written by another version."""
    info = read_record(evidence_folder(experiment) / "info.json", EvidenceInfo)
    return info if info is not None and info.version == VERSION else None


def load_evidence(experiment: str, *, runs: Sequence[str] | None = None) -> CauseEvidence | None:
    """The stored evidence, with the columns of all runs or of some `runs`; None as `load_info`."""
    info = load_info(experiment)
    if info is None:
        return None
    folder = evidence_folder(experiment)
    wanted = [run for run in info.runs if runs is None or run in runs]
    columns = ["id", *(run_column(name, run) for run in wanted for name in RUN_COLUMNS)]
    return CauseEvidence(
        info, read_frame(folder / "evidence.parquet").astype(COLUMNS), read_frame(folder / "runs.parquet", columns)
    )
