"""The Hard cases page: proposals, edits by row id, filters, export, import, relabelling and its comparison."""

import io
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import streamlit as st
from streamlit.testing.v1 import AppTest

from closecall.data.annotations.hard_cases import (
    add_hard_cases,
    add_tag,
    hard_cases_log,
    load_hard_cases,
    set_action,
    set_new_label,
)
from closecall.data.exchange.export_formats import EXPORT_FORMATS
from closecall.data.experiments.store import experiment_ids, save_experiment
from closecall.data.io.files import read_lines
from closecall.models.queue import jobs
from closecall.models.queue.relabelling import apply_decisions
from closecall.models.results.hard_cases import case_bytes, case_causes
from closecall.pages.hard_cases.evidence import facts_around
from closecall.pages.hard_cases.proposals import RULES, custom_rule, proposed
from closecall.pages.hard_cases.table import _save
from closecall.pages.shared.runs import run_predictions
from tests.makers import HOSTILE, make_dataset, make_experiment
from tests.pages_driver import headline_of, keys_of, link_targets, open_page, page_text, table_with

APP = str(Path(__file__).resolve().parents[2] / "app.py")


@pytest.fixture
def sweep(workspace: Path) -> Path:
    make_experiment(make_dataset(positives=120, negatives=480), ratios=(1, 3, 10), seeds=(0, 1))
    return workspace


def opened() -> AppTest:
    at = AppTest.from_file(APP, default_timeout=30).run()
    at.switch_page("pages/hard_cases/page.py")
    return at.run()


def edit(at: AppTest, row: int, **values: object) -> AppTest:
    """As if a cell was edited: the editor's state, then its callback, which AppTest does not run for a seeded state."""
    ids = tuple(load_hard_cases("sweep")["id"])
    st.session_state["edited"] = {"edited_rows": {row: values}}
    _save("sweep", ids, "edited")
    return at.run()


def test_without_an_experiment_it_links_to_the_train_page(workspace: Path) -> None:
    at = opened()
    assert len(at.info) == 1 and link_targets(at) == [("train", "")]


def test_while_runs_are_queued_the_list_is_empty_and_links_to_the_errors(workspace: Path) -> None:
    make_experiment(make_dataset(), ratios=(1, 3), seeds=(0,), state="queued")
    at = opened()
    assert not at.exception and not at.dataframe
    assert ("errors", "experiment=sweep") in link_targets(at)


def test_a_proposal_adds_cases_with_its_reason_and_can_be_undone(sweep: Path) -> None:
    at = opened()
    at.button(key="propose-missed at most ratios").click().run()
    cases = load_hard_cases("sweep")
    assert len(cases) > 0
    assert cases["reasons"].str.startswith("missed at most ratios: by ").all()
    assert f"{len(cases)} hard case" in headline_of(at)
    assert at.button(key="propose-missed at most ratios").disabled
    at.button(key="undo").click().run()
    assert load_hard_cases("sweep").empty


def test_the_causes_of_the_cases_are_shown(sweep: Path) -> None:
    causes = case_causes(run_predictions("sweep"), run_predictions("sweep", "validation"))
    missed = causes.index[0]
    correct = next(one for one in run_predictions("sweep").ids if one not in causes.index)
    add_hard_cases("sweep", [missed, correct], ["", ""])
    at = opened()
    at.segmented_control(key="case-view").set_value("Causes").run()
    shown = table_with(at, "cause").set_index("id")
    assert shown.loc[missed, ["cause", "cause_evidence"]].tolist() == causes.loc[missed].tolist()
    assert shown.loc[correct, ["cause", "cause_evidence"]].tolist() == ["", ""] and not at.exception


def rule(name: str) -> list[str]:
    """The ids that the rule of this name selects."""
    return proposed(facts_around("sweep"), next(one for one in RULES if one.name == name))[0]


def test_always_missed_selects_positives_that_every_run_misses(sweep: Path) -> None:
    evidence = run_predictions("sweep")
    ids = rule("always missed")
    places = [evidence.place(one) for one in ids]
    assert ids and np.all(evidence.labels[places] == 1)
    assert np.all(evidence.pos_probs[:, places] < 0.5)
    assert set(ids) <= set(rule("missed at most ratios"))


def test_every_rule_selects_by_its_conditions(sweep: Path) -> None:
    facts = facts_around("sweep")
    near = facts.loc[rule("always missed, borderline, margin below 0")]
    assert set(near.index) <= set(rule("always missed"))
    assert (near["margin"] < 0).all() and (near["type_balanced"] == "borderline").all()
    false_positives = facts.loc[rule("false positive at every ratio")]
    assert (false_positives["kind"] == "always wrong").all() and (false_positives["label"] == 0).all()
    lost = facts.loc[rule("lost at the largest ratio, recoverable")]
    assert len(lost) and lost["recoverable"].all() and (lost["kind"] == "lost").all()


def test_a_custom_rule(sweep: Path) -> None:
    facts = facts_around("sweep")
    own = custom_rule(0, ["gained", "unstable"], ["safe", "borderline"], 0.3)
    ids, reasons = proposed(facts, own)
    found = facts.loc[ids]
    assert len(ids) and (found["label"] == 0).all() and (-found["margin"] < 0.3).all()
    assert set(found["kind"]) <= {"gained", "unstable"} and set(found["type_balanced"]) <= {"safe", "borderline"}
    assert reasons[0].startswith(
        "true negative as the ratio rises or unstable over seeds, safe or borderline, margin below 0.3: by "
    )
    at = opened()
    at.segmented_control(key="rule-label").set_value(0).run()
    at.multiselect(key="rule-kinds-0").set_value(["gained", "unstable"])
    at.multiselect(key="rule-types").set_value(["safe", "borderline"])
    at.number_input(key="rule-margin").set_value(0.3).run()
    at.button(key="propose-own").click().run()
    assert not at.exception
    assert load_hard_cases("sweep")["id"].tolist() == ids


def test_each_case_has_its_evidence(sweep: Path) -> None:
    add_hard_cases("sweep", ["post-00003", "post-00000", "gone"], ["a", "b", "c"])
    at = opened()
    table = at.dataframe[0].value.set_index("id")
    assert table.at["post-00003", "outcome_string"].count("/") == 2
    assert table.at["post-00003", "nearest_positive"].startswith("post-")
    assert -1 <= table.at["post-00003", "positive_cosine"] <= 1
    assert table.at["post-00000", "type"] in ("safe", "borderline", "rare", "outlier")
    assert table.at["gone", "outcome_string"] == "" and table.at["gone", "type"] == ""


def test_labels_tags_and_names_are_saved(sweep: Path) -> None:
    add_hard_cases("sweep", ["post-00003", "post-00004"], ["a", "b"])
    at = opened()
    st.session_state["kept-person"] = "Ann"
    at = edit(at, 0, new_label="pc", tags=["short", "ironic"])
    at = edit(at, 1, tags=["short"])
    cases = load_hard_cases("sweep").set_index("id")
    assert cases.loc["post-00003", ["action", "new_label", "tags"]].tolist() == ["relabel", "pc", "short; ironic"]
    at = edit(at, 0, tags=["ironic"])
    assert load_hard_cases("sweep").set_index("id").at["post-00003", "tags"] == "ironic"
    assert read_lines(hard_cases_log("sweep"))[-1]["who"] == "Ann"
    edit(at, 0, tags=["a;b"])
    assert "without a semicolon" in st.session_state.pop("refused")
    del st.session_state["kept-person"]


def test_filters_narrow_the_table_and_are_in_the_url(sweep: Path) -> None:
    add_hard_cases("sweep", ["post-00003", "post-00004", "post-00009"], ["a"] * 3, who="Ann")
    set_action("sweep", ["post-00003"], "relabel")
    add_tag("sweep", ["post-00003", "post-00009"], "short")
    at = opened()
    at.selectbox(key="case_tag").set_value("short").run()
    assert at.dataframe[0].value["id"].tolist() == ["post-00003", "post-00009"]
    assert at.query_params["case_tag"] in ("short", ["short"])
    at.selectbox(key="case_action").set_value("(none)").run()
    assert at.dataframe[0].value["id"].tolist() == ["post-00009"]
    assert "3 hard cases" in headline_of(at)
    linked = open_page("hard_cases", experiment="sweep", case_action="relabel")
    assert linked.dataframe[0].value["id"].tolist() == ["post-00003"]
    nothing = open_page("hard_cases", experiment="sweep", case_tag="<b>gone</b>")
    assert len(nothing.info) == 1 and not nothing.dataframe


def test_notes_and_actions_are_saved_by_id(sweep: Path) -> None:
    add_hard_cases("sweep", ["post-00003", "post-00004"], ["a", "b"])
    at = edit(opened(), 1, note="look again", action="relabel")
    assert not at.exception
    cases = load_hard_cases("sweep").set_index("id")
    assert cases.at["post-00004", "note"] == "look again"
    assert cases.at["post-00004", "action"] == "relabel"
    assert cases.at["post-00003", "note"] == ""


def test_unticking_removes_a_case_from_the_list(sweep: Path) -> None:
    add_hard_cases("sweep", ["post-00003", "post-00004"], ["a", "b"])
    edit(opened(), 0, listed=False)
    assert load_hard_cases("sweep")["id"].tolist() == ["post-00004"]


def test_exported_files_hold_the_list_with_provenance(sweep: Path) -> None:
    hostile = ["post-00000", "post-00001", "post-00002"]
    add_hard_cases("sweep", hostile, ["x"] * 3)
    for tool in ("Export", "Take home"):  # the second is the name in earlier links
        assert keys_of(with_tool(tool), "download_button") == {f"download-{one.name}" for one in EXPORT_FORMATS}
    table = pd.read_parquet(io.BytesIO(case_bytes("sweep", "parquet")))
    assert table["text"].tolist() == HOSTILE
    assert (table["experiment"] == "sweep").all()
    assert "'=HYPERLINK" in case_bytes("sweep", "csv").decode("utf-8-sig")


def with_tool(tool: str) -> AppTest:
    """The page with one of its tools open."""
    at = open_page("hard_cases", experiment="sweep", tool=tool)
    assert at.get("button_group")
    return at


def test_an_import_shows_what_changes_and_is_one_step(sweep: Path, tmp_path: Path) -> None:
    add_hard_cases("sweep", ["post-00003", "post-00004"], ["a", "b"])
    table = pd.read_csv(io.BytesIO(case_bytes("sweep", "csv")), dtype=str, keep_default_na=False).set_index("id")
    table.loc["post-00003", ["action", "note"]] = ["ambiguous", "<b>bold</b>"]
    table.loc["nobody"] = ""
    table.drop(index="post-00004").to_csv(sweep / "back.csv", sep=";")
    at = with_tool("Import")
    at.segmented_control(key="cases-way").set_value("Path on the server").run()
    at.text_input(key="cases-path").set_value(str(sweep / "back.csv")).run()
    assert "back.csv: 1 case changed, 0 unchanged, 1 row rejected" in page_text(at).replace("\\", "")
    changes = at.dataframe[0].value
    assert changes["change"].tolist() == ["note: none → <b>bold</b>; action: none → ambiguous"]
    assert at.dataframe[1].value["id"].tolist() == ["nobody"]
    at.checkbox(key="import-missing").check().run()
    at.button(key="import-apply").click().run()
    assert not at.exception and at.success[0].value.startswith("2 changes")
    assert load_hard_cases("sweep")[["id", "action"]].to_numpy().tolist() == [["post-00003", "ambiguous"]]
    at.button(key="undo").click().run()
    assert load_hard_cases("sweep")["action"].tolist() == ["", ""]


def test_a_file_without_an_id_column_shows_an_error(sweep: Path) -> None:
    (sweep / "other.csv").write_text("post,topic\n1,mac\n")
    at = with_tool("Import")
    at.segmented_control(key="cases-way").set_value("Path on the server").run()
    at.text_input(key="cases-path").set_value(str(sweep / "other.csv")).run()
    assert "'id'" in at.error[0].value.replace("\\", "") and "import-apply" not in keys_of(at, "button")


def test_decisions_create_a_version_and_queue_a_rerun(sweep: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(jobs, "ensure_scheduler", lambda: None)
    add_hard_cases("sweep", ["post-00003", "post-00000"], ["a", "b"])
    assert "relabel-queue" not in keys_of(with_tool("Apply decisions"), "button")
    set_action("sweep", ["post-00003", "post-00000"], "relabel")
    set_new_label("sweep", ["post-00003"], "pc")
    at = with_tool("Apply decisions")
    assert "Training: 1 label changed, 0 examples removed; test: 1 label changed" in page_text(at)
    at.segmented_control(key="relabel-where").set_value("train").run()
    assert "Training: 1 label changed, 0 examples removed." in page_text(at) and "1 decision about" in page_text(at)
    at.button(key="relabel-queue").click().run()
    assert not at.exception and "posts is unchanged" in at.success[0].value.replace("\\", "")
    (queued,) = {*experiment_ids()} - {"sweep"}
    assert ("", f"experiment={queued}") in link_targets(with_tool("Before and after"))


def test_before_and_after_are_compared_by_ratio(sweep: Path) -> None:
    add_hard_cases("sweep", ["post-00003"], ["a"])
    set_action("sweep", ["post-00003"], "relabel")
    set_new_label("sweep", ["post-00003"], "pc")
    version = apply_decisions("sweep")
    after = make_experiment(version, "after", ratios=(3, 10), seeds=(0, 1), seed=1)
    save_experiment(replace(after, parent="sweep"))
    at = with_tool("Before and after")
    table = at.dataframe[0].value
    assert table["Ratio"].tolist() == ["1:3", "1:10"] * 2 and (table["Seeds"] == 2).all()
    assert "1 test label changed" in page_text(at) and "points" in page_text(at)
