"""Verdict on a drop in recall between ratios: which causes the predictions support, with what confidence."""

from dataclasses import dataclass

from closecall.analysis.causes.evidence import Comparison, Evidence
from closecall.analysis.formatting import (
    interval_text,
    percent_text,
    points_text,
    ratio_text,
    rounded_up,
    share_text,
)
from closecall.analysis.intervals import Estimate, positives_needed
from closecall.analysis.ratio.decomposition import Decomposition

SMALLEST_RELEVANT_DROP = 0.05
"""A drop that is certainly below this is reported as "nothing wrong"."""
SEED_NOISE = 0.02
"""One seed cannot show seed noise. Repeated fine-tuning has an SD of 0.8 to 2.4 points (Mosbach 2021)."""


@dataclass(frozen=True)
class Cause:
    """A cause of a drop in recall: its key, its title, and the views that show its evidence.

    A view is "parts" (of the drop), "threshold", "flow" (lost and gained positives) or "runs". The rule that decides a
    cause and its sentences are in the function that returns its Finding.
    """

    key: str
    title: str
    views: tuple[str, ...]


CAUSES = (
    Cause("optimisation", "Some runs collapsed", ("runs",)),
    Cause("threshold", "The threshold no longer fits", ("parts", "threshold")),
    Cause("ranking", "Ranking got worse", ("parts", "flow")),
    Cause("nothing wrong", "No relevant drop in recall", ("flow",)),
    Cause("too few positives", "Too few test positives", ("parts",)),
    Cause("too few seeds", "Too few seeds", ("parts",)),
)
CAUSE_BY_KEY = {cause.key: cause for cause in CAUSES}
NOT_MEASURED = {
    "sparsity": "too few or too varied training positives: whether the missed ones resemble none of them, whether more "
    "would help, and whether the model overfits them",
    "overlap": "classes with similar texts: which classes surround the missed positives, and how well any model "
    "separates them",
    "labels": "wrong labels: how many of the false negatives a label audit flags",
}
"""Causes that predictions over ratios do not identify, and what each would measure."""


@dataclass(frozen=True)
class Finding:
    """One cause with its confidence ("high", "medium", "low"), its part of the drop, and sentences for the reader."""

    cause: str
    confidence: str
    part: Estimate | None
    sentences: tuple[str, ...]


@dataclass(frozen=True)
class Verdict:
    """All findings, largest part first. `positives_needed` is set when the test set is too small."""

    findings: tuple[Finding, ...]
    positives_needed: int | None
    evidence: Evidence

    @property
    def causes(self) -> tuple[str, ...]:
        return tuple(finding.cause for finding in self.findings)


def reach_verdict(evidence: Evidence, *, smallest: float = SMALLEST_RELEVANT_DROP) -> Verdict:
    """Which causes of a drop in recall do runs over ratios support?

    Collapsed runs: optimisation. Both intervals of the drop (bootstrap and Newcombe's) below `smallest`: nothing wrong.
    An interval of the drop that includes 0: too few positives. Otherwise the ranking part decides: the mean of both
    orders, or the first order where the larger ratio has too few false positives. Above 0 (with one seed: above
    SEED_NOISE): ranking; at most half of the drop with certainty: threshold; both may hold. An interval from 0 to more
    than half of the drop: too few positives. Where seeds make up most of the width: too few seeds. Confidence is high
    only with several seeds, both orders in agreement, and no contradicting excess drop. The causes of NOT_MEASURED are
    not decided.
    """
    findings = []
    if evidence.collapsed_ratios:
        findings.append(_optimisation(evidence))
    needed = None
    if evidence.comparison is not None:
        compared, needed = _compare(evidence, evidence.comparison, smallest)
        findings += compared
    return Verdict(tuple(findings), needed, evidence)


def _compare(evidence: Evidence, pair: Comparison, smallest: float) -> tuple[list[Finding], int | None]:
    drop, (ranking, threshold) = pair.parts.drop, decisive_parts(pair.parts)
    floor = SEED_NOISE if pair.parts.n_seeds == 1 else 0.0
    if max(drop.high, pair.paired.high) < smallest:
        return [_nothing_wrong(evidence, pair, smallest)], None
    if drop.low <= 0 or drop.high < smallest:
        extent = "at all" if drop.low <= 0 else f"by {100 * smallest:.0f} points or more"
        needed = int(-(-positives_needed(max(drop.value, smallest)) // 1))
        return _undecided(evidence, pair, f"whether recall fell {extent}", needed)
    needed = _positives_for_parts(ranking, drop, evidence.n_positives)
    if ranking.low <= floor and ranking.high > drop.value / 2:
        return _undecided(evidence, pair, "whether ranking got worse or only the threshold no longer fits", needed)
    findings = []
    if threshold.low > 0:
        findings.append(_threshold(evidence, pair))
    if ranking.low > floor:
        findings.append(_ranking(evidence, pair))
    if not findings:
        return _undecided(evidence, pair, "which part of the drop a threshold recovers", needed)
    return sorted(findings, key=_weight, reverse=True), None


def _undecided(evidence: Evidence, pair: Comparison, question: str, needed: int) -> tuple[list[Finding], int | None]:
    """Too few positives, or too few seeds where seeds make the interval of the drop wide."""
    by_seeds = pair.parts.seed_half_width > (pair.paired.high - pair.paired.low) / 2
    wanted = None if by_seeds else max(needed, int(1.5 * evidence.n_positives))
    return [_too_few(evidence, pair, question, wanted)], wanted


def decisive_parts(parts: Decomposition) -> tuple[Estimate, Estimate]:
    """Ranking and threshold part that decide: means of both orders, or the first order where only that is valid."""
    if parts.both_orders:
        return parts.ranking_mean, parts.threshold_mean
    return parts.ranking, parts.threshold


def _weight(finding: Finding) -> float:
    return finding.part.value if finding.part else 0.0


def _positives_for_parts(ranking: Estimate, drop: Estimate, n_positives: int) -> int:
    """Positives at which the interval of the ranking part is half as wide as the drop; widths shrink with sqrt(n)."""
    half_width = (ranking.high - ranking.low) / 2
    return int(-(-n_positives * max((half_width / (drop.value / 2)) ** 2, 1.5) // 1))


def recall_sentence(evidence: Evidence, pair: Comparison) -> str:
    """Recall at both ratios with counts and intervals, and the change."""
    n, seeds = evidence.n_positives, pair.parts.n_seeds
    first, second = (_recall_text(recall, n, seeds) for recall in (pair.recall_a, pair.recall_b))
    return (
        f"Recall is {first} at {ratio_text(pair.reference_ratio)} and {second} at {ratio_text(pair.ratio)}: "
        f"a change of {points_text(-pair.parts.drop)}."
    )


def _recall_text(recall: Estimate, n: int, seeds: int) -> str:
    if seeds == 1:
        return share_text(round(recall.value * n), n)
    mean = f"{recall.value * n:,.1f}/{n:,}, mean of {seeds} seeds"
    return f"{percent_text(recall.value)} ({interval_text(recall.low, recall.high)}), {mean}"


def _optimisation(evidence: Evidence) -> Finding:
    failed = evidence.collapsed_ratios
    where = ", ".join(ratio_text(ratio) for ratio in sorted(set(failed)))
    sentences = [
        f"{len(failed)} of {evidence.n_runs} runs collapsed (at {where}): they predict a single class or have a recall "
        "of at most 2 %. They are left out of all results.",
        "Train again with a lower learning rate, warm-up and more seeds before you interpret these ratios.",
    ]
    if evidence.comparison is None:
        sentences.append("No seed has valid runs at both the smallest and a larger ratio, so nothing can be compared.")
    return Finding("optimisation", "high", None, tuple(sentences))


def _nothing_wrong(evidence: Evidence, pair: Comparison, smallest: float) -> Finding:
    sentence = f"The upper bound of the drop is below {100 * smallest:.0f} points."
    return Finding("nothing wrong", _confidence(pair), pair.parts.drop, (recall_sentence(evidence, pair), sentence))


def _too_few(evidence: Evidence, pair: Comparison, question: str, needed: int | None) -> Finding:
    parts = pair.parts
    ranking, threshold = decisive_parts(parts)
    sentences = [
        recall_sentence(evidence, pair),
        f"Ranking part of the drop: {points_text(ranking)}. Threshold part: {points_text(threshold)}.",
    ]
    if needed is None:
        sentences.append(
            f"{parts.n_seeds} seeds differ too much to show {question}: seeds alone may change the drop by "
            f"{100 * parts.seed_half_width:.0f} points. Train more seeds, for example {max(5, 2 * parts.n_seeds)}."
        )
        return Finding("too few seeds", "low", None, tuple(sentences))
    sentences.append(
        f"{evidence.n_positives:,} test positives are too few to show {question}: the intervals are wider than the "
        f"effect. About {rounded_up(needed)} are needed."
    )
    if parts.n_seeds < 5:
        sentences.append(f"More seeds also help: there are {parts.n_seeds}, five are recommended.")
    return Finding("too few positives", "low", None, tuple(sentences))


def _threshold(evidence: Evidence, pair: Comparison) -> Finding:
    parts, excess = pair.parts, pair.excess
    sentences = [recall_sentence(evidence, pair), f"{_matched_text(pair)} {_remainder_text(pair)}"]
    sure = _confidence(pair) == "high" and parts.both_orders and min(parts.threshold.low, parts.threshold_other.low) > 0
    if excess is not None:
        sentences.append(_excess_sentence(excess, pair))
        sure = sure and excess.low <= 0
    return Finding("threshold", "high" if sure else "medium", decisive_parts(parts)[1], tuple(sentences))


def _matched_text(pair: Comparison) -> str:
    """The operating point that a moved threshold gives the larger ratio."""
    parts = pair.parts
    recall = percent_text(parts.recall_b + parts.threshold.value)
    return (
        f"At the false-positive rate of {ratio_text(pair.reference_ratio)}, recall at {ratio_text(pair.ratio)} is "
        f"{recall} instead of {percent_text(parts.recall_b)} at threshold 0.50: {points_text(parts.threshold)}."
    )


def _remainder_text(pair: Comparison) -> str:
    """The ranking part at that operating point; below 0 the larger ratio ranks better."""
    ranking, name = pair.parts.ranking, ratio_text(pair.reference_ratio)
    if ranking.includes_zero:
        return f"That is not distinguishable from {name} with this test set: {points_text(-ranking)}."
    word = "less" if ranking.value > 0 else "more"
    return f"That is {word} than at {name}: {points_text(-ranking)}."


def _excess_sentence(excess: Estimate, pair: Comparison) -> str:
    start = f"The drop at {ratio_text(pair.ratio)} minus the drop that the class prior alone predicts is"
    if excess.low > 0:
        end = "more recall was lost than predicted."
    elif excess.high < 0:
        end = "less recall was lost than predicted."
    else:
        end = "the prior explains the drop."
    return f"{start} {points_text(excess)}: {end}"


def _ranking(evidence: Evidence, pair: Comparison) -> Finding:
    parts = pair.parts
    sentences = (
        recall_sentence(evidence, pair),
        f"{_matched_text(pair)} {_remainder_text(pair)}",
        "Whether sparse training positives, overlapping classes or wrong labels cause this is not measured yet.",
    )
    agree = parts.both_orders and min(parts.ranking.low, parts.ranking_other.low) > 0
    return Finding("ranking", _confidence(pair) if agree else "medium", decisive_parts(parts)[0], sentences)


def _confidence(pair: Comparison) -> str:
    """One seed cannot show how much seeds differ, so its confidence is never high."""
    return "high" if pair.parts.n_seeds > 1 else "medium"
