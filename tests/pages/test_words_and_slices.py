"""The Words and slices page: tested slices, one slice with its links and name, own slices, word contributions."""

from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

import pytest
from streamlit.testing.v1 import AppTest

from closecall.data.annotations.slices import load_slices
from closecall.data.datasets.store import delete_dataset
from tests.makers import HOSTILE, make_dataset, make_experiment
from tests.pages_driver import headline_of, link_targets, open_page, page_text, table_with
from tests.planted import WORD, make_planted

PAGE = "words_and_slices"
TESTED, SAVED, CONTRIBUTIONS = "Tested slices", "Own and saved slices", "Word contributions"
SAVE = "FormSubmitter:naming-Save as a slice"


@pytest.fixture
def planted(workspace: Path) -> str:
    return make_planted().id


def tick(at: AppTest, key: str, row: int) -> AppTest:
    at.session_state[key] = {"selection": {"rows": [row], "columns": [], "cells": []}}
    return at.run()


def errors_queries(at: AppTest) -> dict[str, dict[str, str]]:
    """The URL queries of the links to Errors, by outcome."""
    queries = [parse_qs(query) for page, query in link_targets(at) if page == "errors"]
    return {query["outcome"][0]: {name: values[0] for name, values in query.items()} for query in queries}


def slice_titles(at: AppTest) -> list[str]:
    return [str(one.value).replace("\\", "") for one in at.markdown if str(one.value).startswith("#### ")]


def message(at: Any) -> str:
    return str(at.value).replace("\\", "")


@pytest.mark.parametrize("state", [None, "queued"])
def test_without_finished_runs_it_links_to_training(workspace: Path, state: str | None) -> None:
    if state:
        make_experiment(make_dataset(), ratios=(1,), seeds=(0,), state=state)
    at = open_page(PAGE)
    assert len(at.info) == 1 and [page for page, _ in link_targets(at)] == ["train"]
    assert not at.dataframe


def test_the_planted_word_is_the_headline_and_the_first_row(planted: str) -> None:
    at = open_page(PAGE)
    first = table_with(at, "lift").iloc[0]
    assert (first["mark"], first["slice"], first["kind"]) == ("●", f"“{WORD}”", "Word")
    assert first["wrong"] < first["n"]
    assert f"“{WORD}”" in headline_of(at) and f"{first['wrong']}/{first['n']}" in headline_of(at)
    assert slice_titles(at) == [f"#### Positives with “{WORD}”"]
    assert [one.proto.id.endswith("slice-by-ratio") for one in at.get("plotly_chart")] == [True]


def test_a_ticked_row_is_shown_with_links_to_its_examples(planted: str) -> None:
    at = tick(open_page(PAGE), "slices-fn", 2)
    row = table_with(at, "lift").iloc[2]
    queries = errors_queries(at)
    assert set(queries) == {"fn", "tp"} and queries["tp"]["ratio"] == "1:5" and queries["fn"]["slice"]
    assert at.query_params["rule"] in (queries["fn"]["slice"], [queries["fn"]["slice"]]) or row["kind"] == "Cluster"
    errors = open_page("errors", **queries["fn"])
    assert f"1 of {row['wrong']}" in page_text(errors)


def test_the_url_chooses_outcome_slice_and_ratio(planted: str) -> None:
    at = open_page(PAGE, among="fp", rule="length:3-9", ratio="1:1")
    assert at.segmented_control(key="among").value == "fp" and "1:1" in headline_of(at).replace("\\", "")
    assert slice_titles(at) == ["#### Negatives of 3 to 9 words"]


@pytest.mark.parametrize("rule", ["length:x", "length:9-3"])
def test_an_invalid_rule_in_the_url_is_an_error(planted: str, rule: str) -> None:
    at = open_page(PAGE, rule=rule)
    assert len(at.error) == 1 and not slice_titles(at)


def test_an_unknown_cluster_in_the_url_shows_no_slice(planted: str) -> None:
    at = open_page(PAGE, rule="cluster:99")
    assert not at.error and not slice_titles(at)


@pytest.mark.parametrize(
    ("link", "part"),
    [("What stands out", TESTED), ("Words that pull the score", CONTRIBUTIONS), (SAVED, SAVED), ("nothing", TESTED)],
)
def test_links_of_earlier_versions_open_the_same_part(planted: str, link: str, part: str) -> None:
    at = open_page(PAGE, look=link)
    assert at.session_state["look"] == part
    columns = {TESTED: "lift", CONTRIBUTIONS: "contribution"}
    if part in columns:
        assert len(table_with(at, columns[part]))
    else:
        assert at.text_input(key="own-phrase").value == ""


def test_a_slice_is_saved_renamed_deleted_and_restored(planted: str) -> None:
    at = open_page(PAGE, look=SAVED)
    at.text_input(key="own-phrase").set_value(f" {WORD.upper()}! ").run()
    assert slice_titles(at) == [f"#### Positives with “{WORD}”"]
    at.text_input(key=f"name-word:{WORD}").set_value("Drives")
    at.button(key=SAVE).click().run()
    (one,) = load_slices(planted)
    assert one.name == "Drives" and table_with(at, "name")["name"].tolist() == ["Drives"]
    tick(at, f"saved-{one.key[:8]}-1", 0)
    at.text_input(key=f"rename-{one.key}").set_value("SCSI drives").run()
    assert [each.name for each in load_slices(planted)] == ["SCSI drives"]
    at.button(key="delete-slice").click().run()
    assert load_slices(planted) == []
    at.button(key="undo-slice").click().run()
    assert [each.name for each in load_slices(planted)] == ["SCSI drives"]


def test_a_length_is_shown_as_soon_as_it_is_entered(planted: str) -> None:
    at = open_page(PAGE, look=SAVED)
    at.segmented_control(key="own-kind").set_value("Length in words").run()
    at.number_input(key="own-low").set_value(12).run()
    assert slice_titles(at) == ["#### Positives of 12 words or more"]
    at.number_input(key="own-high").set_value(3).run()
    assert len(at.error) == 1 and slice_titles(at) == ["#### Positives of 12 words or more"]


def test_a_phrase_without_words_is_an_error(planted: str) -> None:
    at = open_page(PAGE, look=SAVED)
    at.text_input(key="own-phrase").set_value("?!").run()
    assert len(at.error) == 1 and not slice_titles(at)


def test_a_cluster_is_saved_by_its_examples(planted: str) -> None:
    at = open_page(PAGE, rule="cluster:0")
    at.button(key=SAVE).click().run()
    assert load_slices(planted)[0].rule.written.startswith("picked:")


def test_r_squared_comes_before_the_word_contributions(planted: str) -> None:
    at = open_page(PAGE, look=CONTRIBUTIONS)
    fidelity = next(message(one) for one in at.markdown if str(one.value).startswith("R²"))
    assert "%" in fidelity and "5 folds" in fidelity
    assert WORD in set(table_with(at, "contribution")["name"])
    tick(at, "pulls-down-fn", 0)
    assert at.query_params["slice"] in (f"word:{WORD}", [f"word:{WORD}"])


def test_a_low_r_squared_is_a_warning(workspace: Path) -> None:
    make_experiment(make_dataset(positives=240), ratios=(1,), seeds=(0,), d_prime=0.2)
    assert len(open_page(PAGE, look=CONTRIBUTIONS).warning) == 1


def test_too_few_texts_for_a_surrogate_are_reported(workspace: Path) -> None:
    make_experiment(make_dataset(positives=30, negatives=60), ratios=(1,), seeds=(0,))
    at = open_page(PAGE, look=CONTRIBUTIONS)
    assert "50" in at.info[0].value and not at.dataframe


def test_hostile_words_and_names_are_escaped(planted: str) -> None:
    at = open_page(PAGE, rule=f"word:{HOSTILE[0]}")
    shown = [one.value for one in at.markdown if "script" in one.value]
    assert shown and all("<script>" not in one.replace("\\<", "") for one in shown)
    at.button(key=SAVE).click().run()
    assert not at.exception
    assert len(load_slices(planted)) == 1


def test_a_deleted_dataset_leaves_the_clusters(planted: str) -> None:
    open_page(PAGE)
    delete_dataset("posts")
    assert set(table_with(open_page(PAGE), "lift")["kind"]) == {"Cluster"}
    assert open_page(PAGE, look=SAVED).text_input(key="own-phrase").value == ""
    at = open_page(PAGE, look=CONTRIBUTIONS)
    assert len(at.info) == 1 and not at.dataframe
    assert "posts" in message(open_page(PAGE, rule="word:scsi").error[0])
