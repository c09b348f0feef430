"""A list that comes back: what is shown before it is written, from spreadsheets, pandas and labelling tools."""

import csv
import io
import json
from pathlib import Path

import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from closecall.data.annotations.hard_cases import (
    add_hard_cases,
    add_tag,
    hard_cases_log,
    import_changes,
    load_annotations,
    load_hard_cases,
    remove_hard_cases,
    set_action,
    set_new_label,
    set_note,
    undo,
)
from closecall.data.datasets.store import Dataset, DatasetInfo, save_dataset
from closecall.data.exchange.list_changes import ListComparison, apply_comparison, compare_list
from closecall.data.exchange.returned_lists import read_case_file
from closecall.data.exchange.table_files import table_bytes
from closecall.data.exchange.tables import hard_case_table, provenance
from closecall.data.experiments.store import ExperimentConfig, create_experiment
from closecall.data.io.errors import UserError
from closecall.data.io.files import read_lines
from tests.data.exchange.test_tables import FORMULAS, NASTY
from tests.makers import HOSTILE

IDS = ["00123", "123456", "2026-01-02", "post 7", "=1+1", "9007199254740993123", "a", "b"]


@pytest.fixture
def listed(workspace: Path) -> str:
    """An experiment whose ids invite a spreadsheet to change them; three cases on the list."""
    texts = [*HOSTILE, "plain", "=2+2", 'line\nbreak, and "quotes"', "long " * 7000, "last"]
    dataset = _dataset(texts)
    config = ExperimentConfig(id="sweep", title="Sweep", dataset=dataset.name)
    evaluation = dataset.examples[["id", "label", "split"]]
    create_experiment(config, evaluation=evaluation, plan=pd.DataFrame({"id": ["a"]}), runs=[])
    add_hard_cases("sweep", ["00123", "post 7", "a"], ["missed", "missed; twice", "missed"])
    _age("sweep")
    return config.id


def _dataset(texts: list[str]) -> Dataset:
    examples = pd.DataFrame(
        {"id": IDS, "text": texts, "label": [1, 0] * 4, "class_name": ["mac", "pc"] * 4, "split": "test", "group": "",
         "source_row": range(8)}
    )  # fmt: skip
    examples["split"] = ["train", "train", "validation", "validation", "test", "test", "test", "test"]
    nothing = pd.DataFrame({"source_row": [], "id": [], "reason": [], "text": []})
    return save_dataset(Dataset(DatasetInfo("posts", "Posts", ("mac",), ("pc", "amiga")), examples, nothing, nothing))


def _age(experiment: str) -> None:
    """Date the log's records a day back, so that what follows is later than any export."""
    log = hard_cases_log(experiment)
    for record in read_lines(log):
        log.write_text(log.read_text().replace(record["time"], "2026-01-01T10:00:00+00:00"))


def exported(experiment: str, form: str = "csv") -> bytes:
    return table_bytes(hard_case_table(experiment), form, provenance(experiment))


def compared(experiment: str, content: bytes | pd.DataFrame, name: str = "list.csv") -> ListComparison:
    if isinstance(content, pd.DataFrame):
        content = content.to_csv(index=False).encode("utf-8-sig")
    return compare_list(experiment, read_case_file(content, name))


def test_a_file_without_any_row_of_the_list_names_no_missing_case(listed: str) -> None:
    """A Markdown table or a list of another experiment: nothing is proposed for removal."""
    found = compared(listed, b"| id | action |\n|---|---|\n| other | keep |\n", "list.md")
    assert (found.changes, found.missing) == ((), ()) and len(found.problems) == 2


def sheet(experiment: str) -> pd.DataFrame:
    """The list as pandas, or a person in a spreadsheet, has it: every cell a text."""
    return pd.read_csv(io.BytesIO(exported(experiment)), dtype=str, keep_default_na=False)


def reason(comparison: ListComparison, cell: str) -> str:
    problems = comparison.problems.set_index("id")
    assert list(problems.index).count(cell) == 1
    return str(problems.at[cell, "reason"])


@pytest.mark.parametrize("form", ["csv", "jsonl", "parquet"])
def test_our_own_files_come_back_without_a_change(listed: str, form: str) -> None:
    set_note(listed, ["a"], '=1+1\nand "more" \x00 \u202e')
    add_tag(listed, ["a"], "two words")
    found = compared(listed, exported(listed, form), f"list.{form}")
    assert (found.changes, found.missing, len(found.problems), found.unchanged) == ((), (), 0, 3)


def test_what_a_spreadsheet_may_do_to_a_file_is_no_change(listed: str) -> None:
    set_note(listed, ["a"], "first\nsecond; third")
    table = sheet(listed)[::-1]
    table = table[[*reversed(table.columns)]].drop(columns=["dataset_sha256", "label"])
    table["text"] = table["text"].str.slice(0, 32_767)
    for separator in (",", ";", "\t"):
        for quoting in (csv.QUOTE_ALL, csv.QUOTE_MINIMAL):
            saved = table.to_csv(index=False, sep=separator, quoting=quoting, lineterminator="\r\n")
            for encoding in ("utf-8", "utf-8-sig", "utf-16"):
                found = compared(listed, saved.encode(encoding))
                assert (found.changes, found.missing, len(found.problems)) == ((), (), 0), (separator, encoding)


def test_changes_are_listed_and_then_written_as_one_step(listed: str) -> None:
    add_tag(listed, ["a"], "old")
    table = sheet(listed).set_index("id")
    table.loc["a", ["action", "note", "tags"]] = ["Ambiguous ", "'=2+2", "new"]
    table.loc["00123", "new_label"] = "PC"
    table.loc["b"] = ""
    found = compared(listed, table.reset_index())
    shown = {one.id: (one.before, one.after) for one in found.changes}
    assert shown["a"] == (
        {"note": "", "action": "", "tags": "old"}, {"note": "=2+2", "action": "ambiguous", "tags": "new"},
    )  # fmt: skip
    assert shown["00123"] == ({"new_label": "", "action": ""}, {"new_label": "pc", "action": "relabel"})
    assert found.changes[2].change == {"listed": True, "reasons": ["imported from list.csv"]}
    before = load_annotations(listed)
    key = apply_comparison(listed, found, who="ann")
    cases = load_hard_cases(listed).set_index("id")
    assert cases.loc["a", ["action", "note", "tags"]].tolist() == ["ambiguous", "=2+2", "new"]
    assert cases.loc["00123", ["action", "new_label"]].tolist() == ["relabel", "pc"]
    assert cases.loc["b", ["who", "reasons"]].tolist() == ["ann", "imported from list.csv"]
    last = read_lines(hard_cases_log(listed))[-1]
    assert (last["op"], last["source"], last["who"]) == ("import", "list.csv", "ann")
    undo(listed, key=key)
    after = load_annotations(listed)
    pd.testing.assert_frame_equal(after[after["listed"]].reset_index(drop=True), before)


def test_deleted_rows_are_listed_and_removed_only_on_request(listed: str) -> None:
    found = compared(listed, sheet(listed).iloc[1:])
    assert found.missing == ("00123",) and found.changes == ()
    with pytest.raises(UserError, match="changes nothing"):
        apply_comparison(listed, found)
    apply_comparison(listed, found, remove_missing=True)
    assert load_hard_cases(listed)["id"].tolist() == ["post 7", "a"]


def test_mangled_ids_are_explained_and_never_guessed(listed: str) -> None:
    shown = {
        "123": "'00123'|00123 into 123",
        "1.23E+05": "shortened the id to 1.23E.05",
        "123456.0": "turned the id 123456 into 123456.0",
        "02.01.2026": "made a date",
        "Jan-26": "made a date",
        "9007199254740990000": "15 digits",
        "POST  7": "Is post 7 meant",
        "stranger": "no example stranger in this experiment's dataset. Correct the id",
        "": "no id",
    }
    rows = pd.DataFrame({"id": list(shown), "note": "x"})
    found = compared(listed, rows)
    assert found.changes == () and len(found.problems) == len(shown)
    for cell, words in shown.items():
        assert (
            any(part in reason(found, cell) for part in words.split("|"))
            or pd.Series([reason(found, cell)]).str.contains(words).all()
        ), (cell, reason(found, cell))
    assert found.problems["row"].tolist() == list(range(2, 2 + len(shown)))


def test_an_ambiguous_id_needs_its_text(workspace: Path) -> None:
    dataset = _dataset([f"text {number}" for number in range(8)])
    examples = dataset.examples.assign(id=["00123", "123", *IDS[2:]])
    save_dataset(Dataset(DatasetInfo("twins", "T", ("mac",), ("pc",)), examples, dataset.set_aside, dataset.conflicts))
    config = ExperimentConfig(id="twins", title="T", dataset="twins")
    create_experiment(config, evaluation=examples[["id", "label", "split"]], plan=examples[["id"]], runs=[])
    assert "zeros that a spreadsheet dropped" in reason(
        compared("twins", pd.DataFrame({"id": ["123"], "note": "x"})), "123"
    )
    with_text = pd.DataFrame({"id": ["123"], "text": ["text 1"], "note": ["x"]})
    assert [one.id for one in compared("twins", with_text).changes] == ["123"]
    assert "not that of 123" in reason(compared("twins", with_text.assign(text="text 0")), "123")


def test_columns_sorted_apart_from_the_ids_are_noticed(listed: str) -> None:
    table = sheet(listed)
    table["id"] = table["id"].to_numpy()[[1, 0, 2]]
    found = compared(listed, table)
    assert found.changes == () and found.problems["row"].tolist() == [2, 3]
    assert found.problems["reason"].str.contains("The text is not that of").all()


def test_unknown_values_are_rejected(listed: str) -> None:
    table = sheet(listed)
    table["action"] = ["delete", "", ""]
    table["new_label"] = ["", "atari", ""]
    found = compared(listed, table)
    assert "'delete' is not an action. Write one of: relabel," in reason(found, "00123")
    assert "'atari' is not a class. Write one of: mac, pc, amiga" in reason(found, "post 7")
    twice = pd.concat([sheet(listed), sheet(listed).iloc[:1].assign(note="other")])
    assert compared(listed, twice).problems["reason"].str.startswith("Rows 2 and ").tolist() == [True, True]
    same = pd.concat([sheet(listed), sheet(listed)])
    assert len(compared(listed, same).problems) == 0


def test_changes_since_the_export_are_kept(listed: str) -> None:
    table = sheet(listed).set_index("id").assign(exported="2026-01-01T12:00:00+00:00")
    set_note(listed, ["a"], "newer")
    set_action(listed, ["00123"], "ambiguous")
    add_tag(listed, ["00123"], "theirs")
    remove_hard_cases(listed, ["post 7"])
    table.loc["00123", ["action", "tags"]] = ["duplicate", "mine"]
    found = compared(listed, table.reset_index())
    assert [(one.id, one.also_here) for one in found.changes] == [("00123", ("action",))]
    assert found.kept == 2
    apply_comparison(listed, found)
    cases = load_hard_cases(listed).set_index("id")
    assert list(cases.index) == ["00123", "a"] and cases.at["a", "note"] == "newer"
    assert cases.loc["00123", ["action", "tags"]].tolist() == ["duplicate", "theirs; mine"]


def test_a_time_of_export_that_cannot_be_read_is_reported(listed: str) -> None:
    found = compared(listed, sheet(listed).assign(exported="01.01.26 12:00"))
    assert any("'01.01.26 12:00'" in note for note in found.notes)
    assert any("no time of export" in note for note in compared(listed, sheet(listed).drop(columns="exported")).notes)


def test_without_its_version_column_formulas_still_compare_equal(listed: str) -> None:
    set_note(listed, ["a"], "=1+1")
    found = compared(listed, sheet(listed).drop(columns="closecall_version"))
    assert found.changes == () and any("closecall_version" in note for note in found.notes)


def test_nulls_change_nothing_and_empty_cells_clear(listed: str) -> None:
    set_note(listed, ["a"], "kept")
    lines = b'{"id": "a", "note": null, "action": "duplicate"}\n{"id": "00123"}\n'
    found = compared(listed, lines, "list.jsonl")
    assert [one.change for one in found.changes] == [{"action": "duplicate"}]
    cleared = compared(listed, b'{"id": "a", "note": ""}\n', "list.jsonl")
    assert [one.change for one in cleared.changes] == [{"note": ""}]


def test_files_that_are_no_list_are_refused(listed: str) -> None:
    with pytest.raises(UserError, match="no column 'id', which"):
        compared(listed, b"post,note\n1,2\n")
    with pytest.raises(UserError, match="is empty"):
        compared(listed, b"")
    with pytest.raises(UserError, match="not valid JSON"):
        compared(listed, b'[{"id": 1},', "list.json")


PC = {"from_name": "new_label", "type": "choices", "value": {"choices": ["pc"]}}
TASKS = [
    {"id": 1, "data": {"closecall_id": "00123"}, "meta": {"exported": "2026-01-01T12:00:00+00:00"}, "annotations": [
        {"completed_by": 1, "result": [
            PC, {"from_name": "note", "type": "textarea", "value": {"text": ["a PC question"]}}]}]},
    {"id": 2, "data": {"text": HOSTILE[2], "id": "2026-01-02"}, "annotations": [
        {"was_cancelled": True, "result": [PC]},
        {"result": [{"from_name": "sentiment", "type": "choices", "value": {"choices": ["mac"]}}]}]},
    {"id": 3, "data": {"closecall_id": "a"}, "annotations": [
        {"result": [PC]},
        {"result": [{"from_name": "new_label", "type": "choices", "value": {"choices": ["amiga"]}}]}]},
    {"id": 4, "data": {"closecall_id": "post 7"}, "annotations": []},
]  # fmt: skip


def test_answers_from_label_studio(listed: str) -> None:
    found = compared(listed, json.dumps(TASKS).encode(), "project-1.json")
    assert [(one.row, one.id, one.change) for one in found.changes] == [
        (1, "00123", {"note": "a PC question", "new_label": "pc", "action": "relabel"}),
        (2, "2026-01-02", {"listed": True, "reasons": ["imported from project-1.json"]}),
    ]
    assert "several answers: amiga, pc" in reason(found, "a")
    assert found.missing == ()


RECORDS = [
    {"id": "00123", "fields": {"text": "x"}, "metadata": {"exported": "2026-01-01T12:00:00+00:00"}, "suggestions": {},
     "responses": {"new_label": [{"value": "amiga", "user_id": "u1"}, {"value": "amiga", "user_id": "u2"}],
                   "action": [{"value": "collect more", "user_id": "u1"}]}},
    {"id": "a", "fields": {"text": "long"}, "responses": {}, "suggestions": {"action": {"value": "duplicate"}}},
    {"id": "b", "fields": {}, "responses": [
        {"user_id": "u1", "status": "discarded", "values": {"action": {"value": "duplicate"}}},
        {"user_id": "u1", "status": "submitted", "values": {"note": {"value": "seen"}}}]},
]  # fmt: skip


def test_answers_from_argilla(listed: str) -> None:
    records = [{**RECORDS[0], "fields": {}}, *RECORDS[1:]]
    found = compared(listed, json.dumps(records).encode(), "records.json")
    assert [(one.id, one.change) for one in found.changes] == [
        ("00123", {"new_label": "amiga", "action": "collect more"}),
        ("b", {"listed": True, "reasons": ["imported from records.json"], "note": "seen"}),
    ]
    wrong = compared(listed, json.dumps(RECORDS).encode(), "records.json")
    assert "text is not that of 00123" in reason(wrong, "00123")


DIALECTS = [
    {}, {"sep": ";", "quoting": csv.QUOTE_ALL}, {"sep": "\t", "lineterminator": "\r\n", "quoting": csv.QUOTE_ALL},
    {"encoding": "utf-8-sig", "quoting": csv.QUOTE_NONNUMERIC},
]  # fmt: skip


TRIPS = [
    ([*FORMULAS[:3]], DIALECTS[1]),
    ([*HOSTILE], DIALECTS[2]),
    (["'", "''=1", "\\u0000 \x00 'x"], DIALECTS[0]),
    (["x" * 100_000, "\U0001f600\u200d\U0001f525\ufe0f", "\r\n\n\r"], DIALECTS[3]),
]


@pytest.mark.parametrize(("notes", "dialect"), TRIPS)
@pytest.mark.parametrize("form", ["csv", "jsonl", "parquet"])
def test_through_pandas_and_back(listed: str, form: str, notes: list[str], dialect: dict) -> None:
    send(listed, form, notes, dialect)


@pytest.mark.slow
@pytest.mark.parametrize("form", ["csv", "jsonl", "parquet"])
@given(notes=st.lists(NASTY, min_size=3, max_size=3), dialect=st.sampled_from(DIALECTS))
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_text_goes_through_pandas_and_back(listed: str, form: str, notes: list[str], dialect: dict) -> None:
    send(listed, form, notes, dialect)


def send(listed: str, form: str, notes: list[str], dialect: dict) -> None:
    """Written by us, read and saved by pandas, read by us: no note counts as changed, and it is the same text."""
    ids = ["00123", "post 7", "a"]
    hard_cases_log(listed).unlink()
    changes = [{"listed": True, "reasons": ["x"], "note": note} for note in notes]
    import_changes(listed, ids, changes, source="test")
    kept = load_hard_cases(listed)["note"].tolist()
    content = exported(listed, form)
    if form == "csv":
        frame = pd.read_csv(io.BytesIO(content), dtype=str, keep_default_na=False, encoding="utf-8-sig")
        content = frame.to_csv(index=False, encoding="utf-8", **{k: v for k, v in dialect.items() if k != "encoding"})
        content = content.encode(dialect.get("encoding", "utf-8"))
    elif form == "jsonl":
        frame = pd.DataFrame([json.loads(line) for line in content.decode().splitlines()])
        content = "".join(json.dumps(row) + "\n" for row in frame.to_dict("records")).encode()
    else:
        out = io.BytesIO()
        pd.read_parquet(io.BytesIO(content)).to_parquet(out)
        content = out.getvalue()
    found = compared(listed, content, f"list.{form}")
    assert found.changes == () and found.missing == () and len(found.problems) == 0
    remove_hard_cases(listed, ids)
    hard_cases_log(listed).unlink()
    set_new_label(listed, ["b"], "pc")
    fresh = read_case_file(content, f"list.{form}")
    apply_comparison(listed, compare_list(listed, fresh))
    back = load_hard_cases(listed)["note"].tolist()
    assert back == kept or (form != "csv" and [_lossy(note) for note in kept] == back)


def _lossy(text: str) -> str:
    """JSONL and Parquet are read with NUL as a space."""
    return text.replace("\x00", " ")


def test_a_table_without_decisions_is_no_list(listed: str) -> None:
    """Such as our own table of errors: its ids fit, and every row would come on the list."""
    errors = pd.DataFrame({"id": ["00123", "a"], "text": ["x", "y"], "pos_prob": [0.1, 0.2]})
    with pytest.raises(UserError, match=r"list\.csv has an 'id' but is not a hard-case list"):
        compared(listed, errors)
