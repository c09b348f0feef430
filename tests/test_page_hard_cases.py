"""The Hard cases page: proposals, notes and actions by row id, files."""

import io
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import streamlit as st
from streamlit.testing.v1 import AppTest

from data.export import hard_case_table, provenance, table_bytes
from data.hard_cases import add_hard_cases, load_hard_cases
from pages.curate._case_table import _save
from pages.curate._proposals import proposed
from pages.shared.evidence import evidence_of
from tests.makers import HOSTILE, make_dataset, make_experiment

APP = str(Path(__file__).resolve().parents[1] / "app.py")


@pytest.fixture
def sweep(workspace: Path) -> Path:
    make_experiment(make_dataset(positives=120, negatives=480), ratios=(1, 3, 10), seeds=(0, 1))
    return workspace


def opened() -> AppTest:
    at = AppTest.from_file(APP, default_timeout=30).run()
    at.switch_page("pages/curate/hard_cases.py")
    return at.run()


def edit(at: AppTest, row: int, **values: object) -> AppTest:
    """As if a cell was edited: the editor's state, then its callback, which AppTest does not run for a seeded state."""
    ids = tuple(load_hard_cases("sweep")["id"])
    st.session_state["edited"] = {"edited_rows": {row: values}}
    _save("sweep", ids, "edited")
    return at.run()


def test_without_experiment_it_shows_the_way_on(workspace: Path) -> None:
    assert opened().info[0].value == "There is no experiment yet."


def test_while_runs_wait_the_list_is_empty_and_says_how_to_begin(workspace: Path) -> None:
    make_experiment(make_dataset(), ratios=(1, 3), seeds=(0,), state="queued")
    at = opened()
    assert not at.exception
    assert "no hard cases" in at.markdown[0].value


def test_a_proposal_adds_with_its_reason_and_can_be_taken_back(sweep: Path) -> None:
    at = opened()
    at.button(key="propose-missed at most ratios").click().run()
    cases = load_hard_cases("sweep")
    assert len(cases) > 0
    assert cases["reasons"].str.startswith("missed at most ratios: by ").all()
    assert f"{len(cases)} hard case" in at.markdown[0].value
    assert at.button(key="propose-missed at most ratios").disabled
    at.button(key="undo").click().run()
    assert load_hard_cases("sweep").empty


def test_always_missed_are_missed_by_nearly_every_run(sweep: Path) -> None:
    evidence = evidence_of("sweep")
    ids, _ = proposed(evidence, "always missed")
    places = [evidence.place(one) for one in ids]
    assert np.all(evidence.labels[places] == 1)
    assert np.all(evidence.pos_probs[:, places] < 0.5)
    most, _ = proposed(evidence, "missed at most ratios")
    assert set(ids) <= set(most)


def test_notes_and_actions_are_saved_by_id(sweep: Path) -> None:
    add_hard_cases("sweep", ["post-00003", "post-00004"], ["a", "b"])
    at = edit(opened(), 1, note="look again", action="relabel")
    assert not at.exception
    cases = load_hard_cases("sweep").set_index("id")
    assert cases.at["post-00004", "note"] == "look again"
    assert cases.at["post-00004", "action"] == "relabel"
    assert cases.at["post-00003", "note"] == ""


def test_unticking_takes_a_case_off_the_list(sweep: Path) -> None:
    add_hard_cases("sweep", ["post-00003", "post-00004"], ["a", "b"])
    edit(opened(), 0, listed=False)
    assert load_hard_cases("sweep")["id"].tolist() == ["post-00004"]


def test_files_hold_the_list_with_provenance(sweep: Path) -> None:
    hostile = ["post-00000", "post-00001", "post-00002"]
    add_hard_cases("sweep", hostile, ["x"] * 3)
    at = opened()
    assert not at.exception
    assert len(at.get("download_button")) == 3
    about = provenance("sweep")
    table = pd.read_parquet(io.BytesIO(table_bytes(hard_case_table("sweep"), "parquet", about)))
    assert table["text"].tolist() == HOSTILE
    assert (table["experiment"] == "sweep").all()
    csv = table_bytes(hard_case_table("sweep"), "csv", about).decode("utf-8-sig")
    assert "'=HYPERLINK" in csv
