"""Does a loss help, is one-class poor on close classes, do simpler models do better with few positives?"""

from collections.abc import Sequence

from benchmarks.results.measured import Sweep
from benchmarks.results.planned import CLOSE, DISTANT
from benchmarks.results.raced import Raced
from benchmarks.results.words import Answer, area, grouped, seeds_text, some
from closecall.analysis.formatting import (
    listed_text,
    p_text,
    ratio_text,
    score_difference_text,
    score_text,
    sentence_text,
)
from closecall.analysis.intervals import independent_difference
from closecall.analysis.remedies.answer import SMALLEST_RELEVANT_AUC_GAIN
from closecall.analysis.remedies.gains import ALPHA, Gain
from closecall.analysis.remedies.methods import Measures
from closecall.data.experiments.remedies import find_remedy
from closecall.models.results.remedy_comparison import remedy_answers


def loss_helps(sweeps: Sequence[Sweep]) -> Answer:
    """The third question: losses, samplers and the re-trained head against the baseline."""
    reported = [(one, raced, _tuned(raced)) for one, raced in _raced(sweeps) if _tuned(raced)]
    question = "Does another loss, or other sampling, help?"
    if not reported:
        return Answer(question, "Not known yet: no loss and no sampler has finished.", [])
    headline = grouped((_whether(gains), one.called) for one, _, gains in reported)
    return Answer(question, headline, [_race_sentence(one, raced, gains) for one, raced, gains in reported])


def one_class_is_poor(sweeps: Sequence[Sweep]) -> Answer:
    """The fourth question, with the distant pair beside the close one."""
    reported = [
        (one, raced, _of_kind(raced, "one-class")) for one, raced in _raced(sweeps) if _of_kind(raced, "one-class")
    ]
    question = "Is one-class poor on close classes?"
    if not reported:
        return Answer(question, "Not known yet: no one-class method has finished.", [])
    headline = grouped((_how_poor(gains), one.called) for one, _, gains in reported)
    points = [_arms_sentence(one, raced, gains) for one, raced, gains in reported]
    by_dataset = {one.config.dataset: (raced, gains) for one, raced, gains in reported}
    if CLOSE.dataset in by_dataset and DISTANT.dataset in by_dataset:
        points.append(_against_distant(by_dataset[CLOSE.dataset], by_dataset[DISTANT.dataset]))
    return Answer(question, headline, points)


def simpler_is_better(sweeps: Sequence[Sweep]) -> Answer:
    """The fifth question: both classes, but nothing fine-tuned."""
    reported = [(one, raced, _of_kind(raced, "simple")) for one, raced in _raced(sweeps) if _of_kind(raced, "simple")]
    question = "Do simpler models do better with few positives?"
    if not reported:
        return Answer(question, "Not known yet: no simpler model has finished.", [])
    headline = grouped((_how_good(gains), one.called) for one, _, gains in reported)
    return Answer(question, headline, [_arms_sentence(one, raced, gains) for one, raced, gains in reported])


def _raced(sweeps: Sequence[Sweep]) -> list[tuple[Sweep, Raced]]:
    return [(one, one.raced) for one in sweeps if one.raced]


def _tuned(raced: Raced) -> list[Gain]:
    return [gain for gain in raced.gains if gain.fine_tunes]


def _of_kind(raced: Raced, kind: str) -> list[Gain]:
    return [gain for gain in raced.gains if not gain.fine_tunes and find_remedy(gain.name).kind == kind]


def worthwhile(gains: Sequence[Gain]) -> list[str]:
    """The arms that fine-tune and help by more than a trifle."""
    helped = [gain for gain in gains if gain.fine_tunes and gain.helps]
    return [
        one.title
        for one in helped
        if one.auc.value >= SMALLEST_RELEVANT_AUC_GAIN or (one.recall_moved and one.recall.value > 0)
    ]


def _whether(gains: Sequence[Gain]) -> str:
    """The answer that the gains allow, without its place."""
    helped, much = [gain for gain in gains if gain.helps], worthwhile(gains)
    if much:
        return f"yes, {listed_text(much)} {'helps' if len(much) == 1 else 'help'}"
    if helped:
        titles = listed_text([one.title for one in helped])
        return f"hardly, {titles} by less than {score_text(SMALLEST_RELEVANT_AUC_GAIN)} of AUC,"
    if max(gain.n_seeds for gain in gains) < 2:
        return "not distinguishable at one seed"
    if max(gain.auc.high for gain in gains) < SMALLEST_RELEVANT_AUC_GAIN:
        return f"no, AUC gains less than {score_text(SMALLEST_RELEVANT_AUC_GAIN)}"
    return f"no help is shown at {seeds_text(max(gain.n_seeds for gain in gains))}"


def _race_sentence(sweep: Sweep, raced: Raced, gains: Sequence[Gain]) -> str:
    answer, numbers = remedy_answers(raced.race, gains, raced.measures[0])[:2]
    best = max(gains, key=lambda gain: gain.auc.high)
    return (
        f"{sentence_text(sweep.called)}, {some(len(gains), 'method')}: {answer} {numbers} The interval that reaches "
        f"furthest up is that of {best.title}, {score_difference_text(best.auc)}. {_ap_sentence(raced, gains)}"
    )


def _how_poor(gains: Sequence[Gain]) -> str:
    worse = sum(gain.auc_moved and gain.auc.value < 0 for gain in gains)
    if worse == len(gains):
        return (
            f"yes, all {worse} rank worse than the baseline" if worse > 1 else "yes, it ranks worse than the baseline"
        )
    if worse:
        return f"{worse} of {len(gains)} rank worse than the baseline"
    better = [gain.title for gain in gains if gain.auc_moved]
    return f"no, {listed_text(better)} even better," if better else "none is shown to rank worse than the baseline"


def _how_good(gains: Sequence[Gain]) -> str:
    helped = [gain.title for gain in gains if gain.helps]
    if helped:
        return f"yes, {listed_text(helped)}"
    worse = [gain.title for gain in gains if gain.harms]
    if len(worse) == len(gains):
        return "no, they do worse than the baseline" if len(worse) > 1 else f"no, {worse[0]} does worse"
    if worse:
        return f"not shown, and {listed_text(worse)} {'does' if len(worse) == 1 else 'do'} worse"
    return "no difference in AUC or recall is shown"


def _arms_sentence(sweep: Sweep, raced: Raced, gains: Sequence[Gain]) -> str:
    """The AUC of each arm with its difference to plain, the best first."""
    by_name = {one.name: one for one in raced.measures}
    parts = [
        f"{gain.title} {score_text(by_name[gain.name].auc.value)}, minus baseline {score_difference_text(gain.auc)}, p "
        f"{p_text(gain.auc_p)}"
        for gain in sorted(gains, key=lambda gain: -gain.auc.value)
    ]
    positives = next(run.config.n_positives for run in sweep.runs)
    return (
        f"{sentence_text(sweep.called)}, {positives:,} training positives, {ratio_text(raced.race.ratio)}: AUC of "
        f"the baseline {score_text(raced.measures[0].auc.value)}; {'; '.join(parts)}. {_ap_sentence(raced, gains)}"
    )


def _ap_sentence(raced: Raced, gains: Sequence[Gain]) -> str:
    """Which arms have another average precision than the baseline, of those with several seeds."""
    seeded = [gain for gain in gains if gain.n_seeds > 1]
    if not seeded:
        return ""
    reported = [(gain.title, *raced.ap_gains[gain.name]) for gain in seeded]
    parts = []
    for word, sign in (("higher", 1), ("lower", -1)):
        titles = [title for title, rise, p in reported if p < ALPHA and sign * rise.value > 0]
        parts += [f"{word} than the baseline's with {listed_text(titles)}"] if titles else []
    return f"Average precision at q = 1/11 is {'; '.join(parts) or 'not shown to differ from that of the baseline'}."


def _against_distant(close: tuple[Raced, Sequence[Gain]], distant: tuple[Raced, Sequence[Gain]]) -> str:
    near, far = _best(*close), _best(*distant)
    more = independent_difference(far.auc, near.auc)
    word = "higher" if more.low > 0 else "lower" if more.high < 0 else "not surely another"
    return (
        f"The best of them has an AUC of {area(near.auc)} on the close pair ({near.title}) and {area(far.auc)} on the "
        f"distant one ({far.title}), {word}: {score_difference_text(more)}."
    )


def _best(raced: Raced, gains: Sequence[Gain]) -> Measures:
    names = {gain.name for gain in gains}
    return max((one for one in raced.measures if one.name in names), key=lambda one: one.auc.value)
