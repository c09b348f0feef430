"""Evidence on the causes of errors, kept in an experiment's `causes` folder: one row for each test example."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path

import pandas as pd

from closecall.data.experiments.store import experiment_folder
from closecall.data.io.files import read_frame, read_json, write_frame, write_json

VERSION = 1
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
    `not_measured`: what could not be computed, by cause, and why. `version`: of the files.
    """

    content: str
    runs: dict[str, str]
    not_measured: dict[str, str] = field(default_factory=dict)
    created: str = ""
    version: int = VERSION


@dataclass(frozen=True)
class CauseEvidence:
    """The stored evidence. `examples` has COLUMNS; `runs` has `run_column`s; both one row for each test example."""

    info: EvidenceInfo
    examples: pd.DataFrame
    runs: pd.DataFrame


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
    path = evidence_folder(experiment) / "info.json"
    if not path.exists():
        return None
    try:
        info = EvidenceInfo(**read_json(path))
    except TypeError:
        return None
    return info if info.version == VERSION else None


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
