"""Slices as pages use them: their names, and which examples belong to one. Read once, shared by every session."""

from pathlib import Path

import numpy as np
import pandas as pd
import streamlit as st

from analysis.phrases import holds_phrase
from analysis.text_lengths import word_counts
from data.datasets import datasets_folder, load_examples
from data.errors import UserError
from data.experiments import load_experiment
from data.selections import load_selection
from data.slice_rules import Column, Length, Phrase, Picked, Rule, read_rule
from data.slices import Slice, find_slice, load_slices, slices_log
from pages.shared.load import stamp
from pages.shared.lookup import places_of
from pages.shared.texts import texts_of


def slice_names(experiment: str) -> list[str]:
    """The names of an experiment's saved slices, in the order of saving."""
    return [one.name for one in saved_slices(experiment)]


def slice_members(experiment: str, name: str, ids: np.ndarray) -> np.ndarray:
    """Which of the ids belong to a slice: booleans aligned with ids.

    `name` is a saved slice's name, or a rule as it is written in links, such as `word:scsi`. UserError when there is no
    such slice, or when its rule needs texts or examples that are gone.
    """
    return rule_members(experiment, rule_of(experiment, name), ids)


def saved_slices(experiment: str) -> list[Slice]:
    """An experiment's slices, read again when their log has changed."""
    path = slices_log(experiment)
    return _saved(experiment, stamp(path), path.stat().st_size if path.exists() else 0)


def rule_of(experiment: str, name: str) -> Rule:
    """The rule behind a saved name, or the rule that `name` writes out."""
    for one in saved_slices(experiment):
        if one.name == name:
            return one.rule
    return read_rule(name) or find_slice(experiment, name).rule


def rule_members(experiment: str, rule: Rule, ids: np.ndarray) -> np.ndarray:
    """Which of the ids a rule takes in: booleans aligned with ids. UserError as `slice_members`."""
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
def _inside(dataset: str, written: int, _rule: Phrase | Length | Column, written_rule: str) -> np.ndarray:
    """Which of all the dataset's examples a rule takes in."""
    if isinstance(_rule, Column):
        try:
            return (load_examples(dataset, [_rule.column])[_rule.column].astype(str) == _rule.value).to_numpy()
        except UserError:
            raise UserError(f"Dataset {dataset} has no column {_rule.column}, or is gone.") from None
    column = texts_of(dataset).texts
    if column is None:
        raise UserError(f"This slice is made from words, and there are no texts of dataset {dataset} to look in.")
    texts = column.to_pylist()
    if isinstance(_rule, Phrase):
        return holds_phrase(texts, _rule.words)
    counts = word_counts(texts)
    return (counts >= _rule.shortest) & (counts <= (_rule.longest if _rule.longest is not None else counts.max()))
