"""Tables to take away: every text survives CSV, JSONL and Parquet, no cell is a formula, the provenance is there."""

import io
import json
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from closecall.data.annotations.hard_cases import Origin, add_hard_cases, set_note
from closecall.data.exchange.table_files import table_bytes, write_table
from closecall.data.exchange.tables import (
    Provenance,
    hard_case_table,
    provenance,
    run_probabilities,
)
from closecall.data.experiments.store import load_evaluation, load_experiment, run_folder
from closecall.data.io.csv_escaping import escaped, unescape_cells, unescaped
from closecall.data.io.errors import UserError
from closecall.data.io.files import read_json, write_json
from tests.makers import HOSTILE, make_dataset, make_experiment

NASTY = st.text(
    st.one_of(st.characters(), st.sampled_from("\\u0000123abf'=+-@ \t\r\n\x00\ud800\udc00\"\uff1d\ufeff\u202e,;"))
)
FORMULAS = [
    "=1+1",
    "+1",
    "-1",
    "@SUM(A1)",
    "\t=1",
    "\r\n=1",
    "  =1",
    "\n=1",
    "\uff1d1",
    "\uff0b1",
    "\u200b=1",
    "\ufeff=1",
    "'=1",
]
ORIGIN = Provenance("posts", "0" * 64, "sweep", closecall="0.1.0", exported="2026-01-01T00:00:00+00:00")


@pytest.fixture
def experiment(workspace: Path) -> str:
    return make_experiment(make_dataset(), ratios=(1, 10), seeds=(0, 1), with_embeddings=False).id


def hard_cases(experiment: str) -> pd.DataFrame:
    """The table of three hard cases: two of the test split, one of the train split."""
    test = load_evaluation(experiment).query("split == 'test'")["id"].tolist()[:2]
    add_hard_cases(experiment, test, ["false negative"] * 2, origin=Origin("r10-s0-none", 10, 0, "test", 0.5))
    add_hard_cases(experiment, ["post-00000"], ["read in training"])
    set_note(experiment, test[:1], "=note")
    return hard_case_table(experiment)


@settings(max_examples=800, deadline=None)
@given(NASTY)
@example("\\\x00").via("a backslash before what is escaped")
@example("\\u0000").via("text that looks like an escape")
@example("''=1").via("apostrophes before a formula")
def test_a_cell_comes_back_unchanged(text: str) -> None:
    assert unescaped(escaped(text)) == text


@settings(max_examples=300, deadline=None)
@given(NASTY)
def test_no_cell_can_be_a_formula(text: str) -> None:
    cell = escaped(text)
    assert cell.strip().lstrip("\u200b\u202e\ufeff")[:1] not in tuple("=+-@\uff1d\uff0b\uff0d\uff20")
    assert cell[:1] not in ("\t", "\r")


@pytest.mark.parametrize("text", FORMULAS)
def test_formulas_get_one_apostrophe(text: str) -> None:
    assert escaped(text) == "'" + text


@pytest.mark.parametrize(("text", "cell"), [("a\rb", "a\\u000db"), ("\r=1", "\\u000d=1"), ("a\r\nb", "a\r\nb")])
def test_a_bare_carriage_return_does_not_end_its_row(text: str, cell: str) -> None:
    """As pandas saves it again, with quotes only where it thinks that they are needed."""
    assert escaped(text) == cell and unescaped(cell) == text
    again = pd.DataFrame({"a": [escaped(text)], "b": ["x"]}).to_csv(index=False)
    back = pd.read_csv(io.StringIO(again, newline=""), dtype=str)
    assert unescaped(back["a"][0]) == text


@pytest.mark.parametrize("text", ["", "plain", "'quoted'", "don't", "a=b", "5-3", "#tag", "NA", "\\d+", "\u05e9"])
def test_ordinary_texts_are_not_escaped(text: str) -> None:
    assert escaped(text) == text


@settings(max_examples=40, deadline=None)
@given(st.lists(NASTY, min_size=1, max_size=12))
def test_texts_survive_csv(texts: list[str]) -> None:
    frame = pd.DataFrame({"id": [f"e{i}" for i in range(len(texts))], "text": texts}, dtype=object)
    content = io.BytesIO(table_bytes(frame, "csv", ORIGIN))
    back = unescape_cells(pd.read_csv(content, dtype=str, keep_default_na=False, encoding="utf-8-sig"))
    assert back["text"].tolist() == texts and back["id"].tolist() == frame["id"].tolist()


@settings(max_examples=40, deadline=None)
@given(st.lists(NASTY, min_size=1, max_size=12))
def test_texts_survive_jsonl(texts: list[str]) -> None:
    content = table_bytes(pd.DataFrame({"text": texts}, dtype=object), "jsonl", ORIGIN)
    assert [json.loads(line)["text"] for line in content.decode().split("\n")[:-1]] == texts


@settings(max_examples=25, deadline=None)
@given(st.lists(st.text(), min_size=1, max_size=12))
def test_texts_survive_parquet(texts: list[str]) -> None:
    content = table_bytes(pd.DataFrame({"text": texts}), "parquet", ORIGIN)
    assert pd.read_parquet(io.BytesIO(content))["text"].tolist() == texts


def test_a_lone_surrogate_does_not_stop_parquet() -> None:
    content = table_bytes(pd.DataFrame({"text": ["a\ud800b"]}, dtype=object), "parquet", ORIGIN)
    assert pd.read_parquet(io.BytesIO(content))["text"].tolist() == ["a\ufffdb"]


def test_pandas_reads_every_form_plainly(experiment: str, tmp_path: Path) -> None:
    table = hard_cases(experiment).head(2)  # the third text is one that CSV escapes
    origin = provenance(experiment, run="r10-s0-none", threshold=0.5)
    for form in ("csv", "jsonl", "parquet"):
        write_table(table, tmp_path / f"misses.{form}", origin)
    read = [
        pd.read_csv(tmp_path / "misses.csv"),
        pd.read_json(tmp_path / "misses.jsonl", lines=True),
        pd.read_parquet(tmp_path / "misses.parquet"),
    ]
    for frame in read:
        assert frame["id"].tolist() == table["id"].tolist()
        assert frame["text"].tolist() == table["text"].tolist()
        assert frame["prob_r10_s0"].astype(np.float32).tolist() == table["prob_r10_s0"].tolist()
        assert set(frame["experiment"]) == {experiment} and set(frame["seed"]) == {0}
        assert set(frame["dataset_sha256"]) == {load_experiment(experiment).dataset_sha256}


def test_parquet_carries_the_provenance_as_metadata(experiment: str, tmp_path: Path) -> None:
    folder = run_folder(experiment, "r10-s0-none")
    write_json(folder / "metrics.json", {**read_json(folder / "metrics.json"), "versions": {"torch": "2.13.0"}})
    origin = provenance(experiment, run="r10-s0-none", threshold=0.5)
    write_table(hard_cases(experiment), tmp_path / "e.parquet", origin)
    shown = json.loads(pq.read_schema(tmp_path / "e.parquet").metadata[b"closecall"])
    assert (shown["run"], shown["ratio"], shown["seed"], shown["threshold"]) == ("r10-s0-none", 10, 0, 0.5)
    assert shown["torch"] == "2.13.0" and shown["closecall"] and shown["exported"].startswith("20")


def test_probabilities_keep_their_own_digits() -> None:
    frame = pd.DataFrame({"prob": np.array([0.12, 0.5, np.nan], dtype=np.float32)})
    lines = table_bytes(frame, "jsonl", ORIGIN).decode().splitlines()
    assert [json.loads(line)["prob"] for line in lines] == [0.12, 0.5, None]
    assert pd.read_csv(io.BytesIO(table_bytes(frame, "csv", ORIGIN)))["prob"][0] == 0.12


def test_the_hard_case_table_has_all_evidence(experiment: str) -> None:
    table = hard_cases(experiment)
    assert table["id"].tolist()[2] == "post-00000"
    assert table["split"].tolist() == ["test", "test", "train"]
    assert table["text"][2] == HOSTILE[0] and table["note"][0] == "=note"
    mean = table[["prob_r10_s0", "prob_r10_s1"]].mean(axis=1)
    assert np.allclose(table["prob_r10_mean"][:2], mean[:2]) and np.isnan(table["prob_r10_mean"][2])
    rows = [json.loads(line) for line in table_bytes(table, "jsonl", provenance(experiment)).decode().splitlines()]
    assert (rows[0]["run"], rows[0]["threshold"], rows[2]["ratio"]) == ("r10-s0-none", 0.5, None)


def test_probabilities_of_every_run(experiment: str) -> None:
    table = run_probabilities(experiment)
    assert list(table) == [
        "prob_r1_s0", "prob_r1_s1", "prob_r10_s0", "prob_r10_s1", "prob_r1_mean", "prob_r10_mean",
    ]  # fmt: skip
    assert (table.dtypes == np.float32).all() and table.notna().all().all()


def test_a_file_of_another_kind_and_a_folder_in_its_place_are_refused(tmp_path: Path) -> None:
    table = pd.DataFrame({"text": ["a"]})
    with pytest.raises(UserError, match=r"ends in \.csv"):
        write_table(table, tmp_path / "list.xlsx", ORIGIN)
    (tmp_path / "taken.csv").mkdir()
    with pytest.raises(UserError, match="cannot be written"):
        write_table(table, tmp_path / "taken.csv", ORIGIN)
    assert [path.name for path in tmp_path.iterdir() if path.is_file()] == []
