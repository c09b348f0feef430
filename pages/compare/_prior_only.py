"""What the ratio alone would do to an honest classifier, beside what happened."""

from dataclasses import dataclass

import pandas as pd
import streamlit as st

from analysis.calibration import log_odds, slopes
from analysis.decomposition import paired_runs
from analysis.intervals import Estimate
from analysis.prior_only import excess_drop, prior_only_curve
from analysis.wording import points_text
from data.experiments import ratio_label
from pages.shared.sound_runs import SoundRuns
from pages.shared.words import percent


@dataclass(frozen=True)
class PriorOnly:
    """The predicted curve (ratio, recall, true_negative_rate), and the excess drop at the largest observed ratio."""

    reference: float
    curve: pd.DataFrame
    ratio: float
    excess: Estimate | None


def prior_only(test: SoundRuns, validation: SoundRuns, ratios: tuple[float, ...]) -> PriorOnly | None:
    """None without sound runs or without validation predictions to calibrate on."""
    if not len(test.levels) or len(set(validation.labels.tolist())) < 2 or len(set(test.labels.tolist())) < 2:
        return None
    return _prior_only(test, validation, test.key, validation.key, ratios)


def prior_sentence(found: PriorOnly) -> str:
    """How to read the dotted lines, and whether more was lost than they say."""
    start = (
        f"Dotted: what the ratio alone would do to an honest {ratio_label(found.reference)} classifier (prior-only)."
    )
    if found.excess is None:
        return start
    name = ratio_label(found.ratio)
    if found.excess.holds_zero:
        return f"{start} The loss beyond it at {name}, {points_text(found.excess)}, may be nothing."
    word = "more" if found.excess.value > 0 else "less"
    return f"{start} At {name} {word} was lost than that: {points_text(found.excess)}."


def predicted_title(found: PriorOnly) -> str:
    """The prediction in one line, before other ratios are there."""
    last = found.curve.iloc[-1]
    return f"Predicted at {ratio_label(float(last['ratio']))}: {percent(float(last['recall']))} found"


@st.cache_resource(max_entries=32, show_spinner=False)
def _prior_only(
    _test: SoundRuns, _validation: SoundRuns, test_key: tuple, validation_key: tuple, ratios: tuple[float, ...]
) -> PriorOnly:
    reference = _test.levels[0]
    slope, _ = slopes(_validation.labels, log_odds(_validation.at(reference)), q=1 / (1 + reference))
    logits = log_odds(_test.at(reference)) * slope[:, None]
    levels = sorted({reference, *(one for one in ratios if one >= reference)})
    curve = prior_only_curve(_test.labels, logits, levels, reference_ratio=reference)
    pairs = paired_runs(_test.ratios, _test.seeds, runs=len(_test.ratios))
    if not pairs:
        return PriorOnly(reference, curve, reference, None)
    ratio = max(pairs)
    base, other = pairs[ratio]
    excess = excess_drop(
        _test.labels,
        _test.pos_probs[base],
        _test.pos_probs[other],
        calibrated_on=(_validation.labels, _validation.pos_probs[base]),
        ratio=ratio,
        reference_ratio=reference,
    )
    return PriorOnly(reference, curve, ratio, excess)
