"""Does training at another ratio buy anything that moving the threshold of the reference run would not?"""

import pandas as pd
from numpy.typing import ArrayLike

from closecall.analysis.formatting import points_text, ratio_text
from closecall.analysis.intervals import Estimate
from closecall.analysis.metrics.outcomes import outcome_table
from closecall.analysis.ratio.decomposition import Decomposition
from closecall.analysis.validation import same_runs


def operating_points(
    labels: ArrayLike, pos_probs: ArrayLike, ratios: ArrayLike, seeds: ArrayLike, *, threshold: ArrayLike = 0.5
) -> pd.DataFrame:
    """Where does each run stand on the plane of false alarms and recall?

    One row for each run: `ratio, seed, threshold, false_positive_rate, recall, recall_low, recall_high, collapsed`, to
    lay over the curve of one run. `pos_probs` (runs, n); `ratios`, `seeds` (runs,).
    """
    table = outcome_table(labels, pos_probs, threshold=threshold)
    ratio, seed = same_runs(ratios, seeds, runs=len(table))
    table.insert(0, "ratio", ratio)
    table.insert(1, "seed", seed)
    table.insert(3, "false_positive_rate", 1 - table["true_negative_rate"])
    kept = ["ratio", "seed", "threshold", "false_positive_rate", "recall", "recall_low", "recall_high", "collapsed"]
    return table[kept]


def gain_over_threshold(parts: Decomposition) -> Estimate:
    """How much more recall has run b than run a cut to the false alarms of b? R_b - R_a@f_b, below 0: a is better."""
    other = parts.ranking_other
    return Estimate(-other.value, -other.high, -other.low)


def ratio_vs_threshold_table(
    decompositions: dict[float, Decomposition], *, reference_ratio: float = 1.0
) -> pd.DataFrame:
    """At each ratio's own false alarms, does it find more than the reference run with a moved threshold?

    One row for each ratio: `ratio, recall, reference_recall, gain, low, high, buys, sentence`; buys is "more", "less"
    or "no difference seen", by whether the interval of the gain holds 0, or "too few false alarms" (fewer than 5) to
    match. From `decompose_ratios`, its intervals.
    """
    rows = []
    for ratio, parts in decompositions.items():
        gain = gain_over_threshold(parts)
        buys = _buys(gain, parts)
        reference = parts.recall_b - gain.value
        sentence = (
            f"At the false alarms of {ratio_text(ratio)}, training at {ratio_text(ratio)} finds "
            f"{100 * parts.recall_b:.1f} % of {parts.n_positives:,} positives and {ratio_text(reference_ratio)} with a "
            f"moved threshold {100 * reference:.1f} %: {points_text(gain)}, {_MEANING[buys]}."
        )
        rows.append((ratio, parts.recall_b, reference, gain.value, gain.low, gain.high, buys, sentence))
    columns = ["ratio", "recall", "reference_recall", "gain", "low", "high", "buys", "sentence"]
    return pd.DataFrame(rows, columns=columns)


def ratio_vs_threshold_sentence(table: pd.DataFrame, *, reference_ratio: float = 1.0) -> str:
    """Did changing the ratio buy anything that moving the threshold of the reference run would not? `overlay_table`."""
    reference = ratio_text(reference_ratio)
    told = []
    for word in ("more", "less"):
        rows = table[table["buys"] == word]
        gains = [
            f"{ratio_text(ratio)} by {100 * abs(gain):.1f} points" for ratio, gain in rows[["ratio", "gain"]].values
        ]
        if gains:
            told.append(f"{word} than it: {', '.join(gains)}")
    few = ", ".join(ratio_text(ratio) for ratio in table.loc[table["buys"] == "too few false alarms", "ratio"])
    unread = f" Too few false alarms to compare: {few}." if few else ""
    if told:
        return f"{reference} with a moved threshold is the mark. These find {'; '.join(told)}.{unread}"
    if (table["buys"] == "too few false alarms").all():
        return f"Nothing can be said yet.{unread}"
    return f"Changing the ratio bought nothing that moving the threshold of {reference} would not.{unread}"


def _buys(gain: Estimate, parts: Decomposition) -> str:
    if not parts.both_orders:
        return "too few false alarms"
    if gain.holds_zero:
        return "no difference seen"
    return "more" if gain.value > 0 else "less"


_MEANING = {
    "more": "so the extra negatives bought ranking that no threshold gives",
    "less": "so moving the threshold does better than changing the ratio",
    "no difference seen": "so this test set shows nothing that moving the threshold would not give",
    "too few false alarms": "which rests on too few false alarms to be read",
}
