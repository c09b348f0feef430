"""What people say on the Errors page: tags, many at once, history, names, and two at the same desk."""

from pathlib import Path

import pytest

from closecall.data.annotations.hard_cases import hard_cases_log, load_annotations, load_hard_cases
from closecall.data.io.files import read_lines
from tests.makers import make_dataset, make_experiment
from tests.pages.test_errors import example, html, opened


@pytest.fixture
def sweep(workspace: Path) -> Path:
    make_experiment(make_dataset(positives=120, negatives=480), ratios=(1, 10), seeds=(0,))
    return workspace


def test_tags_are_given_suggested_and_taken_away(sweep: Path) -> None:
    at = opened()
    first = example(at)
    at.multiselect(key=f"tags-{first}").set_value(["  odd   spelling "]).run()
    case = load_hard_cases("sweep").iloc[0]
    assert (case["id"], case["tags"]) == (first, "odd spelling")
    assert example(at) == first
    at.button(key="next").click().run()
    second = example(at)
    assert at.multiselect(key=f"tags-{second}").options == ["odd spelling"]
    at.button(key="previous").click().run()
    assert at.multiselect(key=f"tags-{first}").value == ["odd spelling"]
    at.multiselect(key=f"tags-{first}").set_value([]).run()
    assert load_annotations("sweep")["tags"].tolist() == [""]
    at.button(key="undo").click().run()
    assert load_annotations("sweep")["tags"].tolist() == ["odd spelling"]


def test_a_tag_that_cannot_be_one_is_told(sweep: Path) -> None:
    at = opened()
    at.multiselect(key=f"tags-{example(at)}").set_value(["a; b"]).run()
    assert any("without a semicolon" in one.value for one in at.caption)
    assert load_annotations("sweep").empty
    assert at.multiselect(key=f"tags-{example(at)}").value == []


def test_the_whole_queue_is_listed_and_taken_back_in_one_step(sweep: Path) -> None:
    at = opened()
    misses = int(at.button(key="pick-fn").label.split("**")[1])
    at.button(key="several").click().run()
    assert any(f"all {misses}" in one.value for one in at.markdown)
    at.button(key="several-add").click().run()
    assert len(load_hard_cases("sweep")) == misses
    at.button(key="undo").click().run()
    assert load_hard_cases("sweep").empty


def test_ticked_rows_are_decided_on_and_taken_back_in_one_step(sweep: Path) -> None:
    at = opened()
    at.session_state["several-rows"] = {"selection": {"rows": [0, 2], "columns": [], "cells": []}}
    at.button(key="several").click().run()
    assert any("2 ticked examples" in one.value for one in at.markdown)
    at.button(key="several-4").click().run()
    cases = load_hard_cases("sweep")
    assert cases["action"].tolist() == ["ambiguous", "ambiguous"]
    assert cases["reasons"].str.startswith("missed at 1:10").all()
    at.button(key="undo").click().run()
    assert load_hard_cases("sweep").empty
    assert load_annotations("sweep")["action"].tolist() == ["", ""] or load_annotations("sweep").empty


def test_the_history_says_who_said_what(sweep: Path) -> None:
    at = opened()
    first = example(at)
    at.text_input(key="person").set_value("Ann <b>").run()
    at.text_area(key=f"note-{first}").set_value("odd <i>spelling</i>").run()
    at.button(key="decide-4").click().run()
    at.button(key="undo").click().run()
    said = html(at)
    assert "Said about this example: 3 entries" in said
    assert "Ann &lt;b&gt;: note “odd &lt;i&gt;spelling&lt;/i&gt;”" in said
    assert "Ann &lt;b&gt;: put on the list, missed at 1:10" in said
    assert "action ambiguous</s> (taken back)" in said


def test_two_people_do_not_overwrite_each_other(sweep: Path) -> None:
    desks = {"Ann": opened(), "Ben": opened()}
    first = example(desks["Ann"])
    for name, at in desks.items():
        at.text_input(key="person").set_value(name).run()

    for name, at in desks.items():  # each is drawn before the other writes: both boxes look empty to their readers
        at.multiselect(key=f"tags-{first}").set_value([f"by {name}"]).run()
    for name, at in reversed(desks.items()):
        at.text_area(key=f"note-{first}").set_value(f"{name} saw it").run()
        at.button(key="next").click().run()
        at.button(key="add").click().run()
    assert all(not at.exception for at in desks.values())
    records = read_lines(hard_cases_log("sweep"))
    assert {one["who"] for one in records} == {"Ann", "Ben"}
    known = load_annotations("sweep").set_index("id")
    assert set(known.at[first, "tags"].split("; ")) == {"by Ann", "by Ben"}
    assert {one["note"] for one in records if one["op"] == "note"} == {"Ann saw it", "Ben saw it"}
    desks["Ann"].run()
    desks["Ann"].button(key="undo").click().run()
    undone = [one for one in read_lines(hard_cases_log("sweep")) if one["op"] == "undo"]
    assert [one["who"] for one in undone] == ["Ann"]
    assert [one["who"] for one in records if one["key"] == undone[0]["of"]] == ["Ann"]
    desks["Ben"].query_params["example"] = first
    desks["Ben"].run()
    assert set(desks["Ben"].multiselect(key=f"tags-{first}").value) == {"by Ann", "by Ben"}
