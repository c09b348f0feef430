"""The metrics of each ratio at a prevalence, and the precision-recall curves behind them."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from closecall.analysis.formatting import interval_text, percent_text
from closecall.analysis.metrics.metric import METRICS, Metric, Scores, score_metrics, with_rate_metrics
from closecall.analysis.metrics.prevalence import precision_at, with_precision
from closecall.analysis.metrics.ranking import thinned
from closecall.data.experiments.run_tables import RunTable
from closecall.models.results.valid_runs import by_ratio, counted_runs

CURVE_POINTS = 600
"""Points of a drawn curve; more cannot be seen."""


@dataclass(frozen=True)
class RunCurve:
    """The precision-recall curve of one run at a prevalence, and its recall and precision at threshold 0.50.

    `points` has the columns threshold, recall, false_positive_rate, precision, thinned for drawing.
    """

    ratio: float
    seed: int
    points: pd.DataFrame
    recall: float
    precision: float


def run_scores(table: RunTable, name: str) -> Scores:
    """The labels and probabilities of one run, on the examples that it has a probability for."""
    probs = table.pos_probs[table.runs.index(name)]
    known = ~np.isnan(probs)
    return Scores(table.labels[known] == 1, probs[known])


def run_table(runs: pd.DataFrame, scores_of: Callable[[str], Scores], *, q: float) -> pd.DataFrame:
    """The rows of `outcomes_by_run` with a column for each metric of `analysis.metrics.metric` at prevalence q.

    `scores_of` gives the scores of a run by its name.
    """
    table = with_rate_metrics(runs, q=q)
    ranking = pd.DataFrame([score_metrics(scores_of(name), q=q) for name in runs["name"]], index=runs.index)
    return table.assign(**{str(name): ranking[name] for name in ranking})


def ratio_table(runs: pd.DataFrame, scores_of: Callable[[str], Scores], *, q: float) -> pd.DataFrame:
    """The means of `by_ratio` with a column for each metric of `analysis.metrics.metric` at prevalence q.

    Arguments as `run_table`. Metrics over all thresholds are means over the `counted_runs`; metrics at a threshold are
    those of the mean recall and specificity.
    """
    names = [one.name for one in METRICS if one.of_scores is not None]
    ranking = counted_runs(run_table(runs, scores_of, q=q)).groupby("ratio", as_index=False)[names].mean()
    return with_rate_metrics(by_ratio(runs), q=q).merge(ranking, on="ratio")


def drawn_curve(scores: Scores, *, q: float) -> pd.DataFrame:
    """The precision-recall curve of a run at prevalence q with at most CURVE_POINTS points.

    Columns threshold, recall, false_positive_rate, precision.
    """
    return with_precision(thinned(scores.rates, CURVE_POINTS), q=q)


def first_seed_curves(runs: pd.DataFrame, scores_of: Callable[[str], Scores], *, q: float) -> list[RunCurve]:
    """The curves of the smallest seed, one for each ratio that has it, by rising ratio. Arguments as `ratio_table`."""
    own = runs[runs["seed"] == runs["seed"].min()].sort_values("ratio")
    return [
        RunCurve(
            ratio=row["ratio"],
            seed=int(row["seed"]),
            points=drawn_curve(scores_of(row["name"]), q=q),
            recall=row["recall"],
            precision=float(precision_at(row["recall"], 1 - row["specificity"], q=q)),
        )
        for row in own.to_dict("records")
    ]


def metric_cells(table: pd.DataFrame, metrics: Sequence[Metric]) -> dict[str, list[str]]:
    """The columns of a table of `ratio_table` as text, by the titles of the metrics."""
    rows = table.to_dict("records")
    return {one.title: [metric_text(row, one) for row in rows] for one in metrics}


def metric_text(row: dict[Any, Any], metric: Metric) -> str:
    """One metric of one ratio: a share of a class with its interval and mean counts, else the number alone."""
    if not metric.share_of:
        return metric.text(row[metric.name])
    correct, n = ("tp", "n_positives") if metric.share_of == "positives" else ("tn", "n_negatives")
    interval = interval_text(row[f"{metric.name}_low"], row[f"{metric.name}_high"])
    seeds = f", mean of {row['seeds']} seeds" if row["seeds"] > 1 else ""
    return f"{percent_text(row[metric.name])} ({interval}), {row[correct]:,.0f}/{row[n]:,}{seeds}"
