"""What the texts and the frozen encoder say about an experiment: closeness, more positives, unseen words."""

from collections.abc import Mapping, Sequence
from typing import Any

from closecall.analysis.formatting import (
    listed_text,
    p_text,
    percent_estimate_text,
    percent_text,
    points_text,
    rounded_up,
    score_estimate_text,
    score_text,
    sentence_text,
)
from closecall.analysis.intervals import Estimate
from closecall.models.results.measures.curve import RUNS
from closecall.models.results.measures.measure import Case, Measure

NOT_COMPUTED = "The texts have not been compared. Run: closecall causes {experiment}"


def closeness(case: Case) -> Measure:
    """Are the classes closer than a far control, by the AUC of a linear probe on the frozen encoder?"""
    key, title = "closeness", "Classes closer in meaning than distant subjects"
    values = case.texts.closeness if case.texts else None
    if values is None:
        return Measure(key, title, "not measurable", _reason(case, "closeness"))
    auc = score_estimate_text(Estimate(*values["auc"]))
    parts = [f"A linear probe on the frozen encoder has AUC {auc}{_by_chance(values)}."]
    if "control_auc" in values:
        parts.append(
            f"{sentence_text(values['control'])} have {score_estimate_text(Estimate(*values['control_auc']))}."
        )
    elif case.texts:
        parts.append(case.texts.not_measured.get("control", ""))
    if values.get("bounds_hold", "one_nn_error" in values):
        error, lowest = Estimate(*values["one_nn_error"]), Estimate(*values["lowest_error"])
        parts.append(
            f"The 1-nearest-neighbour error is {percent_estimate_text(error)} in balanced classes. The lowest possible "
            f"error is then between {percent_text(lowest.value)} and {percent_text(error.value)} (Cover and Hart)."
        )
    parts.append(_needed(values.get("needed"), "texts of each class"))
    return Measure(key, title, values["answer"], _joined(parts), values)


def more_positives(case: Case) -> Measure:
    """Would twice the training positives raise recall, by the curve of the case?"""
    key, title = "positives", "Too few training positives"
    values = case.curve
    if values is None:
        return Measure(key, title, "not measurable", _reason(case, "curve"))
    counts = [f"{point['positives']:,}" for point in values["points"]]
    recalls = [percent_text(point["recall"]) for point in values["points"]]
    sampled = ""
    if values["sampled"] < values["positives"]:
        sampled = f" The curve is from {values['sampled']:,} of the {values['positives']:,} training positives."
    sentence = _joined(
        [
            f"With {listed_text(counts)} training positives and {values['negatives']:,} negatives, {values['source']} "
            f"{'have' if values['source'] == RUNS else 'has'} recall {listed_text(recalls)}, at one false-positive "
            f"rate.{sampled}",
            f"Twice the positives would give {percent_estimate_text(Estimate(*values['doubled']))}, "
            f"{points_text(Estimate(*values['gain']))}.",
            _needed(values["needed"], "training positives"),
        ]
    )
    return Measure(key, title, values["answer"], sentence, values)


def unseen_words(case: Case) -> Measure:
    """Do test positives have more words that training lacks than as many negatives have?"""
    key, title = "words", "More unseen words in positives than in negatives"
    values = case.texts.words if case.texts else None
    if values is None:
        return Measure(key, title, "not measurable", _reason(case, "words"))
    if "unseen" not in values:
        sentence = (
            f"{percent_text(values['unseen_share'])} of the words in test positives are not in training positives, and "
            f"{percent_text(values['missing_mass'])} of the words in training positives occur once."
        )
        if values["needed"]:
            sentence += f" A comparison needs {values['needed']:,} training {values['needed_class']}s."
        return Measure(key, title, values["answer"], sentence, values)
    unseen, missing = values["unseen"], values["missing"]
    sentence = _joined(
        [
            f"{percent_text(unseen['positives'])} of the words in test positives are not in training positives; "
            f"{percent_text(unseen['negatives'][0])} for as many negatives. Difference: "
            f"{points_text(Estimate(*unseen['difference']))}.",
            f"The next word of a new positive is unseen with probability {percent_text(missing['positives'])} "
            f"(Good-Turing); {percent_text(missing['negatives'][0])} for negatives.",
            _needed(values["needed"], f"training {values['needed_class']}s"),
        ]
    )
    return Measure(key, title, values["answer"], sentence, values)


def _reason(case: Case, name: str) -> str:
    if case.texts is None:
        return NOT_COMPUTED.format(experiment=case.experiment)
    return case.texts.not_measured.get(name, "It was not measured.")


def _by_chance(values: Mapping[str, Any]) -> str:
    """The AUC under permuted labels; its p is that of a permutation test."""
    if "null" not in values:
        return ""
    null = Estimate(*values["null"])
    return f"; {score_text(null.low)} to {score_text(null.high)} with permuted labels (p {p_text(values['p'])})"


def _needed(count: int | None, noun: str) -> str:
    return f"About {rounded_up(count)} {noun} would decide." if count else ""


def _joined(sentences: Sequence[str]) -> str:
    return " ".join(one for one in sentences if one)
