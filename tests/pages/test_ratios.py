"""Ratios: the metrics at a prevalence, and the parts that explain the drop in recall."""

from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from closecall.analysis.formatting import score_text
from closecall.analysis.metrics.metric import RATIOS, metrics_in
from closecall.pages.shared.runs import ratio_table_of
from tests.makers import HOSTILE, make_dataset, make_experiment
from tests.pages_driver import headline_of, open_page, page_text, table_with

PARTS = {
    "Why recall fell": "Part",
    "Lost and gained positives": "Change",
    "Ratio or threshold": "base",
    "Paired tests": "p after Holm",
    "All runs": "collapsed",
}
"""Each part, and a table column or the key of a control that only it has."""
OLD_PARTS = {
    "Who was lost": "Lost and gained positives",
    "The ratio as a knob": "Ratio or threshold",
    "All numbers": "All runs",
}


@pytest.fixture
def sweep(workspace: Path) -> str:
    return make_experiment(make_dataset(positives=240, negatives=1200), ratios=(1, 3, 10), seeds=(0, 1)).id


def test_without_an_experiment_and_without_a_finished_run_there_is_a_way_on(workspace: Path) -> None:
    assert "There is no experiment yet." in page_text(open_page("ratios"))
    make_experiment(make_dataset(), ratios=(1, 3), seeds=(0,), state="queued")
    assert "No run of this experiment has finished yet." in page_text(open_page("ratios"))


def test_the_prevalence_in_the_url_changes_which_ratio_is_best(sweep: str) -> None:
    rare, half = (headline_of(open_page("ratios", q=q)) for q in ("1", "50"))
    assert "1 % positives (1 in 100)" in rare and "1:10 has the best F1" in rare
    assert "1:1 has the best F1" in half


def test_the_slider_changes_the_headline_and_the_url(sweep: str) -> None:
    at = open_page("ratios")
    assert "9.1 % positives" in headline_of(at)
    at.select_slider(key="q").set_value("20").run()
    assert "20 % positives (1 in 5)" in headline_of(at)
    assert at.query_params["q"] == "20"


def test_the_table_of_ratios_has_every_metric_of_the_registry(sweep: str) -> None:
    table = table_with(open_page("ratios", q="20"), "f1")
    assert list(table.columns) == ["ratio", *(one.name for one in metrics_in(RATIOS))]
    means = ratio_table_of(sweep, q=0.2)
    assert table["recall"].tolist() == pytest.approx((100 * means["recall"]).tolist())
    assert table["auc"].tolist() == [score_text(value) for value in means["auc"]]


def elements(at: AppTest) -> set[str]:
    columns = {str(name) for one in at.dataframe for name in one.value}
    return columns | {str(one.key) for one in at.button_group}


@pytest.mark.parametrize("part", PARTS)
def test_every_part_opens_from_its_link(sweep: str, part: str) -> None:
    others = {key for name, key in PARTS.items() if name != part}
    shown = elements(open_page("ratios", part=part))
    assert PARTS[part] in shown and not others & shown


@pytest.mark.parametrize("part", OLD_PARTS)
def test_old_links_to_parts_open_the_renamed_part(sweep: str, part: str) -> None:
    at = open_page("ratios", part=part)
    assert PARTS[OLD_PARTS[part]] in elements(at)


def test_the_precision_recall_curves_open_from_their_link(sweep: str) -> None:
    at = open_page("ratios", part="Precision and recall")
    assert not set(PARTS.values()) & elements(at)
    assert len(at.get("plotly_chart")) == 2


def test_lost_positives_are_listed_with_their_texts_as_data(sweep: str) -> None:
    at = open_page("ratios", part="Lost and gained positives")
    tables = [one.value for one in at.dataframe]
    assert any("text" in table.columns for table in tables)
    assert not any(text in page_text(at) for text in HOSTILE)


def test_selecting_a_lost_positive_opens_it_on_the_errors_page(sweep: str) -> None:
    at = open_page("ratios", part="Lost and gained positives", experiment=sweep)
    selected = {"selection": {"rows": [0], "columns": [], "cells": []}}
    at.session_state["members-1:1 to 1:10-lost"] = selected
    at.run()
    assert [one.message for one in at.exception] == []
    assert (at.query_params["ratio"], at.query_params["outcome"]) == ("1:10", "all")
    assert at.query_params["example"].startswith("post-")


def test_the_lost_positives_open_as_a_queue(sweep: str) -> None:
    at = open_page("ratios", part="Lost and gained positives", experiment=sweep)
    at.button(key="read-1:1 to 1:10-lost").click().run()
    assert [one.message for one in at.exception] == []
    assert at.query_params["picked"] and at.query_params["ratio"] == "1:10"


def test_the_curve_of_another_ratio_can_be_chosen(sweep: str) -> None:
    at = open_page("ratios", part="Ratio or threshold", experiment=sweep, base="1:10")
    text = page_text(at).replace("\\", "")
    assert "training at 1:1 " in text and "training at 1:10 and a moved threshold" in text


@pytest.mark.parametrize("level", ["predicted positives", "alerts"])
def test_ratios_can_be_compared_at_equal_predicted_positives(sweep: str, level: str) -> None:
    at = open_page("ratios", part="Why recall fell", experiment=sweep, level=level, q="20")
    assert "Ranking, at the predicted positives of 1:1" in set(table_with(at, "Part")["Part"])
