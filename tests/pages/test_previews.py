"""Previews on Ratios and Overview: hollow and named beside finished runs, gone with the last, read by no other page."""

from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from closecall.charts.report import report
from closecall.data.experiments.previews import LINEAR
from closecall.data.experiments.store import ExperimentConfig
from closecall.models.results.valid_runs import by_ratio
from closecall.pages.shared.previews import previewed_ratios, shown_previews
from closecall.pages.shared.recall_chart import preview_chart, recall_chart
from closecall.pages.shared.runs import outcomes_by_run
from tests.makers import make_dataset, make_experiment, make_preview, take_back
from tests.pages_driver import open_page, page_text


@pytest.fixture
def sweep(workspace: Path) -> ExperimentConfig:
    """1:1 and 1:3 are trained; 1:10 waits and has a preview of both kinds."""
    config = make_experiment(make_dataset(positives=240, negatives=1200), ratios=(1, 3, 10), seeds=(0, 1))
    for ratio in config.ratios:
        make_preview(config, ratio)
    make_preview(config, 10, kind=LINEAR)
    take_back(config, 10)
    return config


def told(at: AppTest) -> str:
    return page_text(at).replace("\\", "")


def ratios_shown(at: AppTest) -> list[str]:
    return next(one.value for one in at.dataframe if "precision" in one.value)["ratio"].tolist()


def test_a_preview_stands_beside_finished_runs_and_says_what_it_is(sweep: ExperimentConfig) -> None:
    at = open_page("ratios")
    assert "Preview at 1:10: 5 of 6 layers are frozen, first seed only." in told(at)
    assert "average precision" in told(at) and "replaced run by run" in told(at)
    assert ratios_shown(at) == ["1:1", "1:3", "1:10, preview"]
    assert "Still to come: 1:10" in told(at)
    overview = told(open_page("overview"))
    assert "Preview at 1:10" in overview and "are found when trained at 1:1 and" in overview
    assert "at 1:3. Of" in overview  # the headline goes by finished runs


def test_the_best_preview_of_a_ratio_stands_in_and_none_where_a_run_is_done(sweep: ExperimentConfig) -> None:
    assert [(one.ratio, one.kind) for one in shown_previews(sweep)] == [(10.0, "prefix")]


def test_nothing_is_concluded_from_previews(sweep: ExperimentConfig) -> None:
    assert set(outcomes_by_run(sweep.id)["ratio"]) == {1.0, 3.0}
    page = report(sweep.id, q=0.1)
    assert "preview" not in page[page.rindex("</script>") :]
    for name, query in (("ratios", {"part": "All numbers"}), ("confusion", {}), ("errors", {})):
        at = open_page(name, **query)
        tables = [one.value for one in at.dataframe if "tp" in one.value]
        assert not any("1:10" in table["ratio"].tolist() for table in tables)
        assert name == "ratios" or "review" not in told(at)


def test_the_marks_of_previews_are_hollow_and_their_line_dashed(sweep: ExperimentConfig) -> None:
    runs = outcomes_by_run(sweep.id)
    previewed = previewed_ratios(sweep, shown_previews(sweep), 0.1)
    figure = recall_chart(runs, by_ratio(runs), list(sweep.ratios), previewed=previewed)
    marks = [trace for trace in figure.data if trace.name == "preview"]
    assert [one.marker.symbol for one in marks] == ["circle-open", "square-open"]
    assert all(one.line.dash == "dash" and list(one.x) == ["1:10"] for one in marks)


def test_before_any_run_the_previews_are_the_picture(workspace: Path) -> None:
    config = make_experiment(make_dataset(positives=240, negatives=1200), ratios=(1, 10), seeds=(0,))
    for ratio in config.ratios:
        make_preview(config, ratio, kind=LINEAR)
        take_back(config, ratio)
    at = open_page("ratios")
    assert "No run has finished yet; these are previews." in told(at)
    assert "a logistic regression on the embeddings" in told(at)
    assert ratios_shown(at) == ["1:1, preview", "1:10, preview"]
    chart = preview_chart(config, previewed_ratios(config, shown_previews(config), 0.1))
    assert str(chart.figure.layout.title.text).startswith("Preview. Positives found")
    assert "Preview at 1:1, 1:10" in told(open_page("overview"))


def test_the_label_is_gone_with_the_last_preview(workspace: Path) -> None:
    config = make_experiment(make_dataset(), ratios=(1, 3), seeds=(0,))
    for ratio in config.ratios:
        make_preview(config, ratio)
    for page in ("ratios", "overview"):
        assert "Preview" not in page_text(open_page(page))
