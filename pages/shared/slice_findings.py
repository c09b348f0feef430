"""What slices say of one run, worked out once for each run, outcome and threshold, and shared by every session."""

from typing import Any

import numpy as np
import streamlit as st

from analysis.two_groups import GroupCounts, against_the_rest
from data.datasets import datasets_folder
from data.errors import UserError
from data.experiments import experiment_folder, load_experiment
from data.runs import Run
from data.selections import load_selection, save_selection
from data.slice_rules import Picked, Rule, read_rule
from models.clusters import Clusters, clusters_of
from models.slice_candidates import LABEL, Candidates, slice_candidates
from models.slice_findings import SliceFindings, slice_findings
from pages.shared.evidence import evidence_of
from pages.shared.load import frozen_folder, predictions, stamp
from pages.shared.slices import rule_members

CLUSTER = "cluster:"
"""How a cluster of this experiment is written, with its number."""


def findings(experiment: str, run: Run, *, outcome: str, threshold: float) -> SliceFindings:
    """The tested slices of a run's misses (fn) or false alarms (fp)."""
    key = (*_disk(experiment), run.name, stamp(run.folder / "predictions.parquet"))
    return _findings(run, experiment, outcome, threshold, key)


def candidates(experiment: str, outcome: str) -> Candidates:
    """The slices that are looked at, with their members."""
    return _candidates(experiment, outcome, _disk(experiment))


def clusters(experiment: str) -> Clusters | None:
    """The clusters of the frozen encoder's embeddings."""
    return _clusters(experiment, stamp(frozen_folder(experiment) / "embeddings.npy"))


def opened_rule(experiment: str, written: str) -> tuple[Rule, str] | None:
    """The rule of a written slice and its name in words. A cluster becomes a selection of its examples, so that it
    stays the same when clusters are made again. None for what cannot be read; UserError for a rule that does not hold.
    """
    if not written.startswith(CLUSTER):
        rule = read_rule(written)
        return None if rule is None else (rule, rule_source(experiment, rule))
    found, number = clusters(experiment), written.removeprefix(CLUSTER)
    if found is None or not number.isdigit() or int(number) >= len(found.names):
        return None
    said = found.names[int(number)]
    key = save_selection(experiment, found.members(int(number)), source=f"the cluster {said}")
    return Picked(key), said


def rule_source(experiment: str, rule: Rule) -> str:
    """A rule in words; for picked examples, where they were picked."""
    if not isinstance(rule, Picked):
        return rule.said
    try:
        return load_selection(experiment, rule.selection).source or rule.said
    except UserError:
        return rule.said


def rule_row(experiment: str, run: Run, rule: Rule, *, outcome: str, threshold: float) -> dict[str, Any]:
    """One rule against the rest on test: a row of `analysis.two_groups.against_the_rest`."""
    evidence = evidence_of(experiment)
    probs = evidence.of(run)
    own = (evidence.labels == LABEL[outcome]) & ~np.isnan(probs)
    wrong = own & ((probs < threshold) if outcome == "fn" else (probs >= threshold))
    inside = own & rule_members(experiment, rule, evidence.ids)
    counts = GroupCounts(np.array([inside.sum()]), np.array([(inside & wrong).sum()]), int(own.sum()), int(wrong.sum()))
    return {str(name): value for name, value in against_the_rest(counts).iloc[0].items()}


def _disk(experiment: str) -> tuple[str, int, int, int]:
    """What the candidates follow from: the texts, the examples and the embeddings."""
    folder, dataset = experiment_folder(experiment), load_experiment(experiment).dataset
    files = (
        datasets_folder() / dataset / "examples.parquet",
        folder / "evaluation.parquet",
        folder / "frozen" / "embeddings.npy",
    )
    texts, examples, embeddings = (stamp(file) for file in files)
    return experiment, texts, examples, embeddings


@st.cache_resource(max_entries=4, show_spinner="Finding the words, phrases, lengths and clusters")
def _candidates(experiment: str, outcome: str, disk: tuple[str, int, int, int]) -> Candidates:
    return slice_candidates(experiment, outcome)


@st.cache_resource(max_entries=64, show_spinner=False)
def _findings(_run: Run, experiment: str, outcome: str, threshold: float, key: tuple[Any, ...]) -> SliceFindings:
    test, validation = predictions(_run), predictions(_run, "validation")
    return slice_findings(candidates(experiment, outcome), test, validation, outcome=outcome, threshold=threshold)


@st.cache_resource(max_entries=4, show_spinner="Making clusters of the texts")
def _clusters(experiment: str, written: int) -> Clusters | None:
    return clusters_of(experiment)
