"""The outcomes and neighbours of the examples on this page, cached by the state of the runs and the embeddings."""

from collections.abc import Sequence

import pandas as pd
import streamlit as st

from closecall.data.annotations.causes import evidence_folder
from closecall.models.results.hard_cases import OUTCOME_COLUMNS, case_causes, neighbour_evidence, outcomes_over_runs
from closecall.models.results.run_predictions import Key, RunPredictions
from closecall.models.results.valid_runs import ValidRuns
from closecall.pages.shared.cached_io import frozen_folder, stamp
from closecall.pages.shared.runs import run_predictions, valid_runs


def facts_of(experiment: str) -> pd.DataFrame:
    """The outcomes of every test example over ratios and seeds; empty without a valid run."""
    runs, _ = valid_runs(experiment)
    return _outcomes(runs, runs.key) if len(runs.ratios) and len(runs.ids) else pd.DataFrame()


def facts_around(experiment: str) -> pd.DataFrame:
    """`facts_of` with NEIGHBOURS of the examples that some run gets wrong. Slow at 100,000 examples."""
    runs, _ = valid_runs(experiment)
    facts = facts_of(experiment)
    return facts if facts.empty else _with_neighbours(facts, experiment, runs.key, _embeddings_stamp(experiment))


def evidence_for(experiment: str, facts: pd.DataFrame, ids: Sequence[str]) -> pd.DataFrame:
    """The columns OUTCOME_COLUMNS and NEIGHBOURS for some examples, with `id` as index in the order given."""
    outcomes = facts[list(OUTCOME_COLUMNS)] if len(facts) else pd.DataFrame(columns=list(OUTCOME_COLUMNS))
    neighbours = _neighbours(experiment, tuple(ids), _embeddings_stamp(experiment))
    return outcomes.reindex(list(ids)).fillna("").join(neighbours)


def causes_for(experiment: str, ids: Sequence[str]) -> pd.DataFrame:
    """`cause` and `cause_evidence` of some examples, with `id` as index in the order given; "" where no error."""
    test, validation = run_predictions(experiment), run_predictions(experiment, "validation")
    written = stamp(evidence_folder(experiment) / "info.json")
    return _causes(test, validation, test.key, written).reindex(list(ids)).fillna("")


def _embeddings_stamp(experiment: str) -> int:
    return stamp(frozen_folder(experiment) / "embeddings.npy")


@st.cache_resource(max_entries=6, show_spinner=False)
def _outcomes(_runs: ValidRuns, key: tuple) -> pd.DataFrame:
    return outcomes_over_runs(_runs.ids, _runs.labels, _runs.pos_probs, _runs.ratios, _runs.seeds)


@st.cache_resource(max_entries=6, show_spinner=False)
def _causes(_test: RunPredictions, _validation: RunPredictions, key: Key, written: int) -> pd.DataFrame:
    return case_causes(_test, _validation)


@st.cache_resource(max_entries=6, show_spinner="Finding the neighbours of the errors")
def _with_neighbours(_facts: pd.DataFrame, experiment: str, key: tuple, written: int) -> pd.DataFrame:
    wrong = _facts.index[_facts["kind"] != "always right"]
    neighbours = neighbour_evidence(experiment, list(wrong)).reindex(_facts.index)
    texts = dict.fromkeys(("nearest_positive", "nearest_negative", "type", "type_balanced"), "")
    return _facts.join(neighbours.fillna(texts))


@st.cache_resource(max_entries=6, show_spinner=False)
def _neighbours(experiment: str, ids: tuple[str, ...], written: int) -> pd.DataFrame:
    return neighbour_evidence(experiment, list(ids))
