"""In which order the queue is read: one number for each of its examples, the smallest first."""

from dataclasses import dataclass

import numpy as np
import streamlit as st

from closecall.analysis.errors.neighbours import class_margins
from closecall.data.experiments.runs import Run, load_dynamics
from closecall.models.results.run_predictions import TRAIN, Key, RunPredictions
from closecall.pages.errors.filter_masks import Known, pick_ranks, sound_seeds
from closecall.pages.errors.filters import AS_PICKED, DATA_MAP, ORDERS, Filters
from closecall.pages.shared.cached_io import places_of, stamp
from closecall.pages.shared.neighbours import vectors_of

_MANY = 2_000
"""From so many comparisons on, the reader is told what is going on."""


def orders(known: Known, filters: Filters) -> list[str]:
    """The keys of ORDERS that say something here."""
    evidence, run = known.evidence, known.run
    possible = {
        "margin": run.has_embeddings and evidence.split != "validation",
        "seeds": len(sound_seeds(evidence, run, known.threshold)) > 1,
        DATA_MAP: evidence.split == TRAIN and (run.folder / "dynamics.npz").exists(),
        AS_PICKED: bool(filters.picked),
    }
    return [name for name in ORDERS if possible.get(name, True)]


def sort_keys(known: Known, filters: Filters, rows: np.ndarray) -> np.ndarray:
    """A number for each of the rows; the smallest comes first, nan last."""
    evidence, run, sort = known.evidence, known.run, filters.sort
    if sort == "margin":
        return _own_margins(evidence, run, rows)
    if sort == "seeds":
        return _agreement(evidence, run, evidence.key, run.name, known.threshold)[rows]
    if sort == DATA_MAP:
        return _confidence(evidence, run, evidence.key, run.name)[rows]
    if sort == AS_PICKED and filters.picked:
        return pick_ranks(evidence, filters.picked)[rows]
    if sort == "id":
        return _by_id(evidence, evidence.key)[rows]
    away = known.judged.probs[rows] - known.threshold
    return np.abs(away) if sort == "threshold" else np.where(evidence.labels[rows] == 1, away, -away)


@dataclass(frozen=True)
class _Margins:
    """Margins for own class, aligned with the evidence, filled in as they are asked for."""

    values: np.ndarray
    filled: np.ndarray


def _own_margins(evidence: RunPredictions, run: Run, rows: np.ndarray) -> np.ndarray:
    """How much nearer the nearest training example of its own class is than that of the other: below 0, not nearer.

    Worked out for the rows asked for only: a queue of misses is short, all examples may be many.
    """
    margins = _margins(len(evidence.ids), evidence.key, str(run.folder), stamp(run.folder / "embeddings.npy"))
    new = rows[~margins.filled[rows]]
    if len(new) > _MANY:
        with st.spinner(f"Comparing {len(new):,} examples with the training examples"):
            margins.values[new] = _compared(evidence, run, new)
    elif len(new):
        margins.values[new] = _compared(evidence, run, new)
    margins.filled[new] = True
    return margins.values[rows]


def _compared(evidence: RunPredictions, run: Run, rows: np.ndarray) -> np.ndarray:
    vectors, margins = vectors_of(run.folder), np.full(len(rows), np.nan)
    if vectors is None or not all(len(vectors.train[label]) for label in (0, 1)):
        return margins
    places = places_of(vectors.places, evidence.ids[rows])
    here = np.flatnonzero(places >= 0)
    if len(here):
        own = {label: places_of(vectors.train_places[label], evidence.ids[rows[here]]) for label in (0, 1)}
        margins[here] = class_margins(vectors.embeddings[places[here]], vectors.train[1], vectors.train[0],
                                      own_positive=own[1], own_negative=own[0])  # fmt: skip
    return np.where(evidence.labels[rows] == 1, margins, -margins)


@st.cache_resource(max_entries=6, show_spinner=False)
def _margins(size: int, key: Key, folder: str, written: int) -> _Margins:
    return _Margins(np.full(size, np.nan), np.zeros(size, dtype=bool))


@st.cache_resource(max_entries=6, show_spinner=False)
def _agreement(_evidence: RunPredictions, _run: Run, key: Key, name: str, threshold: float) -> np.ndarray:
    """How far the sound seeds of the run's ratio lie apart, made negative: those that disagree come first."""
    probs = _evidence.pos_probs[sound_seeds(_evidence, _run, threshold)]
    told = ~np.isnan(probs).all(axis=0)
    spread = np.zeros(probs.shape[1])
    spread[told] = np.nanmax(probs[:, told], axis=0) - np.nanmin(probs[:, told], axis=0)
    return -spread


@st.cache_resource(max_entries=6, show_spinner=False)
def _confidence(_evidence: RunPredictions, _run: Run, key: Key, name: str) -> np.ndarray:
    """The mean over epochs of the training-time probability of the true class (Swayamdipta et al. 2020)."""
    confidence = np.full(len(_evidence.ids), np.nan)
    dynamics = load_dynamics(_run)
    places = places_of(_evidence.places, dynamics.ids)
    told = ~np.isnan(dynamics.pos_probs).all(axis=0)
    of_true = np.where(dynamics.labels == 1, dynamics.pos_probs, 1 - dynamics.pos_probs)
    confidence[places[told]] = np.nanmean(of_true[:, told], axis=0)
    return confidence


@st.cache_resource(max_entries=6, show_spinner=False)
def _by_id(_evidence: RunPredictions, key: Key) -> np.ndarray:
    ranks = np.empty(len(_evidence.ids), dtype=np.int64)
    ranks[np.argsort(_evidence.ids.astype(str), kind="stable")] = np.arange(len(ranks))
    return ranks
