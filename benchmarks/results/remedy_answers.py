"""Does another loss help, do one-class methods rank worse on close classes, do simpler models do better?"""

from collections.abc import Sequence

from benchmarks.results.comparison import RemedyResults
from benchmarks.results.experiments import CLOSE, DISTANT
from benchmarks.results.formatting import Answer, area, grouped, seeds_text, some
from benchmarks.results.measures import Sweep
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
    """Compare losses, samplers and the re-trained head with the baseline."""
    reported = [(one, results, _tuned(results)) for one, results in _with_remedies(sweeps) if _tuned(results)]
    question = "Does another loss, or other sampling, help?"
    if not reported:
        return Answer(question, "Not known yet: no loss and no sampler has finished.", [])
    headline = grouped((_whether(gains), one.short_name) for one, _, gains in reported)
    return Answer(question, headline, [_tuned_sentence(one, results, gains) for one, results, gains in reported])


def one_class_is_worse(sweeps: Sequence[Sweep]) -> Answer:
    """Compare one-class methods with the baseline, and the close pair with the distant one."""
    reported = [
        (one, results, _of_kind(results, "one-class"))
        for one, results in _with_remedies(sweeps)
        if _of_kind(results, "one-class")
    ]
    question = "Do one-class methods rank worse on close classes?"
    if not reported:
        return Answer(question, "Not known yet: no one-class method has finished.", [])
    headline = grouped((_one_class_verdict(gains), one.short_name) for one, _, gains in reported)
    points = [_auc_sentence(one, results, gains) for one, results, gains in reported]
    by_dataset = {one.config.dataset: (results, gains) for one, results, gains in reported}
    if CLOSE.dataset in by_dataset and DISTANT.dataset in by_dataset:
        points.append(_close_and_distant(by_dataset[CLOSE.dataset], by_dataset[DISTANT.dataset]))
    return Answer(question, headline, points)


def simpler_is_better(sweeps: Sequence[Sweep]) -> Answer:
    """Compare two-class models without fine-tuning with the baseline."""
    reported = [
        (one, results, _of_kind(results, "simple"))
        for one, results in _with_remedies(sweeps)
        if _of_kind(results, "simple")
    ]
    question = "Do simpler models do better with few positives?"
    if not reported:
        return Answer(question, "Not known yet: no simpler model has finished.", [])
    headline = grouped((_simpler_verdict(gains), one.short_name) for one, _, gains in reported)
    return Answer(question, headline, [_auc_sentence(one, results, gains) for one, results, gains in reported])


def _with_remedies(sweeps: Sequence[Sweep]) -> list[tuple[Sweep, RemedyResults]]:
    return [(one, one.remedies) for one in sweeps if one.remedies]


def _tuned(results: RemedyResults) -> list[Gain]:
    return [gain for gain in results.gains if gain.fine_tunes]


def _of_kind(results: RemedyResults, kind: str) -> list[Gain]:
    return [gain for gain in results.gains if not gain.fine_tunes and find_remedy(gain.name).kind == kind]


def worthwhile(gains: Sequence[Gain]) -> list[str]:
    """The fine-tuned methods whose gain in AUC is relevant, or whose gain in recall is shown."""
    helped = [gain for gain in gains if gain.fine_tunes and gain.helps]
    return [
        one.title
        for one in helped
        if one.auc.value >= SMALLEST_RELEVANT_AUC_GAIN or (one.recall_moved and one.recall.value > 0)
    ]


def _whether(gains: Sequence[Gain]) -> str:
    """Whether a fine-tuned remedy helps, as a phrase to which "on <experiment>" is added."""
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


def _tuned_sentence(sweep: Sweep, results: RemedyResults, gains: Sequence[Gain]) -> str:
    answer, numbers = remedy_answers(results.comparison, gains, results.measures[0])[:2]
    best = max(gains, key=lambda gain: gain.auc.high)
    return (
        f"{sentence_text(sweep.short_name)}, {some(len(gains), 'method')}: {answer} {numbers} The largest upper "
        f"bound is that of {best.title}, {score_difference_text(best.auc)}. {_ap_sentence(results, gains)}"
    )


def _one_class_verdict(gains: Sequence[Gain]) -> str:
    worse = sum(gain.auc_moved and gain.auc.value < 0 for gain in gains)
    if worse == len(gains):
        return (
            f"yes, all {worse} rank worse than the baseline" if worse > 1 else "yes, it ranks worse than the baseline"
        )
    if worse:
        return f"{worse} of {len(gains)} rank worse than the baseline"
    better = [gain.title for gain in gains if gain.auc_moved]
    return f"no, {listed_text(better)} even better," if better else "none is shown to rank worse than the baseline"


def _simpler_verdict(gains: Sequence[Gain]) -> str:
    helped = [gain.title for gain in gains if gain.helps]
    if helped:
        return f"yes, {listed_text(helped)}"
    worse = [gain.title for gain in gains if gain.harms]
    if len(worse) == len(gains):
        return "no, they do worse than the baseline" if len(worse) > 1 else f"no, {worse[0]} does worse"
    if worse:
        return f"not shown, and {listed_text(worse)} {'does' if len(worse) == 1 else 'do'} worse"
    return "no difference in AUC or recall is shown"


def _auc_sentence(sweep: Sweep, results: RemedyResults, gains: Sequence[Gain]) -> str:
    """The AUC of every method with its difference to the baseline, best first."""
    by_name = {one.name: one for one in results.measures}
    parts = [
        f"{gain.title} {score_text(by_name[gain.name].auc.value)}, minus baseline {score_difference_text(gain.auc)}, p "
        f"{p_text(gain.auc_p)}"
        for gain in sorted(gains, key=lambda gain: -gain.auc.value)
    ]
    positives = next(run.config.n_positives for run in sweep.runs)
    return (
        f"{sentence_text(sweep.short_name)}, {positives:,} training positives, "
        f"{ratio_text(results.comparison.ratio)}: AUC of the baseline "
        f"{score_text(results.measures[0].auc.value)}; {'; '.join(parts)}. {_ap_sentence(results, gains)}"
    )


def _ap_sentence(results: RemedyResults, gains: Sequence[Gain]) -> str:
    """The methods whose average precision differs from the baseline, of those with several seeds."""
    seeded = [gain for gain in gains if gain.n_seeds > 1]
    if not seeded:
        return ""
    reported = [(gain.title, *results.ap_gains[gain.name]) for gain in seeded]
    parts = []
    for word, sign in (("higher", 1), ("lower", -1)):
        titles = [title for title, rise, p in reported if p < ALPHA and sign * rise.value > 0]
        parts += [f"{word} than the baseline's with {listed_text(titles)}"] if titles else []
    return f"Average precision at q = 1/11 is {'; '.join(parts) or 'not shown to differ from that of the baseline'}."


def _close_and_distant(
    close: tuple[RemedyResults, Sequence[Gain]], distant: tuple[RemedyResults, Sequence[Gain]]
) -> str:
    near, far = _best(*close), _best(*distant)
    more = independent_difference(far.auc, near.auc)
    word = "higher" if more.low > 0 else "lower" if more.high < 0 else "not shown to differ"
    return (
        f"The best of them has an AUC of {area(near.auc)} on the close pair ({near.title}) and {area(far.auc)} on the "
        f"distant one ({far.title}), {word}: {score_difference_text(more)}."
    )


def _best(results: RemedyResults, gains: Sequence[Gain]) -> Measures:
    names = {gain.name for gain in gains}
    return max((one for one in results.measures if one.name in names), key=lambda one: one.auc.value)
