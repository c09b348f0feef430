"""Which examples are in the queue, and in which order: numpy masks that compose."""

from dataclasses import dataclass

import numpy as np
import pandas as pd
import streamlit as st

from analysis.outcomes import outcomes
from data.errors import UserError
from data.runs import Run
from data.selections import Selection
from pages.shared.evidence import Evidence
from pages.shared.lookup import places_of
from pages.shared.texts import Texts, search

AS_PICKED = "as picked"
ORDERS = {
    "confidence": "Most confident error first",
    "threshold": "Closest to the threshold first",
    "seeds": "Seeds disagree most first",
    AS_PICKED: "As picked",
    "id": "By id",
}
LISTED = ("On the list or not", "Not on the list", "On the list")
OUTCOMES = ("fn", "fp", "tp", "tn")


@dataclass(frozen=True)
class Filters:
    """What the reader asked for. `outcome` is one of OUTCOMES or "all"; `group` and `picked` are "" for any.

    `picked` is the key of a saved selection, `sort` a key of ORDERS.
    """

    outcome: str
    text: str
    regex: bool
    chance: tuple[float, float]
    listed: str
    group: str
    picked: str
    sort: str


@dataclass(frozen=True)
class Desk:
    """One run's examples and the queue: `order` holds row numbers into the evidence, counts what a choice gives."""

    evidence: Evidence
    run: Run
    threshold: float
    probs: np.ndarray
    outcomes: np.ndarray
    groups: pd.DataFrame | None
    listed: np.ndarray
    order: np.ndarray
    outcome_counts: dict[str, int]
    group_counts: dict[str, int]
    listed_counts: dict[str, int]

    def position(self, one: str) -> int:
        """Where an example stands in the queue, -1 when it is not there."""
        place = self.evidence.place(one)
        found = np.flatnonzero(self.order == place)
        return int(found[0]) if place >= 0 and len(found) else -1

    def id_at(self, position: int) -> str:
        """The id at a position of the queue, "" when the queue is empty."""
        if not len(self.order):
            return ""
        return str(self.evidence.ids[self.order[min(max(position, 0), len(self.order) - 1)]])


def lay_out(
    evidence: Evidence,
    run: Run,
    threshold: float,
    filters: Filters,
    *,
    groups: pd.DataFrame | None,
    listed_ids: set[str],
    texts: Texts,
    picks: Selection | None = None,
) -> Desk:
    """Filter and sort. UserError for a regular expression that cannot be read."""
    probs = evidence.of(run)
    told = ~np.isnan(probs)
    names = outcomes(evidence.labels, np.nan_to_num(probs), threshold=threshold)
    listed = evidence.places.isin(list(listed_ids))
    group = groups["group"].to_numpy(dtype=object) if groups is not None else np.full(len(probs), "", dtype=object)
    inside = told & (probs >= filters.chance[0]) & (probs <= filters.chance[1])
    inside &= _says(evidence, texts, filters)
    pick_ranks = ranks_of(evidence, picks)
    inside &= pick_ranks < np.iinfo(np.int64).max if picks else True
    by_outcome = np.isin(names, OUTCOMES) if filters.outcome == "all" else names == filters.outcome
    by_group = group == filters.group if filters.group else np.ones(len(probs), dtype=bool)
    by_list = {LISTED[0]: np.ones(len(probs), dtype=bool), LISTED[1]: ~listed, LISTED[2]: listed}
    on_list = by_list.get(filters.listed, by_list[LISTED[0]])
    rows = np.flatnonzero(inside & by_outcome & by_group & on_list)
    return Desk(
        evidence=evidence,
        run=run,
        threshold=threshold,
        probs=probs,
        outcomes=names,
        groups=groups,
        listed=listed,
        order=rows[_order(evidence, run, probs, rows, threshold, filters.sort, pick_ranks)],
        outcome_counts=_counts(names, inside & by_group & on_list),
        group_counts=_counts(group, inside & by_outcome & on_list),
        listed_counts={name: int((inside & by_outcome & by_group & mask).sum()) for name, mask in by_list.items()},
    )


def _counts(names: np.ndarray, mask: np.ndarray) -> dict[str, int]:
    values, counts = np.unique(names[mask].astype(str), return_counts=True)
    return {str(value): int(count) for value, count in zip(values, counts, strict=True)}


def _order(
    evidence: Evidence,
    run: Run,
    probs: np.ndarray,
    rows: np.ndarray,
    threshold: float,
    sort: str,
    pick_ranks: np.ndarray,
) -> np.ndarray:
    """The order of `rows`; equal ones stay in the order of the test set."""
    away = probs[rows] - threshold
    if sort == "threshold":
        return np.argsort(np.abs(away), kind="stable")
    if sort == "seeds":
        return np.argsort(-_spread(evidence, run, rows), kind="stable")
    if sort == AS_PICKED:
        return np.argsort(pick_ranks[rows], kind="stable")
    if sort == "id":
        return np.argsort(evidence.ids[rows].astype(str), kind="stable")
    wrong = np.where(evidence.labels[rows] == 1, -away, away)
    return np.argsort(-wrong, kind="stable")


def ranks_of(evidence: Evidence, picks: Selection | None) -> np.ndarray:
    """The place of each example among the picks; a number past all of them for one that was not picked."""
    ranks = np.full(len(evidence.ids), np.iinfo(np.int64).max)
    if picks:
        places = places_of(evidence.places, picks.ids)
        here = np.flatnonzero(places >= 0)
        ranks[places[here][::-1]] = here[::-1]  # of an id picked twice, the first stays
    return ranks


def _spread(evidence: Evidence, run: Run, rows: np.ndarray) -> np.ndarray:
    """How far the seeds of the run's ratio lie apart, 0 for one seed."""
    same = (evidence.ratios == run.config.ratio) & (evidence.remedies == run.config.remedy)
    probs = evidence.pos_probs[np.ix_(same, rows)]
    return np.nan_to_num(probs.max(axis=0) - probs.min(axis=0)) if len(probs) else np.zeros(len(rows))


def _says(evidence: Evidence, texts: Texts, filters: Filters) -> np.ndarray:
    """Which examples hold the words searched for; their ids are searched where there are no texts."""
    if not filters.text:
        return np.ones(len(evidence.ids), dtype=bool)
    return _found(texts, evidence, filters.text, filters.regex, evidence.experiment, evidence.split, len(evidence.ids))


@st.cache_data(max_entries=32, show_spinner=False)
def _found(
    _texts: Texts, _evidence: Evidence, wanted: str, pattern: bool, experiment: str, split: str, size: int
) -> np.ndarray:
    import pyarrow as pa

    if _texts.texts is None:
        ids = pa.chunked_array([pa.array([str(one) for one in _evidence.ids], type=pa.large_string())])
        return search(ids, wanted, pattern=pattern)
    found = search(_texts.texts, wanted, pattern=pattern)
    places = places_of(_texts.places, _evidence.ids)
    return np.where(places >= 0, found[np.maximum(places, 0)], False)


def read_chance(text: str) -> tuple[float, float]:
    """`0.1-0.5` as a range. ValueError otherwise."""
    low, high = (float(part) for part in text.split("-"))
    if not 0 <= low <= high <= 1:
        raise ValueError(text)
    return low, high


def complaint(error: UserError) -> str:
    """What is wrong with the search, with what to do."""
    return f"{error} Correct it, or turn off “regular expression” to search for it as it is written."
