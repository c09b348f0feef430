"""Slices on pages, cached by file stamps: saved slices, their members, and the tested slices of a run."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import streamlit as st

from closecall.analysis.errors.by_column import in_range
from closecall.analysis.errors.ngrams import holds_phrase
from closecall.analysis.text import word_counts
from closecall.analysis.two_groups import GroupCounts, compare_groups_with_rest
from closecall.data.annotations.selections import load_selection, save_selection
from closecall.data.annotations.slice_rules import Column, Length, Phrase, Picked, Range, Rule, read_rule
from closecall.data.annotations.slices import Slice, find_slice, load_slices, slices_log
from closecall.data.datasets.store import datasets_folder, load_examples
from closecall.data.experiments.runs import Run
from closecall.data.experiments.store import experiment_folder, load_experiment
from closecall.data.io.errors import UserError
from closecall.models.explain.clusters import Clusters, experiment_clusters
from closecall.models.explain.slices import (
    ERROR_LABEL,
    SliceCandidates,
    SliceFindings,
    slice_candidates,
    slice_findings,
)
from closecall.pages.shared.cached_io import frozen_folder, places_of, predictions, stamp, texts_of
from closecall.pages.shared.runs import run_predictions

CLUSTER = "cluster:"
"""The written form of a cluster begins with this, followed by its number."""


def slice_names(experiment: str) -> list[str]:
    """The names of an experiment's saved slices, in the order of saving."""
    return [one.name for one in saved_slices(experiment)]


def slice_members(experiment: str, name: str, ids: np.ndarray) -> np.ndarray:
    """Which of the ids belong to a slice: booleans aligned with ids.

    `name` is a saved slice's name, or a rule as it is written in links, such as `word:scsi`. UserError when there is no
    such slice, or when its rule needs texts or examples that were deleted.
    """
    return rule_members(experiment, rule_of(experiment, name), ids)


def saved_slices(experiment: str) -> list[Slice]:
    """The saved slices of an experiment."""
    path = slices_log(experiment)
    return _saved(experiment, stamp(path), path.stat().st_size if path.exists() else 0)


def rule_of(experiment: str, name: str) -> Rule:
    """The rule of the slice with this name, or the rule that `name` is in written form."""
    for one in saved_slices(experiment):
        if one.name == name:
            return one.rule
    return read_rule(name) or find_slice(experiment, name).rule


def rule_members(experiment: str, rule: Rule, ids: np.ndarray) -> np.ndarray:
    """Which of the ids meet a rule: booleans aligned with ids. UserError as `slice_members`."""
    if isinstance(rule, Picked):
        picked = pd.Index(np.asarray(load_selection(experiment, rule.selection).ids, dtype=object))
        return np.asarray(places_of(picked, ids) >= 0)
    dataset = load_experiment(experiment).dataset
    inside = _inside(dataset, stamp(_examples_file(dataset)), rule, rule.written)
    places = places_of(texts_of(dataset).places, ids)
    return np.where(places >= 0, inside[np.maximum(places, 0)], False)


def _examples_file(dataset: str) -> Path:
    return datasets_folder() / dataset / "examples.parquet"


@st.cache_resource(max_entries=16, show_spinner=False)
def _saved(experiment: str, written: int, size: int) -> list[Slice]:
    return load_slices(experiment)


@st.cache_data(max_entries=64, show_spinner=False)
def _inside(dataset: str, written: int, _rule: Phrase | Length | Column | Range, written_rule: str) -> np.ndarray:
    """Which of all examples of the dataset meet a rule (n booleans)."""
    if isinstance(_rule, Column | Range):
        try:
            values = load_examples(dataset, [_rule.column])[_rule.column]
        except UserError:
            raise UserError(f"Dataset {dataset} has no column {_rule.column}, or was deleted.") from None
        return _holding(values, _rule)
    column = texts_of(dataset).texts
    if column is None:
        raise UserError(f"This slice needs texts, and there are no texts of dataset {dataset}.")
    texts = column.to_pylist()
    if isinstance(_rule, Phrase):
        return holds_phrase(texts, _rule.words)
    counts = word_counts(texts)
    return (counts >= _rule.shortest) & (counts <= (_rule.longest if _rule.longest is not None else counts.max()))


def _holding(values: pd.Series, rule: Column | Range) -> np.ndarray:
    if isinstance(rule, Column):
        return (values.astype(str).str.strip() == rule.value.strip()).to_numpy()
    inside = in_range(values.to_numpy(), rule.lowest, rule.highest)
    if inside is None:
        raise UserError(f"{rule.text} is not a range of numbers or dates: the column, or an end of the range, is not.")
    return inside


def findings(experiment: str, run: Run, *, outcome: str, threshold: float) -> SliceFindings:
    """The tested slices of a run's false negatives (fn) or false positives (fp)."""
    key = (*_candidate_stamps(experiment), run.name, stamp(run.folder / "predictions.parquet"))
    return _findings(run, experiment, outcome, threshold, key)


def candidates(experiment: str, outcome: str) -> SliceCandidates:
    """The candidate slices of an experiment, with their members."""
    return _candidates(experiment, outcome, _candidate_stamps(experiment))


def clusters(experiment: str) -> Clusters | None:
    """The clusters of the frozen encoder's embeddings."""
    return _clusters(experiment, stamp(frozen_folder(experiment) / "embeddings.npy"))


def parse_slice(experiment: str, written: str) -> tuple[Rule, str] | None:
    """The rule and the name of a slice in written form; None for an unknown form, UserError for an invalid rule.

    A cluster becomes a saved selection of its examples, so that it stays the same when the clusters are computed again.
    """
    if not written.startswith(CLUSTER):
        rule = read_rule(written)
        return None if rule is None else (rule, rule_name(experiment, rule))
    found, number = clusters(experiment), written.removeprefix(CLUSTER)
    if found is None or not number.isdigit() or int(number) >= len(found.names):
        return None
    name = found.names[int(number)]
    key = save_selection(experiment, found.members(int(number)), source=f"the cluster {name}")
    return Picked(key), name


def rule_name(experiment: str, rule: Rule) -> str:
    """A rule in words; for selected examples, where they were selected."""
    if not isinstance(rule, Picked):
        return rule.text
    try:
        return load_selection(experiment, rule.selection).source or rule.text
    except UserError:
        return rule.text


def compare_with_rest(experiment: str, run: Run, rule: Rule, *, outcome: str, threshold: float) -> dict[str, Any]:
    """One slice against the rest of its class on test: a row of `analysis.two_groups.compare_groups_with_rest`."""
    test = run_predictions(experiment)
    probs = test.of(run)
    own = (test.labels == ERROR_LABEL[outcome]) & ~np.isnan(probs)
    wrong = own & ((probs < threshold) if outcome == "fn" else (probs >= threshold))
    inside = own & rule_members(experiment, rule, test.ids)
    counts = GroupCounts(np.array([inside.sum()]), np.array([(inside & wrong).sum()]), int(own.sum()), int(wrong.sum()))
    return {str(name): value for name, value in compare_groups_with_rest(counts).iloc[0].items()}


def _candidate_stamps(experiment: str) -> tuple[str, int, int, int]:
    """The stamps of the files that the candidates depend on: texts, evaluation examples and embeddings."""
    folder, dataset = experiment_folder(experiment), load_experiment(experiment).dataset
    files = (
        datasets_folder() / dataset / "examples.parquet",
        folder / "evaluation.parquet",
        folder / "frozen" / "embeddings.npy",
    )
    texts, examples, embeddings = (stamp(file) for file in files)
    return experiment, texts, examples, embeddings


@st.cache_resource(max_entries=4, show_spinner="Collecting words, phrases, lengths and clusters")
def _candidates(experiment: str, outcome: str, stamps: tuple[str, int, int, int]) -> SliceCandidates:
    return slice_candidates(experiment, outcome)


@st.cache_resource(max_entries=64, show_spinner=False)
def _findings(_run: Run, experiment: str, outcome: str, threshold: float, key: tuple[Any, ...]) -> SliceFindings:
    test, validation = predictions(_run), predictions(_run, "validation")
    return slice_findings(candidates(experiment, outcome), test, validation, outcome=outcome, threshold=threshold)


@st.cache_resource(max_entries=4, show_spinner="Clustering the texts")
def _clusters(experiment: str, written: int) -> Clusters | None:
    return experiment_clusters(experiment)
