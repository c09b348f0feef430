"""The findings of an experiment over its ratios and what its previews are, in sentences, without torch.

`table` is a frame of `ratio_table` or `by_ratio`.
"""

import math
from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

from closecall.analysis.formatting import (
    count_text,
    listed_text,
    percent_text,
    prevalence_text,
    probability_text,
    ratio_text,
    score_text,
)
from closecall.analysis.metrics.metric import OVERVIEW, metrics_in, with_rate_metrics
from closecall.analysis.metrics.prevalence import break_even_prevalence, f1_at
from closecall.data.experiments.previews import CACHED, LINEAR, Preview
from closecall.data.io.files import read_json
from closecall.models.results.valid_runs import ratio_rows

COSTS = {LINEAR: "8 to 13 points less", CACHED: "0 to 7 points less"}
"""Average precision of each kind against finished runs, in three experiments; see docs/measured.md."""
REPLACED = "Each preview is replaced when its run finishes. No other page uses it."

RARE, BALANCED = 1 / 11, 0.5
"""The prevalences that F1 is compared at: one positive for ten negatives, and one for one."""


def ratio_summary(table: pd.DataFrame, *, q: float = RARE) -> str:
    """The metrics of the Overview at the smallest and the largest ratio, with the size of the test set."""
    rows = ratio_rows(with_rate_metrics(table, q=q))
    first, last = rows[0], rows[-1]
    n_positives, n_negatives = int(first["n_positives"]), int(first["n_negatives"])
    shown = [one for one in metrics_in(OVERVIEW) if one.name in first]
    sentences = []
    for metric in shown:
        start = f"{metric.title} is {metric.text(first[metric.name])} at {ratio_text(first['ratio'])}"
        end = f" and {metric.text(last[metric.name])} at {ratio_text(last['ratio'])}" if len(rows) > 1 else ""
        sentences.append(f"{start}{end}.")
    size = f"{count_text(n_positives, 'test positive')} and {count_text(n_negatives, 'test negative')}"
    return f"{' '.join(sentences)} Measured on {size} at threshold 0.50{_seeds_text(rows)}."


def _seeds_text(rows: Sequence[Mapping[str, Any]]) -> str:
    """How many seeds each ratio has; "" where the table does not say it."""
    counts = sorted({int(row["seeds"]) for row in rows if "seeds" in row})
    if not counts:
        return ""
    return f", with {count_text(counts[0], 'seed') if len(counts) == 1 else f'{counts[0]} to {counts[-1]} seeds'}"


def better_ratio(table: pd.DataFrame) -> str:
    """Which of the smallest and the largest ratio has the better F1, by prevalence; "" for a single ratio."""
    if len(table) < 2:
        return ""
    first, last = table.iloc[0], table.iloc[-1]
    names = ratio_text(first["ratio"]), ratio_text(last["ratio"])
    rates = [(row["recall"], 1 - row["specificity"]) for row in (first, last)]
    even = break_even_prevalence(*rates[0], *rates[1])
    rare, balanced = (_f1_pair(rates, q) for q in (RARE, BALANCED))
    numbers = (
        f"At {prevalence_text(round(RARE, 3))} F1 is {probability_text(rare[0])} for {names[0]} and "
        f"{probability_text(rare[1])} for {names[1]}; at {prevalence_text(BALANCED)} it is "
        f"{probability_text(balanced[0])} and {probability_text(balanced[1])}."
    )
    if math.isnan(even):
        better = names[0] if balanced[0] >= balanced[1] else names[1]
        return f"At threshold 0.50, {better} has the better F1 at every prevalence. {numbers}"
    high_recall = names[0] if rates[0][0] > rates[1][0] else names[1]
    few_positives = names[1] if high_recall == names[0] else names[0]
    return (
        f"Which ratio is better depends on the prevalence where the classifier is used: **below {percent_text(even)} "
        f"positives {few_positives} has the better F1, above it {high_recall}**. {numbers}"
    )


def collapsed_runs(table: pd.DataFrame) -> str:
    """How many runs collapsed at which ratio; "" when none did."""
    rows = [row for row in ratio_rows(table) if row["collapsed"]]
    if not rows:
        return ""
    where = listed_text([f"{row['collapsed']} of {row['seeds']} runs at {ratio_text(row['ratio'])}" for row in rows])
    return f"Collapsed (they predict nearly everything as one class): {where}. The means leave them out."


def best_ratio(table: pd.DataFrame, q: float) -> str:
    """The ratio with the best F1 at prevalence q, against the smallest and the largest."""
    rows = ratio_rows(table)
    best = max(rows, key=lambda row: row["f1"])
    if len(rows) == 1:
        return f"At {prevalence_text(q)}, {ratio_text(best['ratio'])} has F1 {probability_text(best['f1'])}."
    others = [
        f"{probability_text(row['f1'])} at {ratio_text(row['ratio'])}"
        for row in (rows[0], rows[-1])
        if row["ratio"] != best["ratio"]
    ]
    return (
        f"At {prevalence_text(q)} and threshold 0.50, {ratio_text(best['ratio'])} has the best F1: "
        f"{probability_text(best['f1'])}, against {' and '.join(others)}."
    )


def ranking_summary(table: pd.DataFrame, q: float) -> str:
    """AUC and average precision of the smallest and the largest ratio, which do not depend on the threshold."""
    if len(table) == 1:
        return ""
    first, last = table.iloc[0], table.iloc[-1]
    names = ratio_text(first["ratio"]), ratio_text(last["ratio"])
    auc, ap = ([score_text(row[name]) for row in (first, last)] for name in ("auc", "average_precision"))
    return (
        f"AUC, which does not depend on the threshold, is {auc[0]} at {names[0]} and {auc[1]} at {names[1]}. Average "
        f"precision at this prevalence is {ap[0]} and {ap[1]} (chance: {score_text(q)})."
    )


def _f1_pair(rates: list[tuple[float, float]], q: float) -> list[float]:
    return [float(f1_at(recall, fpr, q=q)) for recall, fpr in rates]


def preview_text(previews: Sequence[Preview]) -> str:
    """Which ratios are previews, how they were computed and how much they differ; empty when there are none."""
    parts = []
    for kind in dict.fromkeys(one.kind for one in previews):
        same = [one for one in previews if one.kind == kind]
        ratios = ", ".join(ratio_text(one.ratio) for one in same)
        cost = f"Such previews had {COSTS[kind]} average precision than finished runs."
        parts.append(f"Preview at {ratios}: {_method(same[0])} {cost}")
    return " ".join([*parts, REPLACED]) if parts else ""


def _method(preview: Preview) -> str:
    metrics = read_json(preview.folder / "metrics.json")
    limit = metrics.get("cut_at")
    truncated = f" Texts are truncated to {limit} tokens to fit in memory." if limit else ""
    if preview.kind == LINEAR:
        return f"a logistic regression on the embeddings of the frozen encoder, first seed only.{truncated}"
    return f"{metrics['frozen_layers']} of {metrics['layers']} layers are frozen, first seed only.{truncated}"
