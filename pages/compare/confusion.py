"""Where do the errors sit? The matrix of one run at a threshold, and what moving the threshold costs."""

import pandas as pd
import streamlit as st

from analysis.outcomes import Confusion, confusion
from analysis.prevalence import alert_rate_at, precision_at
from data.experiments import ExperimentConfig, ratio_label
from data.runs import Run
from pages.compare._against import against_part
from pages.compare._desk import desk_rules, show_desk
from pages.compare._matrix import VIEWS, matrix
from pages.compare._operating_curve import operating_curve
from pages.compare._reliability import reliability_part
from pages.shared.headline import headline
from pages.shared.load import predictions
from pages.shared.prevalence import choose_prevalence, in_words
from pages.shared.state import choose_run, require_experiment
from pages.shared.threshold import choose_threshold
from pages.shared.words import counted, percent, plain, probability, share

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
        headline(f"Confusion of {plain(config.title)}", finding(run, counts, threshold), worth(counts, q))
    with left:
        view = st.segmented_control("Show", VIEWS, default=VIEWS[0], required=True, key="show", bind="query-params")
        matrix(counts, link_of(config, run, threshold), view or VIEWS[0])
    rules = desk_rules(run, q)
    with right:
        operating_curve(run, counts, threshold, q, rules)
    show_parts(config, run, threshold, q, rules)


def show_parts(config: ExperimentConfig, run: Run, threshold: float, q: float, rules: pd.DataFrame | None) -> None:
    """The detail below; only the open part is worked out."""
    parts = (
        lambda: show_desk(rules, q),
        lambda: against_part(config, run, threshold, q),
        lambda: reliability_part(run),
    )
    for tab, part in zip(st.tabs(PARTS, key="below", bind="query-params"), parts, strict=True):
        if tab.open:
            with tab:
                part()


def finding(run: Run, counts: Confusion, threshold: float) -> str:
    return (
        f"Cut at {probability(threshold)}, {ratio_label(run.config.ratio)} finds {counts.tp:,} of "
        f"{counted(counts.n_positives, 'positive')} and raises {counted(counts.fp, 'false alarm')} among "
        f"{counted(counts.n_negatives, 'negative')}."
    )


def worth(counts: Confusion, q: float) -> str:
    """Recall with its interval, precision and alerts where the share of positives is q."""
    alerts = float(alert_rate_at(counts.recall, counts.false_positive_rate, q=q))
    precision = float(precision_at(counts.recall, counts.false_positive_rate, q=q))
    right = (
        "there would be no alerts" if alerts == 0 else f"{percent(precision)} of the alerts would be right (precision)"
    )
    return (
        f"Positives found (recall): {share(counts.tp, counts.n_positives)}. Where there are {in_words(q)}, {right}: "
        f"{1000 * alerts:,.1f} alerts per 1,000 texts."
    )


def link_of(config: ExperimentConfig, run: Run, threshold: float) -> dict[str, str]:
    """What the Errors page must know to show the same examples."""
    return {
        "experiment": config.id,
        "ratio": ratio_label(run.config.ratio),
        "seed": str(run.config.seed),
        "threshold": f"{threshold:g}",
    }


show()
