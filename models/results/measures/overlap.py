"""Whether no method separates the classes of an experiment: its runs, its remedies, a linear probe, more positives."""

from collections.abc import Callable
from dataclasses import asdict

import numpy as np

from closecall.analysis.causes.experiment_overlap import (
    LOW_RECALL,
    Arm,
    ExperimentOverlap,
    compare_arms,
    experiment_overlap,
)
from closecall.analysis.formatting import (
    listed_text,
    percent_estimate_text,
    percent_text,
    points_text,
    ratio_text,
    rounded_up,
    score_difference_text,
    score_estimate_text,
    score_text,
    sentence_text,
)
from closecall.analysis.intervals import Estimate
from closecall.data.annotations.text_evidence import load_probe
from closecall.data.experiments.remedies import NO_REMEDY, remedy_title
from closecall.models.results.measures.curve import PROBE
from closecall.models.results.measures.measure import Case, Measure
from closecall.models.results.valid_runs import valid_rows

PER_CLASS = 20_000
"""Test examples of each class that are compared, at most: their ranking takes a second for 25 runs of 100,000."""


def experiment_overlap_measure(case: Case) -> Measure:
    """Do the classes overlap so much that no method separates them? See `experiment_overlap`."""
    key, title = "overlap", "Overlap that no method separates"
    test = case.test
    if len(set(test.labels.tolist())) < 2:
        return Measure(key, title, "not measurable", "The test split has one class only.")
    curve, kept = case.curve, _sampled(test.labels)
    found = experiment_overlap(
        test.labels[kept],
        {one: (_scores(case, rows, kept), test.seeds[rows].tolist()) for one, rows in case.baselines.items()},
        ratio=case.ratio,
        arms=_arms(case, kept),
        more_positives=curve["answer"] if curve else "not measurable",
        positives_needed=curve["needed"] if curve else None,
        threshold=case.threshold,
    )
    sentence = " ".join(one for one in _SENTENCES[found.answer](case, found) if one)
    return Measure(key, title, found.answer, sentence, asdict(found) | {"ratio": case.ratio})


def _sampled(labels: np.ndarray) -> np.ndarray:
    """The examples that are compared: all, or a random sample of PER_CLASS of a class with more."""
    rng, kept = np.random.default_rng(0), []
    for label in (0, 1):
        own = np.flatnonzero(labels == label)
        kept.append(own if len(own) <= PER_CLASS else rng.choice(own, PER_CLASS, replace=False))
    return np.sort(np.concatenate(kept))


def _scores(case: Case, rows: np.ndarray, kept: np.ndarray) -> np.ndarray:
    return case.test.pos_probs[np.ix_(rows, kept)]


def _arms(case: Case, kept: np.ndarray) -> tuple[Arm, ...]:
    """The remedies of the ratio over the seeds they share with the baseline, and the linear probe."""
    test, own = case.test, case.baselines[case.ratio]
    methods = {}
    for remedy in sorted(set(test.remedies.tolist()) - {NO_REMEDY}):
        rows = np.flatnonzero(valid_rows(test, remedy=remedy, prior=1 / (1 + case.ratio)) & (test.ratios == case.ratio))
        _, at, at_own = np.intersect1d(test.seeds[rows], test.seeds[own], return_indices=True)
        if len(at):
            methods[remedy_title(remedy)] = _scores(case, rows[at], kept), _scores(case, own[at_own], kept)
    scores = load_probe(case.experiment).reindex(test.ids[kept]).to_numpy(dtype=np.float64)
    if not np.isnan(scores).any():
        methods[PROBE] = np.tile(scores, (len(own), 1)), _scores(case, own, kept)
    return compare_arms(test.labels[kept], methods)


def _present(case: Case, found: ExperimentOverlap) -> list[str]:
    return [_ranking(case, found) or _recalls(found), _no_positives(case), _best(case, found)]


def _absent(case: Case, found: ExperimentOverlap) -> list[str]:
    if found.because == "separated":
        lowest = min((one.auc for one in found.ratios), key=lambda one: one.value)
        return [f"AUC is at least {score_estimate_text(lowest)} at every ratio."]
    if found.because == "arm":
        return [_best(case, found)]
    if found.because == "positives":
        return ["More training positives would raise recall, so the classes can be separated better.", _curve(case)]
    return [_recalls(found), "Ranking is not shown to be worse than at the smallest ratio." if found.auc_drop else ""]


def _too_few(case: Case, found: ExperimentOverlap) -> list[str]:
    noun = "training positives" if found.because == "positives" else "test positives"
    need = f"About {rounded_up(found.needed)} {noun} would decide." if found.needed else ""
    if found.because == "recall":
        return [_recalls(found), f"That is not distinguishable from {percent_text(LOW_RECALL)}.", need]
    if found.because == "arms":
        return [_best(case, found), "A better method is not excluded.", need]
    return ["It is not known whether more positives would help.", _curve(case), need]


def _not_measurable(case: Case, found: ExperimentOverlap) -> list[str]:
    reason = case.texts.not_measured.get("curve", "") if case.texts else ""
    if found.because == "arms":
        return ["There is no other method to compare with: no remedy and no linear probe.", reason]
    return ["Whether more positives would help is not known.", reason]


def _ranking(case: Case, found: ExperimentOverlap) -> str:
    if not found.ranking_lost or found.auc_drop is None:
        return ""
    first, ratio = found.ratios[0], next(one for one in found.ratios if one.ratio == case.ratio)
    return (
        f"Ranking got worse: AUC {score_text(ratio.auc.value)} at {ratio_text(ratio.ratio)} against "
        f"{score_text(first.auc.value)} at {ratio_text(first.ratio)}, "
        f"{score_difference_text(-found.auc_drop)}."
    )


def _recalls(found: ExperimentOverlap) -> str:
    """Recall at the smallest ratio's false-positive rate, lowest and highest over the ratios."""
    ordered = sorted(found.ratios, key=lambda one: one.recall.value)
    ends = [ordered[-1]] if len(ordered) == 1 else [ordered[0], ordered[-1]]
    each = [f"{percent_estimate_text(one.recall)} at {ratio_text(one.ratio)}" for one in ends]
    names = " (lowest and highest)" if len(ordered) > 2 else ""
    return (
        f"At the false-positive rate of {ratio_text(found.ratios[0].ratio)} ({percent_text(found.rate)}), recall is "
        f"{listed_text(each)}{names}."
    )


def _best(case: Case, found: ExperimentOverlap) -> str:
    best = found.best
    if best is None:
        return ""
    over = f", over {len(found.arms)} methods" if len(found.arms) > 1 else ""
    verb = "ranks better than" if best.gain.low > 0 else "is the best other method; it does not rank better than"
    return (
        f"{sentence_text(best.title)} {verb} fine-tuning at {ratio_text(case.ratio)}: AUC {score_text(best.auc)}, "
        f"{score_difference_text(best.gain)}{over}."
    )


def _no_positives(case: Case) -> str:
    return f"More positives alone would not raise recall. {_curve(case)}"


def _curve(case: Case) -> str:
    values = case.curve
    if not values:
        return ""
    gain = points_text(Estimate(*values["gain"]))
    return f"Twice the {values['positives']:,} training positives change recall by {gain}, from {values['source']}."


_SENTENCES: dict[str, Callable[[Case, ExperimentOverlap], list[str]]] = {
    "present": _present,
    "absent": _absent,
    "too few": _too_few,
    "not measurable": _not_measurable,
}
