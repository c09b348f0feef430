"""The texts of a dataset, read once and shared by every session: found by id, searched as a column."""

from dataclasses import dataclass

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import streamlit as st

from data.datasets import datasets_folder, load_examples
from data.errors import UserError
from pages.shared.load import has_texts, stamp
from pages.shared.lookup import place_of, places_of

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
