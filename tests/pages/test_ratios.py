"""Ratios: the prevalence changes the answer, the parts below explain the drop."""

from pathlib import Path

import pytest

from closecall.models.results.valid_runs import by_ratio
from closecall.pages.shared.runs import outcomes_by_run
from tests.makers import HOSTILE, make_dataset, make_experiment
from tests.pages_driver import open_page, page_text

PARTS = (
    "Why recall fell",
    "Who was lost",
    "Precision and recall",
    "The ratio as a knob",
    "Paired tests",
    "All numbers",
)


@pytest.fixture
def sweep(workspace: Path) -> str:
    return make_experiment(make_dataset(positives=240, negatives=1200), ratios=(1, 3, 10), seeds=(0, 1)).id


def test_without_an_experiment_and_without_a_finished_run_there_is_a_way_on(workspace: Path) -> None:
    assert "There is no experiment yet." in page_text(open_page("ratios"))
    make_experiment(make_dataset(), ratios=(1, 3), seeds=(0,), state="queued")
    assert "No run of this experiment has finished yet." in page_text(open_page("ratios"))


def test_the_prevalence_in_the_url_changes_which_ratio_is_best(sweep: str) -> None:
    rare, half = (page_text(open_page("ratios", q=q)) for q in ("1", "50"))
    assert "Among texts with 1 % positives (1 in 100)" in rare
    assert "1:10 has the best F1" in rare
    assert "1:1 has the best F1" in half


def test_the_slider_moves_the_numbers(sweep: str) -> None:
    at = open_page("ratios")
    assert "9.1 % positives" in page_text(at)
    at.select_slider(key="q").set_value("20").run()
    assert "20 % positives (1 in 5)" in page_text(at)
    assert at.query_params["q"] == "20"


@pytest.mark.parametrize("part", PARTS)
def test_every_part_opens_from_its_link(sweep: str, part: str) -> None:
    at = open_page("ratios", part=part)
    expected = {
        "Why recall fell": "cuts are chosen on validation",
        "Who was lost": "lost from 1:1 to 1:10",
        "Precision and recall": "The dotted line is chance",
        "The ratio as a knob": "with a moved threshold",
        "Paired tests": "Holm",
        "All numbers": "Wilson",
    }
    assert expected[part] in page_text(at)


def test_lost_positives_are_listed_with_their_texts_as_data(sweep: str) -> None:
    at = open_page("ratios", part="Who was lost")
    tables = [one.value for one in at.dataframe]
    assert any("text" in table.columns for table in tables)
    assert not any(text in page_text(at) for text in HOSTILE)


def test_means_over_seeds_leave_collapsed_runs_out(sweep: str) -> None:
    runs = outcomes_by_run(sweep)
    runs.loc[runs["name"] == "r10-s1-none", ["tp", "fn", "collapsed"]] = [0, 80, True]
    table = by_ratio(runs).set_index("ratio")
    assert table.loc[10, "found"] == runs.set_index("name").loc["r10-s0-none", "tp"]
    assert (table.loc[10, "seeds"], table.loc[10, "collapsed"]) == (2, 1)


def test_ticking_a_lost_positive_opens_it_on_the_reading_desk(sweep: str) -> None:
    at = open_page("ratios", part="Who was lost", experiment=sweep)
    ticked = {"selection": {"rows": [0], "columns": [], "cells": []}}
    at.session_state["members-1:1 to 1:10-lost"] = ticked
    at.run()
    assert [one.message for one in at.exception] == []
    assert "Errors of" in page_text(at)
    assert (at.query_params["ratio"], at.query_params["outcome"]) == ("1:10", "all")
    assert at.query_params["example"].startswith("post-")


def test_a_band_opens_all_its_positives_as_a_queue(sweep: str) -> None:
    at = open_page("ratios", part="Who was lost", experiment=sweep)
    at.button(key="read-1:1 to 1:10-lost").click().run()
    assert [one.message for one in at.exception] == []
    assert "Errors of" in page_text(at) and "lost from 1:1 to 1:10" in page_text(at).replace("\\", "")
    assert at.query_params["picked"]


def test_the_curve_of_another_ratio_can_be_laid_under_the_points(sweep: str) -> None:
    at = open_page("ratios", part="The ratio as a knob", experiment=sweep, base="1:10")
    told = page_text(at).replace("\\", "")
    assert "training at 1:1 finds" in told and "1:10 with a moved threshold" in told


def test_the_parts_can_be_told_at_a_fixed_budget_of_alerts(sweep: str) -> None:
    at = open_page("ratios", part="Why recall fell", experiment=sweep, level="alerts", q="20")
    table = next(one.value for one in at.dataframe if "Part" in one.value)
    assert "Ranking, at the alerts of 1:1" in set(table["Part"])
    assert "Parts are" in page_text(at)
