"""The examples of one split with their outcomes, and which of them a filter keeps: one mask function for each filter.

A mask is a boolean array with the shape (n,) of the examples. `values` maps the name of each filter to its value.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import streamlit as st

from closecall.analysis.metrics.outcomes import OUTCOMES
from closecall.analysis.ratio.outcome_groups import current_group
from closecall.analysis.text import word_counts
from closecall.data.annotations.selections import load_selection
from closecall.data.annotations.slice_rules import Length, read_rule
from closecall.data.datasets.store import datasets_folder
from closecall.data.experiments.runs import Run
from closecall.data.io.errors import UserError
from closecall.models.results.run_predictions import Key, RunPredictions
from closecall.models.results.valid_runs import valid_rows
from closecall.pages.shared.cached_io import Texts, places_of, search, stamp
from closecall.pages.shared.causes import cause_of_each
from closecall.pages.shared.slices import slice_members

Values = Mapping[str, Any]
ALL_OUTCOMES = "all"
LISTED = ("On the list or not", "Not on the list", "On the list")
UNDECIDED = "undecided"
ONE_SEED, MOST_SEEDS = "one", "most"


@dataclass(frozen=True)
class ExampleOutcomes:
    """The prediction for each example, by one run or by the majority of several seeds. Arrays have the shape (n,).

    `probs` is the (mean) probability, nan without a prediction; `codes` the place in OUTCOMES, -1 without a prediction;
    `seeds_positive` of `seeds_predicting` runs predict positive. `rows` are the rows of the runs.
    """

    probs: np.ndarray
    codes: np.ndarray
    seeds_positive: np.ndarray
    seeds_predicting: np.ndarray
    rows: np.ndarray

    @property
    def seeds(self) -> int:
        return len(self.rows)

    def outcome(self, row: int) -> str:
        """tp, fn, fp or tn; "" without a prediction."""
        return OUTCOMES[self.codes[row]] if self.codes[row] >= 0 else ""

    def count(self, outcome: str) -> int:
        """The number of examples with an outcome."""
        return int((self.codes == OUTCOMES.index(outcome)).sum())


@dataclass(frozen=True)
class SplitExamples:
    """Everything about the examples of a split, before any filter. `annotations` as `case_list.annotations`."""

    predictions: RunPredictions
    run: Run
    threshold: float
    outcomes: ExampleOutcomes
    groups: pd.DataFrame | None
    annotations: pd.DataFrame
    texts: Texts
    dataset: str

    @property
    def experiment(self) -> str:
        return self.predictions.experiment


def example_outcomes(predictions: RunPredictions, run: Run, threshold: float, seeds: str) -> ExampleOutcomes:
    """The outcomes of one run (ONE_SEED), or of the majority of the valid seeds of its ratio and remedy (MOST_SEEDS).

    With as many seeds for positive as for negative, the mean probability decides.
    """
    return _example_outcomes(predictions, run, predictions.key, run.name, threshold, seeds)


def valid_seeds(predictions: RunPredictions, run: Run, threshold: float) -> np.ndarray:
    """The rows of the valid runs with the run's ratio and remedy; the run's own row when none is valid."""
    return _valid_seeds(predictions, run, predictions.key, run.name, threshold)


def text_lengths(examples: SplitExamples) -> np.ndarray | None:
    """The number of words of each example, None when there are no texts."""
    if examples.texts.texts is None:
        return None
    key = examples.predictions.key
    return _text_lengths(examples.texts, examples.predictions, key, examples.dataset, _texts_stamp(examples))


def outcome_group_codes(examples: SplitExamples) -> tuple[np.ndarray, np.ndarray]:
    """The outcome group of each example as a code (n,), and the names of the codes."""
    if examples.groups is None:
        return np.zeros(len(examples.predictions.ids), dtype=np.int64), np.array([""])
    key, remedy = examples.predictions.key, examples.run.config.remedy
    return _outcome_group_codes(examples.groups, key, remedy, examples.threshold)


def example_causes(examples: SplitExamples) -> np.ndarray:
    """The cause of each example that most seeds misclassify, "" for others. Shape (n,)."""
    config = examples.run.config
    return cause_of_each(examples.predictions, ratio=config.ratio, threshold=examples.threshold, remedy=config.remedy)


def picked_ranks(predictions: RunPredictions, picked: str) -> np.ndarray:
    """The place of each example in a saved selection, nan for an example that is not in it."""
    return _picked_ranks(predictions, predictions.key, picked)


def annotated(examples: SplitExamples, rows: pd.Series) -> np.ndarray:
    """The mask of the examples for which `rows`, a boolean column of the annotations, is true."""
    places = places_of(examples.predictions.places, examples.annotations.index[rows.to_numpy(dtype=bool)])
    inside = np.zeros(len(examples.predictions.ids), dtype=bool)
    inside[places[places >= 0]] = True
    return inside


def length_rule(text: str) -> Length | None:
    """`25-48`, `49-` or `-24` as a range of words, None for any other text."""
    low, mark, high = text.partition("-")
    try:
        rule = read_rule(f"length:{low or 0}-{high}") if mark else None
    except UserError:
        return None
    return rule if isinstance(rule, Length) else None


def outcome_mask(examples: SplitExamples, values: Values) -> np.ndarray:
    return examples.outcomes.codes == OUTCOMES.index(values["outcome"])


def probability_mask(examples: SplitExamples, values: Values) -> np.ndarray:
    probs, (low, high) = examples.outcomes.probs, values["chance"]
    return (probs >= low) & (probs <= high)


def text_mask(examples: SplitExamples, values: Values) -> np.ndarray:
    """UserError for an invalid regular expression."""
    predictions, written = examples.predictions, _texts_stamp(examples)
    try:
        return _text_mask(examples.texts, predictions, values["text"], values["regex"], predictions.key, written)
    except UserError as error:
        hint = "Correct it, or turn off “Regular expression” to search for the literal text."
        raise UserError(f"{error} {hint}") from None


def listed_mask(examples: SplitExamples, values: Values) -> np.ndarray:
    listed = annotated(examples, examples.annotations["listed"])
    return listed if values["listed"] == LISTED[2] else ~listed


def group_mask(examples: SplitExamples, values: Values) -> np.ndarray:
    codes, names = outcome_group_codes(examples)
    return np.isin(codes, np.flatnonzero(names == current_group(values["group"])))


def cause_mask(examples: SplitExamples, values: Values) -> np.ndarray:
    return example_causes(examples) == values["cause"]


def tag_mask(examples: SplitExamples, values: Values) -> np.ndarray:
    tags = examples.annotations["tags"]
    return annotated(examples, tags.map(lambda joined: values["tag"] in joined.split("; ")))


def action_mask(examples: SplitExamples, values: Values) -> np.ndarray:
    actions = examples.annotations["action"]
    if values["action"] == UNDECIDED:
        return ~annotated(examples, actions != "")
    return annotated(examples, actions == values["action"])


def slice_mask(examples: SplitExamples, values: Values) -> np.ndarray:
    """UserError when there is no such slice."""
    return slice_members(examples.experiment, values["slice"], examples.predictions.ids)


def length_mask(examples: SplitExamples, values: Values) -> np.ndarray:
    """UserError when there are no texts."""
    counts, rule = text_lengths(examples), length_rule(values["length"])
    if counts is None or rule is None:
        raise UserError("The length filter needs texts. These predictions were imported without texts.")
    return (counts >= rule.shortest) & (counts <= (rule.longest if rule.longest is not None else np.inf))


def picked_mask(examples: SplitExamples, values: Values) -> np.ndarray:
    """UserError when there is no such selection."""
    return ~np.isnan(picked_ranks(examples.predictions, values["picked"]))


def _texts_stamp(examples: SplitExamples) -> int:
    return stamp(datasets_folder() / examples.dataset / "examples.parquet")


@st.cache_resource(max_entries=8, show_spinner=False)
def _example_outcomes(
    _predictions: RunPredictions, _run: Run, key: Key, run: str, threshold: float, seeds: str
) -> ExampleOutcomes:
    own = np.array([_predictions.runs.index(run)])
    rows = valid_seeds(_predictions, _run, threshold) if seeds == MOST_SEEDS else own
    probs = _predictions.pos_probs[rows]
    predicting = (~np.isnan(probs)).sum(axis=0)
    predict_positive = (probs >= threshold).sum(axis=0)
    mean = np.where(predicting > 0, np.nansum(probs, axis=0) / np.maximum(predicting, 1), np.nan)
    positive = np.where(2 * predict_positive == predicting, mean >= threshold, 2 * predict_positive > predicting)
    codes = np.where(predicting > 0, 2 * _predictions.labels.astype(np.int64) + positive, -1).astype(np.int8)
    return ExampleOutcomes(mean, codes, predict_positive, predicting, rows)


@st.cache_data(max_entries=8, show_spinner=False)
def _valid_seeds(_predictions: RunPredictions, _run: Run, key: Key, run: str, threshold: float) -> np.ndarray:
    valid = valid_rows(_predictions, remedy=_run.config.remedy, threshold=threshold, complete=False)
    rows = np.flatnonzero(valid & (_predictions.ratios == _run.config.ratio))
    return rows if len(rows) else np.array([_predictions.runs.index(run)])


@st.cache_data(max_entries=32, show_spinner=False)
def _text_mask(
    _texts: Texts, _predictions: RunPredictions, wanted: str, pattern: bool, key: Key, written: int
) -> np.ndarray:
    """Search the texts, or the ids when there are no texts."""
    if _texts.texts is None:
        ids = pa.chunked_array([pa.array([str(one) for one in _predictions.ids], type=pa.large_string())])
        return search(ids, wanted, pattern=pattern)
    matches = search(_texts.texts, wanted, pattern=pattern)
    places = places_of(_texts.places, _predictions.ids)
    return np.where(places >= 0, matches[np.maximum(places, 0)], False)


@st.cache_resource(max_entries=4, show_spinner=False)
def _text_lengths(_texts: Texts, _predictions: RunPredictions, key: Key, dataset: str, written: int) -> np.ndarray:
    places = places_of(_texts.places, _predictions.ids)
    column = _texts.texts if _texts.texts is not None else pa.chunked_array([], type=pa.large_string())
    here = np.flatnonzero(places >= 0)
    counts = np.zeros(len(places), dtype=np.int64)
    counts[here] = word_counts([text or "" for text in column.take(pa.array(places[here])).to_pylist()])
    return counts


@st.cache_resource(max_entries=8, show_spinner=False)
def _outcome_group_codes(
    _groups: pd.DataFrame, key: Key, remedy: str, threshold: float
) -> tuple[np.ndarray, np.ndarray]:
    codes, names = pd.factorize(_groups["group"].to_numpy(dtype=object))
    return codes, np.asarray(names, dtype=object)


@st.cache_resource(max_entries=8, show_spinner=False)
def _picked_ranks(_predictions: RunPredictions, key: Key, picked: str) -> np.ndarray:
    places = places_of(_predictions.places, load_selection(_predictions.experiment, picked).ids)
    here = np.flatnonzero(places >= 0)
    ranks = np.full(len(_predictions.ids), np.nan)
    ranks[places[here][::-1]] = here[::-1]  # an id that was picked twice keeps its first place
    return ranks
