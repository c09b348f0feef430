"""The desk: one split's examples, what the filters leave of them, and in which order."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import streamlit as st

from closecall.data.annotations.slices import slices_log
from closecall.data.experiments.runs import Run
from closecall.data.experiments.store import ExperimentConfig
from closecall.data.io.errors import UserError
from closecall.models.results.run_predictions import RunPredictions
from closecall.pages.errors.filter_masks import ExampleOutcomes, Known, example_outcomes, keeps, rows_of
from closecall.pages.errors.filters import STARTS, Filters
from closecall.pages.errors.orders import orders, sort_keys
from closecall.pages.shared.cached_io import Texts, stamp, texts_of
from closecall.pages.shared.case_list import annotations, log_stamp
from closecall.pages.shared.runs import outcome_groups_of, run_predictions

NARROWING = ("outcome", "text", "chance", "listed", "group", "tag", "action", "slice", "length", "picked")


@dataclass(frozen=True)
class ReadingState:
    """`masks` has one for each filter that narrows, `order` the rows of the queue; `refused` says what of the filters
    cannot be read and is left out.
    """

    known: Known
    filters: Filters
    masks: Mapping[str, np.ndarray]
    order: np.ndarray
    positions: np.ndarray
    listed: np.ndarray
    refused: tuple[str, ...]

    @property
    def evidence(self) -> RunPredictions:
        return self.known.evidence

    @property
    def run(self) -> Run:
        return self.known.run

    @property
    def threshold(self) -> float:
        return self.known.threshold

    @property
    def judged(self) -> ExampleOutcomes:
        return self.known.judged

    @property
    def texts(self) -> Texts:
        return self.known.texts

    def position(self, one: str) -> int:
        """Where an example stands in the queue, -1 when it is not there."""
        place = self.evidence.place(one)
        return int(self.positions[place]) if place >= 0 else -1

    def id_at(self, position: int) -> str:
        """The id at a position of the queue, "" when the queue is empty."""
        if not len(self.order):
            return ""
        return str(self.evidence.ids[self.order[min(max(position, 0), len(self.order) - 1)]])

    def said(self, one: str, column: str) -> str:
        """One column of what people said of an example, "" when nobody touched it."""
        frame = self.known.annotations
        return str(frame.at[one, column]) if one in frame.index else ""

    def ids(self) -> list[str]:
        """The ids of the whole queue."""
        return [str(one) for one in self.evidence.ids[self.order]]

    def number(self, name: str, value: Any) -> int:
        """How many examples a value of one filter would leave, the other filters as they are."""
        others = _all(self.known, {key: mask for key, mask in self.masks.items() if key != name})
        if value == _any(name):
            return int(others.sum())
        return int((others & keeps(self.known, replace(self.filters, **{name: value}), name)).sum())


def reading_state(config: ExperimentConfig, run: Run, threshold: float, split: str, filters: Filters) -> ReadingState:
    """The desk for the filters as they stand; the last one is kept, as most keys change none of it."""
    evidence, texts = run_predictions(config.id, split), texts_of(config.dataset)
    mark = (evidence.key, run.name, threshold, filters, log_stamp(config.id), id(texts), stamp(slices_log(config.id)))
    kept = st.session_state.get("desk")
    if kept is None or kept[0] != mark:
        known = Known(
            evidence=evidence,
            run=run,
            threshold=threshold,
            judged=example_outcomes(evidence, run, threshold, filters.seeds),
            groups=outcome_groups_of(evidence, threshold=threshold, remedy=run.config.remedy),
            annotations=annotations(config.id),
            texts=texts,
            dataset=config.dataset,
        )
        kept = st.session_state["desk"] = (mark, arrange(known, filters))
    return kept[1]


def arrange(known: Known, filters: Filters) -> ReadingState:
    """Filter and sort. A filter that cannot be read is left out, and said."""
    masks, refused = {}, []
    for name in NARROWING:
        if getattr(filters, name) != _any(name):
            try:
                masks[name] = keeps(known, filters, name)
            except UserError as error:
                refused.append(str(error))
    rows = np.flatnonzero(_all(known, masks))
    sort = filters.sort if filters.sort in orders(known, filters) else STARTS["sort"]
    picks_lost = filters.picked and "picked" not in masks
    keys = sort_keys(known, replace(filters, sort=sort, picked="" if picks_lost else filters.picked), rows)
    order = rows[np.argsort(keys, kind="stable")]
    positions = np.full(len(known.evidence.ids), -1)
    positions[order] = np.arange(len(order))
    listed = rows_of(known.evidence, known.annotations, known.annotations["listed"])
    return ReadingState(known, filters, masks, order, positions, listed, tuple(refused))


def _any(name: str) -> Any:
    """The value of a filter that leaves everything in."""
    return "all" if name == "outcome" else STARTS[name]


def _all(known: Known, masks: Mapping[str, np.ndarray]) -> np.ndarray:
    """The examples that are told of and that every mask keeps."""
    inside = known.judged.codes >= 0
    for mask in masks.values():
        inside = inside & mask
    return inside
