"""The training examples nearest to an example, by an encoder's own embeddings, both classes side by side."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import streamlit as st

from closecall.analysis.errors.neighbours import shared_words, words_apart
from closecall.pages.shared.cached_io import Texts, embeddings, place_of, stamp
from closecall.pages.shared.escaping import escape_markdown
from closecall.pages.shared.highlight import escaped, highlighted

SHOWN = 3
SAME = 0.98
"""Cosine from which two texts are worth a look as near-duplicates."""
WORDS = 12
"""Words not shared that are listed, of each text."""
CLOSE = 0.02
"""A margin between the two classes smaller than this is no difference to speak of."""


@dataclass(frozen=True)
class Vectors:
    """Embeddings by id, and those of the training examples of each class, of length 1."""

    places: pd.Index
    embeddings: np.ndarray
    train_ids: dict[int, np.ndarray]
    train_places: dict[int, pd.Index]
    train: dict[int, np.ndarray]


@dataclass(frozen=True)
class Near:
    """The nearest training examples of one class: ids and cosines, nearest first."""

    ids: tuple[str, ...]
    cosines: tuple[float, ...]


def vectors_of(folder: Path) -> Vectors | None:
    """The embeddings of a run folder or of an experiment's frozen folder, None when there are none."""
    return _vectors(str(folder), stamp(folder / "embeddings.npy"))


def neighbours(folder: Path, one: str) -> dict[int, Near] | str:
    """The nearest training examples by class, or a sentence that says what is missing."""
    vectors = vectors_of(folder)
    if vectors is None:
        return (
            "There are no embeddings, which neighbours need: these predictions came without an encoder, or the run "
            "has not come to them yet."
        )
    place = place_of(vectors.places, one)
    if place < 0:
        return "This example has no embedding: only test and training examples do."
    if not all(len(vectors.train[label]) for label in (1, 0)):
        return "The training examples have no embeddings, so there is nothing to compare with."
    query = _unit(np.asarray(vectors.embeddings[place])[None])[0]
    return {label: _nearest(vectors, label, query, one) for label in (1, 0)}


def show_neighbours(found: dict[int, Near], one: str, label: int, texts: Texts) -> None:
    """One sentence on what they say, then the classes side by side; the example's own class first."""
    if not all(near.ids for near in found.values()):
        st.caption("There is no other training example of one class to compare with.")
        return
    if found[1 - label].cosines[0] >= SAME:
        st.warning(_twin(found, label), icon=":material/content_copy:")
    st.markdown(_finding(found, label))
    text = texts.text(one) or ""
    sides = "".join(_side(found[kind], kind, text, texts) for kind in (label, 1 - label))
    st.html(f'<div class="near-pair">{sides}</div>')


def _side(near: Near, kind: int, text: str, texts: Texts) -> str:
    name = escaped(texts.class_name(near.ids[0], kind))
    blocks = "".join(_block(number, near, text, texts) for number in range(len(near.ids)))
    return f"<div><p><strong>Nearest training {'positive' if kind else 'negative'}</strong> · {name}</p>{blocks}</div>"


def _nearest(vectors: Vectors, label: int, query: np.ndarray, one: str) -> Near:
    cosines = vectors.train[label] @ query
    first = np.argpartition(-cosines, min(SHOWN, len(cosines) - 1))[: SHOWN + 1]
    pairs = sorted((-float(cosines[i]), int(i)) for i in first)
    near = [(str(vectors.train_ids[label][i]), -cosine) for cosine, i in pairs]
    near = [pair for pair in near if pair[0] != one][:SHOWN]
    return Near(tuple(pair[0] for pair in near), tuple(pair[1] for pair in near))


def _finding(found: dict[int, Near], label: int) -> str:
    own, other = found[label].cosines[0], found[1 - label].cosines[0]
    names = ("negative", "positive")
    if abs(own - other) < CLOSE:
        return f"As near to training negatives as to training positives: borderline (cosine {own:.2f} and {other:.2f})."
    nearer = names[label] if own > other else names[1 - label]
    reading = "its own class" if own > other else "the other class: true overlap, or a wrong label"
    return f"Nearer to a training **{nearer}**, {reading} (cosine {max(own, other):.2f} against {min(own, other):.2f})."


def _twin(found: dict[int, Near], label: int) -> str:
    """A near-duplicate of the other class."""
    number = sum(cosine >= SAME for cosine in found[1 - label].cosines)
    name, cosine = ("negative", "positive")[1 - label], found[1 - label].cosines[0]
    more = f", and {number - 1} more are as near" if number > 1 else ""
    return (
        f"To this encoder nearly the same text stands in training as a **{name}** "
        f"({escape_markdown(found[1 - label].ids[0])}, cosine {cosine:.3f}{more}): one of the two labels may be wrong."
    )


def _block(number: int, near: Near, text: str, texts: Texts) -> str:
    """The nearest one open, the next ones folded."""
    one, cosine = near.ids[number], near.cosines[number]
    other = texts.text(one)
    shared = shared_words(text[:20_000], other[:20_000]) if other and text else []
    said = f"cosine {cosine:.2f} · {escaped(one)}"
    if shared:
        said += f" · {len(shared)} shared word{'s' if len(shared) != 1 else ''}"
    body = f'<div class="reading near" dir="auto">{highlighted(other, shared) if other is not None else ""}</div>'
    body += _apart(text, other) if other and text else ""
    if number == 0:
        return f'<div class="quiet">{said}</div>{body}'
    return f'<details><summary class="quiet">{said}</summary>{body}</details>'


def _apart(text: str, other: str) -> str:
    """The words that the two texts do not share, stop words left out."""
    only_read, only_near = words_apart(text[:20_000], other[:20_000])
    parts = [("Only in what you read", only_read), ("Only in this neighbour", only_near)]
    return "".join(
        f'<div class="quiet apart">{said}: {escaped(", ".join(found[:WORDS]))}'
        f"{f' and {len(found) - WORDS:,} more' if len(found) > WORDS else ''}</div>"
        for said, found in parts
        if found
    )


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
