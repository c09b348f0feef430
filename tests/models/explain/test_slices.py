"""Slices of a run: candidates and their members, stored clusters, findings, the linear surrogate."""

import os
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from closecall.analysis.errors.surrogate import word_contributions
from closecall.data.annotations.slice_rules import read_rule
from closecall.data.datasets.store import delete_dataset
from closecall.data.experiments.runs import load_run, save_embeddings
from closecall.data.experiments.store import experiment_folder
from closecall.models.explain.clusters import experiment_clusters, k_means, number_of_clusters
from closecall.models.explain.slices import run_findings, run_surrogate, slice_candidates
from closecall.models.results.slice_wording import finding_text, slice_tests_text
from closecall.pages.shared.slices import rule_members
from tests.makers import make_dataset, make_experiment
from tests.planted import WORD, make_planted


@pytest.fixture
def planted(workspace: Path) -> str:
    return make_planted().id


def test_the_planted_word_is_the_first_finding(planted: str) -> None:
    run = load_run(planted, "r5-s0-none")
    found = run_findings(planted, run, outcome="fn", threshold=0.5)
    first = found.table.iloc[0]
    assert (first["rule"], bool(first["stands_out"])) == (f"word:{WORD}", True)
    text = finding_text(found, 5, "fn")
    assert text.startswith(f"Positives with “{WORD}” ")
    assert f"{first['wrong']}/{first['n']}, against" in text and f"{first['rest_wrong']}/{first['rest_n']}" in text
    assert f"{found.wrong:,}/{found.n:,}" in slice_tests_text(found, "fn")
    assert run_findings(planted, run, outcome="fp", threshold=0.5).wrong == 0


def test_missing_clusters_are_reported(workspace: Path) -> None:
    make_experiment(make_dataset(positives=240), ratios=(1,), seeds=(0,), with_embeddings=False)
    found = run_findings("sweep", load_run("sweep", "r1-s0-none"), outcome="fn", threshold=0.5)
    assert "no clusters: they need" in slice_tests_text(found, "fn")


def test_members_follow_from_the_saved_rule(planted: str) -> None:
    found = slice_candidates(planted, "fn")
    assert {"word", "length", "cluster"} <= set(found.members.kinds)
    for column, written in enumerate(found.rules):
        rule = read_rule(written)
        if rule is not None:
            held = found.members.holds[:, [column]].toarray().ravel() == 1
            assert (held == rule_members(planted, rule, found.ids)).all(), written


def test_too_few_examples_are_reported_with_the_number_needed(workspace: Path) -> None:
    make_experiment(make_dataset(positives=30), ratios=(1,), seeds=(0,))
    found = run_findings("sweep", load_run("sweep", "r1-s0-none"), outcome="fn", threshold=0.999)
    assert found.too_few
    assert finding_text(found, 1, "fn") == "Too few positives to test slices."
    assert "at least 20 in each. There are 5 in validation and 10 in test" in slice_tests_text(found, "fn")


def test_no_finding_comes_with_the_power_of_the_test(workspace: Path) -> None:
    make_experiment(make_dataset(positives=240), ratios=(1,), seeds=(0,))
    found = run_findings("sweep", load_run("sweep", "r1-s0-none"), outcome="fn", threshold=0.5)
    finding = "No slice differs significantly from the rest in its rate of false negatives at 1:1."
    assert finding_text(found, 1, "fn") == finding
    assert "to detect twice the rate takes about" in slice_tests_text(found, "fn")


def test_without_a_dataset_only_clusters_are_tested(planted: str) -> None:
    experiment_clusters(planted)
    delete_dataset("posts")
    found = slice_candidates(planted, "fn")
    assert not found.has_texts
    assert set(found.members.kinds) <= {"cluster"}


def test_clusters_are_stored_until_the_embeddings_change(planted: str) -> None:
    first = experiment_clusters(planted)
    assert first is not None
    folder = experiment_folder(planted) / "frozen"
    written = (folder / "clusters.npz").stat().st_mtime_ns
    again = experiment_clusters(planted)
    assert again is not None
    assert (again.numbers == first.numbers).all() and again.names == first.names
    assert (folder / "clusters.npz").stat().st_mtime_ns == written
    rows = pd.read_parquet(folder / "embedding_rows.parquet")
    save_embeddings(folder, rows, np.random.default_rng(1).normal(size=(len(rows), 8)))
    os.utime(folder / "embeddings.npy", ns=(1, 1))
    other = experiment_clusters(planted)
    assert other is not None
    assert (other.numbers != first.numbers).any()
    (folder / "clusters.npz").write_bytes(b"half a file")
    assert experiment_clusters(planted) is not None


def test_k_means_separates_groups_the_largest_first() -> None:
    rng = np.random.default_rng(0)
    groups = np.repeat([0, 1, 2], [50, 30, 20])
    rows = np.eye(3)[groups] + rng.normal(scale=0.05, size=(100, 3))
    assert k_means(rows.astype(np.float32), 3).tolist() == groups.tolist()
    assert [number_of_clusters(n) for n in (5, 450, 10**6)] == [2, 4, 10]


def test_the_surrogate_weights_the_planted_word(planted: str) -> None:
    found = run_surrogate(planted, load_run(planted, "r5-s0-none"))
    positive = found.labels == 1
    missed = positive & (found.pos_probs < 0.5)
    pulls = word_contributions(found.fitted, missed, positive & ~missed)
    assert pulls["name"][0] == WORD
    assert pulls["contribution"][0] < -0.1
    assert found.fitted.r2.mean() > 0.5
