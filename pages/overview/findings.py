"""What an experiment shows, in sentences."""

import math

import pandas as pd

from closecall.analysis.formatting import percent_text, probability_text, ratio_text
from closecall.analysis.metrics.prevalence import break_even_prevalence, f1_at
from closecall.models.results.valid_runs import ratio_rows


def what_happened(means: pd.DataFrame) -> str:
    """The asker's picture with this experiment's numbers; `means` as in `pages.shared.runs.by_ratio`."""
    first, last = means.iloc[0], means.iloc[-1]
    positives, negatives = f"{int(first['n_positives']):,}", f"{int(first['n_negatives']):,}"
    if len(means) == 1:
        return (
            f"Trained at {ratio_text(first['ratio'])} the classifier finds {percent_text(first['recall'])} of {positives} "
            f"test positives and leaves {percent_text(first['true_negative_rate'])} of {negatives} negatives alone."
        )
    return (
        f"Of {positives} test positives, {percent_text(first['recall'])} are found when trained at "
        f"{ratio_text(first['ratio'])} and {percent_text(last['recall'])} at {ratio_text(last['ratio'])}. "
        f"Of {negatives} negatives, {percent_text(first['true_negative_rate'])} and "
        f"{percent_text(last['true_negative_rate'])} are left alone."
    )


def which_is_better(means: pd.DataFrame) -> str:
    """Which of the smallest and the largest ratio to prefer, and how that depends on the deployment prevalence."""
    if len(means) < 2:
        return ""
    first, last = means.iloc[0], means.iloc[-1]
    names = ratio_text(first["ratio"]), ratio_text(last["ratio"])
    rates = [(row["recall"], 1 - row["true_negative_rate"]) for row in (first, last)]
    even = break_even_prevalence(*rates[0], *rates[1])
    rare, half = (_f1_pair(rates, q) for q in (1 / 11, 0.5))
    numbers = (
        f"At 1 positive in 11 texts F1 is {probability_text(rare[0])} for {names[0]} and {probability_text(rare[1])} for "
        f"{names[1]}; at one in two it is {probability_text(half[0])} and {probability_text(half[1])}."
    )
    if math.isnan(even):
        better = names[0] if half[0] >= half[1] else names[1]
        return f"Cut at .5, {better} has the better F1 at every share of positives. {numbers}"
    wide = names[0] if rates[0][0] > rates[1][0] else names[1]
    narrow = names[1] if wide == names[0] else names[0]
    return (
        f"Which is better depends on where it is used: **below {percent_text(even)} positives {narrow} has the better F1, "
        f"above it {wide}**. {numbers}"
    )


def collapsed_runs(means: pd.DataFrame) -> str:
    """A sentence when runs learned nothing, else nothing."""
    gone = [row for row in ratio_rows(means) if row["collapsed"]]
    if not gone:
        return ""
    where = ", ".join(f"{row['collapsed']} of {row['seeds']} at {ratio_text(row['ratio'])}" for row in gone)
    return f"Some runs collapsed (they call nearly everything one class): {where}. They are left out of the means."


def _f1_pair(rates: list[tuple[float, float]], q: float) -> list[float]:
    return [float(f1_at(recall, fpr, q=q)) for recall, fpr in rates]
