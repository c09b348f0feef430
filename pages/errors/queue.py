"""The queue: the examples of a split that the filters keep, in the chosen order."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import streamlit as st

from closecall.analysis.errors.neighbours import class_margins
from closecall.data.annotations.slices import slices_log
from closecall.data.datasets.store import datasets_folder
from closecall.data.experiments.runs import Run, load_dynamics
from closecall.data.experiments.store import ExperimentConfig
from closecall.data.io.errors import UserError
from closecall.models.results.run_predictions import TRAIN, Key, RunPredictions
from closecall.pages.errors.filter_masks import (
    SplitExamples,
    Values,
    annotated,
    example_outcomes,
    picked_ranks,
    valid_seeds,
)
from closecall.pages.errors.filters import FILTERS, Filter
from closecall.pages.shared import case_list
from closecall.pages.shared.cached_io import places_of, stamp, texts_of
from closecall.pages.shared.neighbours import vectors_of
from closecall.pages.shared.runs import outcome_groups_of, run_predictions

DEFAULT_ORDER = "confidence"
ORDERS = {
    "confidence": "Most confident error first",
    "threshold": "Closest to the threshold first",
    "margin": "Nearest to the other class first",
    "seeds": "Largest disagreement of seeds first",
    "data map": "Lowest training confidence first",
    "as picked": "As picked",
    "id": "By id",
}
"""The orders by their name in the URL, with their name on screen."""
_SPINNER_FROM = 2_000
"""Examples from which the computation of margins shows a spinner."""


@dataclass(frozen=True)
class Queue:
    """The filtered and ordered examples of a split.

    `masks` holds the mask of each filter that narrows; `order` the rows of the queue; `positions` (n,) the place of an
    example in it or -1; `listed` (n,) whether it is on the hard-case list; `errors` the filters that could not be
    applied and are ignored.
    """

    examples: SplitExamples
    values: Values
    masks: Mapping[str, np.ndarray]
    order: np.ndarray
    positions: np.ndarray
    listed: np.ndarray
    errors: tuple[str, ...]

    def position(self, example: str) -> int:
        """The place of an example in the queue, -1 when it is not in it."""
        row = self.examples.predictions.place(example)
        return int(self.positions[row]) if row >= 0 else -1

    def id_at(self, position: int) -> str:
        """The id at a position of the queue, "" when the queue is empty."""
        if not len(self.order):
            return ""
        return str(self.examples.predictions.ids[self.order[min(max(position, 0), len(self.order) - 1)]])

    def ids(self) -> list[str]:
        """The ids of the whole queue."""
        return [str(one) for one in self.examples.predictions.ids[self.order]]

    def annotation(self, example: str, column: str) -> str:
        """One column of an example's annotations, "" when it has none."""
        frame = self.examples.annotations
        return str(frame.at[example, column]) if example in frame.index else ""

    def count(self, one: Filter, value: Any) -> int:
        """The number of examples that a value of one filter would keep, with all other filters unchanged."""
        kept = _kept_by_all(self.examples, {name: mask for name, mask in self.masks.items() if name != one.name})
        if one.mask is not None and one.narrows(value):
            kept = kept & one.mask(self.examples, {**self.values, one.name: value})
        return int(kept.sum())


def current_queue(config: ExperimentConfig, run: Run, threshold: float, values: Values, sort: str) -> Queue:
    """The queue for these filters. The last one is kept in the session, because most key presses do not change it."""
    predictions, texts = run_predictions(config.id, values["split"]), texts_of(config.dataset)
    stamps = (
        case_list.log_stamp(config.id),
        stamp(slices_log(config.id)),
        stamp(datasets_folder() / config.dataset / "examples.parquet"),
    )
    key = (predictions.key, run.name, threshold, dict(values), sort, stamps, texts.texts is None)
    kept = st.session_state.get("queue-of-filters")
    if kept is None or kept[0] != key:
        examples = SplitExamples(
            predictions=predictions,
            run=run,
            threshold=threshold,
            outcomes=example_outcomes(predictions, run, threshold, values["seeds"]),
            groups=outcome_groups_of(predictions, threshold=threshold, remedy=run.config.remedy),
            annotations=case_list.annotations(config.id),
            texts=texts,
            dataset=config.dataset,
        )
        kept = st.session_state["queue-of-filters"] = (key, _filter_and_sort(examples, values, sort))
    return kept[1]


def _filter_and_sort(examples: SplitExamples, values: Values, sort: str) -> Queue:
    """A filter that raises a UserError is ignored and reported."""
    masks, errors = {}, []
    for one in FILTERS:
        if one.mask is not None and one.narrows(values[one.name]):
            try:
                masks[one.name] = one.mask(examples, values)
            except UserError as error:
                errors.append(str(error))
    rows = np.flatnonzero(_kept_by_all(examples, masks))
    picked = values["picked"] if "picked" in masks else ""
    possible = available_orders(examples, picked)
    keys = sort_keys(examples, sort if sort in possible else DEFAULT_ORDER, picked, rows)
    order = rows[np.argsort(keys, kind="stable")]
    positions = np.full(len(examples.predictions.ids), -1)
    positions[order] = np.arange(len(order))
    listed = annotated(examples, examples.annotations["listed"])
    return Queue(examples, values, masks, order, positions, listed, tuple(errors))


def _kept_by_all(examples: SplitExamples, masks: Mapping[str, np.ndarray]) -> np.ndarray:
    """The examples that have a prediction and that every mask keeps."""
    kept = examples.outcomes.codes >= 0
    for mask in masks.values():
        kept = kept & mask
    return kept


def available_orders(examples: SplitExamples, picked: str) -> list[str]:
    """The names in ORDERS whose data exist. `picked` is the key of the picked selection, "" for none."""
    predictions, run = examples.predictions, examples.run
    available = {
        "margin": run.has_embeddings and predictions.split != "validation",
        "seeds": len(valid_seeds(predictions, run, examples.threshold)) > 1,
        "data map": predictions.split == TRAIN and (run.folder / "dynamics.npz").exists(),
        "as picked": bool(picked),
    }
    return [name for name in ORDERS if available.get(name, True)]


def sort_keys(examples: SplitExamples, sort: str, picked: str, rows: np.ndarray) -> np.ndarray:
    """The sort key of each of the rows, shape of `rows`. nan sorts last."""
    predictions, run = examples.predictions, examples.run
    if sort == "margin":
        return _own_margins(predictions, run, rows)
    if sort == "seeds":
        return _agreement(predictions, run, predictions.key, run.name, examples.threshold)[rows]
    if sort == "data map":
        return _confidence(predictions, run, predictions.key, run.name)[rows]
    if sort == "as picked":
        return picked_ranks(predictions, picked)[rows]
    if sort == "id":
        return _id_ranks(predictions, predictions.key)[rows]
    distance = examples.outcomes.probs[rows] - examples.threshold
    return np.abs(distance) if sort == "threshold" else np.where(predictions.labels[rows] == 1, distance, -distance)


@dataclass(frozen=True)
class _Margins:
    """Margins (n,), computed when they are first needed; `computed` (n,) says which are."""

    values: np.ndarray
    computed: np.ndarray


def _own_margins(predictions: RunPredictions, run: Run, rows: np.ndarray) -> np.ndarray:
    """Cosine of the nearest training example of the own class minus that of the other class. Below 0: other is nearer.

    Computed for these rows only: a queue of false negatives is short, the whole split may be large.
    """
    margins = _margins(len(predictions.ids), predictions.key, str(run.folder), stamp(run.folder / "embeddings.npy"))
    new = rows[~margins.computed[rows]]
    if len(new) > _SPINNER_FROM:
        with st.spinner(f"Comparing {len(new):,} examples with the training examples"):
            margins.values[new] = _compute_margins(predictions, run, new)
    elif len(new):
        margins.values[new] = _compute_margins(predictions, run, new)
    margins.computed[new] = True
    return margins.values[rows]


def _compute_margins(predictions: RunPredictions, run: Run, rows: np.ndarray) -> np.ndarray:
    vectors, margins = vectors_of(run.folder), np.full(len(rows), np.nan)
    if vectors is None or not all(len(vectors.train[label]) for label in (0, 1)):
        return margins
    places = places_of(vectors.places, predictions.ids[rows])
    here = np.flatnonzero(places >= 0)
    if len(here):
        own = {label: places_of(vectors.train_places[label], predictions.ids[rows[here]]) for label in (0, 1)}
        margins[here] = class_margins(vectors.embeddings[places[here]], vectors.train[1], vectors.train[0],
                                      own_positive=own[1], own_negative=own[0])  # fmt: skip
    return np.where(predictions.labels[rows] == 1, margins, -margins)


@st.cache_resource(max_entries=6, show_spinner=False)
def _margins(size: int, key: Key, folder: str, written: int) -> _Margins:
    return _Margins(np.full(size, np.nan), np.zeros(size, dtype=bool))


@st.cache_resource(max_entries=6, show_spinner=False)
def _agreement(_predictions: RunPredictions, _run: Run, key: Key, name: str, threshold: float) -> np.ndarray:
    """The negative range of the probabilities over the valid seeds of the run's ratio."""
    probs = _predictions.pos_probs[valid_seeds(_predictions, _run, threshold)]
    predicted = ~np.isnan(probs).all(axis=0)
    spread = np.zeros(probs.shape[1])
    spread[predicted] = np.nanmax(probs[:, predicted], axis=0) - np.nanmin(probs[:, predicted], axis=0)
    return -spread


@st.cache_resource(max_entries=6, show_spinner=False)
def _confidence(_predictions: RunPredictions, _run: Run, key: Key, name: str) -> np.ndarray:
    """The mean over epochs of the training-time probability of the true class (Swayamdipta et al. 2020)."""
    confidence = np.full(len(_predictions.ids), np.nan)
    dynamics = load_dynamics(_run)
    places = places_of(_predictions.places, dynamics.ids)
    recorded = ~np.isnan(dynamics.pos_probs).all(axis=0)
    of_true = np.where(dynamics.labels == 1, dynamics.pos_probs, 1 - dynamics.pos_probs)
    confidence[places[recorded]] = np.nanmean(of_true[:, recorded], axis=0)
    return confidence


@st.cache_resource(max_entries=6, show_spinner=False)
def _id_ranks(_predictions: RunPredictions, key: Key) -> np.ndarray:
    ranks = np.empty(len(_predictions.ids), dtype=np.int64)
    ranks[np.argsort(_predictions.ids.astype(str), kind="stable")] = np.arange(len(ranks))
    return ranks
