"""Previews on Ratios and Overview: hollow marks beside finished runs, and no effect on other pages."""

from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from closecall.charts.colours import LIGHT
from closecall.charts.recall_by_ratio import preview_chart, recall_chart
from closecall.charts.report import report_html
from closecall.data.experiments.previews import LINEAR
from closecall.data.experiments.store import ExperimentConfig
from closecall.models.results.report_content import report_content
from closecall.models.results.valid_runs import by_ratio
from closecall.pages.shared.previews import previewed_ratios, shown_previews
from closecall.pages.shared.runs import outcomes_by_run
from tests.makers import make_dataset, make_experiment, make_preview, take_back
from tests.pages_driver import headline_of, open_page, page_text, table_with


@pytest.fixture
def sweep(workspace: Path) -> ExperimentConfig:
    """1:1 and 1:3 are trained; 1:10 waits and has a preview of both kinds."""
    config = make_experiment(make_dataset(positives=240, negatives=1200), ratios=(1, 3, 10), seeds=(0, 1))
    for ratio in config.ratios:
        make_preview(config, ratio)
    make_preview(config, 10, kind=LINEAR)
    take_back(config, 10)
    return config


def text_of(at: AppTest) -> str:
    return page_text(at).replace("\\", "")


def ratios_shown(at: AppTest) -> list[str]:
    return table_with(at, "precision")["ratio"].tolist()


def test_a_preview_is_shown_beside_finished_runs_with_a_note(sweep: ExperimentConfig) -> None:
    at = open_page("ratios")
    assert "Preview at 1:10: 5 of 6 layers are frozen, first seed only." in text_of(at)
    assert ratios_shown(at) == ["1:1", "1:3", "1:10, preview"]
    assert any(str(one.value).endswith(": 1:10.") for one in at.caption)  # what is not trained yet
    overview = open_page("overview")
    assert "Preview at 1:10" in text_of(overview)
    assert "1:3" in headline_of(overview) and "1:10" not in headline_of(overview)


def test_the_best_preview_of_a_ratio_is_shown_until_a_run_is_done(sweep: ExperimentConfig) -> None:
    assert [(one.ratio, one.kind) for one in shown_previews(sweep)] == [(10.0, "prefix")]


def test_previews_enter_no_result_of_other_pages(sweep: ExperimentConfig) -> None:
    assert set(outcomes_by_run(sweep.id)["ratio"]) == {1.0, 3.0}
    page = report_html(report_content(sweep.id, q=0.1))
    assert "preview" not in page[page.rindex("</script>") :]
    for name, query in (("ratios", {"part": "All runs"}), ("confusion", {}), ("errors", {})):
        at = open_page(name, **query)
        tables = [one.value for one in at.dataframe if "tp" in one.value]
        assert not any("1:10" in table["ratio"].tolist() for table in tables)
        assert name == "ratios" or "review" not in text_of(at)


def test_the_marks_of_previews_are_hollow_and_their_line_dashed(sweep: ExperimentConfig) -> None:
    runs = outcomes_by_run(sweep.id)
    previewed = previewed_ratios(sweep, shown_previews(sweep), 0.1)
    chart = recall_chart(runs, by_ratio(runs), sweep.ratios, theme=LIGHT, previewed=previewed)
    marks = [trace for trace in chart.figure.data if trace.name == "preview"]
    assert [one.marker.symbol for one in marks] == ["circle-open", "square-open"]
    assert all(one.line.dash == "dash" and list(one.x) == ["1:10"] for one in marks)


def test_previews_are_shown_before_any_run_has_finished(workspace: Path) -> None:
    config = make_experiment(make_dataset(positives=240, negatives=1200), ratios=(1, 10), seeds=(0,))
    for ratio in config.ratios:
        make_preview(config, ratio, kind=LINEAR)
        take_back(config, ratio)
    at = open_page("ratios")
    assert "previews" in headline_of(at)
    assert "a logistic regression on the embeddings" in text_of(at)
    assert ratios_shown(at) == ["1:1, preview", "1:10, preview"]
    previewed = previewed_ratios(config, shown_previews(config), 0.1)
    chart = preview_chart(previewed, config.ratios, theme=LIGHT)
    assert str(chart.figure.layout.title.text).startswith("Preview.") and "1:10: recall" in chart.alt
    assert "Preview at 1:1, 1:10" in text_of(open_page("overview"))


def test_no_note_is_shown_without_previews(workspace: Path) -> None:
    config = make_experiment(make_dataset(), ratios=(1, 3), seeds=(0,))
    for ratio in config.ratios:
        make_preview(config, ratio)
    for page in ("ratios", "overview"):
        assert "Preview" not in page_text(open_page(page))
