"""The registry of metrics: values, texts, and that tables follow it."""

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import average_precision_score, f1_score, precision_score, roc_auc_score

from closecall.analysis.metrics import metric as registry
from closecall.analysis.metrics.metric import (
    METRICS,
    OVERVIEW,
    RATIOS,
    REPORT,
    RUNS,
    TERMINAL,
    Metric,
    Scores,
    metrics_in,
    run_text,
    score_metrics,
    with_rate_metrics,
)
from closecall.analysis.metrics.outcomes import confusion

PLACES = (OVERVIEW, RATIOS, RUNS, REPORT, TERMINAL)


@pytest.fixture
def scores() -> Scores:
    rng = np.random.default_rng(0)
    labels = np.arange(300) < 60
    return Scores(labels, 1 / (1 + np.exp(-(rng.normal(size=300) + 1.5 * labels - 0.7))))


def test_every_metric_has_one_function_and_a_place() -> None:
    assert len({one.name for one in METRICS}) == len(METRICS)
    for one in METRICS:
        assert (one.of_rates is None) != (one.of_scores is None)
        assert one.shown_in and set(one.shown_in) <= set(PLACES) and one.help.endswith(".")


def test_metrics_at_the_sample_prevalence_are_those_of_scikit_learn(scores: Scores) -> None:
    labels, predicted = scores.labels, scores.pos_probs >= 0.5
    counts = confusion(labels, scores.pos_probs)
    q = float(labels.mean())
    row = with_rate_metrics(pd.DataFrame({"recall": [counts.recall], "specificity": [counts.specificity]}), q=q).iloc[0]
    assert row["precision"] == pytest.approx(precision_score(labels, predicted))
    assert row["f1"] == pytest.approx(f1_score(labels, predicted))
    assert row["predicted_positive_rate"] == pytest.approx(predicted.mean())
    values = score_metrics(scores, q=q)
    assert values["auc"] == pytest.approx(roc_auc_score(labels, scores.pos_probs))
    assert values["average_precision"] == pytest.approx(average_precision_score(labels, scores.pos_probs))


def test_a_share_of_a_class_is_written_with_its_counts(scores: Scores) -> None:
    counts = confusion(scores.labels, scores.pos_probs)
    texts = {one.name: run_text(one, counts, scores, q=0.1) for one in METRICS}
    assert texts["recall"].endswith(f", {counts.tp}/60") and "95 % CI" in texts["recall"]
    assert texts["specificity"].endswith(f", {counts.tn}/240")
    assert texts["auc"] == f"{score_metrics(scores, q=0.1)['auc']:.3f}"


def test_a_new_entry_is_shown_where_it_asks_to_be(monkeypatch: pytest.MonkeyPatch, scores: Scores) -> None:
    brier = Metric(
        "brier",
        "Brier score",
        "Mean squared error of the probabilities.",
        (TERMINAL,),
        of_scores=lambda one, q: float(np.mean((one.pos_probs - one.labels) ** 2)),
    )
    balanced = Metric(
        "balanced",
        "Balanced accuracy",
        "Mean of both.",
        (RATIOS,),
        of_rates=lambda recall, fpr, q: (recall + 1 - fpr) / 2,
    )
    monkeypatch.setattr(registry, "METRICS", (*METRICS, brier, balanced))
    assert metrics_in(TERMINAL)[-1] == brier and metrics_in(RATIOS)[-1] == balanced
    assert score_metrics(scores, q=0.1)["brier"] == pytest.approx(np.mean((scores.pos_probs - scores.labels) ** 2))
    table = with_rate_metrics(pd.DataFrame({"recall": [0.8], "specificity": [0.6]}), q=0.1)
    assert table["balanced"].tolist() == pytest.approx([0.7])
