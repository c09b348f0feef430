"""A label audit of an experiment, kept in its `audit` folder: one row for each example that was judged."""

from dataclasses import asdict, dataclass
from pathlib import Path

import pandas as pd

from closecall.data.experiments.store import experiment_folder
from closecall.data.io.files import read_frame, read_json, write_frame, write_json

SCHEMA = 1
COLUMNS = (
    "id", "split", "label", "pos_prob", "self_confidence", "flagged", "others", "of", "nearest_same", "same_cosine",
    "nearest_other", "other_cosine",
)  # fmt: skip


@dataclass(frozen=True)
class AuditInfo:
    """How an audit was made. `content` is the hash of its input; the thresholds are those of the two classes."""

    content: str
    folds: int
    grouped: bool
    negative_threshold: float
    positive_threshold: float
    created: str
    schema: int = SCHEMA


def audit_folder(experiment: str) -> Path:
    return experiment_folder(experiment) / "audit"


def save_audit(experiment: str, info: AuditInfo, frame: pd.DataFrame) -> None:
    """Write audit.parquet (COLUMNS; the neighbours' columns empty where nothing is flagged), then audit.json."""
    folder = audit_folder(experiment)
    write_frame(folder / "audit.parquet", frame[list(COLUMNS)])
    write_json(folder / "audit.json", asdict(info))


def load_audit(experiment: str) -> tuple[AuditInfo, pd.DataFrame] | None:
    """The audit, None when there is none or it was written by another version."""
    path = audit_folder(experiment) / "audit.json"
    if not path.exists():
        return None
    try:
        info = AuditInfo(**read_json(path))
    except TypeError:
        return None
    return (info, read_frame(path.with_name("audit.parquet"))) if info.schema == SCHEMA else None
