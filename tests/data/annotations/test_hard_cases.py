"""The hard-case list: what folding the log gives, by two people, after undo, and after a crash in mid-write."""

import multiprocessing
from pathlib import Path

import pandas as pd
import pytest

from closecall.data.annotations.hard_cases import (
    COLUMNS,
    Origin,
    add_hard_cases,
    add_tag,
    annotations_at,
    annotations_of,
    hard_cases_log,
    import_changes,
    load_annotations,
    load_hard_cases,
    load_history,
    remove_hard_cases,
    remove_tag,
    set_action,
    set_new_label,
    set_note,
    undo,
)
from closecall.data.experiments.store import ExperimentConfig, create_experiment
from closecall.data.io.errors import UserError
from closecall.data.io.files import read_lines

HERE = Origin("r10-s0-none", 10, 0, "test", 0.5)


@pytest.fixture
def experiment(workspace: Path) -> str:
    """An experiment of which only the folder matters here."""
    config = ExperimentConfig(id="sweep", title="Sweep", dataset="posts")
    create_experiment(config, evaluation=pd.DataFrame({"id": ["a"]}), plan=pd.DataFrame({"id": ["a"]}), runs=[])
    return config.id


def test_an_empty_list_has_its_columns(experiment: str) -> None:
    cases = load_hard_cases(experiment)
    assert tuple(cases.columns) == COLUMNS and cases.empty
    assert not hard_cases_log(experiment).exists()


def test_an_addition_keeps_its_origin_and_gains_reasons(experiment: str) -> None:
    add_hard_cases(experiment, ["a", "b"], ["missed", ["missed", "borderline"]], origin=HERE, who="ann")
    add_hard_cases(experiment, ["b", "c"], ["always missed", "missed"], origin=Origin("r1-s0-none", 1, 0), who="bo")
    cases = load_hard_cases(experiment).set_index("id")
    assert list(cases.index) == ["a", "b", "c"]
    assert cases.loc["b", "reasons"] == "missed; borderline; always missed"
    assert (cases.loc["b", "run"], cases.loc["b", "ratio"], cases.loc["b", "who"]) == ("r10-s0-none", 10.0, "ann")
    assert (cases.loc["c", "run"], cases.loc["c", "seed"], cases.loc["c", "who"]) == ("r1-s0-none", 0, "bo")


def test_notes_actions_and_tags(experiment: str) -> None:
    add_hard_cases(experiment, ["a"], ["missed"])
    note = 'two\nlines, "quotes" \u2028 and \U0001f600'
    set_note(experiment, ["a"], note)
    set_action(experiment, ["a", "z"], "ambiguous")
    add_tag(experiment, ["a"], "  short   text ")
    add_tag(experiment, ["a"], "sarcasm")
    remove_tag(experiment, ["a"], "short text")
    row = load_hard_cases(experiment).iloc[0]
    assert (row["note"], row["action"], row["tags"]) == (
        'two\nlines, "quotes" \u2028 and \U0001f600',
        "ambiguous",
        "sarcasm",
    )
    touched = load_annotations(experiment).set_index("id")
    assert not touched.loc["z", "listed"] and touched.loc["z", "action"] == "ambiguous"


def test_removed_examples_keep_their_notes_but_not_their_reasons(experiment: str) -> None:
    add_hard_cases(experiment, ["a", "b"], ["missed", "missed"], origin=HERE)
    set_note(experiment, ["a"], "look again")
    remove_hard_cases(experiment, ["a"])
    assert list(load_hard_cases(experiment)["id"]) == ["b"]
    add_hard_cases(experiment, ["a"], ["borderline"])
    cases = load_hard_cases(experiment)
    assert list(cases["id"]) == ["b", "a"]
    assert (cases["reasons"][1], cases["note"][1], cases["run"][1]) == ("borderline", "look again", "")


def test_undo_reverts_the_persons_own_last_step_only(experiment: str) -> None:
    add_hard_cases(experiment, ["a"], ["missed"], who="ann")
    set_action(experiment, ["a"], "relabel", who="ann")
    set_action(experiment, ["a"], "ambiguous", who="bo")
    undone = undo(experiment, who="ann")
    assert undone is not None and undone["action"] == "relabel"
    assert load_hard_cases(experiment)["action"][0] == "ambiguous"
    undone = undo(experiment, who="bo")
    assert undone is not None and load_hard_cases(experiment)["action"][0] == ""
    undo(experiment, who="ann")
    assert load_hard_cases(experiment).empty
    assert undo(experiment, who="ann") is None


def test_undo_by_key(experiment: str) -> None:
    key = add_hard_cases(experiment, ["a"], ["missed"])
    set_note(experiment, ["a"], "kept")
    assert undo(experiment, key=key) is not None
    assert load_hard_cases(experiment).empty and load_annotations(experiment)["note"][0] == "kept"


def test_a_new_label_is_kept_beside_the_action(experiment: str) -> None:
    add_hard_cases(experiment, ["a"], ["missed"])
    set_action(experiment, ["a"], "relabel")
    key = set_new_label(experiment, ["a"], "pc")
    row = load_hard_cases(experiment).iloc[0]
    assert (row["action"], row["new_label"]) == ("relabel", "pc")
    undo(experiment, key=key)
    assert load_hard_cases(experiment)["new_label"][0] == ""


def test_an_import_is_one_step_that_changes_only_what_it_names(experiment: str) -> None:
    add_hard_cases(experiment, ["a", "b"], ["missed", "missed"], origin=HERE, who="ann")
    add_tag(experiment, ["a"], "short")
    set_note(experiment, ["a"], "kept")
    changes = [
        {"action": "relabel", "new_label": "pc", "tags_added": ["seen"], "tags_removed": ["short"]},
        {"listed": False},
        {"listed": True, "reasons": ["from a sheet"], "note": "new"},
    ]
    key = import_changes(experiment, ["a", "b", "c"], changes, source="list.csv", who="bo")
    cases = load_hard_cases(experiment).set_index("id")
    assert list(cases.index) == ["a", "c"]
    assert cases.loc["a", ["action", "new_label", "tags", "note", "who"]].tolist() == [
        "relabel", "pc", "seen", "kept", "ann",
    ]  # fmt: skip
    assert cases.loc["c", ["reasons", "note", "who", "run"]].tolist() == ["from a sheet", "new", "bo", ""]
    undo(experiment, key=key)
    cases = load_hard_cases(experiment).set_index("id")
    assert list(cases.index) == ["a", "b"] and cases.loc["a", ["action", "tags"]].tolist() == ["", "short"]


def test_the_list_as_it_was(experiment: str) -> None:
    add_hard_cases(experiment, ["a"], ["missed"])
    log = hard_cases_log(experiment)
    log.write_text(log.read_text().replace(read_lines(log)[0]["time"], "2020-01-01T00:00:00+00:00"))
    set_note(experiment, ["a"], "later")
    assert annotations_at(experiment, "2020-01-01T00:00:00+00:00")["note"].tolist() == [""]
    assert annotations_at(experiment, "2019-12-31T23:59:59+00:00").empty


def test_an_incomplete_line_loses_only_itself(experiment: str) -> None:
    add_hard_cases(experiment, ["a"], ["missed"])
    add_hard_cases(experiment, ["b"], ["missed"])
    log = hard_cases_log(experiment)
    whole = log.read_bytes()
    first = whole.index(b"\n") + 1
    for cut in range(first + 1, len(whole) - 1, 23):
        log.write_bytes(whole[:cut])
        assert list(load_hard_cases(experiment)["id"]) == ["a"]
        add_hard_cases(experiment, ["c"], ["missed"])
        assert list(load_hard_cases(experiment)["id"]) == ["a", "c"]


def test_unknown_records_are_skipped(experiment: str) -> None:
    add_hard_cases(experiment, ["a"], ["missed"])
    with hard_cases_log(experiment).open("a") as log:
        log.write('[1]\n{"op": "add"}\n{"op": "praise", "key": "k", "ids": ["a"]}\nnot json\n\n')
    assert list(load_hard_cases(experiment)["id"]) == ["a"]


def _add_many(experiment: str, who: str) -> None:
    for number in range(25):
        add_hard_cases(experiment, [f"{who}-{number}"], ["missed " + "x" * 3000], who=who)


def test_two_people_at_once_lose_nothing(experiment: str) -> None:
    context = multiprocessing.get_context("fork")
    people = [context.Process(target=_add_many, args=(experiment, who)) for who in ("ann", "bo")]
    for one in people:
        one.start()
    for one in people:
        one.join()
    cases = load_hard_cases(experiment)
    for who in ("ann", "bo"):
        assert list(cases.loc[cases["who"] == who, "id"]) == [f"{who}-{number}" for number in range(25)]


def test_invalid_annotations_are_refused(experiment: str) -> None:
    with pytest.raises(UserError, match="no experiment named nope"):
        add_hard_cases("nope", ["a"], ["missed"])
    with pytest.raises(UserError, match="no experiment named nope"):
        load_hard_cases("nope")
    with pytest.raises(UserError, match="2 ids and 1 reasons"):
        add_hard_cases(experiment, ["a", "b"], ["missed"])
    with pytest.raises(UserError, match="1 ids and 2 changes"):
        import_changes(experiment, ["a"], [{}, {}], source="list.csv")
    with pytest.raises(UserError, match="at least one example"):
        remove_hard_cases(experiment, [])
    with pytest.raises(UserError, match="is not an action"):
        set_action(experiment, ["a"], "delete")
    with pytest.raises(UserError, match="without a semicolon"):
        add_tag(experiment, ["a"], "a; b")
    assert not hard_cases_log(experiment).exists()


def test_the_history_keeps_undone_steps(experiment: str) -> None:
    add_hard_cases(experiment, ["a"], ["missed"], who="Ann")
    key = set_note(experiment, ["a"], "wrong", who="Ben")
    undo(experiment, key=key, who="Ben")
    history = load_history(experiment)
    assert [(one["op"], one["who"], one["undone"]) for one in history] == [("add", "Ann", False), ("note", "Ben", True)]
    assert annotations_of(history).equals(load_annotations(experiment))
