"""Hidden over-fitting: plain recall, the records of a real training, and planted and absent over-fitting."""

import json
from collections import Counter
from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import log_loss, recall_score

from closecall.analysis.causes.overfitting import class_gaps, gaps_of_history, hidden_overfitting, loss_turns
from closecall.analysis.intervals import Estimate, independent_difference
from closecall.analysis.metrics.calibration import probabilities
from closecall.analysis.two_groups import unpaired_difference


def drawn_logits(rng: np.random.Generator, recall: float, specificity: float, n: int) -> tuple[np.ndarray, np.ndarray]:
    """Logits (1, 2n) of n positives and n negatives, right at threshold 0 with these chances, and the labels."""
    positives = np.where(rng.random(n) < recall, 1.0, -1.0)
    return np.concatenate([positives, np.where(rng.random(n) < specificity, -1.0, 1.0)])[None], np.arange(2 * n) < n


def losses(validation: list[float], train: list[float]) -> pd.DataFrame:
    return pd.DataFrame({"validation_nll_positives": validation, "train_nll_positives": train})


@given(st.integers(0, 10_000), st.integers(1, 4))
@settings(max_examples=25)
def test_gaps_agree_with_scikit_learn(seed: int, epochs: int) -> None:
    rng = np.random.default_rng(seed)
    train, validation = rng.permutation(np.arange(40) < 9), rng.permutation(np.arange(25) < 6)
    logits, val_logits = rng.normal(-1, 2, (epochs, 40)), rng.normal(-1, 2, (epochs, 25))
    frame = class_gaps(logits, train, val_logits, validation)
    at = np.log(9 / 31)
    for epoch, row in enumerate(frame.itertuples()):
        found, val_found = logits[epoch] > at, val_logits[epoch] > at
        for kind, name in ((1, "gap_positives"), (0, "gap_negatives")):
            gap = recall_score(train, found, pos_label=kind) - recall_score(validation, val_found, pos_label=kind)
            assert getattr(row, name) == pytest.approx(gap)
        assert row.excess == pytest.approx(row.gap_positives - row.gap_negatives)
        probs = probabilities(val_logits[epoch][validation])
        assert row.validation_nll_positives == pytest.approx(log_loss(np.ones(6), probs, labels=[0, 1]))
        assert row.excess_low <= row.excess <= row.excess_high


def test_the_intervals_are_newcombes() -> None:
    rng = np.random.default_rng(0)
    (logits, labels), (val_logits, val_labels) = drawn_logits(rng, 0.9, 0.8, 50), drawn_logits(rng, 0.7, 0.8, 40)
    row = class_gaps(logits, labels, val_logits, val_labels).iloc[0]
    gaps = []
    for kind in ("positives", "negatives"):
        counts = [row[f"{split}_{kind}{part}"] for split in ("train", "validation") for part in ("_right", "")]
        low, high = unpaired_difference(*counts)
        assert (row[f"gap_{kind}_low"], row[f"gap_{kind}_high"]) == pytest.approx((float(low), float(high)))
        gaps.append(Estimate(row[f"gap_{kind}"], float(low), float(high)))
    excess = independent_difference(*gaps)
    assert (row["excess_low"], row["excess_high"]) == pytest.approx((excess.low, excess.high))


def plain_metrics(labels: np.ndarray, logits: np.ndarray, *, prior: float) -> dict[str, Any]:
    """What the training records for a split, by scikit-learn. nan: not seen."""
    positive, logits = labels[~np.isnan(logits)], logits[~np.isnan(logits)]
    probs = probabilities(logits)
    return {
        "n_positives": int(positive.sum()),
        "n_negatives": int((~positive).sum()),
        "recall_at_prior": recall_score(positive, probs >= prior),
        "true_negative_rate_at_prior": recall_score(positive, probs >= prior, pos_label=0),
        "nll_positives": log_loss(positive[positive], probs[positive], labels=[False, True]),
        "nll_negatives": log_loss(positive[~positive], probs[~positive], labels=[False, True]),
    }


def three_epochs(metrics: Callable[..., dict[str, Any]]) -> tuple[list[dict[str, Any]], pd.DataFrame]:
    """The records of three epochs, through JSON, and the frame from the logits that they were made from."""
    rng = np.random.default_rng(2)
    labels, val_labels = np.arange(60) < 12, np.arange(30) < 10
    logits, val_logits = rng.normal(-1, 2, (3, 60)), rng.normal(-1, 2, (3, 30))
    logits[1, 5] = logits[2, 50] = np.nan
    history = [
        {"epoch": number, "step": 0, "train": metrics(labels, own), "validation": metrics(val_labels, theirs)}
        for number, own, theirs in zip((1, 2, 3), logits, val_logits, strict=True)
    ]
    return json.loads(json.dumps(history)), class_gaps(logits, labels, val_logits, val_labels)


def test_the_history_of_a_run_gives_the_same_frame() -> None:
    history, expected = three_epochs(lambda labels, logits: plain_metrics(labels, logits, prior=0.2))
    pd.testing.assert_frame_equal(gaps_of_history(history)[expected.columns], expected, check_dtype=False)


@pytest.mark.slow
def test_the_history_has_the_form_that_training_writes() -> None:
    metrics = pytest.importorskip("closecall.models.training.metrics")
    history, expected = three_epochs(
        lambda labels, logits: metrics.class_metrics(labels, probabilities(logits), prior=0.2)
    )
    pd.testing.assert_frame_equal(gaps_of_history(history)[expected.columns], expected, check_dtype=False)


def test_records_without_validation_are_left_out() -> None:
    history, _ = three_epochs(lambda labels, logits: plain_metrics(labels, logits, prior=0.2))
    alone = {"epoch": 1, "train": history[0]["train"]}
    none = alone | {"validation": history[0]["validation"] | {"n_positives": 0, "recall_at_prior": None}}
    assert gaps_of_history([alone]).empty and gaps_of_history([none]).empty
    assert gaps_of_history([alone, *history])["epoch"].tolist() == [1, 2, 3]
    assert hidden_overfitting([gaps_of_history([alone])]).answer == "not measurable"
    assert hidden_overfitting([]).answer == "not measurable"


@pytest.mark.parametrize(
    ("validation", "train", "turns"),
    [
        ([0.5, 0.6, 0.7], [0.5, 0.4, 0.3], True),
        ([0.5, 0.4, 0.5, 0.6], [0.5, 0.4, 0.3, 0.2], True),
        ([0.5, 0.6, 0.5, 0.6], [0.5, 0.4, 0.3, 0.2], False),
        ([0.5, 0.6, 0.7], [0.5, 0.6, 0.5], False),
        ([0.5, 0.6], [0.5, 0.4], False),
    ],
)
def test_two_epochs_in_a_row(validation: list[float], train: list[float], turns: bool) -> None:
    assert loss_turns(losses(validation, train)) is turns


def test_more_than_half_of_the_runs_must_turn() -> None:
    rng = np.random.default_rng(0)
    final = [class_gaps(*drawn_logits(rng, 0.9, 0.9, 300), *drawn_logits(rng, 0.9, 0.9, 300))] * 2
    turned, level = losses([0.5, 0.6, 0.7], [0.5, 0.4, 0.3]), losses([0.5, 0.5, 0.5], [0.5, 0.4, 0.3])
    assert not hidden_overfitting(final, [turned, level]).by_loss
    found = hidden_overfitting(final, [turned, turned])
    assert (found.answer, found.by_loss, found.by_gap) == ("present", True, False)


@pytest.mark.parametrize(
    ("recall", "specificity", "answer"), [(0.75, 0.93, "present"), (0.93, 0.93, "absent"), (0.80, 0.80, "absent")]
)
def test_planted_and_absent_gaps(recall: float, specificity: float, answer: str) -> None:
    """Recall and specificity are 0.98 on training texts; on validation, only a gap of the positives alone counts."""
    answers = Counter[str]()
    for seed in range(60):
        rng = np.random.default_rng(seed)
        gaps = class_gaps(*drawn_logits(rng, 0.98, 0.98, 300), *drawn_logits(rng, recall, specificity, 300))
        answers[hidden_overfitting([gaps]).answer] += 1
    assert answers[answer] >= 48 and answers[answer] + answers["too few"] >= 59


def test_a_small_validation_set_is_too_few_and_the_needed_number_decides() -> None:
    rng = np.random.default_rng(1)
    few = hidden_overfitting([class_gaps(*drawn_logits(rng, 0.98, 0.98, 300), *drawn_logits(rng, 0.93, 0.93, 20))])
    assert few.answer == "too few" and few.needed is not None and 20 < few.needed < 2000
    more = [
        hidden_overfitting(
            [class_gaps(*drawn_logits(rng, 0.98, 0.98, 300), *drawn_logits(rng, 0.93, 0.93, few.needed))]
        ).answer
        for _ in range(40)
    ]
    assert more.count("too few") <= 12


def test_seeds_that_differ_widen_the_interval() -> None:
    rng = np.random.default_rng(3)
    runs = [class_gaps(*drawn_logits(rng, 0.98, 0.98, 300), *drawn_logits(rng, r, 0.98, 300)) for r in (0.6, 0.75, 0.9)]
    one, all_three = hidden_overfitting(runs[1:2]).excess, hidden_overfitting(runs).excess
    assert one is not None and all_three is not None
    assert all_three.value == pytest.approx(np.mean([run["excess"].iloc[-1] for run in runs]))
    assert all_three.high - all_three.low > 2 * (one.high - one.low)


def test_thirty_memorised_positives() -> None:
    """A logistic regression without penalty in more dimensions than positives finds all of them, but no new one."""
    rng = np.random.default_rng(0)
    rows, labels = rng.normal(size=(430, 60)), np.arange(430) < 30
    new, new_labels = rng.normal(size=(600, 60)), np.arange(600) < 100
    for table, positive in ((rows, labels), (new, new_labels)):
        table[positive, 0] += 1.0
    model = LogisticRegression(C=1e4, max_iter=5000).fit(rows, labels)
    logits, val_logits = (model.decision_function(one)[None] for one in (rows, new))
    found = hidden_overfitting([class_gaps(logits, labels, val_logits, new_labels)])
    assert found.answer == "present" and found.by_gap


def test_wrong_shapes_are_refused() -> None:
    labels = [1, 0, 0]
    with pytest.raises(ValueError, match="shape"):
        class_gaps(np.zeros(3), labels, np.zeros((1, 3)), labels)
    with pytest.raises(ValueError, match="same epochs"):
        class_gaps(np.zeros((2, 3)), labels, np.zeros((1, 3)), labels)
    with pytest.raises(ValueError, match="No positive of train was seen"):
        class_gaps([[np.nan, 0, 0]], labels, np.zeros((1, 3)), labels)
