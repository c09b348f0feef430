"""The training examples nearest to an example, by cosine similarity of an encoder's embeddings, for both classes."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import streamlit as st

from closecall.analysis.errors.neighbours import shared_words, unshared_words
from closecall.pages.shared.cached_io import Texts, embeddings, place_of, stamp
from closecall.pages.shared.escaping import escape_html, escape_markdown, highlight_words

SHOWN = 3
"""Neighbours of each class."""
NEAR_DUPLICATE = 0.98
"""Cosine from which two texts are reported as near-duplicates."""
BORDERLINE = 0.02
"""Difference of the two classes' cosines below which an example counts as borderline."""
LISTED_WORDS = 12
"""Words of each text that the other text does not have."""
COMPARED = 20_000
"""Characters of each text that are compared word by word."""
_CLASS = ("negative", "positive")


@dataclass(frozen=True)
class Vectors:
    """Embeddings (n, dimensions) with their ids, and the training examples of each class, scaled to length 1."""

    places: pd.Index
    embeddings: np.ndarray
    train_ids: dict[int, np.ndarray]
    train_places: dict[int, pd.Index]
    train: dict[int, np.ndarray]


@dataclass(frozen=True)
class Nearest:
    """The nearest training examples of one class: ids and cosines, nearest first."""

    ids: tuple[str, ...]
    cosines: tuple[float, ...]


def vectors_of(folder: Path) -> Vectors | None:
    """The embeddings of a run folder or frozen-encoder folder, None when there are none."""
    return _vectors(str(folder), stamp(folder / "embeddings.npy"))


def neighbours(folder: Path, one: str) -> dict[int, Nearest] | str:
    """The nearest training examples of an example by class (1, 0), or a sentence that says what is missing."""
    vectors = vectors_of(folder)
    if vectors is None:
        return (
            "Nearest training examples need embeddings. There are none: the predictions were imported, or the run "
            "has not computed them yet."
        )
    place = place_of(vectors.places, one)
    if place < 0:
        return "This example has no embedding. Only test and training examples have one."
    if not all(len(vectors.train[label]) for label in (1, 0)):
        return "The training examples have no embeddings to compare with."
    query = _unit(np.asarray(vectors.embeddings[place])[None])[0]
    return {label: _nearest(vectors, label, query, one) for label in (1, 0)}


def show_neighbours(by_class: dict[int, Nearest], one: str, label: int, texts: Texts) -> None:
    """One sentence that compares the two classes, then their nearest texts side by side, the example's class first."""
    if not all(nearest.ids for nearest in by_class.values()):
        st.caption("One class has no other training example to compare with.")
        return
    if by_class[1 - label].cosines[0] >= NEAR_DUPLICATE:
        st.warning(_near_duplicate(by_class, label), icon=":material/content_copy:")
    st.markdown(_comparison(by_class, label))
    text = texts.text(one) or ""
    columns = "".join(_column(by_class[kind], kind, text, texts) for kind in (label, 1 - label))
    st.html(f'<div class="near-pair">{columns}</div>')


def _comparison(by_class: dict[int, Nearest], label: int) -> str:
    own, other = by_class[label].cosines[0], by_class[1 - label].cosines[0]
    if abs(own - other) < BORDERLINE:
        return (
            f"Borderline: the nearest training {_CLASS[label]} and {_CLASS[1 - label]} are about equally similar "
            f"(cosine {own:.2f} and {other:.2f})."
        )
    nearer = _CLASS[label] if own > other else _CLASS[1 - label]
    meaning = "its own class" if own > other else "the other class; the classes overlap here, or a label is wrong"
    cosines = f"(cosine {max(own, other):.2f} against {min(own, other):.2f})"
    return f"Nearer to a training **{nearer}** {cosines}: {meaning}."


def _near_duplicate(by_class: dict[int, Nearest], label: int) -> str:
    number = sum(cosine >= NEAR_DUPLICATE for cosine in by_class[1 - label].cosines)
    more = f", and {number - 1} more at least {NEAR_DUPLICATE}" if number > 1 else ""
    return (
        f"A near-duplicate is a training **{_CLASS[1 - label]}** ({escape_markdown(by_class[1 - label].ids[0])}, "
        f"cosine {by_class[1 - label].cosines[0]:.3f}{more}). One of the two labels may be wrong."
    )


def _column(nearest: Nearest, kind: int, text: str, texts: Texts) -> str:
    name = escape_html(texts.class_name(nearest.ids[0], kind))
    blocks = "".join(_block(number, nearest, text, texts) for number in range(len(nearest.ids)))
    return f"<div><p><strong>Nearest training {_CLASS[kind]}</strong> · {name}</p>{blocks}</div>"


def _block(number: int, nearest: Nearest, text: str, texts: Texts) -> str:
    """One neighbour as HTML; all but the nearest are collapsed."""
    one, cosine = nearest.ids[number], nearest.cosines[number]
    other = texts.text(one)
    shared = shared_words(text[:COMPARED], other[:COMPARED]) if other and text else []
    summary = f"cosine {cosine:.2f} · {escape_html(one)}"
    if shared:
        summary += f" · {len(shared)} shared word{'s' if len(shared) != 1 else ''}"
    shown = highlight_words(other, shared) if other is not None else ""
    body = f'<div class="reading near" dir="auto">{shown}</div>' + (_differences(text, other) if other and text else "")
    if number == 0:
        return f'<div class="quiet">{summary}</div>{body}'
    return f'<details><summary class="quiet">{summary}</summary>{body}</details>'


def _differences(text: str, other: str) -> str:
    """The words that only one of the two texts has, without stop words."""
    only_text, only_other = unshared_words(text[:COMPARED], other[:COMPARED])
    parts = [("Only in the example", only_text), ("Only in this neighbour", only_other)]
    return "".join(
        f'<div class="quiet apart">{name}: {escape_html(", ".join(words[:LISTED_WORDS]))}'
        f"{f' and {len(words) - LISTED_WORDS:,} more' if len(words) > LISTED_WORDS else ''}</div>"
        for name, words in parts
        if words
    )


def _nearest(vectors: Vectors, label: int, query: np.ndarray, one: str) -> Nearest:
    cosines = vectors.train[label] @ query
    first = np.argpartition(-cosines, min(SHOWN, len(cosines) - 1))[: SHOWN + 1]
    pairs = sorted((-float(cosines[i]), int(i)) for i in first)
    by_cosine = [(str(vectors.train_ids[label][i]), -cosine) for cosine, i in pairs]
    by_cosine = [pair for pair in by_cosine if pair[0] != one][:SHOWN]
    return Nearest(tuple(pair[0] for pair in by_cosine), tuple(pair[1] for pair in by_cosine))


@st.cache_resource(max_entries=6, show_spinner=False)
def _vectors(folder: str, written: int) -> Vectors | None:
    loaded = embeddings(Path(folder)) if written else None
    if loaded is None:
        return None
    rows, matrix = loaded
    train = (rows["split"] == "train").to_numpy()
    labels = rows["label"].to_numpy()
    ids = rows["id"].to_numpy(dtype=object)
    by_class = {label: np.flatnonzero(train & (labels == label)) for label in (1, 0)}
    return Vectors(
        places=pd.Index(ids, dtype=object),
        embeddings=matrix,
        train_ids={label: ids[mine] for label, mine in by_class.items()},
        train_places={label: pd.Index(ids[mine], dtype=object) for label, mine in by_class.items()},
        train={label: _unit(np.asarray(matrix[mine])) for label, mine in by_class.items()},
    )


def _unit(rows: np.ndarray) -> np.ndarray:
    lengths = np.linalg.norm(rows, axis=1, keepdims=True)
    return (rows / np.where(lengths > 0, lengths, 1)).astype(np.float32)
