"""Where do the errors sit? The matrix of one run at a threshold, and what moving the threshold costs."""

import pandas as pd
import streamlit as st

from closecall.analysis.formatting import count_text, percent_text, prevalence_text, probability_text, ratio_text, share_text
from closecall.analysis.metrics.outcomes import Confusion, confusion
from closecall.analysis.metrics.prevalence import precision_at, predicted_positive_rate_at
from closecall.data.experiments.runs import Run
from closecall.data.experiments.store import ExperimentConfig
from closecall.pages.confusion.matrix import VIEWS, matrix
from closecall.pages.confusion.operating_curve import operating_curve
from closecall.pages.confusion.reliability import reliability_part
from closecall.pages.confusion.run_comparison import run_comparison_part
from closecall.pages.confusion.threshold_rules import show_threshold_rules, threshold_rules
from closecall.pages.shared.cached_io import predictions
from closecall.pages.shared.escaping import escape_markdown
from closecall.pages.shared.layout import headline
from closecall.pages.shared.state import choose_prevalence, choose_run, choose_threshold, require_experiment

PARTS = ("Choose a threshold", "Against another run", "Calibration")


def show() -> None:
    config = require_experiment()
    run = choose_run(config)
    desk(config, run)


@st.fragment
def desk(config: ExperimentConfig, run: Run) -> None:
    """Everything that moves with the threshold, run again by itself when the slider moves."""
    top = st.container()
    left, right = st.columns(2, gap="large")
    with left:
        threshold = choose_threshold()
    with right:
        q = choose_prevalence()
    test = predictions(run)
    counts = confusion(test.labels, test.pos_probs, threshold=threshold)
    with top:
        headline(f"Confusion of {escape_markdown(config.title)}", finding(run, counts, threshold), worth(counts, q))
    with left:
        view = st.segmented_control("Show", VIEWS, default=VIEWS[0], required=True, key="show", bind="query-params")
        matrix(counts, link_of(config, run, threshold), view or VIEWS[0])
    rules = threshold_rules(run, q)
    with right:
        operating_curve(run, counts, threshold, q, rules)
    show_parts(config, run, threshold, q, rules)


def show_parts(config: ExperimentConfig, run: Run, threshold: float, q: float, rules: pd.DataFrame | None) -> None:
    """The detail below; only the open part is worked out."""
    parts = (
        lambda: show_threshold_rules(rules, q),
        lambda: run_comparison_part(config, run, threshold, q),
        lambda: reliability_part(run),
    )
    for tab, part in zip(st.tabs(PARTS, key="below", bind="query-params"), parts, strict=True):
        if tab.open:
            with tab:
                part()


def finding(run: Run, counts: Confusion, threshold: float) -> str:
    return (
        f"Cut at {probability_text(threshold)}, {ratio_text(run.config.ratio)} finds {counts.tp:,} of "
        f"{count_text(counts.n_positives, 'positive')} and raises {count_text(counts.fp, 'false alarm')} among "
        f"{count_text(counts.n_negatives, 'negative')}."
    )


def worth(counts: Confusion, q: float) -> str:
    """Recall with its interval, precision and alerts where the share_text of positives is q."""
    alerts = float(predicted_positive_rate_at(counts.recall, counts.false_positive_rate, q=q))
    precision = float(precision_at(counts.recall, counts.false_positive_rate, q=q))
    right = (
        "there would be no alerts"
        if alerts == 0
        else f"{percent_text(precision)} of the alerts would be right (precision)"
    )
    return (
        f"Positives found (recall): {share_text(counts.tp, counts.n_positives)}. Where there are {prevalence_text(q)}, {right}: "
        f"{1000 * alerts:,.1f} alerts per 1,000 texts."
    )


def link_of(config: ExperimentConfig, run: Run, threshold: float) -> dict[str, str]:
    """What the Errors page must know to show the same examples."""
    return {
        "experiment": config.id,
        "ratio": ratio_text(run.config.ratio),
        "seed": str(run.config.seed),
        "threshold": f"{threshold:g}",
    }


show()
