"""Charts of ratios: what is drawn, and that every chart has a title, axis names, alt text and a reading line."""

from pathlib import Path

import pytest

from closecall.analysis.formatting import percent_text
from closecall.charts.colours import FN_COLOUR, LIGHT, TP_COLOUR, Theme
from closecall.charts.figure import Chart
from closecall.charts.precision_recall import precision_recall_chart, ratio_vs_threshold_chart
from closecall.charts.ratio_pairs import flow_chart, waterfall_chart
from closecall.charts.recall_by_ratio import recall_chart
from closecall.charts.report import Section, render, report_html
from closecall.models.results.report_content import ReportContent, report_content
from tests.makers import make_dataset, make_experiment


@pytest.fixture
def content(workspace: Path) -> ReportContent:
    make_experiment(make_dataset(positives=240, negatives=1200), ratios=(1, 3, 10), seeds=(0, 1), with_embeddings=False)
    return report_content("sweep", q=0.2)


def charts(content: ReportContent, theme: Theme = LIGHT) -> dict[str, Chart]:
    found = content.comparisons
    assert found is not None
    parts, positives = found.parts[10.0], content.n_positives
    assert parts is not None
    return {
        "recall": recall_chart(content.runs, content.table, (1, 3, 10), theme=theme, prior=content.prior),
        "waterfall": waterfall_chart(parts, "1:1", "1:10", theme=theme),
        "flow": flow_chart(found.flow, found.levels, theme=theme),
        "curves": precision_recall_chart(found.curves, q=0.2, n_positives=positives, theme=theme),
        "threshold": ratio_vs_threshold_chart(
            found.curves, 1, finding="No difference", q=0.2, n_positives=positives, theme=theme
        ),
    }


def test_every_chart_has_title_axes_alt_text_and_reading_line(content: ReportContent) -> None:
    drawn = charts(content)
    assert len({chart.key for chart in drawn.values()}) == len(drawn)
    for name, chart in drawn.items():
        layout = chart.figure.layout
        assert layout.title.text and chart.alt and chart.reading.endswith("."), name
        if name != "flow":
            assert "%" in layout.yaxis.title.text, name


@pytest.mark.parametrize("theme", [Theme(dark=False), Theme(dark=True)])
def test_charts_follow_the_theme(content: ReportContent, theme: Theme) -> None:
    for chart in charts(content, theme).values():
        assert chart.figure.layout.title.font.color == theme.ink


def test_the_recall_chart_shows_the_means_and_every_seed(content: ReportContent) -> None:
    chart = charts(content)["recall"]
    line = next(one for one in chart.figure.data if one.name == "recall")
    assert list(line.x) == ["1:1", "1:3", "1:10"]
    assert list(line.y) == pytest.approx((100 * content.table["recall"]).tolist())
    seeds = next(one for one in chart.figure.data if one.mode == "markers")
    assert len(seeds.x) == 6
    assert percent_text(content.table["recall"].iloc[-1]) in chart.alt


def test_the_waterfall_leads_from_one_recall_to_the_other(content: ReportContent) -> None:
    assert content.comparisons is not None
    parts = content.comparisons.parts[10.0]
    assert parts is not None
    bars = charts(content)["waterfall"].figure.data
    ends = [bar.base[0] + bar.y[0] for bar in bars]
    assert ends[0] == pytest.approx(100 * parts.recall_a) and ends[-1] == pytest.approx(100 * parts.recall_b)
    assert ends[1] == pytest.approx(bars[2].base[0]) and ends[2] == pytest.approx(100 * parts.recall_b)


def test_the_flow_has_every_positive_in_every_step(content: ReportContent) -> None:
    sankey = charts(content)["flow"].figure.data[0]
    assert sum(sankey.link.value) == 2 * content.n_positives
    assert list(sankey.node.color) == [TP_COLOUR, FN_COLOUR] * 3


def test_the_report_is_one_escaped_page_with_the_plotting_library_once(content: ReportContent) -> None:
    page = report_html(content)
    assert page.count("<figure") == 6 and page.count("plotly.js v") == 1
    assert f"{content.table['f1'].iloc[0]:.2f}" in page
    hostile = render("<b>x</b>", [Section("<i>", ["<script>"])])
    assert "<b>x" not in hostile and "<script>" not in hostile and "&lt;script&gt;" in hostile
