"""Remedies: the answer in words, the controls, what an arm fixes and breaks, and queueing more."""

from pathlib import Path

import pytest

from closecall.data.annotations.selections import load_selection
from closecall.data.experiments.store import run_names
from closecall.models.queue.jobs import cancel
from closecall.pages.shared.runs import valid_runs
from tests.makers import HOSTILE, make_dataset, make_experiment
from tests.pages_driver import open_page, page_text
from tests.remedy_makers import add_arms

ARMS = {"class-weights": (2.3, 0.3), "focal": (0.5, 0.3), "dice": (2.0, 9.0), "tfidf-logistic": (0.0, 6.0)}


def make_race() -> str:
    config = make_experiment(make_dataset(positives=150, negatives=900), ratios=(1, 10), seeds=(0, 1))
    add_arms(config, ARMS)
    return config.id


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One workspace for the tests that only look."""
    folder = tmp_path_factory.mktemp("raced")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("CLOSECALL_HOME", str(folder))
        make_race()
    return folder


@pytest.fixture
def raced(shared: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setenv("CLOSECALL_HOME", str(shared))
    return "sweep"


def test_without_an_experiment_or_an_arm_there_is_a_way_on(workspace: Path) -> None:
    assert "There is no experiment yet." in page_text(open_page("remedies"))
    make_experiment(make_dataset(), ratios=(1, 3), seeds=(0,))
    at = open_page("remedies")
    assert "No remedy was trained in this experiment yet." in page_text(at)
    assert any(one.label == "Queue these runs" for one in at.button)


def test_the_answer_says_what_a_threshold_gives(raced: str) -> None:
    text = page_text(open_page("remedies"))
    assert "No remedy raised AUC by more than seed noise at 1:10 (Dice loss lowered it)" in text
    assert "moving the threshold of the plain model gives the same recall" in text
    assert "TF-IDF + logistic regression" in text and "plain fine-tuning has" in text


def test_prevalence_and_rule_come_from_the_link_and_change_the_numbers(raced: str) -> None:
    tables = []
    for query in ({"q": "1"}, {"q": "30"}, {"rule": "8 of 10 alerts right"}):
        at = open_page("remedies", **query)
        tables.append(at.dataframe[0].value)
    plain = [table.iloc[0] for table in tables]
    assert plain[0]["precision"] != plain[1]["precision"] and plain[0]["own"] == plain[1]["own"]
    assert plain[2]["own"] != plain[0]["own"]
    assert tables[0]["arm"].tolist()[:2] == ["plain", "plain, threshold moved"]


@pytest.mark.parametrize("part", ["Three thresholds", "Ranking and calibration", "Train more", "What each does"])
def test_every_part_opens_from_its_link(raced: str, part: str) -> None:
    expected = {
        "Three thresholds": "thresholds are chosen on validation",
        "Ranking and calibration": "One-class arms learn of negatives only on validation",
        "Train more": "Queue these runs",
        "What each does": "van den Goorbergh 2022",
    }
    assert expected[part] in page_text(open_page("remedies", part=part))


def test_what_an_arm_breaks_opens_as_a_queue(raced: str) -> None:
    at = open_page("remedies", part="Fixed and broken", arm="dice")
    at.segmented_control(key="remedy-kind").set_value(1).run()
    assert not any(text in page_text(at) for text in HOSTILE)
    at.button(key="read-fixed").click().run()
    assert [one.message for one in at.exception] == []
    assert "Errors of" in page_text(at)
    picked = load_selection(raced, at.query_params["picked"])
    assert picked.source == "positives lost by Dice loss at 1:10" and len(picked.ids) > 3
    assert (at.query_params["remedy"], at.query_params["ratio"], at.query_params["outcome"]) == ("dice", "1:10", "all")


def test_queueing_more_arms(workspace: Path) -> None:
    raced = make_race()
    at = open_page("remedies", part="Train more")
    assert "8 new runs" not in page_text(at)  # those that are there do not count again
    at.multiselect(key="remedy-arms").set_value(["focal", "dice"]).run()
    assert "All of these runs are there already." in page_text(at)
    at.segmented_control(key="remedy-ratios").set_value(["1:1"]).run()
    assert "4 new runs" in page_text(at)
    at.button(key="remedy-go").click().run()
    assert [one.message for one in at.exception] == []
    try:
        assert {"r1-s0-focal", "r1-s1-dice"} <= set(run_names(raced))
        assert "Still coming" in page_text(at)
    finally:
        cancel(raced)


def test_a_race_still_under_way_names_what_is_coming(workspace: Path) -> None:
    raced = make_race()
    for name in ("r10-s0-focal", "r10-s1-focal"):
        (workspace / "experiments" / raced / "runs" / name / "predictions.parquet").unlink()
    assert "Still to come: focal loss" in page_text(open_page("remedies"))


def test_one_seed_tells_nothing_from_noise(workspace: Path) -> None:
    config = make_experiment(make_dataset(positives=120, negatives=1200), ratios=(1, 10), seeds=(0,))
    add_arms(config, {"focal": (0.5, 0.1)})
    assert "With one seed nobody can tell a remedy from seed noise" in page_text(open_page("remedies"))


def test_arms_never_mix_into_the_comparison_of_ratios(raced: str) -> None:
    test, _ = valid_runs(raced)
    assert (test.levels, len(test.pos_probs)) == ([1.0, 10.0], 4)
    for page in ("overview", "ratios"):
        assert "focal" not in page_text(open_page(page, experiment=raced))


@pytest.mark.parametrize("page", ["errors", "map", "confusion"])
def test_pages_of_one_run_show_an_arm_that_is_asked_for(raced: str, page: str) -> None:
    at = open_page(page, experiment=raced, ratio="1:10")
    assert at.selectbox(key="remedy").value == "none"
    at.selectbox(key="remedy").set_value("tfidf-logistic").run()  # an arm without embeddings, map and checkpoint
    assert [one.message for one in at.exception] == [] and at.query_params["remedy"] == "tfidf-logistic"


def test_an_arm_that_collapsed_is_left_out_and_named(workspace: Path) -> None:
    config = make_experiment(make_dataset(positives=120, negatives=1200), ratios=(1, 10), seeds=(0, 1))
    add_arms(config, {"focal": (0.5, 0.1), "dice": (-60.0, 0.1)})
    text = page_text(open_page("remedies"))
    assert "Runs that learned nothing are left out: Dice loss in 2." in text
