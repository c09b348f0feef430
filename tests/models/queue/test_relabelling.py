"""A list applied and the experiment queued on the result: the same plan, settings and examples where they stay."""

import time
from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest

from closecall.data.annotations.hard_cases import add_hard_cases, set_action, set_new_label
from closecall.data.datasets.store import load_dataset
from closecall.data.experiments.plans import training_ids
from closecall.data.experiments.store import (
    load_evaluation,
    load_experiment,
    load_plan,
    load_run_config,
    run_names,
    save_experiment,
)
from closecall.data.io.errors import UserError
from closecall.models.queue import jobs
from closecall.models.queue.relabelling import (
    apply_decisions,
    proposed_relabelling,
    queue_same_experiment,
    relabelled_experiments,
)
from tests.makers import make_dataset, make_experiment
from tests.tiny_sweep import make_tiny_sweep

TRAIN, TEST, GONE = "post-00001", "post-00003", "post-00004"


def decide(experiment: str) -> None:
    """A training positive and a test positive become negatives, a test positive is taken out."""
    add_hard_cases(experiment, [TRAIN, TEST, GONE], ["missed"] * 3)
    set_action(experiment, [TRAIN, TEST], "relabel")
    set_new_label(experiment, [TRAIN, TEST], "pc")
    set_action(experiment, [GONE], "duplicate")


def test_the_same_experiment_on_the_next_version(workspace: Path) -> None:
    before = make_experiment(make_dataset(), ratios=(1, 3), seeds=(0, 1))
    decide("sweep")
    assert len(proposed_relabelling("sweep").changes) == 3
    version = apply_decisions("sweep")
    after = queue_same_experiment("sweep", version.name, start=False)
    assert (version.name, after.parent, after.dataset) == ("posts-v2", "sweep", "posts-v2")
    assert after.dataset_sha256 == load_dataset("posts-v2").info.content_sha256
    assert "hard-case list of sweep (log sha256 " in version.info.origin
    kept = {name: getattr(after, name) for name in ("ratios", "seeds", "remedies", "training", "sweep", "plan_seed")}
    assert kept == {name: getattr(before, name) for name in kept}
    assert run_names(after.id) == run_names("sweep")

    old, new = load_evaluation("sweep").set_index("id"), load_evaluation(after.id).set_index("id")
    assert list(new.index) == [one for one in old.index if one != GONE]
    assert new.at[TEST, "label"] == 0 and (new["label"] != old["label"].loc[new.index]).sum() == 1
    was, now = (training_ids(load_plan(one), ratio=3, seed=1).set_index("id")["label"] for one in ("sweep", after.id))
    assert was[TRAIN] == 1 and now[TRAIN] == 0
    stayed = was.index.intersection(now.index)
    assert (
        len(stayed) >= len(was) - 4 and (was.drop(TRAIN).loc[stayed.drop(TRAIN)] == now.loc[stayed.drop(TRAIN)]).all()
    )
    config = load_run_config(after.id, "r3-s1-none")
    assert config.n_positives == (now == 1).sum() and config.n_negatives == (now == 0).sum() == 3 * config.n_positives
    assert [(one.before.id, one.after.id) for one in relabelled_experiments("sweep")] == [("sweep", after.id)]
    assert [(one.before.id, one.after.id) for one in relabelled_experiments(after.id)] == [("sweep", after.id)]


def test_training_only_does_not_change_the_test_set(workspace: Path) -> None:
    make_experiment(make_dataset(), ratios=(1, 3), seeds=(0,))
    decide("sweep")
    after = queue_same_experiment("sweep", apply_decisions("sweep", training_only=True).name, start=False)
    pd.testing.assert_frame_equal(load_evaluation(after.id), load_evaluation("sweep"))


def test_what_cannot_be_repeated(workspace: Path) -> None:
    config = make_experiment(make_dataset(), ratios=(1, 3), seeds=(0,))
    with pytest.raises(UserError, match="changes no label"):
        apply_decisions("sweep")
    save_experiment(replace(config, kind="imported"))
    with pytest.raises(UserError, match="made elsewhere"):
        queue_same_experiment("sweep", "posts", start=False)


@pytest.mark.slow
def test_both_are_trained_by_a_real_worker(workspace: Path) -> None:
    config, _ = make_tiny_sweep(workspace, ratios=(1, 2))
    decide(config.id)
    after = queue_same_experiment(config.id, apply_decisions(config.id).name)
    deadline = time.monotonic() + 240
    while jobs.experiment_progress(config.id).active or jobs.experiment_progress(after.id).active:
        assert time.monotonic() < deadline
        time.sleep(0.5)
    for one in (config.id, after.id):
        assert jobs.experiment_progress(one).counts["done"] == 2
    assert load_experiment(after.id).training == config.training
