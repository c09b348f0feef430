"""What the ratio alone would do to an honest classifier, beside what happened."""

from dataclasses import dataclass

import pandas as pd
import streamlit as st

from closecall.analysis.causes.evidence import Comparison
from closecall.analysis.formatting import points_text, ratio_text
from closecall.analysis.metrics.calibration import log_odds, temperature
from closecall.analysis.ratio.prior_shift import prior_shift_curve
from closecall.models.results.valid_runs import ValidRuns


@dataclass(frozen=True)
class PriorOnly:
    """The curve predicted from the smallest ratio's runs: ratio, recall, true_negative_rate."""

    reference: float
    curve: pd.DataFrame


def prior_only(test: ValidRuns, validation: ValidRuns, ratios: tuple[float, ...]) -> PriorOnly | None:
    """None without sound runs or without validation predictions to calibrate on."""
    if not len(test.levels) or len(set(validation.labels.tolist())) < 2 or len(set(test.labels.tolist())) < 2:
        return None
    return _prior_only(test, validation, test.key, validation.key, ratios)


def prior_sentence(found: PriorOnly, pair: Comparison | None) -> str:
    """How to read the dotted lines, and whether more was lost than they say."""
    start = (
        f"Dotted: what the ratio alone would do to an honest {ratio_text(found.reference)} classifier (prior-only)."
    )
    if pair is None or pair.excess is None:
        return start
    name, excess = ratio_text(pair.ratio), pair.excess
    if excess.includes_zero:
        return f"{start} The loss beyond it at {name}, {points_text(excess)}, may be nothing."
    word = "more" if excess.value > 0 else "less"
    return f"{start} At {name} {word} was lost than that: {points_text(excess)}."


@st.cache_resource(max_entries=32, show_spinner=False)
def _prior_only(
    _test: ValidRuns, _validation: ValidRuns, test_key: tuple, validation_key: tuple, ratios: tuple[float, ...]
) -> PriorOnly:
    reference = _test.levels[0]
    chosen, told = log_odds(_validation.at(reference)), log_odds(_test.at(reference))
    trained_at = 1 / (1 + reference)
    for row, logits in zip(chosen, told, strict=True):
        logits /= temperature(_validation.labels, row, q=trained_at)
    levels = sorted({reference, *(one for one in ratios if one >= reference)})
    return PriorOnly(reference, prior_shift_curve(_test.labels, told, levels, reference_ratio=reference))
