import numpy as np
import pytest
from sklearn.metrics import average_precision_score, log_loss, recall_score, roc_auc_score

from closecall.models.training.metrics import class_metrics, sigmoid, split_metrics

RNG = np.random.default_rng(0)
LABELS = (RNG.random(300) < 0.2).astype(int)
LOGITS = RNG.normal(size=300) + 2 * LABELS - 1


def test_split_metrics_are_those_of_scikit_learn() -> None:
    metrics, probs = split_metrics(LABELS, LOGITS), sigmoid(LOGITS)
    assert metrics["n_positives"] == LABELS.sum() and metrics["n_negatives"] == 300 - LABELS.sum()
    assert metrics["recall"] == pytest.approx(recall_score(LABELS, probs >= 0.5))
    assert metrics["true_negative_rate"] == pytest.approx(recall_score(1 - LABELS, probs < 0.5))
    assert metrics["auc"] == pytest.approx(roc_auc_score(LABELS, LOGITS))
    assert metrics["average_precision"] == pytest.approx(average_precision_score(LABELS, LOGITS))
    both = (metrics["nll_positives"] * LABELS.sum() + metrics["nll_negatives"] * (1 - LABELS).sum()) / 300
    assert both == pytest.approx(log_loss(LABELS, probs))


def test_recalls_at_the_prior() -> None:
    metrics = class_metrics([1, 1, 0, 0], [0.3, 0.1, 0.2, 0.05], prior=0.2)
    assert (metrics["recall"], metrics["true_negative_rate"]) == (0.0, 1.0)
    assert (metrics["recall_at_prior"], metrics["true_negative_rate_at_prior"]) == (0.5, 0.5)


def test_what_was_not_seen_does_not_count() -> None:
    metrics = class_metrics([1, 1, 0], [0.9, np.nan, np.nan])
    assert (metrics["n_positives"], metrics["n_negatives"]) == (1, 0)
    assert metrics["recall"] == 1.0 and metrics["true_negative_rate"] is None and metrics["nll_negatives"] is None


def test_one_class_alone_has_no_ranking() -> None:
    metrics = split_metrics([0, 0], [-1.0, 2.0])
    assert metrics["auc"] is None and metrics["average_precision"] is None and metrics["recall"] is None
    assert metrics["true_negative_rate"] == 0.5


def test_certainty_is_finite() -> None:
    assert class_metrics([1, 0], [0.0, 1.0])["nll_positives"] == pytest.approx(-np.log(1e-7))
    assert sigmoid(np.array([-1000.0, 0.0, 1000.0])).tolist() == [0.0, 0.5, 1.0]
