"""What the texts of an experiment show about its classes as a whole, kept in its `causes` folder."""

from dataclasses import asdict, dataclass, field
from typing import Any

import pandas as pd

from closecall.data.annotations.causes import evidence_folder
from closecall.data.io.files import read_frame, read_record, write_frame, write_json

VERSION = 1


@dataclass(frozen=True)
class TextEvidence:
    """The numbers, each None where it was not measured; `not_measured` has the reason under the same name.

    `content`: hash of the input. Estimates are lists of value, low and high. `closeness`: linear probe, 1-NN error and
    far control. `curve`: recall of the probe by number of training positives. `words`: missing mass and unseen words.
    """

    content: str
    closeness: dict[str, Any] | None = None
    curve: dict[str, Any] | None = None
    words: dict[str, Any] | None = None
    not_measured: dict[str, str] = field(default_factory=dict)
    created: str = ""
    version: int = VERSION


def save_text_evidence(experiment: str, evidence: TextEvidence, probe: pd.DataFrame) -> None:
    """Write texts.json and probe.parquet: `id, score` of the linear probe on test examples, perhaps empty."""
    folder = evidence_folder(experiment)
    write_frame(folder / "probe.parquet", probe[["id", "score"]].astype({"id": "object", "score": "float64"}))
    write_json(folder / "texts.json", asdict(evidence))


def load_text_evidence(experiment: str) -> TextEvidence | None:
    """The stored numbers; None when there are none, or they were written by another version."""
    evidence = read_record(evidence_folder(experiment) / "texts.json", TextEvidence)
    return evidence if evidence is not None and evidence.version == VERSION else None


def load_probe(experiment: str) -> pd.Series:
    """The linear probe's scores (log-odds) of test examples, by id; empty without them."""
    path = evidence_folder(experiment) / "probe.parquet"
    if not path.exists():
        return pd.Series(dtype="float64")
    return read_frame(path).set_index("id")["score"]
