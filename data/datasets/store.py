"""Datasets on disk: examples with labels and splits, checked once and stored as plain files."""

import shutil
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from hashlib import sha256
from pathlib import Path
from typing import Any

import pandas as pd
from pyarrow.parquet import read_schema

from closecall.data.io.errors import UserError
from closecall.data.io.files import read_frame, read_json, write_folder, write_frame, write_json
from closecall.data.io.workspace import child, now, workspace_folder

SCHEMA = 1
SPLITS = ("train", "validation", "test")
COLUMNS = ("id", "text", "label", "class_name", "split", "group", "source_row")


@dataclass(frozen=True)
class DatasetInfo:
    """Metadata of a dataset: names, classes, origin, hashes, notes.

    `parent` is the dataset of which this is a later version, with the hash it had then.
    """

    name: str
    title: str
    positive_classes: tuple[str, ...]
    negative_classes: tuple[str, ...]
    origin: str = ""
    licence: str = ""
    source_file: str = ""
    source_sha256: str = ""
    split_seed: int = 0
    has_texts: bool = True
    notes: tuple[str, ...] = ()
    created: str = field(default_factory=now)
    content_sha256: str = ""
    parent: str = ""
    parent_sha256: str = ""
    schema: int = SCHEMA

    def __post_init__(self) -> None:
        if not self.positive_classes or not self.negative_classes:
            raise UserError(f"Dataset {self.name} needs at least one positive and one negative class.")
        for key in ("positive_classes", "negative_classes", "notes"):
            object.__setattr__(self, key, tuple(getattr(self, key)))


@dataclass(frozen=True)
class Dataset:
    """Examples with their info.

    `examples` has the columns id (str, unique), text (str), label (int8, 1 = positive), class_name (str),
    split ("train", "validation" or "test"), group (str, "" for none), source_row (int64, as in the source), and any
    number of `meta.<name>` columns. `set_aside` has source_row, id, reason, text; `conflicts` has key, id, label,
    source_row, text: examples whose normalised text has both labels.
    """

    info: DatasetInfo
    examples: pd.DataFrame
    set_aside: pd.DataFrame
    conflicts: pd.DataFrame

    def __post_init__(self) -> None:
        missing = [column for column in COLUMNS if column not in self.examples]
        if missing:
            raise UserError(f"Dataset {self.info.name} lacks the columns {', '.join(missing)}.")
        if self.examples["id"].duplicated().any():
            raise UserError(f"Dataset {self.info.name} has an id twice.")
        unknown = set(self.examples["split"].unique()) - set(SPLITS)
        if unknown:
            raise UserError(f"Dataset {self.info.name} has unknown splits: {', '.join(sorted(map(str, unknown)))}.")

    @property
    def name(self) -> str:
        return self.info.name


def datasets_folder() -> Path:
    return workspace_folder() / "datasets"


def content_hash(examples: pd.DataFrame) -> str:
    """The sha256 over ids, texts, labels and splits: equal hashes mean the same dataset."""
    digest = sha256()
    for column in ("id", "text", "label", "split"):
        digest.update(pd.util.hash_pandas_object(examples[column].astype(str), index=False).to_numpy().tobytes())
    return digest.hexdigest()


def save_dataset(dataset: Dataset) -> Dataset:
    """Write the dataset folder atomically and return it with its content hash. UserError when the name is taken."""
    folder = child(datasets_folder(), dataset.name, "a dataset")
    if folder.exists():
        raise UserError(f"There is a dataset named {dataset.name} already. Choose another name.")
    info = DatasetInfo(**{**asdict(dataset.info), "content_sha256": content_hash(dataset.examples)})
    saved = Dataset(info, dataset.examples, dataset.set_aside, dataset.conflicts)

    def fill(fresh: Path) -> None:
        write_json(fresh / "dataset.json", asdict(info))
        write_frame(fresh / "examples.parquet", saved.examples)
        write_frame(fresh / "set_aside.parquet", saved.set_aside)
        write_frame(fresh / "conflicts.parquet", saved.conflicts)

    write_folder(folder, fill)
    return saved


def load_info(name: str) -> DatasetInfo:
    """Read a dataset's info. UserError that lists the known names when there is none of this name."""
    folder = child(datasets_folder(), name, "a dataset")
    if not (folder / "dataset.json").exists():
        known = ", ".join(dataset_names()) or "none yet"
        raise UserError(f"There is no dataset named {name}. Known datasets: {known}.")
    content: dict[str, Any] = read_json(folder / "dataset.json")
    if content.get("schema") != SCHEMA:
        raise UserError(f"Dataset {name} was written by another version ({content.get('schema')}). Import it again.")
    return DatasetInfo(**content)


def load_dataset(name: str) -> Dataset:
    """Read a dataset folder."""
    info = load_info(name)
    folder = datasets_folder() / name
    frames = [read_frame(folder / f"{part}.parquet") for part in ("examples", "set_aside", "conflicts")]
    return Dataset(info, *frames)


def load_examples(name: str, columns: list[str] | None = None) -> pd.DataFrame:
    """Read the examples alone, or some of their columns."""
    load_info(name)
    return read_frame(datasets_folder() / name / "examples.parquet", columns)


def metadata_columns(name: str) -> list[str]:
    """The columns that describe the examples: class_name, group, and those kept at import (`meta.<name>`)."""
    load_info(name)
    columns = read_schema(datasets_folder() / name / "examples.parquet").names
    return [one for one in columns if one in ("class_name", "group") or one.startswith("meta.")]


def dataset_names() -> list[str]:
    """The names of all datasets in the workspace, in alphabetical order."""
    folder = datasets_folder()
    return sorted(path.parent.name for path in folder.glob("*/dataset.json")) if folder.exists() else []


def dataset_of_source(sha256: str) -> str | None:
    """The name of the dataset that was made from a source with this hash, not of a later version; None for none."""
    for name in dataset_names():
        with suppress(UserError):  # a broken dataset is not the one
            info = load_info(name)
            if info.source_sha256 == sha256 and not info.parent:
                return name
    return None


def fresh_dataset_name(wish: str) -> str:
    """`wish`, or `wish-2`, `wish-3` ... when it is taken."""
    taken, number, name = set(dataset_names()), 1, wish
    while name in taken:
        number += 1
        name = f"{wish}-{number}"
    return name


def delete_dataset(name: str) -> None:
    """Remove a dataset's folder. Experiments keep their own predictions but lose its texts."""
    load_info(name)
    shutil.rmtree(datasets_folder() / name)
