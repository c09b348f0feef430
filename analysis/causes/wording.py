"""The sentences of a verdict: operating points with counts and intervals, what a threshold costs, what is undecided."""

from collections.abc import Callable
from math import isnan

from closecall.analysis.causes.bottlenecks import MAX_SEEDS, Bottleneck
from closecall.analysis.causes.comparison import Comparison, MovedThreshold
from closecall.analysis.causes.evidence import Evidence
from closecall.analysis.causes.failed_runs import FailedRun
from closecall.analysis.formatting import (
    listed_text,
    percent_estimate_text,
    percent_text,
    points_text,
    probability_text,
    ratio_text,
    rounded_up,
    score_difference_text,
    score_estimate_text,
    score_text,
    share_text,
)
from closecall.analysis.intervals import Estimate
from closecall.analysis.metrics.prevalence import DEFAULT_PREVALENCE, precision_at, predicted_positive_rate_at
from closecall.analysis.metrics.split_check import SplitCheck

Sentences = tuple[str, ...]


def headline(evidence: Evidence, pair: Comparison, causes: list[str], undecided: str) -> str:
    """The verdict in one sentence."""
    a, b = ratio_text(pair.reference_ratio), ratio_text(pair.ratio)
    fell = f"Recall falls from {percent_text(pair.recall_a.value)} at {a} to {percent_text(pair.recall_b.value)} at {b}"
    if causes == ["threshold"]:
        end = "whether ranking got worse too is undecided" if undecided else f"ranking is not worse ({_areas(pair)})"
        return f"{fell} because the threshold 0.50 no longer fits; {end}."
    if set(causes) == {"threshold", "ranking"}:
        order = ["the threshold 0.50 no longer fits", f"ranking got worse ({_areas(pair)})"]
        return f"{fell} because {' and '.join(order if causes[0] == 'threshold' else order[::-1])}."
    if causes == ["ranking"] and pair.drop.estimate().low > 0:
        return f"{fell} because ranking got worse ({_areas(pair)}); another threshold does not recover it."
    if causes == ["ranking"]:
        return f"Ranking got worse from {a} to {b} ({_areas(pair)}){_paid(pair)}."
    if causes == ["recall rose"]:
        return (
            f"Recall rises from {percent_text(pair.recall_a.value)} at {a} to {percent_text(pair.recall_b.value)} at "
            f"{b}, and specificity changes by {points_text(pair.specificity_gain.estimate())}."
        )
    if causes == ["nothing wrong"]:
        return f"Recall does not fall by a relevant amount between {a} and {b}: {points_text(-pair.drop.estimate())}."
    return (
        f"Recall is {percent_text(pair.recall_a.value)} at {a} and {percent_text(pair.recall_b.value)} at {b}; these "
        f"runs do not decide {undecided}."
    )


def _paid(pair: Comparison) -> str:
    """Where recall is kept by more false positives, how many."""
    if pair.specificity_gain.estimate().high >= 0:
        return ""
    rates = [percent_text(1 - one.value) for one in (pair.specificity_b, pair.specificity_a)]
    return f": recall is kept by more false positives, {rates[0]} of the negatives instead of {rates[1]}"


def _areas(pair: Comparison) -> str:
    return (
        f"AUC {score_text(pair.auc_b)} at {ratio_text(pair.ratio)}, {score_text(pair.auc_a)} at "
        f"{ratio_text(pair.reference_ratio)}"
    )


def no_comparison(evidence: Evidence) -> str:
    """When failed runs leave nothing to compare."""
    return f"{len(evidence.failed)} of {evidence.n_runs} runs failed to train, so that no two ratios can be compared."


def chance(evidence: Evidence) -> str:
    """The reference ratio ranks at chance level."""
    assert evidence.reference_auc is not None
    auc = evidence.reference_auc
    return (
        f"At {ratio_text(evidence.reference_ratio)} the classifier ranks at chance level: AUC "
        f"{score_estimate_text(auc)}. It has not learned to separate the classes."
    )


def recall_sentence(evidence: Evidence, pair: Comparison) -> str:
    """Recall at both ratios with counts and intervals, and the change."""
    n = evidence.n_positives
    first, second = (_share_text(*one, n) for one in zip((pair.recall_a, pair.recall_b), pair.n_runs, strict=True))
    unpaired = "" if pair.paired else " No seed was trained at both ratios: the runs are compared unpaired."
    return (
        f"Recall is {first} at {ratio_text(pair.reference_ratio)} and {second} at {ratio_text(pair.ratio)}: "
        f"a change of {points_text(-pair.drop.estimate())}.{unpaired}"
    )


def _share_text(share: Estimate, runs: int, n: int) -> str:
    if runs == 1:
        return share_text(round(share.value * n), n)
    mean = f"{share.value * n:,.1f}/{n:,}, mean of {runs} seeds"
    return f"{percent_estimate_text(share)}, {mean}"


def ranking_sentence(pair: Comparison) -> str:
    """Recall at equal false-positive rate and AUC, as differences between the ratios."""
    ranking, area = -pair.ranking_drop.estimate(), -pair.auc_drop.estimate()
    return (
        f"At the false-positive rate of {ratio_text(pair.reference_ratio)}, recall at {ratio_text(pair.ratio)} differs "
        f"by {points_text(ranking)} and AUC by {score_difference_text(area)}."
    )


def threshold_sentences(evidence: Evidence, pair: Comparison) -> Sentences:
    """The operating point that another threshold gives, and what it costs."""
    moved = pair.moved
    if moved is None:
        return (_without_validation(evidence, pair),)
    name, before = ratio_text(pair.ratio), 1 - pair.specificity_b.value
    return (
        f"With threshold {probability_text(moved.threshold)} instead of 0.50, chosen on validation, recall at {name} "
        f"is {percent_estimate_text(moved.recall)} instead of {percent_text(pair.recall_b.value)}.",
        f"The price: the false-positive rate is {percent_estimate_text(moved.false_positive_rate)} instead of "
        f"{percent_text(before)}. {precision_text(pair, moved)}",
    )


def precision_text(pair: Comparison, moved: MovedThreshold) -> str:
    q = DEFAULT_PREVALENCE
    points = (
        (moved.recall.value, moved.false_positive_rate.value),
        (pair.recall_b.value, 1 - pair.specificity_b.value),
    )
    after, before = (float(precision_at(*point, q=q)) for point in points)
    more, fewer = (1000 * float(predicted_positive_rate_at(*point, q=q)) for point in points)
    return (
        f"At a prevalence of {100 * q:.1f} %, precision is {percent_text(after)} instead of {percent_text(before)}, "
        f"with {more:.0f} instead of {fewer:.0f} predicted positives per 1,000 texts."
    )


def _without_validation(evidence: Evidence, pair: Comparison) -> str:
    found = percent_text(pair.recall_b.value + pair.regained.value)
    why = "does not resemble test" if evidence.validation is not None else "predictions are missing"
    return (
        f"At the false-positive rate of {ratio_text(pair.reference_ratio)}, recall at {ratio_text(pair.ratio)} would "
        f"be {found} instead of {percent_text(pair.recall_b.value)} ({points_text(pair.regained.estimate())}). "
        f"Validation {why}, so no threshold is proposed."
    )


def _threshold(evidence: Evidence, pair: Comparison) -> Sentences:
    sentences = [recall_sentence(evidence, pair), *threshold_sentences(evidence, pair), ranking_sentence(pair)]
    if pair.excess is not None:
        sentences.append(_excess_sentence(pair.excess, pair))
    return tuple(sentences)


def _excess_sentence(excess: Estimate, pair: Comparison) -> str:
    start = f"The drop at {ratio_text(pair.ratio)} minus the drop that the class prior alone predicts is"
    if excess.low > 0:
        end = "more recall was lost than predicted."
    elif excess.high < 0:
        end = "less recall was lost than predicted."
    else:
        end = "this test set shows no difference from it."
    return f"{start} {points_text(excess)}: {end}"


def _ranking(evidence: Evidence, pair: Comparison) -> Sentences:
    paid = _paid(pair)
    return (
        recall_sentence(evidence, pair),
        ranking_sentence(pair),
        *((f"Recall is kept by more false positives{paid.partition('false positives')[2]}.",) if paid else ()),
    )


def _rose(evidence: Evidence, pair: Comparison) -> Sentences:
    return (
        recall_sentence(evidence, pair),
        f"Specificity changes by {points_text(pair.specificity_gain.estimate())}.",
        ranking_sentence(pair),
    )


def _same(evidence: Evidence, pair: Comparison) -> Sentences:
    return recall_sentence(evidence, pair), ranking_sentence(pair)


SENTENCES: dict[str, Callable[[Evidence, Comparison], Sentences]] = {
    "threshold": _threshold,
    "ranking": _ranking,
    "recall rose": _rose,
    "nothing wrong": _same,
    "too few": _same,
}


def question(pair: Comparison, about: str, bound: float) -> str:
    """An undecided question, to follow "whether"."""
    if about == "ranking":
        return f"whether ranking got worse at {ratio_text(pair.ratio)}"
    return f"whether recall changes by {100 * bound:.0f} points or more at {ratio_text(pair.ratio)}"


def undecided(asked: str, bottlenecks: tuple[Bottleneck, ...]) -> Sentences:
    """What is undecided, what limits it, and how many would decide it in 80 % of the cases."""
    start = f"These runs do not decide {asked}."
    if not bottlenecks:
        return (start,)
    limits = listed_text([_limit(one) for one in bottlenecks])
    needs = listed_text([_need(one) for one in bottlenecks])
    return (f"{start} The limit is {limits}; {needs} would decide it in about 80 % of the cases.",)


def _limit(one: Bottleneck) -> str:
    return f"the number of {one.source} ({one.present:,})"


def _need(one: Bottleneck) -> str:
    if one.source == "seeds":
        return f"{one.needed} seeds" if one.needed < MAX_SEEDS else f"more than {MAX_SEEDS} seeds"
    return f"about {rounded_up(one.needed)} {one.source}"


def failed(evidence: Evidence) -> Sentences:
    """Each failed run by name, and what recall is with it."""
    verb = "is" if len(evidence.failed) == 1 else "are"
    sentences = [
        f"{len(evidence.failed)} of {evidence.n_runs} runs failed to train and {verb} left out of this verdict."
    ]
    sentences += [_failed_run(run) for run in evidence.failed[:4]]
    if len(evidence.failed) > 4:
        sentences.append(f"{len(evidence.failed) - 4} more are in the table of all runs.")
    sentences.append("Train these again with a lower learning rate, warm-up and more seeds.")
    return tuple(sentences)


def _failed_run(run: FailedRun) -> str:
    name = f"Seed {run.seed} at {ratio_text(run.ratio)}"
    what = "predicts one class" if run.kind == "collapsed" else "ranks far below the other seeds"
    others = "" if isnan(run.others_auc) else f", the other seeds have {score_text(run.others_auc)}"
    mean = (
        ""
        if isnan(run.mean_recall)
        else f" Mean recall at {ratio_text(run.ratio)} is {percent_text(run.mean_recall)} without and "
        f"{percent_text(run.mean_recall_with)} with it."
    )
    return f"{name} {what} (AUC {score_text(run.auc)}{others}).{mean}"


def small_validation(check: SplitCheck, needed: tuple[Bottleneck, ...]) -> str:
    """Validation is too small to choose the threshold."""
    enough = f" About {rounded_up(needed[0].needed)} validation negatives are needed." if needed else ""
    return (
        f"Validation has {check.n_positives:,} positives and {check.n_negatives:,} negatives: too few to choose a "
        f"threshold that surely recovers recall on test.{enough}"
    )
