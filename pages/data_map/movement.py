"""How the confidence of the same positives changes across ratios: chart, numbers by ratio, largest decreases."""

import numpy as np
import pandas as pd
import streamlit as st

from closecall.analysis.errors.data_map import confidence_change
from closecall.analysis.formatting import count_text, probability_text, ratio_text, share_text
from closecall.charts.data_map import confidence_chart
from closecall.data.experiments.runs import Run
from closecall.data.experiments.store import ExperimentConfig
from closecall.pages.shared.chart_view import current_theme, show_chart
from closecall.pages.shared.examples import example_table
from closecall.pages.shared.maps.training_dynamics import PositivesByRatio


def movement_part(config: ExperimentConfig, run: Run, positives: PositivesByRatio | None) -> None:
    """The chart, the numbers by ratio, and the table of the positives whose confidence falls."""
    if positives is None or len(positives.ratios) < 2 or not len(positives.ids):
        st.info(
            "This view needs two ratios that were trained on the same positives. Train another ratio to compare them.",
            icon=":material/info:",
        )
        return
    chart, numbers = st.columns([3, 2], gap="medium")
    with chart:
        theme = current_theme()
        show_chart(confidence_chart(positives.confidence, positives.ratios, collapsed=positives.collapsed, theme=theme))
    with numbers:
        _numbers_by_ratio(positives)
    _decreases(config, run, positives)


def _numbers_by_ratio(positives: PositivesByRatio) -> None:
    rows = [
        {
            "Ratio": ratio_text(ratio),
            "Median": probability_text(float(np.median(confidence))),
            "Below 0.50": share_text(int((confidence < 0.5).sum()), len(confidence)),
            "Never right": f"{int((correctness == 0).sum()):,}",
        }
        for ratio, confidence, correctness in zip(
            positives.ratios, positives.confidence, positives.correctness, strict=True
        )
    ]
    st.markdown(f"**Confidence of the same {count_text(len(positives.ids), 'positive')} at every ratio**")
    st.dataframe(pd.DataFrame(rows), hide_index=True, alt="Confidence of the positives by ratio")
    st.caption("Never right: predicted negative in every epoch of every seed, at threshold 0.50.")


def _decreases(config: ExperimentConfig, run: Run, positives: PositivesByRatio) -> None:
    """The positives whose confidence falls from the smallest to the largest ratio, the largest decrease first."""
    changes = confidence_change(positives.confidence)
    rows = np.argsort(changes["change"].to_numpy(), kind="stable")
    rows = rows[changes["change"].to_numpy()[rows] < 0]
    first, last = ratio_text(positives.ratios[0]), ratio_text(positives.ratios[-1])
    st.markdown(f"**Confidence falls from {first} to {last} for {len(rows):,} of {len(positives.ids):,} positives**")
    if not len(rows):
        return
    st.caption(
        "Rank: the position among these positives, from 0 (lowest confidence) to 100 (highest). A falling rank is a "
        "decrease beyond what all positives have in common."
    )
    shown = changes.iloc[rows]
    numbers = {
        f"At {first}": [probability_text(one) for one in shown["first"]],
        f"At {last}": [probability_text(one) for one in shown["last"]],
        "Change": [f"{one:+.2f}" for one in shown["change"]],
        "Rank": [
            f"{100 * start:.0f} to {100 * end:.0f}"
            for start, end in zip(shown["first_rank"], shown["last_rank"], strict=True)
        ],
    }
    link = {"ratio": last, "seed": str(run.config.seed), "split": "train"}
    example_table(config, positives.ids[rows], numbers, key="falls", link=link)
