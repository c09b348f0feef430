"""Reading from disk once: frames and arrays cached by file and its time of writing."""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import streamlit as st

from closecall.data.datasets.store import datasets_folder, load_examples, load_info
from closecall.data.experiments.runs import Predictions, Run, load_embeddings, load_predictions, load_runs
from closecall.data.experiments.store import experiment_folder
from closecall.data.io.errors import UserError
from closecall.data.io.files import read_frame


def stamp(path: Path) -> int:
    """When a file was last written (ns), 0 when it is absent: the part of a cache key that follows the disk."""
    return path.stat().st_mtime_ns if path.exists() else 0


def finished_runs(experiment: str) -> list[Run]:
    """The runs that have predictions to show, by ratio and seed."""
    return [run for run in load_runs(experiment) if run.has_predictions]


def examples(dataset: str) -> pd.DataFrame | None:
    """The examples of a dataset with `id` as index, or None when the dataset is gone."""
    path = datasets_folder() / dataset / "examples.parquet"
    return _examples(dataset, stamp(path)) if path.exists() else None


def has_texts(dataset: str) -> bool:
    """Whether there are texts to read: not so for predictions imported without them, or a dataset since deleted."""
    try:
        return load_info(dataset).has_texts
    except UserError:
        return False


def predictions(run: Run, split: str = "test") -> Predictions:
    """One split's predictions of a run."""
    path = run.folder / "predictions.parquet"
    frame = _predictions(run, str(path), stamp(path), split)
    columns = [frame[name].to_numpy() for name in ("id", "label", "pos_prob", "logit")]
    return Predictions(*columns)


def embeddings(folder: Path) -> tuple[pd.DataFrame, np.ndarray] | None:
    """The rows (id, split, label) and embeddings of a run folder or of an experiment's frozen folder, if there."""
    if not (folder / "embeddings.npy").exists():
        return None
    return load_embeddings(folder)


def projection(folder: Path) -> pd.DataFrame | None:
    """The projection of a run folder or of an experiment's frozen folder, if there."""
    path = folder / "projection.parquet"
    return _frame(str(path), stamp(path)) if path.exists() else None


def frozen_folder(experiment: str) -> Path:
    """Where the frozen encoder's embeddings of an experiment lie."""
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


# Where examples stand in a frame or array, by id.


def places_of(index: pd.Index, ids: Iterable[str]) -> np.ndarray:
    """The row numbers of ids, -1 for those that are not there."""
    wanted = ids if isinstance(ids, np.ndarray) else list(ids)
    return index.get_indexer(pd.Index(np.asarray(wanted, dtype=object), dtype=object))


def place_of(index: pd.Index, one: str) -> int:
    """The row number of one id, -1 when it is not there."""
    try:
        place = index.get_loc(one)
    except KeyError:
        return -1
    return place if isinstance(place, int) else -1


# The texts of a dataset, read once and shared by every session: found by id, searched as a column.

NO_TEXT = "No text came with these predictions."


@dataclass(frozen=True)
class Texts:
    """All examples of a dataset by id. `texts` is None for predictions imported without them."""

    places: pd.Index
    texts: pa.ChunkedArray | None
    class_names: np.ndarray

    def text(self, one: str) -> str | None:
        """The whole text of an example, None when there is none."""
        place = self.place(one)
        return None if self.texts is None or place < 0 else self.texts[place].as_py()

    def class_name(self, one: str, label: int) -> str:
        """The class an example came with; "positive" or "negative" when the dataset is gone."""
        place = self.place(one)
        return str(self.class_names[place]) if place >= 0 else ("negative", "positive")[label]

    def place(self, one: str) -> int:
        return place_of(self.places, one)

    def starts(self, ids: np.ndarray, *, length: int = 90) -> list[str]:
        """The first words of some examples on one line; their ids where there are no texts."""
        if self.texts is None:
            return [str(one) for one in ids]
        found = places_of(self.places, ids)
        taken = self.texts.take(pa.array(np.maximum(found, 0)))
        cut = pc.utf8_slice_codeunits(taken, 0, 3 * length).to_pylist()
        return [
            first_words(text or "", length) if place >= 0 else str(one)
            for one, place, text in zip(ids, found, cut, strict=True)
        ]


def texts_of(dataset: str) -> Texts:
    """The texts of a dataset; empty when it is gone."""
    return _texts(dataset, stamp(datasets_folder() / dataset / "examples.parquet"), has_texts(dataset))


def search(column: pa.ChunkedArray, wanted: str, *, pattern: bool) -> np.ndarray:
    """Which texts hold the words, or match the regular expression, in upper or lower case.

    RE2 answers in time proportional to the text, whatever is asked. UserError for what it cannot read.
    """
    try:
        match = pc.match_substring_regex if pattern else pc.match_substring
        found = match(column, wanted, ignore_case=True)
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError) as error:
        raise UserError(f"This is not a regular expression that can be searched: {_complaint(error)}.") from None
    return found.fill_null(False).to_numpy()


def first_words(text: str, length: int = 90) -> str:
    """The beginning of a text on one line."""
    line = " ".join(text[: 3 * length].split())
    return line if len(line) <= length else line[: length - 1] + "…"


def _complaint(error: Exception) -> str:
    """What RE2 says, without the name of the library."""
    return str(error).splitlines()[0].rsplit("Invalid regular expression: ", 1)[-1].strip().rstrip(".")


@st.cache_resource(max_entries=4, show_spinner=False)
def _texts(dataset: str, written: int, readable: bool) -> Texts:
    if not written:
        return Texts(pd.Index([], dtype=object), None, np.array([], dtype=object))
    frame = load_examples(dataset, ["id", "text", "class_name"])
    column = pa.chunked_array([pa.array(frame["text"].astype(object), type=pa.large_string(), from_pandas=True)])
    places = pd.Index(frame["id"].to_numpy(dtype=object), dtype=object)
    return Texts(places, column if readable else None, frame["class_name"].to_numpy(dtype=object))
