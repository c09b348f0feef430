"""The evidence on the page's examples, computed once for each state of the runs and shared by every session."""

from collections.abc import Sequence

import pandas as pd
import streamlit as st

from models.case_evidence import FATES, NEIGHBOURS, fates, neighbour_evidence
from pages.shared.load import frozen_folder, stamp
from pages.shared.sound_runs import SoundRuns, sound_runs


def facts_of(experiment: str) -> pd.DataFrame:
    """What became of every test example, and what lies around those not always right; empty without a sound run."""
    runs, _ = sound_runs(experiment)
    if not len(runs.ratios) or not len(runs.ids):
        return pd.DataFrame()
    return _facts(runs, experiment, runs.key, _written(experiment))


def evidence_for(experiment: str, facts: pd.DataFrame, ids: Sequence[str]) -> pd.DataFrame:
    """FATES and NEIGHBOURS of some examples, `id` as index in the order given."""
    known = facts.index[facts["type"] != ""] if len(facts) else pd.Index([])
    rest = tuple(one for one in ids if one not in known)
    near = _near(experiment, rest, _written(experiment)) if rest else pd.DataFrame(columns=list(NEIGHBOURS))
    if len(facts):
        near = pd.concat([near, facts.loc[facts.index.isin(set(ids) - set(rest)), list(NEIGHBOURS)]])
        told = facts[list(FATES)].reindex(list(ids)).fillna("")
    else:
        told = pd.DataFrame("", index=pd.Index(list(ids)), columns=list(FATES))
    return told.join(near)


def _written(experiment: str) -> int:
    return stamp(frozen_folder(experiment) / "embeddings.npy")


@st.cache_resource(max_entries=6, show_spinner="Looking around the misses")
def _facts(_runs: SoundRuns, experiment: str, key: tuple, written: int) -> pd.DataFrame:
    told = fates(_runs.ids, _runs.labels, _runs.pos_probs, _runs.ratios, _runs.seeds)
    wrong = told.index[told["kind"] != "always right"]
    near = neighbour_evidence(experiment, list(wrong)).reindex(told.index)
    return told.join(near.fillna(dict.fromkeys(("nearest_positive", "nearest_negative", "type", "type_balanced"), "")))


@st.cache_resource(max_entries=6, show_spinner=False)
def _near(experiment: str, ids: tuple[str, ...], written: int) -> pd.DataFrame:
    return neighbour_evidence(experiment, list(ids))
