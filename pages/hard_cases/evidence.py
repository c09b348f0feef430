"""The evidence on the page's examples, computed once for each state of the runs and shared by every session."""

from collections.abc import Sequence

import pandas as pd
import streamlit as st

from closecall.models.results.case_evidence import FATES, fates, neighbour_evidence
from closecall.pages.shared.cached_io import frozen_folder, stamp
from closecall.pages.shared.runs import ValidRuns, valid_runs


def facts_of(experiment: str) -> pd.DataFrame:
    """What became of every test example; empty without a sound run."""
    runs, _ = valid_runs(experiment)
    return _fates(runs, runs.key) if len(runs.ratios) and len(runs.ids) else pd.DataFrame()


def facts_around(experiment: str) -> pd.DataFrame:
    """`facts_of` with NEIGHBOURS of the examples that are not always right. At 100,000 examples this takes a while."""
    runs, _ = valid_runs(experiment)
    facts = facts_of(experiment)
    return facts if facts.empty else _around(facts, experiment, runs.key, _written(experiment))


def evidence_for(experiment: str, facts: pd.DataFrame, ids: Sequence[str]) -> pd.DataFrame:
    """FATES and NEIGHBOURS of some examples, `id` as index in the order given."""
    told = facts[list(FATES)] if len(facts) else pd.DataFrame(columns=list(FATES))
    return told.reindex(list(ids)).fillna("").join(_near(experiment, tuple(ids), _written(experiment)))


def _written(experiment: str) -> int:
    return stamp(frozen_folder(experiment) / "embeddings.npy")


@st.cache_resource(max_entries=6, show_spinner=False)
def _fates(_runs: ValidRuns, key: tuple) -> pd.DataFrame:
    return fates(_runs.ids, _runs.labels, _runs.pos_probs, _runs.ratios, _runs.seeds)


@st.cache_resource(max_entries=6, show_spinner="Looking around the errors")
def _around(_facts: pd.DataFrame, experiment: str, key: tuple, written: int) -> pd.DataFrame:
    wrong = _facts.index[_facts["kind"] != "always right"]
    near = neighbour_evidence(experiment, list(wrong)).reindex(_facts.index)
    texts = dict.fromkeys(("nearest_positive", "nearest_negative", "type", "type_balanced"), "")
    return _facts.join(near.fillna(texts))


@st.cache_resource(max_entries=6, show_spinner=False)
def _near(experiment: str, ids: tuple[str, ...], written: int) -> pd.DataFrame:
    return neighbour_evidence(experiment, list(ids))
