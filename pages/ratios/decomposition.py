"""Why recall fell between two ratios: how much is ranking, and how much would a threshold give back."""

import numpy as np
import plotly.graph_objects as go
import streamlit as st

from closecall.analysis.causes.verdict import decisive_parts
from closecall.analysis.formatting import count_text, detectable_drop_text, percent_text, points_text, ratio_text
from closecall.analysis.ratio.decomposition import Decomposition, Validation, decompose_drop
from closecall.analysis.ratio.ratio_vs_threshold import ratio_vs_threshold_table
from closecall.charts.colours import FN_COLOUR, POSITIVE_COLOUR, TP_COLOUR, UNSELECTED
from closecall.charts.figure import Chart, finish
from closecall.models.results.valid_runs import ValidRuns
from closecall.models.results.verdict import LARGE
from closecall.pages.shared.chart_view import current_theme, show_chart
from closecall.pages.shared.state import init_bound_value

LEVELS = ("false alarms", "alerts")
"""In what two ratios are made level: the share of negatives flagged, or the share of all texts at prevalence q."""


def decomposition_part(test: ValidRuns, validation: ValidRuns, q: float) -> None:
    """Two ratios to choose, the waterfall between them, both orders in a table, and what another ratio bought."""
    if len(test.levels) < 2:
        st.info("Two ratios are needed to compare. The next ones are still to come.", icon=":material/info:")
        return
    a, b, level = _choose_two(test)
    parts = decomposed(test, validation, a, b, match_prevalence=q if level == LEVELS[1] else None)
    if parts is None:
        st.info(f"{ratio_text(a)} and {ratio_text(b)} have no seed in common.", icon=":material/info:")
        return
    left, right = st.columns(2, gap="large")
    with left:
        show_chart(waterfall(parts, ratio_text(a), ratio_text(b), level=level))
    with right:
        _words(parts, a, b, level)


def _choose_two(test: ValidRuns) -> tuple[float, float, str]:
    names = {ratio_text(one): one for one in test.levels}
    labels = list(names)
    with st.container(horizontal=True, gap="large"):
        init_bound_value("a", labels[0], labels[:-1])
        first = st.segmented_control("From", labels[:-1], key="a", required=True, bind="query-params")
        later = labels[labels.index(first or labels[0]) + 1 :]
        init_bound_value("b", later[-1], later)
        second = st.segmented_control("To", later, key="b", required=True, bind="query-params")
        init_bound_value("level", LEVELS[0], LEVELS)
        level = st.segmented_control(
            "Made level in",
            LEVELS,
            key="level",
            required=True,
            bind="query-params",
            help="Ranking is compared where both ratios raise as many false alarms, or where "
            "both flag as many texts at the chosen prevalence: a fixed budget of alerts.",
        )
    return names[first or labels[0]], names[second or later[-1]], level or LEVELS[0]


def decomposed(
    test: ValidRuns, validation: ValidRuns, a: float, b: float, *, match_prevalence: float | None = None
) -> Decomposition | None:
    """The drop from ratio a to ratio b over the seeds they share, None when they share none."""
    return _decompose(test, validation, test.key, validation.key, a, b, match_prevalence)


@st.cache_resource(max_entries=64, show_spinner="Resampling")
def _decompose(
    _test: ValidRuns,
    _validation: ValidRuns,
    test_key: tuple,
    validation_key: tuple,
    a: float,
    b: float,
    match_prevalence: float | None,
) -> Decomposition | None:
    shared = sorted(set(_test.seeds[_test.ratios == a].tolist()) & set(_test.seeds[_test.ratios == b].tolist()))
    if not shared:
        return None
    chooser = None
    if len(set(_validation.labels.tolist())) == 2:
        chooser = Validation(_validation.labels, _of(_validation, a, shared), _of(_validation, b, shared))
    sides = _of(_test, a, shared), _of(_test, b, shared)
    draws = 200 if sides[0].size > LARGE else 500
    return decompose_drop(_test.labels, *sides, validation=chooser, match_prevalence=match_prevalence, draws=draws)


def _of(runs: ValidRuns, ratio: float, seeds: list[int]) -> np.ndarray:
    have = sorted(runs.seeds[runs.ratios == ratio].tolist())
    return runs.at(ratio)[[have.index(seed) for seed in seeds]]


def waterfall(parts: Decomposition, a: str, b: str, *, level: str = LEVELS[0]) -> Chart:
    """From the recall at a to that at b, by way of ranking and threshold."""
    ranking, threshold = _drawn(parts)
    steps = [
        (f"found at {a}", 0.0, parts.recall_a, POSITIVE_COLOUR, percent_text(parts.recall_a)),
        (
            "ranking",
            parts.recall_a,
            parts.recall_a - ranking,
            FN_COLOUR if ranking > 0 else TP_COLOUR,
            _signed(-ranking),
        ),
        ("threshold", parts.recall_a - ranking, parts.recall_b, UNSELECTED, _signed(-threshold)),
        (f"found at {b}", 0.0, parts.recall_b, POSITIVE_COLOUR, percent_text(parts.recall_b)),
    ]
    figure = go.Figure()
    for name, start, end, colour, text in steps:
        figure.add_bar(
            x=[name],
            y=[100 * (end - start)],
            base=[100 * start],
            marker={"color": colour},
            text=[text],
            textposition="outside",
            textfont={"color": current_theme().ink},
            hoverinfo="skip",
            showlegend=False,
        )
    title = f"{100 * parts.drop.value:.1f} points lost from {a} to {b}"
    finish(figure, theme=current_theme(), title=title, x="", y="positives found (recall, %)", height=360)
    figure.update_layout(margin={"b": 40}, bargap=0.35)
    figure.update_yaxes(range=[0, 112], tickvals=[0, 20, 40, 60, 80, 100])
    return Chart(
        figure,
        key="waterfall",
        alt=f"{title}: {_signed(-ranking)} by ranking, {_signed(-threshold)} by threshold",
        reading=f"From left to right: what {a} finds, what is lost because {b} ranks positives lower, what is lost "
        f"only because its threshold sits elsewhere, what {b} finds. {_order(parts, a, b, level)} "
        f"{detectable_drop_text(parts.n_positives)}",
    )


def _drawn(parts: Decomposition) -> tuple[float, float]:
    """The parts to draw: those to go by, or the first order where the mean would pass by a recall outside 0 to 1."""
    ranking, threshold = (part.value for part in decisive_parts(parts))
    if 0 <= parts.recall_a - ranking <= 1:
        return ranking, threshold
    return parts.ranking.value, parts.threshold.value


def _order(parts: Decomposition, a: str, b: str, level: str) -> str:
    """By which order the parts are drawn."""
    if not parts.both_orders:
        return f"Parts are told at the {level} of {a}: the other ratio has too few to be matched."
    if _drawn(parts) != (parts.ranking_mean.value, parts.threshold_mean.value):
        return f"Parts are drawn at the {level} of {a}; those of {b} say more, see the table."
    return "Parts are means of both orders."


def _signed(share: float) -> str:
    return f"{100 * share:+.1f} points".replace("-", "−")


def part_rows(parts: Decomposition, names: tuple[str, str], *, level: str = LEVELS[0]) -> list[dict[str, str]]:
    """The parts in both orders and their means, with intervals, as a table to read."""
    rows = (
        ("Lost in all", parts.drop),
        ("Ranking, mean of both orders", parts.ranking_mean),
        (f"Ranking, at the {level} of {names[0]}", parts.ranking),
        (f"Ranking, at the {level} of {names[1]}", parts.ranking_other),
        ("Threshold, mean of both orders", parts.threshold_mean),
        (f"Threshold, at the {level} of {names[0]}", parts.threshold),
        (f"Threshold, at the {level} of {names[1]}", parts.threshold_other),
    )
    return [{"Part": name, "Points (95 % interval)": points_text(value)} for name, value in rows]


def _words(parts: Decomposition, a: float, b: float, level: str) -> None:
    names = ratio_text(a), ratio_text(b)
    st.markdown(f"**{what_was_lost(parts, names)}**")
    alt = "The parts of the drop with their intervals"
    st.dataframe(part_rows(parts, names, level=level), hide_index=True, key="parts", alt=alt)
    if level == LEVELS[0]:
        bought = ratio_vs_threshold_table({b: parts}, reference_ratio=a)
        st.markdown(str(bought["sentence"].iloc[0]))
    st.caption(
        f"{count_text(parts.n_positives, 'test positive')}, {count_text(parts.n_seeds, 'seed')}; cuts are chosen on "
        "validation and told on test."
    )


def what_was_lost(parts: Decomposition, names: tuple[str, str]) -> str:
    """The answer in one sentence."""
    if parts.drop.includes_zero:
        return f"No loss can be told between {names[0]} and {names[1]}: the interval of the drop holds 0."
    ranking = decisive_parts(parts)[0]
    if ranking.includes_zero:
        return f"A lower threshold gives it back: no loss of ranking is seen from {names[0]} to {names[1]}."
    if ranking.value > 0:
        return f"{names[1]} ranks positives lower than {names[0]}: no threshold gives that part back."
    return f"{names[1]} ranks better than {names[0]}: the whole loss is threshold."
