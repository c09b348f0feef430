"""Two ratios compared on the same test examples: parts of a drop, prior shift, flow of positives, paired tests."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from closecall.analysis.causes.comparison import Comparison
from closecall.analysis.formatting import p_text, points_cell, points_text, ratio_text
from closecall.analysis.intervals import Estimate
from closecall.analysis.metrics.calibration import log_odds, temperature
from closecall.analysis.ratio.decomposition import Decomposition, Validation, decisive_parts, decompose_drop
from closecall.analysis.ratio.flow import majority_correct
from closecall.analysis.ratio.prior_shift import prior_shift_curve
from closecall.analysis.ratio.ratio_vs_threshold import LESS, MORE, ratio_vs_threshold_table
from closecall.models.results.valid_runs import ValidRuns, check_validation

LARGE = 200_000
"""Predictions from which on fewer bootstrap draws are made, to keep the time at about a second."""
MATCHED = ("false positives", "predicted positives")
"""What is matched between two ratios: the false-positive rate, or the predicted-positive rate at prevalence q."""
CHANGES = {
    ("tp", "fn"): "lost",
    ("fn", "tp"): "gained",
    ("fn", "fn"): "false negatives at both",
    ("tp", "tp"): "true positives at both",
}
"""What happens to a positive between two ratios, by its outcomes at both."""
TESTS_NOTE = (
    "Each example counts once: correct when most seeds classify it correctly at threshold 0.50. Only examples on which "
    "two ratios differ carry information: exact McNemar test, Newcombe's interval of the paired difference. Holm's p "
    "is corrected for all rows."
)
_CLASS_METRIC = {1: "recall", 0: "specificity"}


@dataclass(frozen=True)
class PriorShift:
    """What the class prior alone predicts from the runs at `reference`: columns ratio, recall, specificity."""

    reference: float
    curve: pd.DataFrame


@dataclass(frozen=True)
class Change:
    """The positives with one change of outcome between two ratios; `rows` are their columns in the valid runs."""

    from_ratio: float
    to_ratio: float
    name: str
    rows: np.ndarray

    @property
    def step(self) -> str:
        """`1:1 to 1:10`."""
        return f"{ratio_text(self.from_ratio)} to {ratio_text(self.to_ratio)}"


def prior_shift(test: ValidRuns, validation: ValidRuns, ratios: tuple[float, ...]) -> PriorShift | None:
    """The recall and specificity that the class prior alone predicts at each ratio, from the smallest ratio's runs.

    Each run is calibrated by one temperature on validation. None without valid runs, without both classes, or where
    the scores of validation differ from those of test.
    """
    check = check_validation(test, validation)
    if check is None or not check.usable:
        return None
    reference = test.levels[0]
    val_logits, logits = log_odds(validation.at(reference)), log_odds(test.at(reference))
    trained_at = 1 / (1 + reference)
    for val_row, row in zip(val_logits, logits, strict=True):
        row /= temperature(validation.labels, val_row, q=trained_at)
    levels = sorted({reference, *(one for one in ratios if one >= reference)})
    return PriorShift(reference, prior_shift_curve(test.labels, logits, levels, reference_ratio=reference))


def prior_shift_sentence(shift: PriorShift, pair: Comparison | None) -> str:
    """How to read the dotted lines, and how far the observed recall is below them."""
    start = f"Dotted: what the class prior alone predicts from the runs at {ratio_text(shift.reference)}."
    if pair is None or pair.excess is None:
        return start
    excess = pair.excess
    below = excess if excess.value > 0 else Estimate(-excess.value, -excess.high, -excess.low)
    side = "below" if excess.value > 0 else "above"
    unclear = ", which this test set does not distinguish from 0" if excess.includes_zero else ""
    return f"{start} At {ratio_text(pair.ratio)} recall is {points_text(below, signed=False)} {side} it{unclear}."


def decomposed(
    test: ValidRuns, validation: ValidRuns, a: float, b: float, *, match_prevalence: float | None = None
) -> Decomposition | None:
    """The drop in recall from ratio a to ratio b over the seeds they share, None when they share none.

    `match_prevalence`: a prevalence at which predicted positives are matched in place of false positives. Thresholds
    are chosen on test where validation has one class or its scores differ from those of test.
    """
    shared = sorted(set(test.seeds[test.ratios == a].tolist()) & set(test.seeds[test.ratios == b].tolist()))
    if not shared:
        return None
    chooser, check = None, check_validation(test, validation)
    if check is not None and check.usable:
        chooser = Validation(validation.labels, validation.of_seeds(a, shared), validation.of_seeds(b, shared))
    first, second = test.of_seeds(a, shared), test.of_seeds(b, shared)
    draws = 200 if first.size > LARGE else 500
    return decompose_drop(
        test.labels, first, second, validation=chooser, match_prevalence=match_prevalence, draws=draws
    )


def drop_sentence(parts: Decomposition, names: tuple[str, str]) -> str:
    """Whether the drop between two ratios is ranking or threshold, in one sentence."""
    if parts.drop.includes_zero:
        return f"A drop in recall from {names[0]} to {names[1]} is not distinguishable with this test set."
    ranking = decisive_parts(parts)[0]
    if ranking.includes_zero:
        return f"A lower threshold restores the recall: no loss of ranking is seen from {names[0]} to {names[1]}."
    if ranking.value > 0:
        return f"{names[1]} ranks positives lower than {names[0]}: no threshold restores that part of the recall."
    return f"{names[1]} ranks better than {names[0]}: the whole drop comes from the threshold."


def part_rows(parts: Decomposition, names: tuple[str, str], *, matched: str = MATCHED[0]) -> list[dict[str, str]]:
    """The parts of a drop in both orders and their means, with intervals, as the rows of a table."""
    rows = (
        ("Drop in recall", parts.drop),
        ("Ranking, mean of both orders", parts.ranking_mean),
        (f"Ranking, at the {matched} of {names[0]}", parts.ranking),
        (f"Ranking, at the {matched} of {names[1]}", parts.ranking_other),
        ("Threshold, mean of both orders", parts.threshold_mean),
        (f"Threshold, at the {matched} of {names[0]}", parts.threshold),
        (f"Threshold, at the {matched} of {names[1]}", parts.threshold_other),
    )
    return [{"Part": name, "Points (95 % CI)": points_cell(value)} for name, value in rows]


def ratio_vs_threshold_rows(parts: dict[float, Decomposition | None], base: float) -> pd.DataFrame:
    """`ratio_vs_threshold_table` of the ratios that share a seed with `base`; `parts` are their decompositions."""
    return ratio_vs_threshold_table({ratio: one for ratio, one in parts.items() if one}, reference_ratio=base)


def ratio_vs_threshold_title(table: pd.DataFrame, base: float) -> str:
    """Which ratios have a higher or a lower recall than a threshold of `base` gives, in one line."""
    by_result = {result: table.loc[table["result"] == result, "ratio"].tolist() for result in (MORE, LESS)}
    if not any(by_result.values()):
        return f"No ratio is distinguishable from another threshold of {ratio_text(base)}"
    words = {MORE: "Higher", LESS: "Lower"}
    return "; ".join(
        f"{words[result]} recall than a threshold of {ratio_text(base)}: {', '.join(map(ratio_text, ratios))}"
        for result, ratios in by_result.items()
        if ratios
    )


def changed_positives(test: ValidRuns) -> list[Change]:
    """The positives by change of outcome, of the smallest to the largest ratio and of each step between them.

    An outcome is that of most seeds at threshold 0.50. Changes without positives are left out.
    """
    levels, correct = majority_correct(test.labels, test.pos_probs, test.ratios)
    positive = test.labels == 1
    steps = [(0, len(levels) - 1), *((i, i + 1) for i in range(len(levels) - 1))]
    changes = []
    for start, end in dict.fromkeys(steps):
        for states, name in CHANGES.items():
            before, after = (state == "tp" for state in states)
            rows = np.flatnonzero(positive & (correct[start] == before) & (correct[end] == after))
            changes.append(Change(levels[start], levels[end], name, rows))
    return [one for one in changes if len(one.rows)] or changes[:1]


def paired_test_rows(table: pd.DataFrame, reference: str) -> pd.DataFrame:
    """The paired tests of `analysis.ratio.flow.paired_tests` as a table to read."""
    rows = [
        {
            "Ratio and metric": f"{ratio_text(row['ratio'])}, {_CLASS_METRIC[row['label']]}",
            f"Correct only at {reference}": int(row["only_reference"]),
            "Correct only at this ratio": int(row["only_ratio"]),
            f"Drop from {reference}, points (95 % CI)": points_cell(
                Estimate(row["difference"], row["low"], row["high"])
            ),
            "p": p_text(row["p"]),
            "p after Holm": p_text(row["p_holm"]),
        }
        for row in table.to_dict("records")
    ]
    return pd.DataFrame(rows)


def tests_sentence(table: pd.DataFrame, reference: str) -> str:
    """From which ratio on recall differs from that of the smallest ratio, in one sentence."""
    rows = [row for row in table.to_dict("records") if row["label"] == 1 and row["p_holm"] < 0.05]
    if not rows:
        return f"No ratio's recall is distinguishable from that of {reference} with this test set."
    first: dict[Any, Any] = min(rows, key=lambda row: row["ratio"])
    word = "lower" if first["difference"] > 0 else "higher"
    drop = Estimate(first["difference"], first["low"], first["high"])
    size = drop if drop.value > 0 else Estimate(-drop.value, -drop.high, -drop.low)
    return (
        f"From {ratio_text(first['ratio'])} on recall is {word} than at {reference}: by "
        f"{points_text(size, signed=False)} at {ratio_text(first['ratio'])}, "
        f"p {_after_equals(first['p_holm'])} after Holm."
    )


def _after_equals(p: float) -> str:
    text = p_text(p)
    return text if text.startswith("<") else f"= {text}"
