"""A drop in recall known from counts alone: the asker's question, answered with normal curves."""

from dataclasses import asdict
from typing import Any

from closecall.analysis.formatting import share_text, too_small_text
from closecall.analysis.intervals import Estimate, smallest_visible_drop, wilson
from closecall.analysis.ratio.binormal import criterion, d_prime, decompose_counts, prior_only_rates
from closecall.data.io.errors import UserError

Counts = tuple[int, int]


def read_counts(text: str) -> tuple[Counts, Counts]:
    """Positives found and negatives left alone, each of how many, from `92/100,92/100`."""
    try:
        pairs = [tuple(int(part) for part in one.split("/")) for one in text.split(",")]
        (found, positives), (alone, negatives) = pairs
    except ValueError:
        raise UserError(
            f"{text!r} is not two shares. Write positives found and negatives left alone: 92/100,92/100."
        ) from None
    if not (0 <= found <= positives and 0 <= alone <= negatives and positives and negatives):
        raise UserError(f"{text!r}: each count must lie between 0 and the number of examples behind it.")
    return (found, positives), (alone, negatives)


def counts_content(first: str, second: str) -> dict[str, Any]:
    """d', criterion, the drop in two parts and both orders, and what an honest classifier would show at 1:10."""
    a, b = read_counts(first), read_counts(second)
    if [n for _, n in a] != [n for _, n in b]:
        raise UserError("Both ratios must be tested on the same examples: the numbers after the slashes must agree.")
    (found_a, n_pos), (alone_a, n_neg) = a
    (found_b, _), (alone_b, _) = b
    parts = decompose_counts(found_a, alone_a, found_b, alone_b, n_pos=n_pos, n_neg=n_neg)
    sides: dict[str, dict[str, Any]] = {}
    for name, found, alone in (("first", found_a, alone_a), ("second", found_b, alone_b)):
        rates = [min(max(k, 0.5), n - 0.5) / n for k, n in ((found, n_pos), (n_neg - alone, n_neg))]
        low, high = wilson(found, n_pos)
        sides[name] = {
            "found": found, "left_alone": alone, "recall": asdict(Estimate(found / n_pos, float(low), float(high))),
            "d_prime": float(d_prime(*rates)), "criterion": float(criterion(*rates)) + 0.0,
        }  # fmt: skip
    honest = [float(one) for one in prior_only_rates(sides["first"]["d_prime"], 10)]
    means = {"mean_ranking": parts.mean_ranking, "mean_threshold": parts.mean_threshold}
    return {
        "positives": n_pos, "negatives": n_neg, **sides, "parts": asdict(parts) | means,
        "honest_at_1_10": {"recall": honest[0], "true_negative_rate": honest[1]},
        "smallest_visible_drop": smallest_visible_drop(n_pos),
    }  # fmt: skip


def counts_words(content: dict[str, Any]) -> list[str]:
    """The same in sentences."""
    n_pos, n_neg, parts = content["positives"], content["negatives"], content["parts"]
    lines = []
    for name in ("first", "second"):
        side = content[name]
        lines.append(
            f"The {name}: positives found {share_text(side['found'], n_pos)}; negatives left alone "
            f"{share_text(side['left_alone'], n_neg)}; distance of the classes d' {side['d_prime']:.2f}, "
            f"criterion {round(side['criterion'], 2) + 0.0:.2f}."
        )
    lines.append(
        f"Lost: {100 * parts['drop']:.1f} points, of which ranking {_points(parts['ranking'])} and threshold "
        f"{_points(parts['threshold'])} at the false alarms of the first; in the other order "
        f"{_points(parts['ranking_other_order'])} and {_points(parts['threshold_other_order'])}; mean "
        f"{_points(parts['mean_ranking'])} and {_points(parts['mean_threshold'])}."
    )
    honest = content["honest_at_1_10"]
    lines.append(
        f"An honest classifier like the first, trained at 1:10, would find {100 * honest['recall']:.1f} % and leave "
        f"{100 * honest['true_negative_rate']:.1f} % of the negatives alone."
    )
    lines.append(
        "Read off normal curves with equal variance, which four counts cannot test; import the predictions for the "
        f"forms without them. {too_small_text(n_pos)}".rstrip()
    )
    return lines


def _points(share: float) -> str:
    return f"{100 * share:.1f}"
