"""The metrics that tables of runs and ratios show, each defined in one place.

To add a metric, write its function and add an entry to METRICS: the tables of the Ratios page, the report, the terminal
and the headline of the Overview follow.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pandas as pd

from closecall.analysis.formatting import percent_text, probability_text, score_text, share_text
from closecall.analysis.metrics.outcomes import Confusion
from closecall.analysis.metrics.prevalence import (
    average_precision_of,
    f1_at,
    precision_at,
    predicted_positive_rate_at,
)
from closecall.analysis.metrics.ranking import area_under, rates_by_threshold
from closecall.analysis.validation import Bools, Floats

OVERVIEW, RATIOS, RUNS, REPORT, TERMINAL = "overview", "ratios", "runs", "report", "terminal"
"""Where a metric is shown: the headline of the Overview; the table of ratios; the table of all runs; the report; the
terminal's table of runs."""


@dataclass(frozen=True)
class Scores:
    """The probabilities of one run and the labels, both (n,), with both classes present."""

    labels: Bools
    pos_probs: Floats

    @cached_property
    def rates(self) -> pd.DataFrame:
        """Recall and false-positive rate at every threshold, as `rates_by_threshold`."""
        return rates_by_threshold(self.labels, self.pos_probs)


@dataclass(frozen=True)
class Metric:
    """One number about a run or ratio. `name` is its column in frames; `title` and `help` head its column on screen.

    Exactly one of two functions computes it: `of_rates(recall, false_positive_rate, q)` at a threshold, elementwise on
    arrays; or `of_scores(scores, q)` over all thresholds. q is the prevalence where the classifier will be used.
    `share_of` names the class ("positives" or "negatives") of which the metric is the correct share: it is then
    written with its 95 % interval and counts where they are known.
    """

    name: str
    title: str
    help: str
    shown_in: tuple[str, ...]
    of_rates: Callable[[Floats, Floats, float], Floats] | None = None
    of_scores: Callable[[Scores, float], float] | None = None
    share_of: str = ""
    text: Callable[[float], str] = probability_text


def _per_thousand(rate: float) -> str:
    return f"{1000 * rate:.1f}"


METRICS = (
    Metric(
        "recall",
        "Recall",
        "Share of the test positives that are predicted positive, TP / (TP + FN), at threshold 0.50.",
        (OVERVIEW, RATIOS, RUNS, REPORT, TERMINAL),
        of_rates=lambda recall, fpr, q: recall,
        share_of="positives",
        text=percent_text,
    ),
    Metric(
        "specificity",
        "Specificity",
        "Share of the test negatives that are predicted negative (true-negative rate), TN / (TN + FP), at threshold "
        "0.50.",
        (OVERVIEW, RATIOS, RUNS, REPORT, TERMINAL),
        of_rates=lambda recall, fpr, q: 1 - fpr,
        share_of="negatives",
        text=percent_text,
    ),
    Metric(
        "precision",
        "Precision",
        "Share of the predicted positives that are positive, at threshold 0.50 and the chosen prevalence.",
        (RATIOS, REPORT),
        of_rates=lambda recall, fpr, q: precision_at(recall, fpr, q=q),
    ),
    Metric(
        "f1",
        "F1",
        "Harmonic mean of precision and recall, at threshold 0.50 and the chosen prevalence.",
        (RATIOS, REPORT),
        of_rates=lambda recall, fpr, q: f1_at(recall, fpr, q=q),
    ),
    Metric(
        "predicted_positive_rate",
        "Predicted positives per 1,000",
        "How many of 1,000 texts are predicted positive, at threshold 0.50 and the chosen prevalence.",
        (REPORT,),
        of_rates=lambda recall, fpr, q: predicted_positive_rate_at(recall, fpr, q=q),
        text=_per_thousand,
    ),
    Metric(
        "average_precision",
        "AP",
        "Average precision over all thresholds at the chosen prevalence q. A random order gives q.",
        (RATIOS, REPORT),
        of_scores=lambda scores, q: average_precision_of(scores.rates, q=q),
        text=score_text,
    ),
    Metric(
        "auc",
        "AUC",
        "Area under the ROC curve: how often a positive ranks above a negative, whatever the threshold and prevalence. "
        "Chance: 0.50.",
        (RATIOS, REPORT),
        of_scores=lambda scores, q: area_under(scores.rates),
        text=score_text,
    ),
)  # fmt: skip


def metrics_in(place: str) -> list[Metric]:
    """The metrics that one place shows, in order."""
    return [one for one in METRICS if place in one.shown_in]


def with_rate_metrics(table: pd.DataFrame, *, q: float) -> pd.DataFrame:
    """The table with a column for each metric of `of_rates` at prevalence q, from its recall and specificity."""
    recall, fpr = table["recall"].to_numpy(np.float64), 1 - table["specificity"].to_numpy(np.float64)
    columns = {one.name: one.of_rates(recall, fpr, q) for one in METRICS if one.of_rates is not None}
    return table.assign(**{name: values for name, values in columns.items() if name not in ("recall", "specificity")})


def score_metrics(scores: Scores, *, q: float) -> dict[str, float]:
    """The value of each metric of `of_scores` for one run, by name."""
    return {one.name: float(one.of_scores(scores, q)) for one in METRICS if one.of_scores is not None}


def run_text(metric: Metric, counts: Confusion, scores: Scores, *, q: float) -> str:
    """A metric of one run as it is written: a share of a class with its interval and counts, else the number alone."""
    if metric.share_of:
        correct, total = (
            (counts.tp, counts.n_positives) if metric.share_of == "positives" else (counts.tn, counts.n_negatives)
        )
        return share_text(correct, total)
    return metric.text(run_value(metric, counts, scores, q=q))


def run_value(metric: Metric, counts: Confusion, scores: Scores, *, q: float) -> float:
    """The value of a metric of one run at prevalence q."""
    if metric.of_rates is not None:
        recall, fpr = np.array([counts.recall]), np.array([counts.false_positive_rate])
        return float(metric.of_rates(recall, fpr, q)[0])
    assert metric.of_scores is not None
    return float(metric.of_scores(scores, q))
