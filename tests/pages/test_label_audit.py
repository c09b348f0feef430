"""The Label audit page: before, during and after an audit, filters in the URL, suspects on the hard-case list."""

import time
from pathlib import Path

import pytest

from closecall.data.annotations.hard_cases import load_hard_cases
from closecall.data.annotations.label_audits import load_audit
from closecall.data.annotations.selections import load_selection
from closecall.data.datasets.store import load_examples
from closecall.data.experiments.store import ExperimentConfig
from closecall.data.io.files import write_frame
from closecall.models.explain.label_audit import audit
from tests.makers import HOSTILE, make_dataset, make_experiment
from tests.pages_driver import headline_of, keys_of, link_targets, open_page, page_text, table_with

PAGE = "label_audit"


@pytest.fixture
def sweep(workspace: Path) -> ExperimentConfig:
    return make_experiment(make_dataset(), ratios=(1, 3), seeds=(0, 1))


def test_without_an_experiment_it_links_to_the_train_page(workspace: Path) -> None:
    assert link_targets(open_page(PAGE)) == [("train", "")]


def test_without_embeddings_no_audit_can_start(workspace: Path) -> None:
    make_experiment(make_dataset(), ratios=(1, 3), seeds=(0,), with_embeddings=False)
    at = open_page(PAGE)
    assert len(at.info) == 1 and ("train", "") in link_targets(at) and "audit" not in keys_of(at, "button")


def test_an_audit_is_started_and_its_result_is_shown(sweep: ExperimentConfig) -> None:
    at = open_page(PAGE)
    assert not at.dataframe
    at.button(key="audit").click().run()
    assert "stop-audit" in keys_of(at, "button") or at.dataframe
    deadline = time.monotonic() + 60
    while not at.dataframe and time.monotonic() < deadline:
        time.sleep(0.3)
        at.run()
    assert not at.exception
    _, frame = load_audit(sweep.id) or pytest.fail("there is no audit")
    assert f"{frame['flagged'].sum():,} of {len(frame):,} labels" in headline_of(at)
    assert table_with(at, "recall-0")["ratio"].tolist() == ["1:1", "1:3"]


def test_filters_narrow_the_table_and_are_in_the_url(sweep: ExperimentConfig) -> None:
    _, frame = audit(sweep.id)
    flagged = frame[frame["flagged"]]
    at = open_page(PAGE, labelled="positive", part="test", near="4")
    wanted = flagged[(flagged["label"] == 1) & (flagged["split"] == "test") & (flagged["others"] >= 4)]
    assert len(table_with(at, "own")) == len(wanted) > 0
    at.button_group(key="part").set_value("all").run()
    wanted = flagged[(flagged["label"] == 1) & (flagged["others"] >= 4)]
    assert len(table_with(at, "own")) == len(wanted)
    assert "part" not in at.query_params and at.query_params["labelled"] in ("positive", ["positive"])


def test_all_or_the_selected_suspects_are_added_to_the_hard_cases(sweep: ExperimentConfig) -> None:
    _, frame = audit(sweep.id)
    flagged = frame[frame["flagged"]].sort_values("self_confidence", kind="stable")
    at = open_page(PAGE)
    at.button(key="list-suspects").click().run()
    cases = load_hard_cases(sweep.id).set_index("id")
    assert set(cases.index) == set(flagged["id"]) and set(cases["action"]) == {"relabel"}
    first = flagged.iloc[0]
    assert cases["reasons"][first["id"]].startswith("label audit: ")
    assert cases["split"][first["id"]] == first["split"]
    assert at.button(key="list-suspects").disabled
    at.button(key="undo").click().run()
    assert load_hard_cases(sweep.id).empty

    key = next(one.key for one in at.dataframe if one.key and one.key.startswith("suspects-"))
    at.session_state[key] = {"selection": {"rows": [1]}}
    at.run()
    at.button(key="list-suspects").click().run()
    assert load_hard_cases(sweep.id)["id"].tolist() == [flagged.iloc[1]["id"]]


def test_the_suspects_open_as_a_queue_on_the_errors_page(sweep: ExperimentConfig) -> None:
    _, frame = audit(sweep.id)
    at = open_page(PAGE, part="test")
    at.button(key="read-test").click().run()
    assert not at.exception
    flagged = frame[frame["flagged"] & (frame["split"] == "test")]
    assert set(load_selection(sweep.id, at.query_params["picked"]).ids) == set(flagged["id"])


def test_hostile_texts_are_shown_as_text(sweep: ExperimentConfig, workspace: Path) -> None:
    audit(sweep.id)
    examples = load_examples("posts")
    examples["text"] = HOSTILE[0]
    examples["class_name"] = HOSTILE[0]
    write_frame(workspace / "datasets" / "posts" / "examples.parquet", examples)
    at = open_page(PAGE)
    bodies = "\n".join(one.proto.body for one in at.get("html"))
    assert "&lt;script&gt;alert" in bodies and "<script>alert" not in bodies + page_text(at)
