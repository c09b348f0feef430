"""Verdict on runs at several ratios: what happened at each ratio, which causes the predictions support, how surely."""

from dataclasses import dataclass, replace

from closecall.analysis.causes import wording
from closecall.analysis.causes.bottlenecks import Bottleneck, find_bottlenecks
from closecall.analysis.causes.comparison import Comparison
from closecall.analysis.causes.evidence import Evidence
from closecall.analysis.intervals import Estimate
from closecall.analysis.metrics.split_check import SplitCheck, prevalence_sentences, scores_sentences

SMALLEST_RELEVANT_DROP = 0.05
"""A drop that is certainly below this is reported as "nothing wrong"."""
SMALLEST_RANKING_DROP = 0.02
"""A loss of recall at equal false-positive rate below this is not named as a cause."""
SMALLEST_AUC_DROP = 0.01
"""The same for AUC: from 0.977, a loss of 0.01 costs about four points of recall at 8 % false positives."""
LEVEL = 0.95


@dataclass(frozen=True)
class Cause:
    """A cause that a verdict can name: its key, its title, and the views that show its evidence.

    A view is "parts" (of the drop), "threshold", "flow" (lost and gained positives) or "runs". `_judge` decides which
    cause holds at a ratio; `wording.SENTENCES` has its sentences.
    """

    key: str
    title: str
    views: tuple[str, ...]


CAUSES = (
    Cause("optimisation", "Some runs failed to train", ("runs",)),
    Cause("chance", "The classifier ranks at chance level", ("runs",)),
    Cause("threshold", "The threshold no longer fits", ("threshold", "parts")),
    Cause("ranking", "Ranking got worse", ("parts", "flow")),
    Cause("recall rose", "Recall is higher at the larger ratio", ("flow", "threshold")),
    Cause("nothing wrong", "No relevant drop in recall", ("flow",)),
    Cause("too few", "Too few examples or runs to decide", ("parts",)),
    Cause("validation", "Validation does not support a threshold", ("threshold",)),
    Cause("prevalence", "Validation and test have different shares of positives", ("threshold",)),
)
CAUSE_BY_KEY = {cause.key: cause for cause in CAUSES}


@dataclass(frozen=True)
class Finding:
    """One cause with its confidence ("high", "medium", "low"), its part of the drop, and sentences for the reader.

    `ratio` is the ratio that it is about; None for findings on the runs as a whole.
    """

    cause: str
    confidence: str
    part: Estimate | None
    sentences: tuple[str, ...]
    ratio: float | None = None


@dataclass(frozen=True)
class Verdict:
    """The verdict in one sentence, and all findings, the most important first.

    `bottlenecks`: what to enlarge where a question is undecided. `undecided`: that question, or "".
    """

    headline: str
    findings: tuple[Finding, ...]
    bottlenecks: tuple[Bottleneck, ...]
    undecided: str
    evidence: Evidence

    @property
    def causes(self) -> tuple[str, ...]:
        return tuple(finding.cause for finding in self.findings)

    @property
    def positives_needed(self) -> int | None:
        """Test positives that would decide, None where they are not what is missing."""
        return next((one.needed for one in self.bottlenecks if one.source == "test positives"), None)


@dataclass(frozen=True)
class _Judged:
    """What holds at one ratio: causes with confidence, the undecided question with what it needs."""

    pair: Comparison
    causes: tuple[tuple[str, str], ...]
    undecided: str = ""
    bottlenecks: tuple[Bottleneck, ...] = ()


def reach_verdict(evidence: Evidence, *, smallest: float = SMALLEST_RELEVANT_DROP) -> Verdict:
    """Which causes do runs over ratios support, and at which ratio?

    Each ratio is compared with the smallest. The largest is judged at 95 % confidence; the others together, too
    (Bonferroni). A drop in recall is a drop at the default threshold whose interval is above 0. Ranking got worse:
    the interval of the AUC difference or of recall at the reference's false-positive rate is above 0, the other has the
    same sign, and at least SMALLEST_RANKING_DROP of recall is lost. Threshold: recall at that rate is higher than at
    the default threshold by at least a quarter of the drop. Nothing wrong: all intervals are below `smallest`. Else too
    few examples or runs. Confidence is high only with several seeds and a decided ranking.
    """
    findings = [_failed(evidence)] if evidence.failed else []
    differences = _split_differences(evidence.validation)
    if not evidence.comparisons:
        return Verdict(wording.no_comparison(evidence), (*findings, *differences), (), "", evidence)
    if evidence.reference_ratio in evidence.at_chance:
        findings.insert(0, Finding("chance", "high", evidence.reference_auc, (wording.chance(evidence),)))
        return Verdict(wording.chance(evidence), (*findings, *differences), (), "", evidence)
    others = max(len(evidence.comparisons) - 1, 1)
    levels = [1 - (1 - LEVEL) / others] * (len(evidence.comparisons) - 1) + [LEVEL]
    judged = [_judge(evidence, pair, smallest, one) for pair, one in zip(evidence.comparisons, levels, strict=True)]
    main, *further = _to_report(judged)
    findings += [finding for one in (main, *further) for finding in _findings(evidence, one)]
    findings += _small_validation(evidence.validation, main) + differences
    headline = wording.headline(evidence, main.pair, [cause for cause, _ in main.causes], main.undecided)
    undecided = next((one for one in (main, *further) if one.undecided), main)
    return Verdict(headline, tuple(findings), undecided.bottlenecks, undecided.undecided, evidence)


def _judge(evidence: Evidence, pair: Comparison, smallest: float, level: float) -> _Judged:
    """Decide what holds at one ratio, with the spread of seeds taken as known; see `_sure` for confidence."""
    drop = pair.drop.estimate(level, few_seeds=False)
    bound = max(smallest, drop.value / 2)
    worse, kept = _ranks_worse(pair, level), _ranking_kept(pair, bound, level)
    if drop.low > 0 and drop.high >= smallest:
        causes = _causes_of_drop(pair, bound, level, worse=worse)
        if causes and (worse or kept):
            return _Judged(pair, causes)
        return _Judged(pair, causes or (("too few", "low"),), *_question(evidence, pair, "ranking", bound, level))
    if worse:
        return _Judged(pair, (("ranking", _confidence(pair, level)),))
    if drop.high < 0 and drop.value <= -smallest:
        return _Judged(pair, (("recall rose", _sure(pair, pair.drop.estimate(level).high < 0)),))
    if drop.high >= smallest or drop.low <= -smallest:
        return _Judged(pair, (("too few", "low"),), *_question(evidence, pair, "drop", smallest, level))
    if not kept:
        return _Judged(pair, (("too few", "low"),), *_question(evidence, pair, "ranking", smallest, level))
    widest = max(abs(bound) for bound in (pair.drop.estimate(level).low, pair.drop.estimate(level).high))
    return _Judged(pair, (("nothing wrong", _sure(pair, widest < smallest)),))


def _sure(pair: Comparison, holds: bool) -> str:
    """High confidence where a claim `holds` with the uncertainty of few seeds, too."""
    return "high" if holds and pair.n_seeds > 1 else "medium"


def _ranks_worse(pair: Comparison, level: float) -> bool:
    ranking, area = (one.estimate(level, few_seeds=False) for one in (pair.ranking_drop, pair.auc_drop))
    if not pair.comparable_rates:
        return area.low > 0 and area.value >= SMALLEST_AUC_DROP
    return ranking.value >= SMALLEST_RANKING_DROP and area.value > 0 and (ranking.low > 0 or area.low > 0)


def _ranking_kept(pair: Comparison, bound: float, level: float, *, few_seeds: bool = False) -> bool:
    """Whether a relevant loss of ranking is excluded: of `bound` recall, or of SMALLEST_AUC_DROP."""
    ranking, area = (one.estimate(level, few_seeds=few_seeds) for one in (pair.ranking_drop, pair.auc_drop))
    return area.high < SMALLEST_AUC_DROP or (pair.comparable_rates and ranking.high < bound)


def _causes_of_drop(pair: Comparison, bound: float, level: float, *, worse: bool) -> tuple[tuple[str, str], ...]:
    regained = pair.regained.estimate(level, few_seeds=False)
    causes = []
    if regained.low > 0 and regained.value >= pair.drop.value / 4:
        decided = worse or _ranking_kept(pair, bound, level, few_seeds=True)
        sure = pair.drop.estimate(level).low > 0 and pair.regained.estimate(level).low > 0 and decided
        causes.append(("threshold", _sure(pair, sure), regained.value))
    if worse:
        causes.append(("ranking", _confidence(pair, level), pair.ranking_drop.value))
    return tuple((cause, confidence) for cause, confidence, _ in sorted(causes, key=lambda one: -one[2]))


def _confidence(pair: Comparison, level: float) -> str:
    """Of lost ranking: high where both measures are above 0 with the uncertainty of few seeds, too."""
    return _sure(pair, pair.ranking_drop.estimate(level).low > 0 and pair.auc_drop.estimate(level).low > 0)


def _question(
    evidence: Evidence, pair: Comparison, about: str, bound: float, level: float
) -> tuple[str, tuple[Bottleneck, ...]]:
    """An undecided question in words, and what would decide it."""
    sizes = {
        "test positives": evidence.n_positives,
        "test negatives": evidence.n_negatives,
        "seeds": pair.n_seeds,
    }
    change = pair.ranking_drop if about == "ranking" else pair.drop
    return wording.question(pair, about, bound), find_bottlenecks(change, bound, sizes, level=level)


def _to_report(judged: list[_Judged]) -> list[_Judged]:
    """The ratio that the verdict is about, then other ratios that show another cause or a deeper drop.

    The largest ratio, unless only a smaller one shows a cause.
    """
    clear = [one for one in judged if not _quiet(one)]
    main = judged[-1] if not _quiet(judged[-1]) or not clear else clear[-1]
    known = {cause for cause, _ in main.causes}
    further = []
    for one in reversed(judged):
        new = {cause for cause, _ in one.causes} - known - {"nothing wrong", "too few"}
        deeper = one.pair.drop.estimate().low > main.pair.drop.estimate().high and not _quiet(one)
        if one is not main and (new or deeper or (_quiet(main) and one.undecided and not main.undecided)):
            further.append(one)
            known |= new
    return [main, *further]


def _quiet(one: _Judged) -> bool:
    return all(cause in ("nothing wrong", "too few") for cause, _ in one.causes)


def _findings(evidence: Evidence, judged: _Judged) -> list[Finding]:
    part = {"threshold": judged.pair.regained, "ranking": judged.pair.ranking_drop, "nothing wrong": judged.pair.drop}
    found = []
    for cause, confidence in judged.causes:
        sentences = wording.SENTENCES[cause](evidence, judged.pair)
        if judged.undecided:
            sentences += wording.undecided(judged.undecided, judged.bottlenecks)
        change = part.get(cause)
        found.append(
            Finding(cause, confidence, change.estimate() if change else None, sentences, ratio=judged.pair.ratio)
        )
    return found


def _failed(evidence: Evidence) -> Finding:
    return Finding("optimisation", "high", None, wording.failed(evidence))


def _split_differences(check: SplitCheck | None) -> list[Finding]:
    """In which respects validation differs from test, whatever the cause of the drop."""
    if check is None:
        return []
    sentences = {"validation": scores_sentences(check), "prevalence": prevalence_sentences(check)}
    return [Finding(cause, "high", None, own) for cause, own in sentences.items() if own]


def _small_validation(check: SplitCheck | None, judged: _Judged) -> list[Finding]:
    """Whether validation is too small to choose the threshold that the verdict proposes."""
    moved = judged.pair.moved
    if check is None or moved is None or "threshold" not in dict(judged.causes):
        return []
    known = replace(moved.gain, variances={**moved.gain.variances, "validation negatives": 0.0})
    if moved.gain.estimate(few_seeds=False).low > 0 or known.estimate(few_seeds=False).low <= 0:
        return []
    needed = find_bottlenecks(moved.gain, moved.gain.value, {"validation negatives": check.n_negatives})
    return [Finding("validation", "medium", None, (wording.small_validation(check, needed),))]
