"""closecall.compare: predictions of several runs on one test set."""

from pathlib import Path
from typing import Any

import datasets
import numpy as np
import pandas as pd
import pytest

import closecall as cc
from closecall.data.datasets.store import dataset_names
from closecall.data.experiments.runs import finished_run, load_predictions, load_runs
from closecall.data.experiments.store import experiment_ids
from closecall.models.explain.slices import run_findings
from tests.api.frames import scored_frame, shifted

TEST = scored_frame()
P1, P10 = TEST["p"].to_numpy(), shifted(TEST["p"], -2.3)
ROLES: dict[str, Any] = {"text": "text", "label": "y", "positive": "spam"}


def probabilities(experiment: cc.Experiment) -> dict[tuple[float, int], list[float]]:
    """The stored probabilities of each ratio and seed, in the order of TEST."""
    order = TEST.index.astype(str)
    stored = {(one.config.ratio, one.config.seed): load_predictions(one) for one in load_runs(experiment.id)}
    return {key: pd.Series(one.pos_probs, one.ids)[order].tolist() for key, one in stored.items()}


def test_keys_are_ratios_in_any_notation(workspace: Path) -> None:
    for keys in (("1:1", "1:10"), (1, 10), ("1", 10.0), (("1:1", 0), (10, 0))):
        experiment = cc.compare(dict(zip(keys, (P1, P10), strict=True)), truth=TEST, **ROLES)
        assert probabilities(experiment) == {(1, 0): P1.tolist(), (10, 0): P10.tolist()}
        assert experiment.title == "Predictions at 1:1 to 1:10" and experiment.id == "predictions-at-1-1-to-1-10"


def test_lists_hold_seeds_and_pairs_name_them(workspace: Path) -> None:
    by_list = cc.compare({1: [P1, P1**2], "1:10": [P10, list(P10**2)]}, truth=TEST, **ROLES)
    pairs = {(1, 0): P1, (1, 1): P1**2, ("1:10", 0): P10, (10, 1): pd.Series(P10**2)}
    assert cc.compare(pairs, truth=TEST, **ROLES).id == by_list.id and len(experiment_ids()) == 1
    assert probabilities(by_list) == {
        (1, 0): P1.tolist(),
        (1, 1): (P1**2).tolist(),
        (10, 0): P10.tolist(),
        (10, 1): (P10**2).tolist(),
    }
    assert by_list.seeds == (0, 1)


def test_frames_are_joined_by_id_whatever_their_order(workspace: Path) -> None:
    truth = TEST.reset_index(names="key")
    frame = pd.DataFrame({"key": truth["key"], "score": P10}).sample(frac=1, random_state=1)
    more = pd.concat([frame, pd.DataFrame({"key": [1], "score": [0.5]})]).assign(text="x")
    roles = ROLES | {"id": "key"}
    dataset = datasets.Dataset.from_pandas(frame, preserve_index=False)
    for given in (frame, more, more.rename(columns={"score": "mine"}), dataset, [frame]):
        prob = {"prob": "mine"} if "mine" in getattr(given, "columns", ()) else {}
        experiment = cc.compare({1: P1, 10: given}, truth=truth, **roles, **prob)
        assert probabilities(experiment)[(10, 0)] == P10.tolist()
    assert len(experiment_ids()) == 1
    assert cc.compare({1: P1, 10: [frame, more]}, truth=truth, **roles, prob="score").seeds == (0, 1)
    for wrong, message in (
        (frame.head(3), "The predictions 10 lack 197 ids of truth"),
        (pd.concat([frame, frame.head(1)]), "twice"),
        (frame.rename(columns={"key": "id"}), "no column 'key'"),
        (more.rename(columns={"score": "mine"}), "Name that of the probabilities"),
    ):
        with pytest.raises(cc.UserError, match=message):
            cc.compare({1: P1, 10: wrong}, truth=truth, **roles)
    with pytest.raises(cc.UserError, match="name the id column"):
        cc.compare({10: frame}, truth=truth, **ROLES)


def test_metadata_and_splits_are_kept(workspace: Path) -> None:
    experiment = cc.compare({1: P1, 10: P10}, truth=TEST, **ROLES, split="split", metadata=["source"])
    errors = experiment.errors(["fn", "fp", "tp", "tn"])
    assert errors.set_index("id")["meta.source"].to_dict() == {
        str(key): value for key, value in TEST.loc[TEST["split"] == "test", "source"].items()
    }
    assert set(experiment.errors("tp", split="validation")["id"]) <= set(
        TEST.index[TEST["split"] == "validation"].astype(str)
    )


def test_metadata_are_slices(workspace: Path) -> None:
    test = scored_frame(2000)
    probs = test["p"].where((test["source"] != "mail") | (test["y"] != "spam"), 0.1)
    experiment = cc.compare({10: probs}, truth=test, **ROLES, split="split", metadata="source")
    findings = run_findings(experiment.id, finished_run(experiment.id, ratio=10), outcome="fn", threshold=0.5)
    assert "column:meta.source=mail" in set(findings.table["rule"])


def test_a_series_in_another_order_is_refused(workspace: Path) -> None:
    series = TEST["p"].iloc[::-1]
    with pytest.raises(cc.UserError, match=r"another order. Pass p.reindex\(truth.index\)"):
        cc.compare({1: series}, truth=TEST, **ROLES)
    kept = cc.compare({1: series.reindex(TEST.index)}, truth=TEST, **ROLES)
    assert probabilities(kept) == {(1, 0): P1.tolist()}
    assert cc.compare({1: series.to_numpy()[::-1]}, truth=TEST, **ROLES).id == kept.id
    assert cc.compare({1: TEST["p"].reset_index(drop=True)}, truth=TEST, **ROLES).id == kept.id


@pytest.mark.parametrize(
    ("predictions", "message"),
    [
        ({}, "mapping of ratios"),
        ([P1], "mapping of ratios"),
        ({"model A": P1}, "'model A' is not a ratio"),
        ({(1, "focal"): P1}, "'focal' is not a seed"),
        ({(1, 0, 0): P1}, "must name a ratio"),
        ({(1, 0): [P1, P1]}, "must name a ratio"),
        ({"1:1": P1, 1: P1}, "at 1:1 with seed 0 are there twice"),
        ({10: P1[:90]}, "The predictions 10 have 90 values and truth has 200 rows"),
        ({"1:10": np.column_stack([1 - P1, P1])}, r"the shape is \(200, 2\).*p\[:, 1\]"),
        ({10: np.where(np.arange(200) == 5, np.nan, P1)}, r"NaN\) in row 5 \(.iloc\[5\]\)"),
        ({10: P1 * 100}, "is not a probability between 0 and 1.$"),
        ({10: ["a"] * 200}, "some values are not numbers"),
        ({10: [P1, P1[:3]]}, "The predictions 10, seed 1 have 3 values"),
    ],
)
def test_wrong_predictions_are_named_in_a_sentence(workspace: Path, predictions: Any, message: str) -> None:
    with pytest.raises(cc.UserError, match=message):
        cc.compare(predictions, truth=TEST, **ROLES)
    assert experiment_ids() == dataset_names() == []


def test_training_rows_need_no_probability(workspace: Path) -> None:
    training = np.arange(200) < 20
    truth = TEST.assign(split=np.where(training, "train", TEST["split"]))
    experiment = cc.compare({1: np.where(training, np.nan, P1)}, truth=truth, **ROLES, split="split")
    stored = load_predictions(load_runs(experiment.id)[0])
    test = truth["split"] == "test"
    assert stored.ids.tolist() == truth.index[test].astype(str).tolist()
    assert stored.pos_probs.tolist() == P1[test].tolist()


def test_an_id_twice_in_truth_is_refused(workspace: Path) -> None:
    with pytest.raises(cc.UserError, match="The id '7' is in truth twice"):
        cc.compare({1: P1}, truth=TEST.assign(key=7), **ROLES, id="key")


def test_a_failed_import_leaves_nothing_behind(workspace: Path) -> None:
    validation_only = TEST.assign(split="validation")
    with pytest.raises(cc.UserError, match="test split"):
        cc.compare({1: P1}, truth=validation_only, **ROLES, split="split")
    assert experiment_ids() == dataset_names() == []
