"""Duplicate texts, and the rows that must stay in one split because of them."""

import unicodedata
from collections.abc import Sequence
from hashlib import blake2b

import numpy as np
import pandas as pd
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import connected_components

from closecall.data.io.errors import UserError

_WEIGHT = {"test": 0, "validation": 1, "train": 2, "": 3}
"""The split that keeps a text that is in several: results must not rest on texts that were trained on."""


def normalised(text: str) -> str:
    """The text in the form in which two copies are compared: NFKC, case folded, runs of white space made one space."""
    if text.isascii():  # the same, faster
        return " ".join(text.lower().split())
    return " ".join(unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", text).casefold()).split())


def text_key(text: str) -> str:
    """A 32-digit key that is the same for two texts exactly when their normalised forms are."""
    return blake2b(normalised(text).encode("utf-8", errors="replace"), digest_size=16).hexdigest()


def text_keys(texts: Sequence[str] | pd.Series) -> np.ndarray:
    """The key of each text, as an object array aligned with `texts`."""
    return np.array([text_key(text) for text in np.asarray(texts, dtype=object)], dtype=object)


def clusters(*links: Sequence[str] | np.ndarray | pd.Series) -> np.ndarray:
    """Number the clusters of rows that are connected by any chain of equal values.

    `links` are aligned sequences of n strings (text keys, groups ...); an empty string connects to nothing.
    Returns n integers, equal for two rows exactly when a chain of shared values joins them.
    """
    size = len(links[0])
    rows: list[np.ndarray] = []
    values: list[np.ndarray] = []
    offset = size
    for link in links:
        codes, names = pd.factorize(np.asarray(link, dtype=object))
        tied = np.asarray(link, dtype=object) != ""
        rows.append(np.flatnonzero(tied))
        values.append(codes[tied] + offset)
        offset += len(names)
    ends = np.concatenate(rows), np.concatenate(values)
    graph = coo_matrix((np.ones(len(ends[0]), dtype=np.int8), ends), shape=(offset, offset))
    numbers: np.ndarray = connected_components(graph, directed=False)[1]
    return numbers[:size]


def find_copies(frame: pd.DataFrame) -> tuple[pd.Series, list[str]]:
    """Find the rows that repeat the text of another row with the same label.

    `frame` has key, label, split and source_row. The copy kept is the first of test, then validation, then train.
    Returns the reason for each other copy, by the index of `frame`, and a sentence on copies across splits.
    """
    order = frame.assign(weight=frame["split"].map(_WEIGHT)).sort_values("weight", kind="stable")
    first = order.drop_duplicates(["key", "label"]).set_index(["key", "label"])
    copies = order[order.duplicated(["key", "label"])].sort_index()
    kept = first.loc[pd.MultiIndex.from_frame(copies[["key", "label"]])]
    where = [f" of the {split} split" if split else "" for split in kept["split"]]
    reasons = [f"same text as row {row}{split}, id {one}"
               for row, split, one in zip(kept["source_row"], where, kept["id"], strict=True)]  # fmt: skip
    across = int((copies["split"].to_numpy() != kept["split"].to_numpy()).sum())
    notes = []
    if across:
        notes.append(
            "Some texts were in more than one split, which would leak test texts into training. Only the copy "
            f"in the test, or else the validation, split was kept; copies set aside: {across:,}."
        )
    return pd.Series(reasons, index=copies.index, dtype=object), notes


def find_conflicts(frame: pd.DataFrame) -> pd.DataFrame:
    """The examples whose text has both labels: a frame of key, id, label, source_row and text, copies together."""
    both = frame.groupby("key")["label"].transform("nunique") > 1
    columns = ["key", "id", "label", "source_row", "text"]
    return frame.loc[both, columns].sort_values(["key", "label", "source_row"], ignore_index=True)


def join_conflicts(frame: pd.DataFrame) -> tuple[pd.DataFrame, list[str]]:
    """Put a text that has both labels, and the group it belongs to, into one of the splits given for it.

    Without given splits nothing is done: the draw keeps them together. UserError when a group is in two given splits.
    """
    if (frame["split"] == "").all():
        return frame, []
    _check_groups(frame)
    weights = frame["split"].map(_WEIGHT)
    strongest = weights.groupby(clusters(frame["key"], frame["group"])).transform("min")
    splits = strongest.map({weight: split for split, weight in _WEIGHT.items()})
    moved = frame.loc[splits != frame["split"], "source_row"]
    if moved.empty:
        return frame, []
    rows = ", ".join(map(str, moved.head(10))) + (" ..." if len(moved) > 10 else "")
    note = f"Rows moved to the split that holds the same text with the other label: {rows} ({len(moved):,} in all)."
    return frame.assign(split=splits), [note]


def _check_groups(frame: pd.DataFrame) -> None:
    grouped = frame[frame["group"] != ""]
    split_up = grouped.groupby("group")["split"].transform("nunique") > 1
    if split_up.any():
        rows = grouped[split_up]
        name = rows["group"].iloc[0]
        ends = rows[rows["group"] == name].drop_duplicates("split")
        places = " and ".join(
            f"{split} (row {row})" for split, row in zip(ends["split"], ends["source_row"], strict=True)
        )
        raise UserError(
            f"Group {name!r} is in more than one given split: {places}. Groups must stay together: "
            "leave out the split column or the group column."
        )
