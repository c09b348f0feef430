"""Rates at every threshold: against scikit-learn, a worked example, and by property."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import average_precision_score, roc_auc_score, roc_curve

from closecall.analysis.metrics.prevalence import average_precision_of
from closecall.analysis.metrics.ranking import area_under, rates_by_threshold, thinned

quick = settings(deadline=None, max_examples=30)
samples = st.lists(st.tuples(st.booleans(), st.integers(0, 12)), min_size=4, max_size=60).filter(
    lambda rows: 0 < sum(label for label, _ in rows) < len(rows)
)


def test_a_worked_example() -> None:
    rates = rates_by_threshold([1, 0, 1, 0], [0.9, 0.8, 0.8, 0.1])
    assert rates["threshold"].tolist() == [0.9, 0.8, 0.1]
    assert rates["recall"].tolist() == [0.5, 1.0, 1.0]
    assert rates["false_positive_rate"].tolist() == [0.0, 0.5, 1.0]
    assert area_under(rates) == 0.875


@quick
@given(samples)
def test_area_and_points_agree_with_scikit_learn(rows: list[tuple[bool, int]]) -> None:
    labels, scores = (np.array(column) for column in zip(*rows, strict=True))
    rates = rates_by_threshold(labels, scores)
    fpr, tpr, cuts = roc_curve(labels, scores, drop_intermediate=False)
    assert rates["recall"].to_numpy() == pytest.approx(tpr[1:])
    assert rates["false_positive_rate"].to_numpy() == pytest.approx(fpr[1:])
    assert rates["threshold"].to_numpy() == pytest.approx(cuts[1:])
    assert area_under(rates) == pytest.approx(roc_auc_score(labels, scores))


@quick
@given(samples)
def test_average_precision_needs_only_the_rows_where_recall_rises(rows: list[tuple[bool, int]]) -> None:
    labels, scores = (np.array(column) for column in zip(*rows, strict=True))
    rates = rates_by_threshold(labels, scores)
    rises = rates[np.diff(rates["recall"].to_numpy(), prepend=0.0) > 0]
    assert average_precision_of(rises, q=labels.mean()) == pytest.approx(average_precision_score(labels, scores))


def test_a_thinned_curve_keeps_its_ends_and_the_steps_of_positives() -> None:
    rng = np.random.default_rng(0)
    labels = np.arange(20_000) < 50
    rates = rates_by_threshold(labels, rng.normal(size=20_000) + 2 * labels)
    few = thinned(rates, 300)
    assert len(few) <= 300
    assert few.iloc[[0, -1]].to_numpy().tolist() == rates.iloc[[0, -1]].to_numpy().tolist()
    assert few["recall"].nunique() >= 45
    with pytest.raises(ValueError, match="two points"):
        thinned(rates, 1)
