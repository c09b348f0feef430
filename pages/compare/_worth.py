"""What each ratio is worth at a prevalence, and which is best there."""

import pandas as pd

from analysis.prevalence import alert_rate_at, f1_at, precision_at
from data.experiments import ratio_label
from pages.shared.prevalence import in_words
from pages.shared.ranking_table import ranking_by_ratio
from pages.shared.recalls import by_ratio, plain_runs, ratio_rows
from pages.shared.words import probability


def ratio_table(experiment: str, runs: pd.DataFrame, q: float) -> pd.DataFrame:
    """The means by ratio with precision, F1, alerts, average precision at prevalence q, and AUC."""
    return at_prevalence(by_ratio(runs), q).merge(ranking_by_ratio(plain_runs(experiment), q), on="ratio")


def at_prevalence(means: pd.DataFrame, q: float) -> pd.DataFrame:
    """The means by ratio with precision, F1 and the share of alerts at prevalence q."""
    recall, fpr = means["recall"], 1 - means["true_negative_rate"]
    return means.assign(
        precision=precision_at(recall, fpr, q=q), f1=f1_at(recall, fpr, q=q), alerts=alert_rate_at(recall, fpr, q=q)
    )


def best_at(table: pd.DataFrame, q: float) -> str:
    rows = ratio_rows(table)
    best = max(rows, key=lambda row: row["f1"])
    if len(table) == 1:
        return f"At {in_words(q)}, {ratio_label(best['ratio'])} has F1 {probability(best['f1'])}."
    others = [
        f"{probability(row['f1'])} at {ratio_label(row['ratio'])}"
        for row in (rows[0], rows[-1])
        if row["ratio"] != best["ratio"]
    ]
    return (
        f"Among texts with {in_words(q)}, cut at .5, {ratio_label(best['ratio'])} has the best F1: "
        f"{probability(best['f1'])}, against {' and '.join(others)}."
    )


def best_ranked(table: pd.DataFrame, q: float) -> str:
    """Whether any of that is more than a moved threshold: the ranking."""
    if len(table) == 1:
        return ""
    first, last = table.iloc[0], table.iloc[-1]
    names = ratio_label(first["ratio"]), ratio_label(last["ratio"])
    return (
        f"Whatever the threshold, how well positives rank above negatives (AUC) is {probability(first['auc'])} at "
        f"{names[0]} and {probability(last['auc'])} at {names[1]}; average precision at this prevalence is "
        f"{probability(first['average_precision'])} and {probability(last['average_precision'])} (chance: "
        f"{probability(q)})."
    )
