"""Text answers to "would another loss, sampling or model help?", from the gains over the cross-entropy baseline."""

from collections.abc import Sequence

from closecall.analysis.formatting import (
    count_text,
    listed_text,
    p_text,
    percent_text,
    points_text,
    score_difference_text,
    score_range_text,
    score_text,
    sentence_text,
)
from closecall.analysis.remedies.gains import Gain

SAME_RECALL = 0.02
"""Two recalls that differ by less than this are reported as the same."""
SMALLEST_RELEVANT_AUC_GAIN = 0.01
"""From this observed gain in AUC on, the text says that a gain is neither shown nor ruled out."""


def remedy_answer(gains: Sequence[Gain], *, baseline_recall: float, ratio: str) -> tuple[str, str]:
    """Does a remedy help, and does moving the baseline's threshold give the same? One sentence, and its numbers.

    `gains`: from `gains_over_baseline`. `baseline_recall`: the baseline's recall at threshold 0.50. `ratio`: as text,
    such as "1:10". Both answers are "" where no method fine-tunes the encoder.
    """
    tuned = [gain for gain in gains if gain.fine_tunes]
    if not tuned:
        return "", ""
    seeds = max(one.n_seeds for one in tuned)
    highest = max((one for one in tuned if one.n_seeds == seeds), key=lambda one: one.recall_at_half)
    helped = sorted((one for one in tuned if one.helps), key=lambda one: -one.auc.value)
    auc_range = score_range_text([one.auc.value for one in tuned])
    numbers = f"AUC changes by {auc_range} over {count_text(len(tuned), 'remedy', 'remedies')}."
    at_half = (
        f"At threshold 0.50, {highest.title} has a recall of {percent_text(highest.recall_at_half)} and the baseline "
        f"of {percent_text(baseline_recall)}."
    )
    threshold = _threshold(highest, baseline_recall)
    if helped:
        answer = " ".join(_help(one, ratio) for one in helped[:2])
        return answer, f"{sentence_text(threshold)} {at_half} {numbers}"
    return f"{_none_helped(tuned, ratio)}; {threshold}", f"{at_half} {numbers}"


def simpler_answer(gains: Sequence[Gain], *, baseline_auc: float) -> str:
    """AUC of the methods that do not fine-tune the encoder, highest first; "" without any.

    `baseline_auc`: mean AUC of the fine-tuned baseline.
    """
    simple = sorted((gain for gain in gains if not gain.fine_tunes), key=lambda gain: -gain.auc.value)
    if not simple:
        return ""
    parts = [f"{gain.title} {score_text(baseline_auc + gain.auc.value)}" for gain in simple]
    better = [gain.title for gain in simple if gain.helps]
    end = f" {sentence_text(listed_text(better))} rank better than chance and seeds explain." if better else ""
    return (
        f"Without fine-tuning, AUC is: {', '.join(parts)}; the fine-tuned baseline has {score_text(baseline_auc)}.{end}"
    )


def _none_helped(tuned: Sequence[Gain], ratio: str) -> str:
    """The first half of the sentence, without its end."""
    seeds = max(one.n_seeds for one in tuned)
    if seeds < 2:
        return f"With one seed, a remedy is not distinguishable from seed noise at {ratio}"
    best = max((one for one in tuned if one.n_seeds == seeds), key=lambda one: one.auc.value)
    if best.auc.value >= SMALLEST_RELEVANT_AUC_GAIN:
        gain = f"{best.title} changes AUC by {score_difference_text(best.auc)} over {seeds} seeds, more are needed"
        return f"No remedy is shown to help at {ratio}, and none is ruled out: {gain}"
    harmed = [one.title for one in tuned if one.harms]
    if not harmed:
        return f"No remedy changed AUC by more than seed noise at {ratio}"
    return f"No remedy raised AUC by more than seed noise at {ratio} ({listed_text(harmed)} lowered it)"


def _help(gain: Gain, ratio: str) -> str:
    parts = []
    if gain.auc_moved and gain.auc.value > 0:
        parts.append(f"AUC by {score_difference_text(gain.auc)}, p {p_text(gain.auc_p)}")
    if gain.recall_moved and gain.recall.value > 0:
        parts.append(f"recall at the same false-positive rate by {points_text(gain.recall)}, p {p_text(gain.recall_p)}")
    return f"{sentence_text(gain.title)} helps at {ratio}: it raises {' and '.join(parts)}, more than seed noise."


def _threshold(highest: Gain, baseline_recall: float) -> str:
    """The baseline's recall with its threshold moved to the false-positive rate of the method with most recall."""
    own, moved = percent_text(highest.recall_at_half), percent_text(highest.baseline_recall)
    if highest.recall_at_half <= baseline_recall:
        return f"at threshold 0.50, no remedy has more recall than the baseline ({percent_text(baseline_recall)})."
    if abs(highest.baseline_lead.value) < SAME_RECALL:
        return f"moving the baseline's threshold gives the same recall ({moved} against {own} of {highest.title})."
    unsure = ", a difference that this test set does not show" if highest.baseline_lead.includes_zero else ""
    return (
        f"at the false-positive rate of {highest.title}, the baseline with a moved threshold has a recall of {moved} "
        f"against {own}{unsure}."
    )
