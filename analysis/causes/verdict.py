"""What a drop in recall was caused by, as far as predictions alone can tell, and how sure that is."""

from dataclasses import dataclass

from closecall.analysis.causes.evidence import Comparison, Evidence
from closecall.analysis.formatting import points_text, ratio_text, rounded_up, share_text
from closecall.analysis.intervals import Estimate, positives_needed
from closecall.analysis.ratio.decomposition import Decomposition

# A drop below this many points is not worth an afternoon; one that may be larger is not called "nothing wrong".
MATTERS = 0.05
# One seed cannot show its own noise; repeated fine-tuning differs by .8 to 2.4 points (SD, Mosbach 2021).
SEED_NOISE = 0.02
CAUSES = ("optimisation", "threshold", "ranking", "nothing wrong", "too few positives", "too few seeds")
NAMES = {
    "optimisation": "Some runs did not learn",
    "threshold": "The threshold moved",
    "ranking": "Ranking was lost",
    "nothing wrong": "Nothing is wrong",
    "too few positives": "Too few positives to tell",
    "too few seeds": "Too few seeds to tell",
}
NOT_MEASURED = {
    "sparsity": "too little language in the positives: asks how rare or uncovered the missed ones are, whether more "
    "positives would still help, and whether the positives are learned by heart",
    "overlap": "classes too close in meaning: asks what lies around the missed positives, and how well the two classes "
    "can be parted at all",
    "labels": "wrong labels: asks how many of the misses an audit of the labels flags",
}
"""The causes that runs over ratios alone cannot tell, and what each would need."""


@dataclass(frozen=True)
class Finding:
    """One cause, its confidence ("high", "medium", "low"), the part of the drop it stands for, and its sentences."""

    cause: str
    confidence: str
    part: Estimate | None
    sentences: tuple[str, ...]


@dataclass(frozen=True)
class Verdict:
    """All that was found, weightiest first. `positives_needed` is set when this test set is too small to tell."""

    findings: tuple[Finding, ...]
    positives_needed: int | None
    evidence: Evidence

    @property
    def causes(self) -> tuple[str, ...]:
        return tuple(finding.cause for finding in self.findings)


def reach_verdict(evidence: Evidence, *, matters: float = MATTERS) -> Verdict:
    """Why was recall lost, as far as runs over ratios can tell?

    Any collapsed run: optimisation. Both intervals of the drop (resampled, and Newcombe's) below `matters`: nothing
    wrong. An interval of the drop that holds 0: too few positives. Otherwise the ranking part decides, the mean of both
    orders or, where the larger ratio has too few false alarms for that, the first: above 0 (with one seed: above what
    seeds differ by), ranking was lost, whether by sparsity, overlap or labels is NOT_MEASURED; surely no more than half
    of the drop, threshold; both may hold; and where its interval reaches from 0 to beyond half the drop, too few
    positives again. Where the seeds make most of the width it says too few seeds instead. Confidence is high only with
    several seeds, both orders agreeing, and no excess drop that contradicts.
    """
    findings = []
    if evidence.collapsed_ratios:
        findings.append(_optimisation(evidence))
    needed = None
    if evidence.comparison is not None:
        found, needed = _judge(evidence, evidence.comparison, matters)
        findings += found
    return Verdict(tuple(findings), needed, evidence)


def _judge(evidence: Evidence, pair: Comparison, matters: float) -> tuple[list[Finding], int | None]:
    drop, (ranking, threshold) = pair.parts.drop, decisive_parts(pair.parts)
    floor = SEED_NOISE if pair.parts.n_seeds == 1 else 0.0
    if max(drop.high, pair.paired.high) < matters:
        return [_nothing_wrong(evidence, pair, matters)], None
    if drop.low <= 0 or drop.high < matters:
        asked = "at all" if drop.low <= 0 else f"by as much as {100 * matters:.0f} points"
        needed = int(-(-positives_needed(max(drop.value, matters)) // 1))
        return _unsure(evidence, pair, f"whether recall dropped {asked}", needed)
    needed = _positives_to_part(ranking, drop, evidence.n_positives)
    if ranking.low <= floor and ranking.high > drop.value / 2:
        return _unsure(evidence, pair, "whether ranking was lost or only the threshold moved", needed)
    findings = []
    if threshold.low > 0:
        findings.append(_threshold(evidence, pair))
    if ranking.low > floor:
        findings.append(_ranking(evidence, pair))
    if not findings:
        return _unsure(evidence, pair, "what became of the positives that were lost", needed)
    return sorted(findings, key=_weight, reverse=True), None


def _unsure(evidence: Evidence, pair: Comparison, question: str, needed: int) -> tuple[list[Finding], int | None]:
    """Too few positives, or too few seeds where it is these that make the interval of the drop wide."""
    by_seeds = pair.parts.seed_reach > (pair.paired.high - pair.paired.low) / 2
    wanted = None if by_seeds else max(needed, int(1.5 * evidence.n_positives))
    return [_too_few(evidence, pair, question, wanted)], wanted


def decisive_parts(parts: Decomposition) -> tuple[Estimate, Estimate]:
    """The ranking and the threshold part to go by: means of both orders, or the first where only that can be read."""
    if parts.both_orders:
        return parts.ranking_mean, parts.threshold_mean
    return parts.ranking, parts.threshold


def _orders_text(parts: Decomposition, first: float, other: float) -> str:
    if parts.both_orders:
        return f"the mean of both orders ({100 * first:.1f} and {100 * other:.1f})"
    return f"at the false alarms of the smaller ratio (the larger has only {parts.flagged_b:.1f}, too few to match)"


def _weight(finding: Finding) -> float:
    return finding.part.value if finding.part else 0.0


def _positives_to_part(ranking: Estimate, drop: Estimate, n_positives: int) -> int:
    """Half widths shrink with the root of n; the ranking part is told from half the drop at half the drop's width."""
    half_width = (ranking.high - ranking.low) / 2
    return int(-(-n_positives * max((half_width / (drop.value / 2)) ** 2, 1.5) // 1))


def recall_sentence(evidence: Evidence, pair: Comparison) -> str:
    """From which recall to which, with the counts behind both."""
    n, seeds = evidence.n_positives, pair.parts.n_seeds
    first, second = (_recall_text(recall, n, seeds) for recall in (pair.recall_a, pair.recall_b))
    return (
        f"Positives found: {first} at {ratio_text(pair.reference_ratio)}; {second} at {ratio_text(pair.ratio)}; "
        f"a drop of {points_text(pair.parts.drop)}."
    )


def _recall_text(recall: Estimate, n: int, seeds: int) -> str:
    right = recall.value * n
    if seeds == 1:
        return share_text(round(right), n)
    return (
        f"{100 * recall.value:.1f} % ({100 * recall.low:.1f} to {100 * recall.high:.1f}), "
        f"{right:,.1f} of {n:,} on average over {seeds} seeds"
    )


def _optimisation(evidence: Evidence) -> Finding:
    failed = evidence.collapsed_ratios
    where = ", ".join(ratio_text(ratio) for ratio in sorted(set(failed)))
    sentences = [
        f"{len(failed)} of {evidence.n_runs} runs collapsed (at {where}): they predict one class or find at most 2 % "
        "of the positives. They are left out of every figure.",
        "Train again with a smaller learning rate, warm-up and more seeds before reading anything into these ratios.",
    ]
    if evidence.comparison is None:
        sentences.append("No seed is left that the smallest and a larger ratio share, so nothing else can be said.")
    return Finding("optimisation", "high", None, tuple(sentences))


def _nothing_wrong(evidence: Evidence, pair: Comparison, matters: float) -> Finding:
    sentence = f"The drop is below {100 * matters:.0f} points, as far as this test set can tell."
    return Finding("nothing wrong", _seeded(pair), pair.parts.drop, (recall_sentence(evidence, pair), sentence))


def _too_few(evidence: Evidence, pair: Comparison, question: str, needed: int | None) -> Finding:
    parts = pair.parts
    ranking, threshold = decisive_parts(parts)
    sentences = [
        recall_sentence(evidence, pair),
        f"Ranking part: {points_text(ranking)}; threshold part: {points_text(threshold)}.",
    ]
    if needed is None:
        sentences.append(
            f"{parts.n_seeds} seeds differ too much to tell {question}: they alone may carry the drop "
            f"{100 * parts.seed_reach:.0f} points to each side. More seeds are needed, {max(5, 2 * parts.n_seeds)} say."
        )
        return Finding("too few seeds", "low", None, tuple(sentences))
    sentences.append(
        f"{evidence.n_positives:,} test positives are too few to tell {question}: the intervals are wider than the "
        f"effect. About {rounded_up(needed)} would be needed."
    )
    if parts.n_seeds < 5:
        sentences.append(f"More seeds help too: there are {parts.n_seeds}, five are advised.")
    return Finding("too few positives", "low", None, tuple(sentences))


def _threshold(evidence: Evidence, pair: Comparison) -> Finding:
    parts, excess = pair.parts, pair.excess
    ranking, part = decisive_parts(parts)
    orders = _orders_text(parts, parts.threshold.value, parts.threshold_other.value)
    sentences = [
        recall_sentence(evidence, pair),
        f"A threshold gives back {points_text(part)}, {orders}; {_ranking_text(ranking)}.",
    ]
    sure = _seeded(pair) == "high" and parts.both_orders and min(parts.threshold.low, parts.threshold_other.low) > 0
    if excess is not None:
        sentences.append(_excess_sentence(excess, pair))
        sure = sure and excess.low <= 0
    return Finding("threshold", "high" if sure else "medium", part, tuple(sentences))


def _ranking_text(ranking: Estimate) -> str:
    """A negative part as what it is: the larger ratio ranks better, which is why a threshold can give back more."""
    if ranking.value >= 0:
        return f"the ranking part is {points_text(ranking)}"
    return f"ranking gained {points_text(Estimate(-ranking.value, -ranking.high, -ranking.low))}"


def _excess_sentence(excess: Estimate, pair: Comparison) -> str:
    told = (
        f"Recall at {ratio_text(pair.ratio)} against what its prior alone explains: excess drop {points_text(excess)}, "
    )
    if excess.low > 0:
        return told + "so more was lost than an honest classifier would lose."
    if excess.high < 0:
        return told + "so less was lost than an honest classifier would lose."
    return told + "which is what an honest classifier would show."


def _ranking(evidence: Evidence, pair: Comparison) -> Finding:
    parts = pair.parts
    part = decisive_parts(parts)[0]
    orders = _orders_text(parts, parts.ranking.value, parts.ranking_other.value)
    sentences = (
        recall_sentence(evidence, pair),
        f"At equal false alarms {points_text(part)} stay lost, {orders}: no threshold gives them back.",
        "Whether sparse language, overlap of the classes or wrong labels is behind it has not been measured yet.",
    )
    agree = parts.both_orders and min(parts.ranking.low, parts.ranking_other.low) > 0
    return Finding("ranking", _seeded(pair) if agree else "medium", part, sentences)


def _seeded(pair: Comparison) -> str:
    """One seed cannot show how far seeds differ, so it never makes a high confidence."""
    return "high" if pair.parts.n_seeds > 1 else "medium"
