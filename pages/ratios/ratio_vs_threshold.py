"""The ratio as a knob: the points of all ratios over the curve of one of them. Does another ratio buy anything?"""

import pandas as pd
import plotly.graph_objects as go
import streamlit as st

from closecall.analysis.formatting import detectable_drop_text, ratio_text
from closecall.analysis.ratio.ratio_vs_threshold import ratio_vs_threshold_sentence, ratio_vs_threshold_table
from closecall.charts.figure import Chart
from closecall.data.experiments.store import ExperimentConfig
from closecall.models.results.run_predictions import baseline_runs
from closecall.models.results.valid_runs import ValidRuns
from closecall.pages.ratios.curves import SYMBOLS, curve_line, one_seed, plane, point, points_at_half
from closecall.pages.ratios.decomposition import decomposed
from closecall.pages.shared.chart_view import current_theme, show_chart
from closecall.pages.shared.escaping import escape_markdown
from closecall.analysis.formatting import prevalence_text
from closecall.pages.shared.state import init_bound_value


def ratio_vs_threshold_part(config: ExperimentConfig, test: ValidRuns, validation: ValidRuns, q: float) -> None:
    """Choose the ratio whose curve is drawn; the points of the others, and what each bought."""
    if len(test.levels) < 2:
        st.info("Two ratios are needed to compare. The next ones are still to come.", icon=":material/info:")
        return
    names = {ratio_text(one): one for one in test.levels}
    init_bound_value("base", next(iter(names)), list(names))
    chosen = st.segmented_control("Curve of", list(names), key="base", required=True, bind="query-params")
    base = names[chosen or next(iter(names))]
    left, right = st.columns(2, gap="large")
    with left:
        show_chart(ratio_vs_threshold_chart(config, base, q, len(test.labels[test.labels == 1])))
    with right:
        table = ratio_vs_threshold_rows(test, validation, base)
        if table.empty:
            st.info(f"No other ratio has a seed in common with {ratio_text(base)}.", icon=":material/info:")
            return
        st.markdown(f"**{escape_markdown(ratio_vs_threshold_sentence(table, reference_ratio=base))}**")
        for sentence in table["sentence"]:
            st.markdown(f"- {escape_markdown(str(sentence))}")


def ratio_vs_threshold_rows(test: ValidRuns, validation: ValidRuns, base: float) -> pd.DataFrame:
    """`analysis.ratio.ratio_vs_threshold.ratio_vs_threshold_table` of every other ratio against the curve of `base`."""
    parts = {ratio: decomposed(test, validation, base, ratio) for ratio in test.levels if ratio != base}
    return ratio_vs_threshold_table({ratio: one for ratio, one in parts.items() if one}, reference_ratio=base)


def ratio_vs_threshold_chart(config: ExperimentConfig, base: float, q: float, positives: int) -> Chart:
    """The curve of one ratio's first seed, and the points of all ratios of that seed at threshold .5."""
    runs = one_seed(baseline_runs(config.id))
    colours = current_theme().ratio_colours([run.config.ratio for run in runs])
    points = points_at_half(config, q)
    figure = go.Figure()
    own = next((run for run in runs if run.config.ratio == base), runs[0])
    figure.add_trace(curve_line(own, q, f"{ratio_text(base)} at every threshold", colours[own.config.ratio]))
    for number, run in enumerate(runs):
        name = ratio_text(run.config.ratio)
        figure.add_trace(point(*points[run.name], name, colours[run.config.ratio], SYMBOLS[number % 8], said=True))
    title = f"Every ratio at .5, over the curve of {ratio_text(base)}"
    plane(figure, title=title, q=q)
    reading = (
        f"The line is {ratio_text(base)} (seed {own.config.seed}) at every threshold, at {prevalence_text(q)}. A point on it "
        "is a ratio that does what that threshold does; above it, the other ratio buys something, below it costs. "
        f"{detectable_drop_text(positives)}"
    )
    return Chart(figure, key="knob", alt=f"{title}: {', '.join(ratio_text(run.config.ratio) for run in runs)}",
                 reading=reading)  # fmt: skip
