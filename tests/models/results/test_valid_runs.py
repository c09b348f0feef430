"""Which runs count, and the means over them."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from closecall.data.experiments.run_tables import RunTable
from closecall.data.experiments.store import run_folder
from closecall.data.io.files import read_frame, write_frame
from closecall.models.results.run_predictions import TRAIN, file_stamps, read_run_predictions, read_training_predictions
from closecall.models.results.valid_runs import (
    by_ratio,
    complete_rows,
    count_always_missed,
    outcome_groups_of,
    outcomes_by_run,
    valid_rows,
    valid_runs,
)
from tests.makers import make_dataset, make_experiment

LABELS = np.array([1] * 100 + [0] * 100, dtype=np.int8)
GOOD = np.where(LABELS == 1, 0.8, 0.2)
LOW = np.where(LABELS == 1, 0.3, 0.05)
"""Ranks as well as GOOD, with all probabilities below 0.5."""
GONE = np.where(np.arange(200) % 2 == 1, 0.3, 0.05)
"""All probabilities below 0.5, and no better than chance."""


def table(*runs: tuple[str, np.ndarray]) -> RunTable:
    return RunTable(
        split="test",
        ids=np.array([f"t{i}" for i in range(len(LABELS))], dtype=object),
        labels=LABELS,
        runs=tuple(f"r{i}" for i in range(len(runs))),
        ratios=np.ones(len(runs)),
        seeds=np.arange(len(runs)),
        remedies=np.array([remedy for remedy, _ in runs], dtype=object),
        pos_probs=np.array([probs for _, probs in runs]),
    )


def with_gap(probs: np.ndarray) -> np.ndarray:
    return np.where(np.arange(len(probs)) == 3, np.nan, probs)


def test_a_valid_run_is_a_complete_baseline_run_that_did_not_collapse() -> None:
    runs = table(("none", GOOD), ("none", GONE), ("none", with_gap(GOOD)), ("focal", GOOD), ("none", LOW))
    assert complete_rows(runs).tolist() == [True, True, False, False, True]
    assert valid_rows(runs).tolist() == [True, False, False, False, True]
    assert valid_rows(runs, threshold=0.25).tolist() == [True, True, False, False, True]
    assert valid_rows(runs, remedy="focal").tolist() == [False, False, False, True, False]


def test_an_incomplete_run_is_judged_by_the_examples_it_has() -> None:
    runs = table(("none", with_gap(GOOD)), ("none", with_gap(GONE)), ("none", np.full(len(LABELS), np.nan)))
    assert valid_rows(runs, complete=False).tolist() == [True, False, False]


@pytest.mark.parametrize(("remedy", "valid"), [("focal", True), ("retrained-head", True), ("of another version", True)])
def test_a_remedy_that_moves_probabilities_must_collapse_at_the_prior_too(remedy: str, valid: bool) -> None:
    runs = table((remedy, GONE), (remedy, np.zeros(len(LABELS))))
    assert valid_rows(runs, remedy=remedy).tolist() == [False, False]
    assert valid_rows(runs, remedy=remedy, prior=1 / 11).tolist() == [valid, False]


def test_a_remedy_without_fine_tuning_cannot_collapse() -> None:
    runs = table(("tfidf-logistic", LOW), ("one-class-knn", LOW))
    assert valid_rows(runs, remedy="tfidf-logistic").tolist() == [True, False]
    assert valid_rows(runs, remedy="one-class-knn").tolist() == [False, True]


def test_test_decides_for_both_splits(workspace: Path) -> None:
    config = make_experiment(make_dataset(), ratios=(1, 3), seeds=(0, 1), with_embeddings=False)
    path = run_folder(config.id, "r3-s1-none") / "predictions.parquet"
    frame = read_frame(path)
    frame.loc[frame["split"] == "test", "pos_prob"] = 0.0
    write_frame(path, frame)
    test, validation = valid_runs(config.id)
    assert list(zip(test.ratios, test.seeds, strict=True)) == [(1, 0), (1, 1), (3, 0)]
    assert validation.ratios.tolist() == test.ratios.tolist() and validation.seeds.tolist() == test.seeds.tolist()
    assert test.levels == [1, 3] and len(test.at(1)) == 2
    assert np.array_equal(test.of_seeds(1, [1, 0]), test.at(1)[::-1])
    groups = outcome_groups_of(read_run_predictions(config.id)["test"], threshold=0.5)
    assert groups is not None and len(groups) == len(test.ids)


def test_the_always_missed_are_those_of_the_outcome_groups(workspace: Path) -> None:
    config = make_experiment(make_dataset(), ratios=(1, 3, 10), seeds=(0, 1), with_embeddings=False, d_prime=1.0)
    groups = outcome_groups_of(read_run_predictions(config.id)["test"], threshold=0.5)
    assert groups is not None
    runs = valid_runs(config.id)[0]
    assert count_always_missed(runs) == int((groups["group"] == "always missed").sum()) > 0
    one = replace(runs, ratios=runs.ratios[:1], seeds=runs.seeds[:1], pos_probs=runs.pos_probs[:1])
    assert count_always_missed(one) == 0


def test_means_over_seeds_exclude_collapsed_runs(workspace: Path) -> None:
    config = make_experiment(make_dataset(), ratios=(1, 10), seeds=(0, 1), with_embeddings=False)
    runs = outcomes_by_run(read_run_predictions(config.id)["test"])
    runs.loc[runs["name"] == "r10-s1-none", ["tp", "fn", "collapsed"]] = [0, 80, True]
    means = by_ratio(runs).set_index("ratio")
    own = runs.set_index("name").loc["r10-s0-none"]
    assert means.loc[10, "recall"] == pytest.approx(own["tp"] / (own["tp"] + own["fn"]))
    assert (means.loc[10, "seeds"], means.loc[10, "collapsed"]) == (2, 1)
    assert means.loc[1, "recall"] == pytest.approx(runs[runs["ratio"] == 1]["recall"].mean())


def test_the_key_changes_when_a_run_is_made_again(workspace: Path) -> None:
    config = make_experiment(make_dataset(), ratios=(1, 3), seeds=(0,), with_embeddings=False)
    before = read_run_predictions(config.id)["test"].key
    assert before == read_run_predictions(config.id)["test"].key
    path = run_folder(config.id, "r1-s0-none") / "predictions.parquet"
    write_frame(path, read_frame(path))
    after = read_run_predictions(config.id)["test"].key
    assert after[:2] == before[:2] and after != before
    assert [name for name, _ in file_stamps(config.id)] == ["r1-s0-none", "r3-s0-none"]


def test_training_predictions_hold_every_training_example_once(workspace: Path) -> None:
    config = make_experiment(make_dataset(), ratios=(1, 3), seeds=(0,), with_embeddings=False)
    training = read_training_predictions(config.id)
    assert training.split == TRAIN and len(set(training.ids)) == len(training.ids)
    large = training.pos_probs[training.runs.index("r3-s0-none")]
    assert not np.isnan(large).any() and np.isnan(training.pos_probs[training.runs.index("r1-s0-none")]).any()
    assert training.place(str(training.ids[5])) == 5 and training.place("absent") == -1
