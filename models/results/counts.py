"""The decomposition of a drop in recall from counts alone, by the equal-variance binormal model.

It needs no predictions: the true positives and true negatives at two ratios are enough (`analysis.ratio.binormal`).
"""

from dataclasses import asdict
from typing import Any

from closecall.analysis.formatting import detectable_drop_text, percent_text, share_text
from closecall.analysis.intervals import Estimate, smallest_detectable_drop, wilson
from closecall.analysis.ratio.binormal import criterion, d_prime, decompose_counts, prior_shift_rates
from closecall.data.io.errors import UserError

Counts = tuple[int, int]
"""A count and the number of examples that it is a part of."""
RATIO = 10
"""The ratio at which the rates that follow from the class prior alone are computed."""


def read_counts(text: str) -> tuple[Counts, Counts]:
    """(TP, positives) and (TN, negatives) from `92/100,92/100`. UserError for anything else."""
    try:
        pairs = [tuple(int(part) for part in one.split("/")) for one in text.split(",")]
        (tp, positives), (tn, negatives) = pairs
    except ValueError:
        raise UserError(
            f"{text!r} does not hold two shares. Write true positives and true negatives, each with its total: "
            "92/100,92/100."
        ) from None
    if not (0 <= tp <= positives and 0 <= tn <= negatives and positives and negatives):
        raise UserError(f"{text!r}: each count must lie between 0 and its total, and the totals must be above 0.")
    return (tp, positives), (tn, negatives)


def counts_content(first: str, second: str) -> dict[str, Any]:
    """d', criterion and recall at two ratios, the drop split in both orders, and what the prior alone predicts at 1:10.

    The keys `found` (tp), `left_alone` (tn), `honest_at_1_10` (prior_only_at_1_10) and `smallest_detectable_drop`
    (smallest_detectable_drop) are the former names, kept for scripts.
    """
    a, b = read_counts(first), read_counts(second)
    if [n for _, n in a] != [n for _, n in b]:
        raise UserError("Both ratios must be tested on the same examples: the totals after the slashes must agree.")
    (tp_a, n_pos), (tn_a, n_neg) = a
    (tp_b, _), (tn_b, _) = b
    parts = decompose_counts(tp_a, tn_a, tp_b, tn_b, n_pos=n_pos, n_neg=n_neg)
    sides = {"first": _rates(tp_a, n_pos, tn_a, n_neg), "second": _rates(tp_b, n_pos, tn_b, n_neg)}
    recall, specificity = (float(rate) for rate in prior_shift_rates(sides["first"]["d_prime"], RATIO))
    means = {"mean_ranking": parts.mean_ranking, "mean_threshold": parts.mean_threshold}
    prior_only = {"recall": recall, "specificity": specificity, "true_negative_rate": specificity}
    drop = smallest_detectable_drop(n_pos)
    return {
        "positives": n_pos,
        "negatives": n_neg,
        **sides,
        "parts": asdict(parts) | means,
        "prior_only_at_1_10": prior_only,
        "honest_at_1_10": prior_only,
        "smallest_detectable_drop": drop,
        "smallest_visible_drop": drop,
    }


def counts_text(content: dict[str, Any]) -> list[str]:
    """The content of `counts_content` as sentences."""
    n_pos, n_neg, parts = content["positives"], content["negatives"], content["parts"]
    lines = []
    for name in ("first", "second"):
        side = content[name]
        lines.append(
            f"{name.capitalize()} ratio: recall {share_text(side['tp'], n_pos)}; specificity "
            f"{share_text(side['tn'], n_neg)}; d' {side['d_prime']:.2f}, criterion "
            f"{round(side['criterion'], 2) + 0.0:.2f}."
        )
    lines.append(
        f"Recall falls by {_points(parts['drop'])} points: ranking {_points(parts['ranking'])} and threshold "
        f"{_points(parts['threshold'])} at the false-positive rate of the first ratio; in the other order "
        f"{_points(parts['ranking_other_order'])} and {_points(parts['threshold_other_order'])}; mean "
        f"{_points(parts['mean_ranking'])} and {_points(parts['mean_threshold'])}."
    )
    prior_only = content["prior_only_at_1_10"]
    lines.append(
        f"For a classifier with the d' of the first ratio, the class prior alone predicts at 1:{RATIO} recall "
        f"{percent_text(prior_only['recall'])} and specificity {percent_text(prior_only['specificity'])}."
    )
    lines.append(
        "These numbers assume normal score distributions with equal variance, which four counts cannot test. Import "
        f"the predictions for estimates without this assumption. {detectable_drop_text(n_pos)}".rstrip()
    )
    return lines


def _rates(tp: int, n_pos: int, tn: int, n_neg: int) -> dict[str, Any]:
    """Counts, recall with Wilson's interval, d' and criterion; a rate of 0 or 1 counts half an example."""
    rates = [min(max(k, 0.5), n - 0.5) / n for k, n in ((tp, n_pos), (n_neg - tn, n_neg))]
    low, high = wilson(tp, n_pos)
    return {
        "tp": tp,
        "tn": tn,
        "found": tp,
        "left_alone": tn,
        "recall": asdict(Estimate(tp / n_pos, float(low), float(high))),
        "specificity": tn / n_neg,
        "d_prime": float(d_prime(*rates)),
        "criterion": float(criterion(*rates)) + 0.0,
    }


def _points(share: float) -> str:
    return f"{100 * share:.1f}"
