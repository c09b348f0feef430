"""The Remedies page: the answer, its controls, the tables, fixed and broken examples, and the form."""

from pathlib import Path

import pytest

from closecall.data.annotations.selections import load_selection
from closecall.data.experiments.remedies import BASELINE, MOVED_THRESHOLD
from closecall.data.experiments.store import run_names
from closecall.models.queue.jobs import cancel
from closecall.models.results.remedy_comparison import remedy_answers, remedy_comparison, remedy_gains, remedy_measures
from closecall.pages.shared.runs import valid_runs
from tests.makers import HOSTILE, make_dataset, make_experiment
from tests.pages_driver import headline_of, keys_of, link_targets, open_page, page_text, table_with
from tests.remedy_makers import add_remedy_runs

SHIFT_AND_NOISE = {"class-weights": (2.3, 0.3), "focal": (0.5, 0.3), "dice": (2.0, 9.0), "tfidf-logistic": (0.0, 6.0)}


def make_comparison() -> str:
    config = make_experiment(make_dataset(positives=150, negatives=900), ratios=(1, 10), seeds=(0, 1))
    add_remedy_runs(config, SHIFT_AND_NOISE)
    return config.id


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One workspace for the tests that only look."""
    folder = tmp_path_factory.mktemp("compared")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("CLOSECALL_HOME", str(folder))
        make_comparison()
    return folder


@pytest.fixture
def compared(shared: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setenv("CLOSECALL_HOME", str(shared))
    return "sweep"


def test_without_an_experiment_or_a_remedy_there_is_a_link_or_a_form(workspace: Path) -> None:
    assert link_targets(open_page("remedies")) == [("train", "")]
    make_experiment(make_dataset(), ratios=(1, 3), seeds=(0,))
    at = open_page("remedies")
    assert "remedy-go" in keys_of(at, "button") and "gains" not in keys_of(at, "plotly_chart")


def test_the_headline_is_the_answer_and_the_chart_shows_the_gains(compared: str) -> None:
    at = open_page("remedies")
    comparison = remedy_comparison(compared, 10)
    gains = remedy_gains(comparison)
    answer, *_ = remedy_answers(comparison, gains, remedy_measures(comparison, q=0.091)[0])
    assert answer in headline_of(at) and "gains" in keys_of(at, "plotly_chart")


def test_prevalence_and_rule_come_from_the_link_and_change_the_numbers(compared: str) -> None:
    tables = []
    for query in ({"q": "1"}, {"q": "30"}, {"rule": "8 of 10 alerts right"}):
        at = open_page("remedies", **query)
        tables.append(table_with(at, "half"))
    baseline = [table.iloc[0] for table in tables]
    assert baseline[0]["precision"] != baseline[1]["precision"] and baseline[0]["own"] == baseline[1]["own"]
    assert baseline[2]["own"] != baseline[0]["own"]
    assert tables[0]["method"].tolist()[:2] == [BASELINE.title, MOVED_THRESHOLD.title]


@pytest.mark.parametrize(
    ("part", "column"), [("Three thresholds", "half"), ("Ranking and calibration", "auc"), ("What each does", "Method")]
)
def test_every_table_opens_from_its_link(compared: str, part: str, column: str) -> None:
    assert len(table_with(open_page("remedies", part=part), column)) >= len(SHIFT_AND_NOISE) + 1


def test_the_form_opens_from_its_link(compared: str) -> None:
    assert "remedy-go" in keys_of(open_page("remedies", part="Train more"), "button")


@pytest.mark.parametrize("parameter", ["method", "arm"])  # the second is the name in earlier links
def test_what_a_method_breaks_opens_as_a_queue(compared: str, parameter: str) -> None:
    at = open_page("remedies", part="Fixed and broken", **{parameter: "dice"})
    at.segmented_control(key="remedy-kind").set_value(1).run()
    assert not any(text in page_text(at) for text in HOSTILE)
    at.button(key="read-fixed").click().run()
    assert [one.message for one in at.exception] == []
    picked = load_selection(compared, at.query_params["picked"])
    assert picked.source == "true positives lost by Dice loss at 1:10" and len(picked.ids) > 3
    assert (at.query_params["remedy"], at.query_params["ratio"], at.query_params["outcome"]) == ("dice", "1:10", "all")


def test_queueing_more_methods(workspace: Path) -> None:
    compared = make_comparison()
    at = open_page("remedies", part="Train more")
    at.multiselect(key="remedy-methods").set_value(["focal", "dice"]).run()
    assert at.button(key="remedy-go").disabled  # all of these runs exist
    at.segmented_control(key="remedy-ratios").set_value(["1:1"]).run()
    assert "4 new runs" in page_text(at)
    at.button(key="remedy-go").click().run()
    assert [one.message for one in at.exception] == []
    try:
        assert {"r1-s0-focal", "r1-s1-dice"} <= set(run_names(compared))
    finally:
        cancel(compared)


def test_an_unfinished_comparison_names_what_is_coming(workspace: Path) -> None:
    compared = make_comparison()
    for name in ("r10-s0-focal", "r10-s1-focal"):
        (workspace / "experiments" / compared / "runs" / name / "predictions.parquet").unlink()
    assert "Not finished yet: focal loss" in page_text(open_page("remedies"))


def test_one_seed_cannot_separate_a_gain_from_seed_noise(workspace: Path) -> None:
    config = make_experiment(make_dataset(positives=120, negatives=1200), ratios=(1, 10), seeds=(0,))
    add_remedy_runs(config, {"focal": (0.5, 0.1)})
    at = open_page("remedies")
    comparison = remedy_comparison(config.id, 10)
    gains = remedy_gains(comparison)
    assert not any(gain.helps for gain in gains)
    assert remedy_answers(comparison, gains, remedy_measures(comparison, q=0.091)[0])[0] in headline_of(at)


def test_remedies_are_not_part_of_the_comparison_of_ratios(compared: str) -> None:
    test, _ = valid_runs(compared)
    assert (test.levels, len(test.pos_probs)) == ([1.0, 10.0], 4)
    for page in ("overview", "ratios"):
        assert "focal" not in page_text(open_page(page, experiment=compared))


@pytest.mark.parametrize("page", ["errors", "map", "confusion"])
def test_pages_of_one_run_show_a_chosen_remedy(compared: str, page: str) -> None:
    at = open_page(page, experiment=compared, ratio="1:10")
    assert at.selectbox(key="remedy").value == "none"
    at.selectbox(key="remedy").set_value("tfidf-logistic").run()  # has no embeddings, map and checkpoint
    assert [one.message for one in at.exception] == [] and at.query_params["remedy"] == "tfidf-logistic"


def test_a_collapsed_method_is_excluded_and_named(workspace: Path) -> None:
    config = make_experiment(make_dataset(positives=120, negatives=1200), ratios=(1, 10), seeds=(0, 1))
    add_remedy_runs(config, {"focal": (0.5, 0.1), "dice": (-200.0, 60.0)})
    assert remedy_comparison(config.id, 10).collapsed["dice"] == 2
    assert "Dice loss" in page_text(open_page("remedies"))
