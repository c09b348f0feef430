"""What is said of every example: by the run that is read, or by most seeds of its ratio."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pandas as pd
import streamlit as st

from closecall.analysis.metrics.outcomes import OUTCOMES as CODES
from closecall.analysis.text import word_counts
from closecall.data.annotations.selections import load_selection
from closecall.data.datasets.store import datasets_folder
from closecall.data.experiments.runs import Run
from closecall.data.io.errors import UserError
from closecall.models.results.run_predictions import Key, RunPredictions
from closecall.models.results.valid_runs import valid_rows
from closecall.pages.errors.filters import LISTED, MOST_SEEDS, UNDECIDED, Filters, length_of
from closecall.pages.shared.cached_io import Texts, places_of, search, stamp
from closecall.pages.shared.slices import slice_members


@dataclass(frozen=True)
class ExampleOutcomes:
    """Aligned with the evidence: the (mean) probability, nan where none is told; the outcome's code; how many of how
    many seeds call it positive. `rows` are the runs asked.
    """

    probs: np.ndarray
    codes: np.ndarray
    called: np.ndarray
    told: np.ndarray
    rows: np.ndarray

    @property
    def seeds(self) -> int:
        return len(self.rows)

    def outcome(self, row: int) -> str:
        """tp, fn, fp or tn; "" when nothing is told."""
        return str(CODES[self.codes[row]]) if self.codes[row] >= 0 else ""

    def number(self, outcome: str) -> int:
        """How many examples met an outcome."""
        return int((self.codes == CODES.index(outcome)).sum())


def example_outcomes(evidence: RunPredictions, run: Run, threshold: float, seeds: str) -> ExampleOutcomes:
    """The run's own word, or that of most sound seeds of its ratio and remedy; of a tie, that of their mean."""
    return _judged(evidence, run, evidence.key, run.name, threshold, seeds)


def sound_seeds(evidence: RunPredictions, run: Run, threshold: float) -> np.ndarray:
    """The rows of the run's ratio and remedy that did not collapse; its own row when all did."""
    valid = valid_rows(evidence, remedy=run.config.remedy, threshold=threshold, complete=False)
    rows = np.flatnonzero(valid & (evidence.ratios == run.config.ratio))
    return rows if len(rows) else np.array([evidence.runs.index(run.name)])


@st.cache_resource(max_entries=8, show_spinner=False)
def _judged(_evidence: RunPredictions, _run: Run, key: Key, run: str, threshold: float, seeds: str) -> ExampleOutcomes:
    own = np.array([_evidence.runs.index(run)])
    rows = sound_seeds(_evidence, _run, threshold) if seeds == MOST_SEEDS else own
    probs = _evidence.pos_probs[rows]
    told = (~np.isnan(probs)).sum(axis=0)
    called = (probs >= threshold).sum(axis=0)
    mean = np.where(told > 0, np.nansum(probs, axis=0) / np.maximum(told, 1), np.nan)
    positive = np.where(2 * called == told, mean >= threshold, 2 * called > told)
    codes = np.where(told > 0, 2 * _evidence.labels.astype(np.int64) + positive, -1).astype(np.int8)
    return ExampleOutcomes(mean, codes, called, told, rows)


# Which examples one value of one filter keeps: a numpy mask for each.


@dataclass(frozen=True)
class Known:
    """All that is known of the examples of a split before any filter. `annotations`: as `case_list.annotations`."""

    evidence: RunPredictions
    run: Run
    threshold: float
    judged: ExampleOutcomes
    groups: pd.DataFrame | None
    annotations: pd.DataFrame
    texts: Texts
    dataset: str


def keeps(known: Known, filters: Filters, name: str) -> np.ndarray:
    """Which examples the value of one filter keeps. UserError for a value that cannot be read."""
    return _MASKS[name](known, filters)


def lengths(known: Known) -> np.ndarray | None:
    """How many words each example has, None when there are no texts."""
    if known.texts.texts is None:
        return None
    written = stamp(datasets_folder() / known.dataset / "examples.parquet")
    return _lengths(known.texts, known.evidence, known.evidence.key, known.dataset, written)


def group_names(known: Known) -> tuple[np.ndarray, np.ndarray]:
    """The code of each example's outcome group, and the names that the codes stand for."""
    if known.groups is None:
        return np.zeros(len(known.evidence.ids), dtype=np.int64), np.array([""])
    return _group_names(known.groups, known.evidence.key, known.run.config.remedy, known.threshold)


def pick_ranks(evidence: RunPredictions, picked: str) -> np.ndarray:
    """The place of each example among the picks of a selection, nan for one that was not picked."""
    return _pick_ranks(evidence, evidence.key, picked)


def rows_of(evidence: RunPredictions, annotations: pd.DataFrame, mask: pd.Series) -> np.ndarray:
    """The examples whose annotations a mask takes in: booleans aligned with the evidence."""
    places = places_of(evidence.places, annotations.index[mask.to_numpy(dtype=bool)])
    inside = np.zeros(len(evidence.ids), dtype=bool)
    inside[places[places >= 0]] = True
    return inside


def _outcome(known: Known, filters: Filters) -> np.ndarray:
    return known.judged.codes == CODES.index(filters.outcome)


def _chance(known: Known, filters: Filters) -> np.ndarray:
    probs, (low, high) = known.judged.probs, filters.chance
    return (probs >= low) & (probs <= high)


def _text(known: Known, filters: Filters) -> np.ndarray:
    written = stamp(datasets_folder() / known.dataset / "examples.parquet")
    try:
        return _found(known.texts, known.evidence, filters.text, filters.regex, known.evidence.key, written)
    except UserError as error:
        hint = "Correct it, or turn off “regular expression” to search for it as it is written."
        raise UserError(f"{error} {hint}") from None


def _listed(known: Known, filters: Filters) -> np.ndarray:
    on_list = rows_of(known.evidence, known.annotations, known.annotations["listed"])
    return on_list if filters.listed == LISTED[2] else ~on_list


def _group(known: Known, filters: Filters) -> np.ndarray:
    codes, names = group_names(known)
    return np.isin(codes, np.flatnonzero(names == filters.group))


def _tag(known: Known, filters: Filters) -> np.ndarray:
    tags = known.annotations["tags"]
    return rows_of(known.evidence, known.annotations, tags.map(lambda all_tags: filters.tag in all_tags.split("; ")))


def _action(known: Known, filters: Filters) -> np.ndarray:
    actions = known.annotations["action"]
    if filters.action == UNDECIDED:
        return ~rows_of(known.evidence, known.annotations, actions != "")
    return rows_of(known.evidence, known.annotations, actions == filters.action)


def _slice(known: Known, filters: Filters) -> np.ndarray:
    return slice_members(known.evidence.experiment, filters.slice, known.evidence.ids)


def _length(known: Known, filters: Filters) -> np.ndarray:
    counts, rule = lengths(known), length_of(filters.length)
    if counts is None or rule is None:
        raise UserError("The length of the texts cannot be asked for: no texts came with these predictions.")
    return (counts >= rule.shortest) & (counts <= (rule.longest if rule.longest is not None else np.inf))


def _picked(known: Known, filters: Filters) -> np.ndarray:
    return ~np.isnan(pick_ranks(known.evidence, filters.picked))


_MASKS: dict[str, Callable[[Known, Filters], np.ndarray]] = {
    "outcome": _outcome,
    "chance": _chance,
    "text": _text,
    "listed": _listed,
    "group": _group,
    "tag": _tag,
    "action": _action,
    "slice": _slice,
    "length": _length,
    "picked": _picked,
}


@st.cache_data(max_entries=32, show_spinner=False)
def _found(_texts: Texts, _evidence: RunPredictions, wanted: str, pattern: bool, key: Key, written: int) -> np.ndarray:
    """Which examples hold the words; ids are searched where there are no texts."""
    import pyarrow as pa

    if _texts.texts is None:
        ids = pa.chunked_array([pa.array([str(one) for one in _evidence.ids], type=pa.large_string())])
        return search(ids, wanted, pattern=pattern)
    found = search(_texts.texts, wanted, pattern=pattern)
    places = places_of(_texts.places, _evidence.ids)
    return np.where(places >= 0, found[np.maximum(places, 0)], False)


@st.cache_resource(max_entries=4, show_spinner=False)
def _lengths(_texts: Texts, _evidence: RunPredictions, key: Key, dataset: str, written: int) -> np.ndarray:
    import pyarrow as pa

    places = places_of(_texts.places, _evidence.ids)
    column = _texts.texts if _texts.texts is not None else pa.chunked_array([], type=pa.large_string())
    here = np.flatnonzero(places >= 0)
    counts = np.zeros(len(places), dtype=np.int64)
    counts[here] = word_counts([text or "" for text in column.take(pa.array(places[here])).to_pylist()])
    return counts


@st.cache_resource(max_entries=8, show_spinner=False)
def _group_names(_groups: pd.DataFrame, key: Key, remedy: str, threshold: float) -> tuple[np.ndarray, np.ndarray]:
    codes, names = pd.factorize(_groups["group"].to_numpy(dtype=object))
    return codes, np.asarray(names, dtype=object)


@st.cache_resource(max_entries=8, show_spinner=False)
def _pick_ranks(_evidence: RunPredictions, key: Key, picked: str) -> np.ndarray:
    places = places_of(_evidence.places, load_selection(_evidence.experiment, picked).ids)
    here = np.flatnonzero(places >= 0)
    ranks = np.full(len(_evidence.ids), np.nan)
    ranks[places[here][::-1]] = here[::-1]  # of an id picked twice, the first place stays
    return ranks
