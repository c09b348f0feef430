"""Caches of run predictions and of what is computed from them, shared by every session. Keys are file stamps."""

from collections.abc import Callable

import pandas as pd
import streamlit as st

from closecall.analysis.causes.verdict import Verdict
from closecall.analysis.metrics.metric import Scores
from closecall.data.experiments.runs import Run
from closecall.models.results import ratio_pairs, ratio_table
from closecall.models.results import valid_runs as results
from closecall.models.results.run_predictions import (
    TRAIN,
    FileStamps,
    Key,
    RunPredictions,
    file_stamps,
    read_run_predictions,
    read_training_predictions,
)
from closecall.models.results.valid_runs import ValidRuns
from closecall.models.results.verdict import decide_verdict


def run_predictions(experiment: str, split: str = "test") -> RunPredictions:
    """The predictions of an experiment's finished runs on one split: "test", "validation" or "train"."""
    stamps = file_stamps(experiment, split)
    return _training(experiment, stamps) if split == TRAIN else _evaluation(experiment, stamps)[split]


def valid_runs(experiment: str) -> tuple[ValidRuns, ValidRuns]:
    """The valid baseline runs of an experiment on test and on validation."""
    test, validation = run_predictions(experiment), run_predictions(experiment, "validation")
    return _valid_runs(test, validation, test.key)


def outcomes_by_run(experiment: str, *, threshold: float = 0.5) -> pd.DataFrame:
    """The test outcomes of each complete baseline run, as `models.results.valid_runs.outcomes_by_run`."""
    test = run_predictions(experiment)
    return _outcomes_by_run(test, test.key, threshold)


def outcome_groups_of(evidence: RunPredictions, *, threshold: float, remedy: str = "none") -> pd.DataFrame | None:
    """The outcome group of each example, as `models.results.valid_runs.outcome_groups_of`."""
    return _outcome_groups(evidence, evidence.key, threshold, remedy)


def scores_of(experiment: str, split: str = "test") -> Callable[[str], Scores]:
    """A function that gives the scores of a run by its name."""
    table = run_predictions(experiment, split)
    return lambda name: _scores(table, table.key, name)


def ratio_table_of(experiment: str, *, q: float) -> pd.DataFrame:
    """The metrics of each ratio at prevalence q, as `models.results.ratio_table.ratio_table`."""
    return ratio_table.ratio_table(outcomes_by_run(experiment), scores_of(experiment), q=q)


def run_table_of(experiment: str, *, q: float) -> pd.DataFrame:
    """The metrics of each complete baseline run at prevalence q, as `models.results.ratio_table.run_table`."""
    return ratio_table.run_table(outcomes_by_run(experiment), scores_of(experiment), q=q)


def precision_recall_curve(run: Run, q: float, split: str = "test") -> pd.DataFrame:
    """The precision-recall curve of a run at prevalence q, thinned for drawing, as `drawn_curve`."""
    return ratio_table.drawn_curve(scores_of(run.config.experiment, split)(run.name), q=q)


def verdict_of(experiment: str) -> Verdict | None:
    """The verdict on an experiment, None before runs at two ratios have finished."""
    test, validation = run_predictions(experiment), run_predictions(experiment, "validation")
    return _verdict(test, validation, test.key)


def prior_shift_of(experiment: str, ratios: tuple[float, ...]) -> ratio_pairs.PriorShift | None:
    """What the class prior alone predicts at each ratio, as `models.results.ratio_pairs.prior_shift`."""
    test, validation = valid_runs(experiment)
    return _prior_shift(test, validation, test.key, ratios)


@st.cache_resource(max_entries=4, show_spinner=False)
def _evaluation(experiment: str, stamps: FileStamps) -> dict[str, RunPredictions]:
    return read_run_predictions(experiment)


@st.cache_resource(max_entries=2, show_spinner=False)
def _training(experiment: str, stamps: FileStamps) -> RunPredictions:
    return read_training_predictions(experiment)


@st.cache_resource(max_entries=6, show_spinner=False)
def _valid_runs(_test: RunPredictions, _validation: RunPredictions, key: Key) -> tuple[ValidRuns, ValidRuns]:
    return results.select_valid_runs(_test, _validation)


@st.cache_data(max_entries=64, show_spinner=False)
def _outcomes_by_run(_test: RunPredictions, key: Key, threshold: float) -> pd.DataFrame:
    return results.outcomes_by_run(_test, threshold=threshold)


@st.cache_resource(max_entries=6, show_spinner=False)
def _outcome_groups(_table: RunPredictions, key: Key, threshold: float, remedy: str) -> pd.DataFrame | None:
    return results.outcome_groups_of(_table, threshold=threshold, remedy=remedy)


@st.cache_resource(max_entries=64, show_spinner=False)
def _scores(_table: RunPredictions, key: Key, run: str) -> Scores:
    return ratio_table.run_scores(_table, run)


@st.cache_resource(max_entries=32, show_spinner="Computing the verdict")
def _verdict(_test: RunPredictions, _validation: RunPredictions, key: Key) -> Verdict | None:
    return decide_verdict(_test, _validation)


@st.cache_resource(max_entries=32, show_spinner=False)
def _prior_shift(
    _test: ValidRuns, _validation: ValidRuns, key: Key, ratios: tuple[float, ...]
) -> ratio_pairs.PriorShift | None:
    return ratio_pairs.prior_shift(_test, _validation, ratios)
