"""What the measures of an experiment suggest to do, with the expected effect and where the number is from."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from closecall.analysis.formatting import (
    listed_text,
    percent_estimate_text,
    points_text,
    rounded_up,
    score_difference_text,
    score_text,
    sentence_text,
)
from closecall.analysis.intervals import Estimate
from closecall.data.experiments.plans import halved_counts
from closecall.models.results.measures.curve import PROBE
from closecall.models.results.measures.measure import Measure


@dataclass(frozen=True)
class Action:
    """One thing to do. `gain`: expected change of recall (0 to 1), None where it is not known.

    `effect` says what is expected and where the number is from. `page` and `query` lead to where it is done.
    """

    key: str
    title: str
    effect: str
    gain: float | None
    page: str
    query: dict[str, str]


def actions_of_measures(measures: Sequence[Measure], ratio: str) -> list[Action]:
    """Collect positives, measure what they give, another method, accept the overlap: where the measures support it.

    `ratio`: as text, such as "1:10".
    """
    by_key = {one.key: one for one in measures if one.values}
    actions = []
    if (overlap := by_key.get("overlap")) is not None:
        actions += [_other_method(arm, ratio) for arm in overlap.values["arms"] if arm["gain"]["low"] > 0]
        if overlap.answer == "present":
            actions.append(_accept(overlap, ratio))
    if (curve := by_key.get("positives")) is not None:
        actions += _more_positives(curve)
    return actions


def _more_positives(curve: Measure) -> list[Action]:
    values, gain = curve.values, Estimate(*curve.values["gain"])
    collect = Action(
        "positives",
        "Collect more positives",
        _collecting(curve, gain),
        gain.value if curve.answer == "present" else None,
        "data",
        {},
    )
    if curve.answer == "absent" or values["source"] != PROBE:
        return [collect]
    counts = [f"{count:,}" for count in halved_counts(values["positives"])]
    effect = (
        f"Trains with {listed_text(counts)} positives and the same negatives, because the curve is from {PROBE}. "
        "It changes no recall by itself."
    )
    query = {"make": "Train a sweep", "fill": "positives"}
    return [collect, Action("measure positives", "Measure what more positives give", effect, None, "train", query)]


def _collecting(curve: Measure, gain: Estimate) -> str:
    values, source = curve.values, f"from {curve.values['source']}"
    twice = f"twice the {values['positives']:,} training positives"
    if curve.answer == "present":
        doubled = Estimate(*values["doubled"])
        return f"{sentence_text(twice)}: recall {percent_estimate_text(doubled)}, {points_text(gain)}, {source}."
    if curve.answer == "absent":
        return f"More positives alone would not raise recall: {points_text(gain)} with {twice}, {source}."
    need = f" About {rounded_up(values['needed'])} training positives would decide." if values["needed"] else ""
    return f"The effect is not known: {points_text(gain)} with {twice}, {source}.{need}"


def _other_method(arm: Mapping[str, Any], ratio: str) -> Action:
    gain = Estimate(**arm["gain"])
    effect = (
        f"AUC {score_text(arm['auc'])} at {ratio}, {score_difference_text(gain)} against fine-tuning, on the same test "
        "texts. The effect on recall depends on the threshold."
    )
    title = f"Use {arm['title']}"
    return Action(f"method {arm['title']}", title, effect, None, "remedies", {"ratio": ratio})


def _accept(overlap: Measure, ratio: str) -> Action:
    effect = f"No method at {ratio} separates the classes better, and more positives would not help. "
    return Action(
        "accept",
        "Accept the overlap, or define the classes more sharply",
        effect + "The effect of sharper class definitions is not known.",
        None,
        "errors",
        {"ratio": ratio, "outcome": "fn", "seeds": "most"},
    )
