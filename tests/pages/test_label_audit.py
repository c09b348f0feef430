"""The Label audit page: before, during and after an audit, filters in the URL, suspects on the hard-case list."""

import time
from pathlib import Path

import pandas as pd
import pytest

from closecall.data.annotations.hard_cases import load_hard_cases
from closecall.data.annotations.label_audits import load_audit, load_copies
from closecall.data.annotations.selections import load_selection
from closecall.data.datasets.store import load_dataset, load_examples
from closecall.data.datasets.versions import decide_relabelling
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


@pytest.fixture
def copies(sweep: ExperimentConfig, workspace: Path) -> pd.DataFrame:
    """An audit with two planted pairs of near copies: test and train, validation and train."""
    examples = load_examples("posts").set_index("id", drop=False)
    long = " ".join(f"word{one}" for one in range(40))
    for positive, negative, letter in (("post-00003", "post-00085", "a"), ("post-00005", "post-00086", "b")):
        examples.loc[positive, "text"] = f"{long} {letter * 60} <b>mac</b>"
        examples.loc[negative, "text"] = f"{long} {letter * 60} windows"
    write_frame(workspace / "datasets" / "posts" / "examples.parquet", examples.reset_index(drop=True))
    audit(sweep.id)
    return load_copies(sweep.id)


def test_near_copies_are_counted_and_come_first(sweep: ExperimentConfig, copies: pd.DataFrame) -> None:
    _, frame = load_audit(sweep.id) or pytest.fail("there is no audit")
    at = open_page(PAGE)
    assert f"{len(copies)} pairs of near copies" in headline_of(at) and len(copies) >= 2
    table = table_with(at, "own")
    assert len(table) == len(copies) + frame["flagged"].sum()
    assert table["own"].head(len(copies)).str.startswith("near copy").all()
    assert table["label"].iloc[0] == "mac / pc"
    at.button_group(key="evidence").set_value("model").run()
    assert len(table_with(at, "own")) == frame["flagged"].sum()
    at.button_group(key="evidence").set_value("copies").run()
    assert len(table_with(at, "own")) == len(copies) and at.query_params["evidence"] in ("copies", ["copies"])
    at.button_group(key="part").set_value("test").run()
    in_test = (copies["positive_split"] == "test") | (copies["negative_split"] == "test")
    assert len(table_with(at, "own")) == in_test.sum()


def test_a_pair_is_side_by_side_with_its_difference_escaped(sweep: ExperimentConfig, copies: pd.DataFrame) -> None:
    at = open_page(PAGE, evidence="copies")
    body = next(one.proto.body for one in at.get("html") if "near-pair" in one.proto.body)
    assert "<mark>&lt;b&gt;mac&lt;/b&gt;</mark>" in body and "<mark>windows</mark>" in body and "<b>" not in body


def test_each_text_of_a_pair_is_kept_relabelled_or_removed(sweep: ExperimentConfig, copies: pd.DataFrame) -> None:
    positive, negative = copies.loc[0, "positive"], copies.loc[0, "negative"]
    at = open_page(PAGE, evidence="copies")
    at.button(key=f"decide-relabel-{positive}").click().run()
    at.button(key=f"decide-fine as is-{negative}").click().run()
    assert not at.exception
    cases = load_hard_cases(sweep.id).set_index("id")
    assert cases.loc[positive, ["action", "new_label"]].tolist() == ["relabel", "pc"]
    assert cases.loc[negative, ["action", "new_label"]].tolist() == ["fine as is", ""]
    assert (
        cases.loc[positive, "reasons"].startswith("label audit: near copy (Jaccard")
        and negative in cases.loc[positive, "reasons"]
    )
    assert cases.loc[positive, "split"] == copies.loc[0, "positive_split"]
    dataset = load_dataset("posts")
    changes = decide_relabelling(dataset, load_hard_cases(sweep.id)).changes
    assert changes[["id", "new_label"]].to_numpy().tolist() == [[positive, "pc"]]

    at.button(key=f"decide-duplicate-{positive}").click().run()
    changes = decide_relabelling(dataset, load_hard_cases(sweep.id)).changes
    assert changes[["id", "drop"]].to_numpy().tolist() == [[positive, "duplicate"]]
    at.button(key=f"decide-duplicate-{positive}").click().run()
    assert load_hard_cases(sweep.id).set_index("id").loc[positive, "action"] == ""


def test_pairs_are_listed_without_a_decision_and_read_by_split(sweep: ExperimentConfig, copies: pd.DataFrame) -> None:
    at = open_page(PAGE, evidence="copies")
    at.button(key="list-suspects").click().run()
    cases = load_hard_cases(sweep.id)
    assert set(cases["id"]) == {*copies["positive"], *copies["negative"]} and set(cases["action"]) == {""}
    at.button(key="undo").click().run()
    assert load_hard_cases(sweep.id).empty
    at.button(key="read-validation").click().run()
    assert not at.exception
    where = pd.concat([copies[f"{one}_split"].set_axis(copies[one]) for one in ("positive", "negative")])
    picked = load_selection(sweep.id, at.query_params["picked"]).ids
    assert set(picked) == set(where.index[where == "validation"])


def test_a_suspect_is_decided_on_the_page(sweep: ExperimentConfig) -> None:
    _, frame = audit(sweep.id)
    first = frame[frame["flagged"]].sort_values("self_confidence", kind="stable").iloc[0]["id"]
    at = open_page(PAGE)
    at.button(key=f"decide-not our class-{first}").click().run()
    cases = load_hard_cases(sweep.id).set_index("id")
    assert cases.loc[first, "action"] == "not our class" and list(cases.index) == [first]
    at.button(key="undo").click().run()
    assert load_hard_cases(sweep.id).empty
