"""The answer to "would another loss help me?" in words, from the gains over plain cross-entropy."""

import math
from collections.abc import Sequence

from closecall.analysis.formatting import listed_text, percent_text, points_text, sentence_text
from closecall.analysis.intervals import Estimate
from closecall.analysis.remedies.gains import Gain

CLOSE = 0.02
"""Recalls that lie nearer than this to each other are called the same."""


WORTH = 0.01
"""A gain in AUC from which on it is not enough to say that it was not shown."""


def remedy_answer(gains: Sequence[Gain], *, plain_found: float, ratio: str) -> tuple[str, str]:
    """Does a remedy help, and does moving the threshold give the same? One sentence, and the numbers behind it.

    `gains` as from `gains_over_plain`, `plain_found` plain's recall at .5, `ratio` as people write it. Both "" without
    an arm that fine-tunes.
    """
    tuned = [gain for gain in gains if gain.fine_tunes]
    if not tuned:
        return "", ""
    seeds = max(one.n_seeds for one in tuned)
    most = max((one for one in tuned if one.n_seeds == seeds), key=lambda one: one.found)
    helped = sorted((one for one in tuned if one.helps), key=lambda one: -one.auc.value)
    numbers = f"AUC changes by {_span(tuned)} over {counted_text(len(tuned), 'remedy', 'remedies')}."
    at_half = f"Cut at .5, {most.title} finds {percent_text(most.found)}, plain {percent_text(plain_found)}."
    if helped:
        told = " ".join(_help(one, ratio) for one in helped[:2])
        return told, " ".join(part for part in (sentence_text(_threshold(most, plain_found)), at_half, numbers) if part)
    threshold = _threshold(most, plain_found)
    return _none_helped(tuned, ratio) + (f"; {threshold}" if threshold else "."), f"{at_half} {numbers}"


def simpler_answer(gains: Sequence[Gain], *, plain_auc: float) -> str:
    """How the arms without fine-tuning rank, the best first; "" without any."""
    simple = sorted((gain for gain in gains if not gain.fine_tunes), key=lambda gain: -gain.auc.value)
    if not simple:
        return ""
    parts = [f"{gain.title} {area_text(plain_auc + gain.auc.value)}" for gain in simple]
    better = [gain for gain in simple if gain.helps]
    end = f" {listed_text([gain.title for gain in better])} rank better, beyond chance." if better else ""
    return f"Without fine-tuning, AUC is: {', '.join(parts)}; plain fine-tuning has {area_text(plain_auc)}.{end}"


def area_text(value: float) -> str:
    """An AUC, or another number from 0 to 1, as it is written everywhere: ".941"; "none" for nan."""
    if math.isnan(value):
        return "none"
    return f"{value:.3f}".lstrip("0")


def difference_text(estimate: Estimate) -> str:
    """A difference of two AUCs with its interval: "+.012 (−.004 to +.028)"."""
    value, low, high = (_signed(one) for one in (estimate.value, estimate.low, estimate.high))
    return f"{value} ({low} to {high})"


def point_text(estimate: Estimate) -> str:
    """A difference of two recalls in points with its interval: "+6.7 (−1.2 to 14.6)"."""
    value, low, high = (100 * one for one in (estimate.value, estimate.low, estimate.high))
    return f"{value:+.1f} ({low:.1f} to {high:.1f})".replace("-", "−")


def _none_helped(tuned: Sequence[Gain], ratio: str) -> str:
    """The first half of the sentence, without its end."""
    seeds = max(one.n_seeds for one in tuned)
    if seeds < 2:
        return f"With one seed nobody can tell a remedy from seed noise at {ratio}"
    best = max((one for one in tuned if one.n_seeds == seeds), key=lambda one: one.auc.value)
    if best.auc.value >= WORTH:
        gain = f"{best.title} gains {difference_text(best.auc)} in AUC over {seeds} seeds, and more seeds would tell"
        return f"No remedy is shown to help at {ratio}, and none is ruled out: {gain}"
    harmed = [one.title for one in tuned if one.harms]
    if not harmed:
        return f"No remedy moved AUC by more than seed noise at {ratio}"
    return f"No remedy raised AUC by more than seed noise at {ratio} ({listed_text(harmed)} lowered it)"


def _help(gain: Gain, ratio: str) -> str:
    parts = []
    if gain.auc_moved and gain.auc.value > 0:
        parts.append(f"AUC by {difference_text(gain.auc)}, p {p_text(gain.auc_p)}")
    if gain.recall_moved and gain.recall.value > 0:
        parts.append(f"recall at the same false alarms by {points_text(gain.recall)}, p {p_text(gain.recall_p)}")
    return f"{sentence_text(gain.title)} helps at {ratio}: it raises {' and '.join(parts)}, beyond seed noise."


def _threshold(most: Gain, plain_found: float) -> str:
    """What plain finds with its threshold moved to the false alarms of the arm that finds most at .5."""
    own, moved = percent_text(most.found), percent_text(most.plain_found)
    if most.found <= plain_found:
        return f"cut at .5 none finds more than plain does ({percent_text(plain_found)})."
    if abs(most.plain_ahead.value) < CLOSE:
        return f"moving the threshold of the plain model gives the same recall ({moved} against {own} of {most.title})."
    unsure = ", which is not shown to differ" if most.plain_ahead.holds_zero else ""
    arm = f"{most.title} cut at .5"
    return f"the plain model, its threshold moved to the false alarms of {arm}, finds {moved} against {own}{unsure}."


def _span(gains: Sequence[Gain]) -> str:
    values = [one.auc.value for one in gains]
    low, high = _signed(min(values)), _signed(max(values))
    return low if low == high else f"{low} to {high}"


def p_text(p: float) -> str:
    """A p value: "< .001", ".012", "1"."""
    return "< .001" if p < 0.001 else f"{p:.3f}".lstrip("0") if p < 0.9995 else "1"


def _signed(value: float) -> str:
    digits = f"{abs(value):.3f}".lstrip("0")
    return digits if digits == ".000" else f"{'+' if value > 0 else '−'}{digits}"


def counted_text(number: int, noun: str, plural: str) -> str:
    """A whole number with its noun: "1 remedy", "9 remedies"."""
    return f"{number:,} {noun if number == 1 else plural}"
