"""Caches of run predictions, shared by every session. Keys are file stamps, so they follow the disk."""

import pandas as pd
import streamlit as st

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
