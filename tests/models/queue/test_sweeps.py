"""Experiment folders made from a dataset: their runs, plan, evaluation ids and names."""

from pathlib import Path

import pandas as pd
import pytest

from closecall.data.datasets.store import load_examples
from closecall.data.experiments.plans import training_ids
from closecall.data.experiments.runs import load_runs, read_status
from closecall.data.experiments.store import (
    TrainingConfig,
    experiment_folder,
    load_evaluation,
    load_experiment,
    load_plan,
    load_run_config,
    run_names,
)
from closecall.data.experiments.task_folders import FROZEN, task_folder
from closecall.data.io.errors import UserError
from closecall.models.queue.sweeps import SweepRequest, located_model, make_checkpoint_run, make_sweep
from tests.makers import make_dataset
from tests.tiny_bert import make_tiny_bert

pytestmark = pytest.mark.timeout(30)


def test_a_sweep_has_a_queued_run_for_each_ratio_and_seed(workspace: Path) -> None:
    make_dataset()
    config = make_sweep(SweepRequest("posts", title="My sweep", ratios=[3, 1], seeds=[1, 0], positives=20))
    assert config.id == "my-sweep" and config.ratios == (1, 3) and config.seeds == (0, 1)
    assert load_experiment("my-sweep") == config
    assert run_names("my-sweep") == ["r1-s0-none", "r1-s1-none", "r3-s0-none", "r3-s1-none"]
    assert {run.status.state for run in load_runs("my-sweep")} == {"queued"}
    assert read_status(task_folder("my-sweep", FROZEN)).state == "queued"


def test_the_counts_of_a_run_are_those_of_its_plan(workspace: Path) -> None:
    make_dataset()
    make_sweep(SweepRequest("posts", title="counts", ratios=[1, 2.5, 5], seeds=[0, 4], positives=20))
    plan = load_plan("counts")
    for name in run_names("counts"):
        run = load_run_config("counts", name)
        labels = training_ids(plan, ratio=run.ratio, seed=run.seed)["label"]
        assert (run.n_positives, run.n_negatives) == ((labels == 1).sum(), (labels == 0).sum())
        assert (run.n_positives, run.n_negatives) == (20, 20 * run.ratio)


def test_validation_and_test_are_fixed_capped_and_apart_from_training(workspace: Path) -> None:
    make_dataset()
    make_sweep(SweepRequest("posts", title="capped", ratios=[1, 2], positives=10, test_negatives_cap=30))
    evaluation = load_evaluation("capped")
    counts = evaluation.groupby(["split", "label"]).size()
    assert counts["test", 0] == 30 and counts["validation", 0] == 30
    splits = load_examples("posts").set_index("id")["split"]
    assert (evaluation["split"].to_numpy() == splits[evaluation["id"]].to_numpy()).all()
    assert not set(evaluation["id"]) & set(load_plan("capped")["id"])


@pytest.mark.parametrize(
    ("letter", "kind"), [("A", "fixed_positives"), ("b", "fixed_negatives"), ("C", "matched"), ("matched", "matched")]
)
def test_a_sweep_kind_by_letter_and_by_name_is_the_same_sweep(workspace: Path, letter: str, kind: str) -> None:
    make_dataset()
    by_letter, by_name = (
        make_sweep(SweepRequest("posts", title="kinds", ratios=[1, 4], positives=20, sweep=name))
        for name in (letter, kind)
    )
    assert by_letter.sweep == by_name.sweep == kind
    pd.testing.assert_frame_equal(load_plan(by_letter.id), load_plan(by_name.id))


def test_an_experiment_written_with_letters_opens(workspace: Path) -> None:
    make_dataset()
    config = make_sweep(SweepRequest("posts", title="old", ratios=[1, 4], positives=20, sweep="fixed_negatives"))
    path, plan = experiment_folder("old") / "experiment.json", load_plan("old")
    path.write_text(path.read_text().replace('"fixed_negatives"', '"B"'))
    assert '"B"' in path.read_text() and load_experiment("old") == config
    for ratio in (1, 4):
        old = training_ids(plan.assign(sweep="B"), ratio=ratio, seed=0)
        pd.testing.assert_frame_equal(old, training_ids(plan, ratio=ratio, seed=0))


def test_the_same_title_twice_gives_two_experiments(workspace: Path) -> None:
    make_dataset()
    first = make_sweep(SweepRequest("posts", title="again", ratios=[1]))
    second = make_sweep(SweepRequest("posts", title="again", ratios=[1]))
    assert (first.id, second.id) == ("again", "again-2")
    pd.testing.assert_frame_equal(load_plan("again"), load_plan("again-2"))


def test_a_ratio_that_the_data_cannot_give_leaves_no_folder(workspace: Path) -> None:
    make_dataset()
    with pytest.raises(UserError, match="largest possible ratio"):
        make_sweep(SweepRequest("posts", title="too much", ratios=[1, 50], positives=40))
    assert not list((workspace / "experiments").glob("*"))


def test_an_unknown_dataset_and_a_missing_encoder_are_user_errors(workspace: Path) -> None:
    with pytest.raises(UserError, match="no dataset named nowhere"):
        make_sweep(SweepRequest("nowhere", ratios=[1]))
    make_dataset()
    with pytest.raises(UserError, match="no encoder folder"):
        make_sweep(SweepRequest("posts", ratios=[1], training=TrainingConfig(encoder="./nowhere")))


def test_local_models_are_kept_as_whole_paths(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    make_tiny_bert(tmp_path / "bert")
    (tmp_path / "empty").mkdir()
    monkeypatch.chdir(tmp_path)
    assert located_model("bert", "encoder") == str(tmp_path / "bert")
    assert located_model("someone/bert-base", "encoder") == "someone/bert-base"
    with pytest.raises(UserError, match=r"no config\.json"):
        located_model("./empty", "encoder")


def test_checkpoints_at_several_ratios_form_one_experiment(workspace: Path, tmp_path: Path) -> None:
    make_dataset()
    checkpoint = make_tiny_bert(tmp_path / "classifier", labels=2)
    first = make_checkpoint_run("posts", str(checkpoint), ratio=10)
    joined = make_checkpoint_run("posts", str(checkpoint), ratio=1, experiment=first.id)
    assert joined.id == first.id and joined.ratios == (1, 10) and joined.kind == "checkpoint"
    assert load_experiment(first.id) == joined
    assert run_names(first.id) == ["r1-s0-none", "r10-s0-none"]
    assert load_run_config(first.id, "r1-s0-none").checkpoint == str(checkpoint)
    with pytest.raises(UserError, match="already"):
        make_checkpoint_run("posts", str(checkpoint), ratio=1, experiment=first.id)
    trained = make_sweep(SweepRequest("posts", ratios=[1]))
    with pytest.raises(UserError, match="does not hold loaded classifiers"):
        make_checkpoint_run("posts", str(checkpoint), ratio=2, experiment=trained.id)
