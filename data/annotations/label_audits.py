"""A label audit of an experiment, kept in its `audit` folder.

One row for each example that was judged, and the pairs of near copies with opposite labels.
"""

from dataclasses import asdict, dataclass
from pathlib import Path

import pandas as pd

from closecall.data.experiments.store import experiment_folder
from closecall.data.io.files import read_frame, read_record, write_frame, write_json

SCHEMA = 2
COLUMNS = (
    "id", "split", "label", "pos_prob", "self_confidence", "flagged", "others", "of", "nearest_same", "same_cosine",
    "nearest_other", "other_cosine",
)  # fmt: skip
COPY_COLUMNS = ("positive", "negative", "positive_split", "negative_split", "jaccard")
"""As `data.datasets.near_copies.opposite_copies`."""


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


def save_audit(experiment: str, info: AuditInfo, frame: pd.DataFrame, copies: pd.DataFrame) -> None:
    """Write copies.parquet (COPY_COLUMNS), audit.parquet (COLUMNS; neighbours only of the flagged), then audit.json."""
    folder = audit_folder(experiment)
    write_frame(folder / "copies.parquet", copies[list(COPY_COLUMNS)])
    write_frame(folder / "audit.parquet", frame[list(COLUMNS)])
    write_json(folder / "audit.json", asdict(info))


def load_audit(experiment: str) -> tuple[AuditInfo, pd.DataFrame] | None:
    """The audit, None when there is none or it was written by another version."""
    folder = audit_folder(experiment)
    info = read_record(folder / "audit.json", AuditInfo)
    if info is None or info.schema != SCHEMA:
        return None
    return info, read_frame(folder / "audit.parquet")


def load_copies(experiment: str) -> pd.DataFrame:
    """The near copies with opposite labels of the stored audit (COPY_COLUMNS), the most similar first."""
    path = audit_folder(experiment) / "copies.parquet"
    return read_frame(path) if path.exists() else pd.DataFrame(columns=list(COPY_COLUMNS))


def suspect_rows(frame: pd.DataFrame, copies: pd.DataFrame) -> pd.DataFrame:
    """One row for each example with a suspected label: flagged, or a near copy of an example with the other label.

    The columns of `frame` (COLUMNS) without `flagged`, and near_copy, near_copy_split and near_copy_jaccard of the most
    similar one, "" and nan for none. Examples that were not judged, such as those of validation, have no probability.
    Near copies first, the most similar first, then by self-confidence.
    """
    sides = [("positive", "negative", 1), ("negative", "positive", 0)]
    parts = [
        pd.DataFrame(
            {
                "id": copies[own],
                "near_copy": copies[other],
                "near_copy_split": copies[f"{other}_split"],
                "near_copy_jaccard": copies["jaccard"].astype("float64"),
                "split": copies[f"{own}_split"],
                "label": label,
            }
        )
        for own, other, label in sides
    ]
    members = pd.concat(parts).sort_values("near_copy_jaccard", ascending=False, kind="stable").drop_duplicates("id")
    judged = frame[frame["flagged"] | frame["id"].isin(members["id"])]
    others = members.loc[~members["id"].isin(frame["id"]), ["id", "split", "label"]]
    rows = pd.concat([judged.drop(columns="flagged"), others]) if len(others) else judged.drop(columns="flagged")
    rows = rows.merge(members.drop(columns=["split", "label"]), on="id", how="left")
    rows = rows.fillna({"near_copy": "", "near_copy_split": "", "nearest_same": "", "nearest_other": ""})
    order = rows.sort_values("self_confidence", kind="stable").sort_values(
        "near_copy_jaccard", ascending=False, kind="stable", na_position="last"
    )
    return order.reset_index(drop=True)
