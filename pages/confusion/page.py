"""Which errors does a run make? The confusion matrix at a threshold, and the effect of other thresholds."""

import pandas as pd
import streamlit as st

from closecall.analysis.formatting import (
    count_text,
    detectable_drop_text,
    percent_text,
    prevalence_text,
    probability_text,
    ratio_text,
    share_text,
)
from closecall.analysis.metrics.calibration import calibration_error, log_odds, reliability_table, temperature
from closecall.analysis.metrics.outcomes import Confusion, confusion
from closecall.analysis.metrics.prevalence import precision_at, predicted_positive_rate_at
from closecall.charts.operating_curve import operating_curve
from closecall.charts.reliability import reliability_curve
from closecall.data.experiments.runs import Run
from closecall.data.experiments.store import ExperimentConfig
from closecall.pages.confusion.matrix import FORMER_VIEWS, VIEWS, matrix
from closecall.pages.confusion.run_comparison import run_comparison_part
from closecall.pages.confusion.threshold_rules import show_threshold_rules, threshold_rules
from closecall.pages.shared.cached_io import predictions
from closecall.pages.shared.chart_view import current_theme, show_chart
from closecall.pages.shared.escaping import escape_markdown
from closecall.pages.shared.layout import headline
from closecall.pages.shared.runs import precision_recall_curve
from closecall.pages.shared.state import (
    choose_prevalence,
    choose_run,
    choose_threshold,
    init_bound_value,
    require_experiment,
)

PARTS = ("Choose a threshold", "Against another run", "Calibration")


def show() -> None:
    config = require_experiment()
    run = choose_run(config)
    threshold_view(config, run)


@st.fragment
def threshold_view(config: ExperimentConfig, run: Run) -> None:
    """The matrix, the curve and the details. Only this fragment runs again when the threshold moves."""
    top = st.container()
    left, right = st.columns(2, gap="large")
    with left:
        threshold = choose_threshold()
    with right:
        q = choose_prevalence()
    test = predictions(run)
    counts = confusion(test.labels, test.pos_probs, threshold=threshold)
    with top:
        headline(f"Confusion of {escape_markdown(config.title)}", finding(run, counts, threshold), utility(counts, q))
    with left:
        init_bound_value("show", VIEWS[0], VIEWS, read=lambda text: FORMER_VIEWS.get(text, text))
        view = st.segmented_control("Show", VIEWS, required=True, key="show", bind="query-params")
        matrix(counts, link_of(config, run, threshold), view or VIEWS[0])
    rules = threshold_rules(run, q)
    with right:
        show_chart(
            operating_curve(
                precision_recall_curve(run, q),
                rules,
                name=ratio_text(run.config.ratio),
                threshold=threshold,
                recall=counts.recall,
                precision=float(precision_at(counts.recall, counts.false_positive_rate, q=q)),
                q=q,
                note=detectable_drop_text(counts.n_positives),
                theme=current_theme(),
            )
        )
    show_parts(config, run, threshold, q, rules)


def show_parts(config: ExperimentConfig, run: Run, threshold: float, q: float, rules: pd.DataFrame | None) -> None:
    """The details in tabs; only the open tab is computed."""
    parts = (
        lambda: show_threshold_rules(run, rules, q),
        lambda: run_comparison_part(config, run, threshold, q),
        lambda: reliability_part(run),
    )
    for tab, part in zip(st.tabs(PARTS, key="below", bind="query-params"), parts, strict=True):
        if tab.open:
            with tab:
                part()


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


def finding(run: Run, counts: Confusion, threshold: float) -> str:
    """The errors of the run at the threshold."""
    return (
        f"At threshold {probability_text(threshold)}, {ratio_text(run.config.ratio)} has "
        f"{count_text(counts.fn, 'false negative')} among {count_text(counts.n_positives, 'positive')} and "
        f"{count_text(counts.fp, 'false positive')} among {count_text(counts.n_negatives, 'negative')}."
    )


def utility(counts: Confusion, q: float) -> str:
    """Recall and specificity with their intervals; precision and predicted positives at prevalence q."""
    rate = float(predicted_positive_rate_at(counts.recall, counts.false_positive_rate, q=q))
    precision = float(precision_at(counts.recall, counts.false_positive_rate, q=q))
    predicted = (
        "no text is predicted positive"
        if rate == 0
        else f"precision is {percent_text(precision)} with {1000 * rate:,.1f} predicted positives per 1,000 texts"
    )
    return (
        f"Recall {share_text(counts.tp, counts.n_positives)}; specificity {share_text(counts.tn, counts.n_negatives)}. "
        f"Among texts with {prevalence_text(q)}, {predicted}."
    )


def link_of(config: ExperimentConfig, run: Run, threshold: float) -> dict[str, str]:
    """The URL parameters with which the Errors page shows the same run and threshold."""
    return {
        "experiment": config.id,
        "ratio": ratio_text(run.config.ratio),
        "seed": str(run.config.seed),
        "threshold": f"{threshold:g}",
    }


show()
