"""Does the close pair fall where the distant one holds, and how much of a drop is the threshold?"""

from collections.abc import Sequence

from benchmarks.results.measured import Fall, Sweep
from benchmarks.results.planned import CLOSE, DISTANT, RACED
from benchmarks.results.words import Answer, counted_share, grouped, negated, part, seeds_text, share
from closecall.analysis.causes.verdict import SEED_NOISE, SMALLEST_RELEVANT_DROP, decisive_parts
from closecall.analysis.formatting import percent_text, points_text, ratio_text, sentence_text
from closecall.analysis.intervals import Estimate, independent_difference
from closecall.analysis.ratio.decomposition import Decomposition

POINTS = f"{100 * SMALLEST_RELEVANT_DROP:.0f} points"


def close_against_distant(sweeps: Sequence[Sweep]) -> Answer:
    """The first question, at the ratio of the motivating question or the largest that both pairs reached."""
    points = [_fall(one, one.asked) for one in sweeps if one.asked]
    question = "Does recall fall on the close pair and hold on the distant one?"
    close, distant = (_of(sweeps, plan.dataset) for plan in (CLOSE, DISTANT))
    lacking = [plan.called for plan, one in ((CLOSE, close), (DISTANT, distant)) if one is None or one.asked is None]
    if close is None or distant is None or lacking:
        return Answer(question, f"Not known yet: no drop was measured on {' and '.join(lacking)}.", points)
    pair = _same_level(close, distant)
    if pair is None:
        return Answer(question, "Not known yet: the two have no pair of ratios in common.", points)
    drops = pair[0].drop, pair[1].drop
    more = independent_difference(*drops)
    seeds = min(one.n_seeds for one in pair)
    points.append(f"The drop of the close pair less that of the distant pair: {points_text(more)}.")
    return Answer(question, _whether(*drops, more, seeds), points)


def threshold_share(sweeps: Sequence[Sweep]) -> Answer:
    """The second question, for each experiment."""
    reported = [(one, one.asked) for one in sweeps if one.asked]
    question = "How much of the drop is the threshold?"
    if not reported:
        return Answer(question, "Not known yet: no drop was measured.", [])
    headline = grouped((_kind(fall.parts), place(one, fall)) for one, fall in reported)
    return Answer(question, headline, [_parts_sentence(one, fall) for one, fall in reported])


def _of(sweeps: Sequence[Sweep], dataset: str) -> Sweep | None:
    return next((one for one in sweeps if one.config.dataset == dataset), None)


def _same_level(close: Sweep, distant: Sweep) -> tuple[Decomposition, Decomposition] | None:
    """The drops of both from the same ratio to the same ratio: the motivating one, else the largest."""
    sides = [{one.level.ratio: one.parts for one in sweep.falls} for sweep in (close, distant)]
    both = sorted(set(sides[0]) & set(sides[1]))
    if not both or close.levels[0].ratio != distant.levels[0].ratio:
        return None
    ratio = RACED if RACED in both else both[-1]
    return sides[0][ratio], sides[1][ratio]


def _whether(close: Estimate, distant: Estimate, more: Estimate, seeds: int) -> str:
    """The answer that the intervals allow."""
    if seeds < 2:
        return "Not distinguishable with one seed: how far other seeds would carry the drops is not seen."
    if close.high < SMALLEST_RELEVANT_DROP:
        return f"No: the close pair loses less than {POINTS}, as far as these examples and seeds can tell."
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


def _fall(sweep: Sweep, fall: Fall) -> str:
    """From which recalls to which, both classes, with the drop."""
    first, level, n = fall.first, fall.level, sweep.counts["test"][0]
    before, after = first.measures.at_half, level.measures.at_half
    found = [counted_share(one.recall, n, len(where.seeds)) for one, where in ((before, first), (after, level))]
    alone = [share(one.specificity) for one in (before, after)]
    smaller, larger = ratio_text(first.ratio), ratio_text(level.ratio)
    return (
        f"{sentence_text(sweep.called)}: recall {found[0]} of {n:,}, at {smaller} and {found[1]} at {larger}, "
        f"a drop of {points_text(fall.parts.drop)}; specificity {alone[0]} and {alone[1]}."
    )


def _kind(parts: Decomposition) -> str:
    """How much of a drop is the threshold, by the parts that the verdict goes by; the end of the phrase is a place."""
    ranking, threshold = decisive_parts(parts)
    floor = SEED_NOISE if parts.n_seeds == 1 else 0.0
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


def place(sweep: Sweep, fall: Fall) -> str:
    """Where, and that one seed alone says so."""
    return sweep.called if fall.parts.n_seeds > 1 else f"{sweep.called} (one seed)"


def _parts_sentence(sweep: Sweep, fall: Fall) -> str:
    parts, first, ratio = fall.parts, ratio_text(fall.first.ratio), ratio_text(fall.level.ratio)
    if parts.drop.high < SMALLEST_RELEVANT_DROP:
        return f"{sentence_text(sweep.called)}, {first} to {ratio}: {points_text(parts.drop)}, too little to decompose."
    other = f"{ratio} itself has too few false positives to match"
    if parts.both_orders:
        other = (
            f"at those of {ratio} ranking is {part(parts.ranking_other)}, the mean of both {part(parts.ranking_mean)}"
        )
    return (
        f"{sentence_text(sweep.called)}, {first} to {ratio}: of the drop of "
        f"{points_text(parts.drop, signed=False)}, at the "
        f"false-positive rate of {first} the threshold part is {part(parts.threshold)} and the ranking part "
        f"{part(parts.ranking)}, "
        f"below 0 a gain; {other}. With its threshold moved to the false-positive rate of {first}, {ratio} has recall "
        f"{share(fall.moved.recall)} and specificity {percent_text(fall.moved.specificity.value)}. "
        f"{_prior_sentence(fall)}"
    )


def _prior_sentence(fall: Fall) -> str:
    """Whether recall is below what the class prior alone predicts."""
    excess, found = fall.excess, percent_text(fall.level.measures.at_half.recall.value)
    start = f"The class prior alone predicts recall {percent_text(fall.prior[0])}; it is {found}: "
    if excess.low > 0:
        return f"{start}{points_text(excess, signed=False)} below it."
    if excess.high < 0:
        return f"{start}{points_text(negated(excess), signed=False)} above it."
    return f"{start}the difference is not distinguishable with this test set (excess {points_text(excess)})."
