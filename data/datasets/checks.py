"""What a dataset can show before any training, kept as check.json in its folder."""

from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from closecall.data.datasets.store import datasets_folder, load_info
from closecall.data.io.files import read_json, write_json

VERSION = 1
ANSWERS = {"yes": "Yes", "no": "No", "too few": "Too few texts to tell", "not measurable": "Not measurable"}
"""The answers to the questions of a check, and how they are shown."""


@dataclass(frozen=True)
class CheckRow:
    """One question about a dataset. `answer`: a key of ANSWERS. `number`: a sentence. `values`: its numbers."""

    key: str
    question: str
    answer: str
    number: str
    values: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class DatasetCheck:
    """The answers for one dataset.

    `content`: hash of the input. `headline` and `notes`: sentences. `encoder`: what embedded the texts, "" for word
    weights. `classes`: one dict for each negative class, as `analysis.causes.separability.errors_by_class`.
    """

    content: str
    headline: str
    rows: tuple[CheckRow, ...]
    notes: tuple[str, ...] = ()
    classes: tuple[dict[str, Any], ...] = ()
    encoder: str = ""
    seconds: float = 0.0
    created: str = ""
    version: int = VERSION


def check_folder(name: str) -> Path:
    """Where the job that checks a dataset writes its status."""
    return datasets_folder() / name / "check"


def save_check(name: str, check: DatasetCheck) -> None:
    """Write check.json. UserError when the dataset was deleted meanwhile."""
    load_info(name)
    write_json(datasets_folder() / name / "check.json", asdict(check))


def load_check(name: str) -> DatasetCheck | None:
    """The stored check; None when there is none, or it was written by another version."""
    path = datasets_folder() / name / "check.json"
    if not path.exists():
        return None
    content = read_json(path)
    try:
        rows = tuple(CheckRow(**row) for row in content.pop("rows"))
        notes, classes = (tuple(content.pop(key)) for key in ("notes", "classes"))
        check = DatasetCheck(rows=rows, notes=notes, classes=classes, **content)
    except (TypeError, KeyError):
        return None
    return check if check.version == VERSION else None
