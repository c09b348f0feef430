"""Words and slices: what stands out, a slice seen whole and saved, own slices, words that pull the score."""

from pathlib import Path
from typing import Any

import pytest
from streamlit.testing.v1 import AppTest

from closecall.data.annotations.slices import load_slices
from closecall.data.datasets.store import delete_dataset
from tests.makers import HOSTILE, make_dataset, make_experiment
from tests.pages_driver import links, open_page, page_text
from tests.planted import WORD, make_planted

PAGE = "words_and_slices"
OWN, PULLS = "Own and saved slices", "Words that pull the score"


@pytest.fixture
def planted(workspace: Path) -> str:
    return make_planted().id


def tick(at: AppTest, key: str, row: int) -> AppTest:
    at.session_state[key] = {"selection": {"rows": [row], "columns": [], "cells": []}}
    return at.run()


def tables(at: AppTest) -> list[Any]:
    return [one.value for one in at.dataframe]


def test_without_experiment_or_run_it_shows_the_way_on(workspace: Path) -> None:
    assert open_page(PAGE).info[0].value == "There is no experiment yet."
    make_experiment(make_dataset(), ratios=(1,), seeds=(0,), state="queued")
    assert open_page(PAGE).info[0].value == "No run of this experiment has finished yet."


def test_the_word_that_the_misses_share_is_the_headline_and_the_first_row(planted: str) -> None:
    at = open_page(PAGE)
    assert at.markdown[0].value.startswith(f"### Positives with “{WORD}” are missed ")
    first = tables(at)[0].iloc[0]
    assert (first["mark"], first["slice"], first["kind"]) == ("●", f"“{WORD}”", "Word")
    assert first["wrong"] < first["n"]
    assert "It stands out" in page_text(at)


def test_a_ticked_row_opens_and_its_examples_are_one_click_away(planted: str) -> None:
    at = tick(open_page(PAGE), "slices-fn", 2)
    row = tables(at)[0].iloc[2]
    assert f"Read its {row['wrong']} misses" in [label for label, _ in links(at)]
    query = dict(links(at))[f"Read its {row['n'] - row['wrong']} hits"]
    assert "outcome=tp" in query and "slice=" in query and "ratio=1%3A5" in query
    assert at.query_params["rule"]


def test_the_url_names_outcome_and_slice(planted: str) -> None:
    at = open_page(PAGE, among="fp", rule="length:3-9", ratio="1:1")
    assert "1:1 has no false alarms" in at.markdown[0].value.replace("\\", "")
    assert any("Negatives of 3 to 9 words" in one.value.replace("\\", "") for one in at.markdown)
    at = open_page(PAGE, rule="length:x")
    assert "not a range of lengths" in at.error[0].value.replace("\\", "")
    assert not open_page(PAGE, rule="cluster:99").exception


def test_a_slice_is_saved_under_a_name_renamed_deleted_and_brought_back(planted: str) -> None:
    at = open_page(PAGE, look=OWN)
    at.text_input(key="own-phrase").set_value(f" {WORD.upper()}! ").run()
    assert any(f"Positives with “{WORD}”" in one.value for one in at.markdown)
    at.text_input(key=f"name-word:{WORD}").set_value("Drives")
    at.button(key="FormSubmitter:naming-Save as a slice").click().run()
    assert [one.name for one in load_slices(planted)] == ["Drives"]
    table = next(one for one in tables(at) if "name" in one)
    assert table["name"][0] == "Drives"
    one = load_slices(planted)[0]
    tick(at, f"saved-{one.key[:8]}-1", 0)
    at.text_input(key=f"rename-{one.key}").set_value("SCSI drives").run()
    assert [each.name for each in load_slices(planted)] == ["SCSI drives"]
    at.button(key="delete-slice").click().run()
    assert load_slices(planted) == []
    at.button(key="undo-slice").click().run()
    assert [each.name for each in load_slices(planted)] == ["SCSI drives"]


def test_a_length_is_taken_as_typed_and_what_cannot_be_one_is_told(planted: str) -> None:
    at = open_page(PAGE, look=OWN)
    at.segmented_control(key="own-kind").set_value("Length in words").run()
    at.number_input(key="own-low").set_value(12).run()
    assert any("12 words or more" in one.value for one in at.markdown)
    at.number_input(key="own-high").set_value(3).run()
    assert "does not end before it begins" in at.error[0].value.replace("\\", "")


def test_a_cluster_is_saved_by_its_examples(planted: str) -> None:
    at = open_page(PAGE, rule="cluster:0")
    assert not at.exception
    at.button(key="FormSubmitter:naming-Save as a slice").click().run()
    assert load_slices(planted)[0].rule.written.startswith("picked:")


def test_the_stand_in_says_how_faithful_it_is_before_its_words(planted: str) -> None:
    at = open_page(PAGE, look=PULLS)
    assert "of the variance of this classifier" in page_text(at)
    names = [set(one["name"]) for one in tables(at)]
    assert WORD in names[0]
    assert not at.exception
    tick(at, "pulls-down-fn", 0)
    assert at.query_params["slice"] == f"word:{WORD}"


def test_a_low_fidelity_is_warned_of(workspace: Path) -> None:
    make_experiment(make_dataset(positives=240), ratios=(1,), seeds=(0,), d_prime=0.2)
    at = open_page(PAGE, look=PULLS)
    assert "Less than half of the score" in at.warning[0].value


def test_hostile_words_and_names_are_shown_as_written(planted: str) -> None:
    at = open_page(PAGE, rule=f"word:{HOSTILE[0]}")
    shown = [one.value for one in at.markdown if "script" in one.value]
    assert shown and all("<script>" not in one.replace("\\<", "") for one in shown)
    at.button(key="FormSubmitter:naming-Save as a slice").click().run()
    assert not at.exception
    assert len(load_slices(planted)) == 1


def test_without_texts_columns_and_clusters_are_left(planted: str) -> None:
    open_page(PAGE)
    delete_dataset("posts")
    for look in ("What stands out", OWN, PULLS):
        assert not open_page(PAGE, look=look).exception
    assert "no texts of dataset posts" in open_page(PAGE, rule="word:scsi").error[0].value.replace("\\", "")
