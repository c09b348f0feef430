"""The answer to "would another loss help me?" in words, from the gains over plain cross-entropy."""

from collections.abc import Sequence

from analysis.intervals import Estimate
from analysis.remedy_gains import Gain
from analysis.wording import percent_text, points_text

CLOSE = 0.02
"""Recalls that lie nearer than this to each other are called the same."""


def remedy_answer(gains: Sequence[Gain], *, plain_found: float, ratio: str) -> str:
    """Does a remedy help, and does moving the threshold give the same? "" without an arm that fine-tunes.

    `gains` as from `gains_over_plain`, `plain_found` plain's recall at .5, `ratio` as people write it.
    """
    tuned = [gain for gain in gains if gain.fine_tunes]
    if not tuned:
        return ""
    return " ".join(part for part in (_moved(tuned, ratio), _threshold(tuned, plain_found)) if part)


def simpler_answer(gains: Sequence[Gain], *, plain_auc: float) -> str:
    """How the arms without fine-tuning rank, the best first; "" without any."""
    simple = sorted((gain for gain in gains if not gain.fine_tunes), key=lambda gain: -gain.auc.value)
    if not simple:
        return ""
    parts = [f"{gain.title} {area_text(plain_auc + gain.auc.value)}" for gain in simple]
    better = [gain for gain in simple if gain.helps]
    end = f" {_listed([gain.title for gain in better])} rank better, beyond chance." if better else ""
    return f"Without fine-tuning, AUC is: {', '.join(parts)}; plain fine-tuning has {area_text(plain_auc)}.{end}"


def area_text(value: float) -> str:
    """An AUC as it is written everywhere: ".941"."""
    return f"{value:.3f}".lstrip("0")


def difference_text(estimate: Estimate) -> str:
    """A difference of two AUCs with its interval: "+.012 (−.004 to +.028)"."""
    value, low, high = (_signed(one) for one in (estimate.value, estimate.low, estimate.high))
    return f"{value} ({low} to {high})"


def _moved(tuned: Sequence[Gain], ratio: str) -> str:
    helped, harmed = [one for one in tuned if one.helps], [one for one in tuned if one.harms]
    if helped:
        return " ".join(_help(one, ratio) for one in sorted(helped, key=lambda one: -one.auc.value)[:2])
    if max(one.n_seeds for one in tuned) < 2:
        return f"With one seed nobody can tell a remedy from seed noise at {ratio}: AUC changes by {_span(tuned)}."
    verb = "raised" if harmed else "moved"
    told = f"No remedy {verb} AUC, or recall at the same false alarms, by more than seed noise at {ratio} "
    told += f"(AUC changes by {_span(tuned)})."
    if harmed:
        told += f" {_sentence(_listed([one.title for one in harmed]))} lowered it."
    return told


def _help(gain: Gain, ratio: str) -> str:
    parts = []
    if gain.auc_moved and gain.auc.value > 0:
        parts.append(f"AUC by {difference_text(gain.auc)}, p {p_text(gain.auc_p)}")
    if gain.recall_moved and gain.recall.value > 0:
        parts.append(f"recall at the same false alarms by {points_text(gain.recall)}, p {p_text(gain.recall_p)}")
    return f"{_sentence(gain.title)} helps at {ratio}: it raises {' and '.join(parts)}, beyond seed noise."


def _threshold(tuned: Sequence[Gain], plain_found: float) -> str:
    """What the arm that finds most at .5 finds, against plain with its threshold moved to the same false alarms."""
    most = max(tuned, key=lambda one: one.found)
    own, moved = percent_text(most.found), percent_text(most.plain_found)
    if most.found <= plain_found:
        return f"At .5 none finds more than plain does ({percent_text(plain_found)})."
    if abs(most.plain_ahead.value) < CLOSE or most.plain_ahead.holds_zero:
        end = f"moving the threshold of the plain model gives the same recall ({moved} against {own})"
    else:
        end = f"moving the threshold of the plain model to the same false alarms finds {moved} against {own}"
    return f"At .5 {most.title} finds {own} where plain finds {percent_text(plain_found)}; {end}."


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


def _listed(names: Sequence[str]) -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"


def _sentence(text: str) -> str:
    """With a capital at its start."""
    return text[:1].upper() + text[1:]
