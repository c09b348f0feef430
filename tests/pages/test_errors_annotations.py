"""Annotations on the Errors page: tags, bulk actions, history, reviewer names, and two reviewers at once."""

import re
from pathlib import Path

import pytest

from closecall.data.annotations.hard_cases import hard_cases_log, load_annotations, load_hard_cases
from closecall.data.io.files import read_lines
from tests.makers import make_dataset, make_experiment
from tests.pages.errors_page import count_on, example_of, html_of, open_errors


@pytest.fixture
def sweep(workspace: Path) -> Path:
    make_experiment(make_dataset(positives=120, negatives=480), ratios=(1, 10), seeds=(0,))
    return workspace


def test_tags_are_added_suggested_and_removed(sweep: Path) -> None:
    at = open_errors()
    first = example_of(at)
    at.multiselect(key=f"tags-{first}").set_value(["  odd   spelling "]).run()
    case = load_hard_cases("sweep").iloc[0]
    assert (case["id"], case["tags"]) == (first, "odd spelling")
    assert example_of(at) == first
    at.button(key="next").click().run()
    second = example_of(at)
    assert at.multiselect(key=f"tags-{second}").options == ["odd spelling"]
    at.button(key="previous").click().run()
    assert at.multiselect(key=f"tags-{first}").value == ["odd spelling"]
    at.multiselect(key=f"tags-{first}").set_value([]).run()
    assert load_annotations("sweep")["tags"].tolist() == [""]
    at.button(key="undo").click().run()
    assert load_annotations("sweep")["tags"].tolist() == ["odd spelling"]


def test_an_invalid_tag_is_refused(sweep: Path) -> None:
    at = open_errors()
    at.multiselect(key=f"tags-{example_of(at)}").set_value(["a; b"]).run()
    assert any("semicolon" in one.value for one in at.caption)
    assert load_annotations("sweep").empty
    assert at.multiselect(key=f"tags-{example_of(at)}").value == []


def test_the_whole_queue_is_listed_and_undone_in_one_step(sweep: Path) -> None:
    at = open_errors()
    false_negatives = count_on(at, "pick-fn")
    at.button(key="bulk-actions").click().run()
    assert any(f"all {false_negatives}" in one.value for one in at.markdown)
    at.button(key="bulk-add").click().run()
    assert len(load_hard_cases("sweep")) == false_negatives
    at.button(key="undo").click().run()
    assert load_hard_cases("sweep").empty


def test_selected_rows_get_an_action_and_are_undone_in_one_step(sweep: Path) -> None:
    at = open_errors()
    at.session_state["bulk-rows"] = {"selection": {"rows": [0, 2], "columns": [], "cells": []}}
    at.button(key="bulk-actions").click().run()
    assert any(one.value.startswith("**2 ") for one in at.markdown)
    at.button(key="bulk-4").click().run()
    cases = load_hard_cases("sweep")
    assert cases["action"].tolist() == ["ambiguous", "ambiguous"]
    assert cases["reasons"].str.startswith("false negative at 1:10").all()
    at.button(key="undo").click().run()
    assert load_hard_cases("sweep").empty
    assert load_annotations("sweep")["action"].tolist() == ["", ""] or load_annotations("sweep").empty


def test_the_history_has_every_change_with_its_reviewer(sweep: Path) -> None:
    at = open_errors()
    first = example_of(at)
    at.text_input(key="person").set_value("Ann <b>").run()
    at.text_area(key=f"note-{first}").set_value("odd <i>spelling</i>").run()
    at.button(key="decide-4").click().run()
    at.button(key="undo").click().run()
    history = html_of(at)
    assert history.count("<li>") == 3
    assert "Ann &lt;b&gt;: note “odd &lt;i&gt;spelling&lt;/i&gt;”" in history
    assert "Ann &lt;b&gt;: added to the list, false negative at 1:10" in history
    assert re.search(r"<s>[^<]*action ambiguous</s>", history)


def test_two_reviewers_do_not_overwrite_each_other(sweep: Path) -> None:
    readers = {"Ann": open_errors(), "Ben": open_errors()}
    first = example_of(readers["Ann"])
    for name, at in readers.items():
        at.text_input(key="person").set_value(name).run()

    for name, at in readers.items():  # each page is drawn before the other writes: both inputs look empty
        at.multiselect(key=f"tags-{first}").set_value([f"by {name}"]).run()
    for name, at in reversed(readers.items()):
        at.text_area(key=f"note-{first}").set_value(f"{name} saw it").run()
        at.button(key="next").click().run()
        at.button(key="add").click().run()
    assert all(not at.exception for at in readers.values())
    records = read_lines(hard_cases_log("sweep"))
    assert {one["who"] for one in records} == {"Ann", "Ben"}
    known = load_annotations("sweep").set_index("id")
    assert set(known.at[first, "tags"].split("; ")) == {"by Ann", "by Ben"}
    assert {one["note"] for one in records if one["op"] == "note"} == {"Ann saw it", "Ben saw it"}
    readers["Ann"].run()
    readers["Ann"].button(key="undo").click().run()
    undone = [one for one in read_lines(hard_cases_log("sweep")) if one["op"] == "undo"]
    assert [one["who"] for one in undone] == ["Ann"]
    assert [one["who"] for one in records if one["key"] == undone[0]["of"]] == ["Ann"]
    readers["Ben"].query_params["example"] = first
    readers["Ben"].run()
    assert set(readers["Ben"].multiselect(key=f"tags-{first}").value) == {"by Ann", "by Ben"}
