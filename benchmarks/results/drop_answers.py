"""Does recall drop more on the close pair than on the distant one, and how much of the drop is the threshold?"""

from collections.abc import Sequence

from benchmarks.results.experiments import CLOSE, DISTANT, REMEDY_RATIO
from benchmarks.results.formatting import Answer, counted_share, grouped, negated, part, seeds_text, share
from benchmarks.results.measures import RecallDrop, Sweep
from closecall.analysis.causes.verdict import SMALLEST_RELEVANT_DROP
from closecall.analysis.formatting import percent_text, points_text, ratio_text, sentence_text
from closecall.analysis.intervals import Estimate, independent_difference
from closecall.analysis.ratio.changes import SEED_SD
from closecall.analysis.ratio.decomposition import Decomposition, decisive_parts

POINTS = f"{100 * SMALLEST_RELEVANT_DROP:.0f} points"


def close_against_distant(sweeps: Sequence[Sweep]) -> Answer:
    """Compare the drops of the two pairs at the motivating ratio, else at the largest ratio that both have."""
    points = [_drop_sentence(one, one.main_drop) for one in sweeps if one.main_drop]
    question = "Does recall fall on the close pair and hold on the distant one?"
    close, distant = (_of(sweeps, plan.dataset) for plan in (CLOSE, DISTANT))
    lacking = [
        plan.short_name for plan, one in ((CLOSE, close), (DISTANT, distant)) if one is None or one.main_drop is None
    ]
    if close is None or distant is None or lacking:
        return Answer(question, f"Not known yet: no drop was measured on {' and '.join(lacking)}.", points)
    pair = _same_level(close, distant)
    if pair is None:
        return Answer(question, "Not known yet: the two pairs have no two ratios in common.", points)
    drops = pair[0].drop, pair[1].drop
    more = independent_difference(*drops)
    seeds = min(one.n_seeds for one in pair)
    points.append(f"The drop of the close pair less that of the distant pair: {points_text(more)}.")
    return Answer(question, _whether(*drops, more, seeds), points)


def threshold_share(sweeps: Sequence[Sweep]) -> Answer:
    """Say for every experiment how much of its drop is the threshold part."""
    reported = [(one, one.main_drop) for one in sweeps if one.main_drop]
    question = "How much of the drop is the threshold?"
    if not reported:
        return Answer(question, "Not known yet: no drop was measured.", [])
    headline = grouped((_kind(recall_drop.parts), place(one, recall_drop)) for one, recall_drop in reported)
    return Answer(question, headline, [_parts_sentence(one, recall_drop) for one, recall_drop in reported])


def _of(sweeps: Sequence[Sweep], dataset: str) -> Sweep | None:
    return next((one for one in sweeps if one.config.dataset == dataset), None)


def _same_level(close: Sweep, distant: Sweep) -> tuple[Decomposition, Decomposition] | None:
    """The drops of both pairs between the same two ratios: to the motivating ratio, else to the largest."""
    sides = [{one.level.ratio: one.parts for one in sweep.drops} for sweep in (close, distant)]
    both = sorted(set(sides[0]) & set(sides[1]))
    if not both or close.levels[0].ratio != distant.levels[0].ratio:
        return None
    ratio = REMEDY_RATIO if REMEDY_RATIO in both else both[-1]
    return sides[0][ratio], sides[1][ratio]


def _whether(close: Estimate, distant: Estimate, more: Estimate, seeds: int) -> str:
    """The answer that the intervals allow."""
    if seeds < 2:
        return "Not distinguishable with one seed: one seed does not show how much the drops vary over seeds."
    if close.high < SMALLEST_RELEVANT_DROP:
        return f"No: the close pair loses less than {POINTS}, as far as these examples and seeds show."
    if close.low <= 0:
        return f"Not distinguishable with {seeds_text(seeds)}: the drop of the close pair may be nothing."
    if more.high < 0:
        return "No, the other way round: the distant pair falls further than the close one."
    if more.low <= 0:
        return (
            f"Not distinguishable with {seeds_text(seeds)}: the close pair falls, but it is not certain that it falls "
            "further than the distant one."
        )
    if distant.high < SMALLEST_RELEVANT_DROP:
        return f"Yes: the close pair falls and the distant one holds, losing less than {POINTS}."
    if distant.low > 0:
        return "In part: the distant pair falls too, but the close one falls further."
    return (
        "The close pair falls, and further than the distant one; whether the distant one holds is not "
        "distinguishable with "
        f"{seeds_text(seeds)}."
    )


def _drop_sentence(sweep: Sweep, recall_drop: RecallDrop) -> str:
    """Recall and specificity at both ratios, with the drop."""
    first, level, n = recall_drop.first, recall_drop.level, sweep.counts["test"][0]
    before, after = first.measures.at_half, level.measures.at_half
    recalls = [counted_share(one.recall, n, len(where.seeds)) for one, where in ((before, first), (after, level))]
    specificities = [share(one.specificity) for one in (before, after)]
    smaller, larger = ratio_text(first.ratio), ratio_text(level.ratio)
    return (
        f"{sentence_text(sweep.short_name)}: recall {recalls[0]} of {n:,}, at {smaller} and {recalls[1]} at {larger}, "
        f"a drop of {points_text(recall_drop.parts.drop)}; specificity {specificities[0]} and {specificities[1]}."
    )


def _kind(parts: Decomposition) -> str:
    """How much of a drop is the threshold, as a phrase to which "on <experiment>" is added.

    It uses the same parts of the drop as the verdict.
    """
    ranking, threshold = decisive_parts(parts)
    floor = SEED_SD if parts.n_seeds == 1 else 0.0
    if parts.drop.high < SMALLEST_RELEVANT_DROP:
        return f"the drop is below {POINTS}"
    if parts.drop.low <= 0:
        return "whether there is a drop is not distinguishable"
    if ranking.low > floor:
        return "part of it, for ranking was lost too," if threshold.low > 0 else "none is shown, for ranking was lost,"
    if threshold.low <= 0:
        return "not distinguishable"
    if ranking.high < 0:
        return "all of it, and ranking even gained,"
    if ranking.high <= parts.drop.value / 2:
        return "all of it, as far as this test set shows,"
    return "some of it, how much is not distinguishable,"


def place(sweep: Sweep, recall_drop: RecallDrop) -> str:
    """The experiment's name, with a note when it has one seed only."""
    return sweep.short_name if recall_drop.parts.n_seeds > 1 else f"{sweep.short_name} (one seed)"


def _parts_sentence(sweep: Sweep, recall_drop: RecallDrop) -> str:
    parts, first, ratio = recall_drop.parts, ratio_text(recall_drop.first.ratio), ratio_text(recall_drop.level.ratio)
    if parts.drop.high < SMALLEST_RELEVANT_DROP:
        drop = points_text(parts.drop)
        return f"{sentence_text(sweep.short_name)}, {first} to {ratio}: {drop}, too little to decompose."
    other = f"{ratio} itself has too few false positives to match"
    if parts.both_orders:
        other = (
            f"at those of {ratio} ranking is {part(parts.ranking_other)}, the mean of both {part(parts.ranking_mean)}"
        )
    return (
        f"{sentence_text(sweep.short_name)}, {first} to {ratio}: of the drop of "
        f"{points_text(parts.drop, signed=False)}, at the "
        f"false-positive rate of {first} the threshold part is {part(parts.threshold)} and the ranking part "
        f"{part(parts.ranking)}, "
        f"below 0 a gain; {other}. With its threshold moved to the false-positive rate of {first}, {ratio} has recall "
        f"{share(recall_drop.moved.recall)} and specificity {percent_text(recall_drop.moved.specificity.value)}. "
        f"{_prior_sentence(recall_drop)}"
    )


def _prior_sentence(recall_drop: RecallDrop) -> str:
    """Whether recall is below what the class prior alone predicts."""
    excess, recall = recall_drop.excess, percent_text(recall_drop.level.measures.at_half.recall.value)
    start = f"The class prior alone predicts recall {percent_text(recall_drop.prior[0])}; it is {recall}: "
    if excess.low > 0:
        return f"{start}{points_text(excess, signed=False)} below it."
    if excess.high < 0:
        return f"{start}{points_text(negated(excess), signed=False)} above it."
    return f"{start}the difference is not distinguishable with this test set (excess {points_text(excess)})."
