"""Are the probabilities calibrated? The reliability curve of a run and its temperature."""

import streamlit as st

from closecall.analysis.formatting import ratio_text
from closecall.analysis.metrics.calibration import calibration_error, log_odds, reliability_table, temperature
from closecall.charts.reliability import reliability_curve
from closecall.data.experiments.runs import Run
from closecall.pages.shared.cached_io import predictions
from closecall.pages.shared.chart_view import current_theme, show_chart


def reliability_part(run: Run) -> None:
    """The reliability curve on test in ten bins, and the temperature fitted on validation."""
    test, validation = predictions(run), predictions(run, "validation")
    table = reliability_table(test.labels, test.pos_probs)
    error = calibration_error(test.labels, test.pos_probs).overall
    show_chart(reliability_curve(table, error, theme=current_theme()))
    if len(set(validation.labels.tolist())) < 2:
        return
    fitted = temperature(validation.labels, log_odds(validation.pos_probs), q=1 / (1 + run.config.ratio))
    confidence = "over-confident" if fitted > 1 else "under-confident"
    st.markdown(
        f"At its own training prevalence, {ratio_text(run.config.ratio)} is {confidence}: the temperature fitted on "
        f"validation is {fitted:.2f} (logits are divided by it)."
    )
