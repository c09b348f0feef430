"""Cached reading from disk: runs, predictions, examples, texts and facts about a dataset.

Each cache is keyed by the path of a file and its modification time (`stamp`).
"""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import streamlit as st

from closecall.analysis.text import length_bins, word_counts
from closecall.data.datasets.preparation import split_sizes
from closecall.data.datasets.store import datasets_folder, load_examples, load_info
from closecall.data.experiments.plans import largest_ratio
from closecall.data.experiments.runs import Predictions, Run, load_embeddings, load_predictions, load_runs
from closecall.data.experiments.store import experiment_folder
from closecall.data.io.errors import UserError
from closecall.data.io.files import read_frame


def stamp(path: Path) -> int:
    """Modification time of a file in ns, 0 when it is absent. Part of the cache key of all that is read from it."""
    return path.stat().st_mtime_ns if path.exists() else 0


def finished_runs(experiment: str) -> list[Run]:
    """The runs that have predictions, ordered by ratio and seed."""
    return [run for run in load_runs(experiment) if run.has_predictions]


def examples(dataset: str) -> pd.DataFrame | None:
    """The examples of a dataset with `id` as index, or None when the dataset was deleted."""
    path = datasets_folder() / dataset / "examples.parquet"
    return _examples(dataset, stamp(path)) if path.exists() else None


def has_texts(dataset: str) -> bool:
    """Whether the dataset has texts. False for predictions imported without texts and for a deleted dataset."""
    try:
        return load_info(dataset).has_texts
    except UserError:
        return False


def predictions(run: Run, split: str = "test") -> Predictions:
    """The predictions of a run on one split."""
    path = run.folder / "predictions.parquet"
    frame = _predictions(run, str(path), stamp(path), split)
    columns = [frame[name].to_numpy() for name in ("id", "label", "pos_prob", "logit")]
    return Predictions(*columns)


def embeddings(folder: Path) -> tuple[pd.DataFrame, np.ndarray] | None:
    """The rows (id, split, label) and the embeddings (n, dimensions) of a run or frozen-encoder folder, if any."""
    if not (folder / "embeddings.npy").exists():
        return None
    return load_embeddings(folder)


def projection(folder: Path) -> pd.DataFrame | None:
    """The two-dimensional projection of a run or frozen-encoder folder, if any."""
    path = folder / "projection.parquet"
    return _frame(str(path), stamp(path)) if path.exists() else None


def frozen_folder(experiment: str) -> Path:
    """The folder with the frozen encoder's embeddings of an experiment."""
    return experiment_folder(experiment) / "frozen"


@st.cache_data(max_entries=4, show_spinner=False)
def _examples(dataset: str, written: int) -> pd.DataFrame:
    return load_examples(dataset).set_index("id", drop=False)


@st.cache_data(max_entries=64, show_spinner=False)
def _predictions(_run: Run, path: str, written: int, split: str) -> pd.DataFrame:
    one = load_predictions(_run, split)
    return pd.DataFrame({"id": one.ids, "label": one.labels, "pos_prob": one.pos_probs, "logit": one.logits})


@st.cache_data(max_entries=16, show_spinner=False)
def _frame(path: str, written: int) -> pd.DataFrame:
    return read_frame(Path(path))


def places_of(index: pd.Index, ids: Iterable[str]) -> np.ndarray:
    """The row numbers of ids in an index, -1 for ids that it does not hold."""
    wanted = ids if isinstance(ids, np.ndarray) else list(ids)
    return index.get_indexer(pd.Index(np.asarray(wanted, dtype=object), dtype=object))


def place_of(index: pd.Index, one: str) -> int:
    """The row number of one id in an index, -1 when it is absent."""
    try:
        place = index.get_loc(one)
    except KeyError:
        return -1
    return place if isinstance(place, int) else -1


# The texts of a dataset, shared by all sessions.

NO_TEXT = "No text came with these predictions."


@dataclass(frozen=True)
class Texts:
    """The texts of a dataset by id. `texts` is None for predictions that were imported without texts."""

    places: pd.Index
    texts: pa.ChunkedArray | None
    class_names: np.ndarray

    def text(self, one: str) -> str | None:
        """The text of an example, None when it has none."""
        place = self.place(one)
        return None if self.texts is None or place < 0 else self.texts[place].as_py()

    def class_name(self, one: str, label: int) -> str:
        """The original class of an example; "positive" or "negative" when the dataset was deleted."""
        place = self.place(one)
        return str(self.class_names[place]) if place >= 0 else ("negative", "positive")[label]

    def place(self, one: str) -> int:
        return place_of(self.places, one)

    def starts(self, ids: np.ndarray, *, length: int = 90) -> list[str]:
        """The first words of some examples, each on one line; the id where there is no text."""
        if self.texts is None:
            return [str(one) for one in ids]
        places = places_of(self.places, ids)
        taken = self.texts.take(pa.array(np.maximum(places, 0)))
        beginnings = pc.utf8_slice_codeunits(taken, 0, 3 * length).to_pylist()
        return [
            first_words(text or "", length) if place >= 0 else str(one)
            for one, place, text in zip(ids, places, beginnings, strict=True)
        ]


def texts_of(dataset: str) -> Texts:
    """The texts of a dataset; empty when it was deleted."""
    return _texts(dataset, stamp(datasets_folder() / dataset / "examples.parquet"), has_texts(dataset))


def search(column: pa.ChunkedArray, wanted: str, *, pattern: bool) -> np.ndarray:
    """Which texts contain the words or match the regular expression, ignoring case. Shape (n,).

    Uses RE2, whose time is linear in the length of the text. UserError for an invalid expression.
    """
    try:
        match = pc.match_substring_regex if pattern else pc.match_substring
        found = match(column, wanted, ignore_case=True)
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError) as error:
        raise UserError(f"This regular expression is not valid: {_re2_message(error)}.") from None
    return found.fill_null(False).to_numpy()


def first_words(text: str, length: int = 90) -> str:
    """The beginning of a text on one line."""
    line = " ".join(text[: 3 * length].split())
    return line if len(line) <= length else line[: length - 1] + "…"


def _re2_message(error: Exception) -> str:
    """The message of RE2 without the library's prefix."""
    return str(error).splitlines()[0].rsplit("Invalid regular expression: ", 1)[-1].strip().rstrip(".")


@st.cache_resource(max_entries=4, show_spinner=False)
def _texts(dataset: str, written: int, readable: bool) -> Texts:
    if not written:
        return Texts(pd.Index([], dtype=object), None, np.array([], dtype=object))
    frame = load_examples(dataset, ["id", "text", "class_name"])
    column = pa.chunked_array([pa.array(frame["text"].astype(object), type=pa.large_string(), from_pandas=True)])
    places = pd.Index(frame["id"].to_numpy(dtype=object), dtype=object)
    return Texts(places, column if readable else None, frame["class_name"].to_numpy(dtype=object))


# Facts about a dataset for the Data and Train pages.

EXAMPLES_OF_EACH_CLASS = 5


@dataclass(frozen=True)
class DatasetFacts:
    """Sizes, text lengths and some texts of a dataset.

    `sizes` has the columns split, positives, negatives. `largest_ratio` is nan where the train split cannot be used,
    and `problem` says why. `length_bins` as `analysis.text.length_bins` and `median_words` are by label, 0 or 1.
    `some_texts` has the columns class_name, split, text.
    """

    sizes: pd.DataFrame
    train_positives: int
    train_negatives: int
    largest_ratio: float
    problem: str
    length_bins: pd.DataFrame
    median_words: dict[int, float]
    some_texts: pd.DataFrame


def dataset_facts(name: str) -> DatasetFacts:
    """The facts about a dataset; computed again when its file changes."""
    return _facts(name, stamp(datasets_folder() / name / "examples.parquet"))


@st.cache_data(max_entries=16, show_spinner="Reading the dataset")
def _facts(name: str, written: int) -> DatasetFacts:
    frame = load_examples(name, ["id", "text", "label", "class_name", "split"])
    labels = frame["label"].to_numpy()
    counts = word_counts(frame["text"].tolist())
    train = frame.loc[frame["split"] == "train", "label"]
    try:
        most, problem = largest_ratio(frame), ""
    except UserError as error:
        most, problem = float("nan"), str(error)
    return DatasetFacts(
        sizes=split_sizes(frame),
        train_positives=int((train == 1).sum()),
        train_negatives=int((train == 0).sum()),
        largest_ratio=most,
        problem=problem,
        length_bins=length_bins(counts, labels),
        median_words={label: float(np.median(counts[labels == label])) for label in (0, 1)},
        some_texts=pd.concat([_beginnings(frame[frame["label"] == label]) for label in (1, 0)]),
    )


def _beginnings(rows: pd.DataFrame) -> pd.DataFrame:
    shown = rows.head(EXAMPLES_OF_EACH_CLASS)
    return shown.assign(text=shown["text"].str.slice(0, 2000))[["class_name", "split", "text"]]
