"""The causes of the errors at one ratio, cached by the files they come from."""

import numpy as np
import streamlit as st

from closecall.analysis.causes.miss_wording import CausesOfErrors
from closecall.data.annotations.causes import evidence_folder, load_evidence
from closecall.data.datasets.store import datasets_folder
from closecall.data.experiments.store import load_experiment
from closecall.models.results.causes import decide_causes
from closecall.models.results.measures.all_measures import measures_of
from closecall.models.results.measures.measure import Measure
from closecall.models.results.metadata_errors import ColumnErrors, errors_by_column
from closecall.models.results.run_predictions import Key, RunPredictions
from closecall.models.results.valid_runs import valid_rows
from closecall.pages.shared.cached_io import places_of, stamp
from closecall.pages.shared.runs import run_predictions


def causes_of(
    experiment: str, *, ratio: float, outcome: str, threshold: float = 0.5, remedy: str = "none"
) -> CausesOfErrors | None:
    """As `models.results.causes.decide_causes`; None without a run at the ratio."""
    test, validation = run_predictions(experiment), run_predictions(experiment, "validation")
    if not ((test.ratios == ratio) & (test.remedies == remedy)).any():
        return None
    written = stamp(evidence_folder(experiment) / "info.json")
    return _causes(test, validation, test.key, written, ratio, outcome, threshold, remedy)


def experiment_measures(experiment: str, *, ratio: float) -> list[Measure]:
    """As `models.results.measures.measures_of`; empty before the evidence is computed."""
    test = run_predictions(experiment)
    written = tuple(stamp(evidence_folder(experiment) / name) for name in ("info.json", "texts.json"))
    return _measures(test, test.key, written, ratio) if written[0] else []


def column_errors(found: CausesOfErrors, experiment: str) -> list[ColumnErrors]:
    """As `models.results.metadata_errors.errors_by_column`, for the errors of the baseline at threshold 0.50."""
    test = run_predictions(experiment)
    files = evidence_folder(experiment) / "info.json", datasets_folder() / load_experiment(experiment).dataset
    written = stamp(files[0]), stamp(files[1] / "examples.parquet")
    return _column_errors(test, found, test.key, written, found.ratio, found.outcome)


def cause_of_each(predictions: RunPredictions, *, ratio: float, threshold: float, remedy: str = "none") -> np.ndarray:
    """The cause of each test example that most seeds misclassify, "" for others and for other splits. Shape (n,)."""
    causes = np.full(len(predictions.ids), "", dtype=object)
    if predictions.split != "test":
        return causes
    for outcome in ("fn", "fp"):
        found = causes_of(predictions.experiment, ratio=ratio, outcome=outcome, threshold=threshold, remedy=remedy)
        if found is not None and len(found.examples):
            places = places_of(predictions.places, found.examples["id"])
            causes[places[places >= 0]] = found.examples["cause"].to_numpy()[places >= 0]
    return causes


@st.cache_data(max_entries=16, show_spinner=False)
def _measures(_test: RunPredictions, key: Key, written: tuple[int, ...], ratio: float) -> list[Measure]:
    return measures_of(_test.experiment, _test, load_evidence(_test.experiment, runs=()), ratio=ratio)


@st.cache_resource(max_entries=16, show_spinner=False)
def _column_errors(
    _test: RunPredictions, _found: CausesOfErrors, key: Key, written: tuple[int, int], ratio: float, outcome: str
) -> list[ColumnErrors]:
    return errors_by_column(_test.experiment, _test, _found)


@st.cache_resource(max_entries=16, show_spinner=False)
def _causes(
    _test: RunPredictions,
    _validation: RunPredictions,
    key: Key,
    written: int,
    ratio: float,
    outcome: str,
    threshold: float,
    remedy: str,
) -> CausesOfErrors:
    runs = [_test.runs[row] for row in valid_rows(_test, threshold=threshold, remedy=remedy).nonzero()[0]]
    evidence = load_evidence(_test.experiment, runs=runs) if written else None
    return decide_causes(_test, _validation, evidence, ratio=ratio, outcome=outcome, threshold=threshold, remedy=remedy)
