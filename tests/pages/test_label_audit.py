"""The Label audit page: before, while and after an audit, its filters in the URL, suspects on the list."""

import time
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from closecall.data.annotations.hard_cases import load_hard_cases
from closecall.data.datasets.store import load_examples
from closecall.data.experiments.store import ExperimentConfig
from closecall.data.io.files import write_frame
from closecall.models.explain.label_audit import audit
from tests.makers import HOSTILE, make_dataset, make_experiment
from tests.pages_driver import links, open_page, page_text

PAGE = "label_audit"


@pytest.fixture
def sweep(workspace: Path) -> ExperimentConfig:
    return make_experiment(make_dataset(), ratios=(1, 3), seeds=(0, 1))


def suspects(at: AppTest):
    return next(one.value for one in at.dataframe if "own" in one.value)


def test_without_embeddings_it_says_what_is_missing(workspace: Path) -> None:
    make_experiment(make_dataset(), ratios=(1, 3), seeds=(0,), with_embeddings=False)
    at = open_page(PAGE)
    assert "embeddings, which the audit needs, are not there yet" in page_text(at)
    assert not [one for one in at.button if one.key == "audit"] and ("See the progress", "") in links(at)


def test_it_is_started_followed_and_shown(sweep: ExperimentConfig) -> None:
    at = open_page(PAGE)
    assert "were not audited yet" in page_text(at)
    at.button(key="audit").click().run()
    assert "are being audited" in page_text(at) or "look wrong" in page_text(at)
    deadline = time.monotonic() + 60
    while "look wrong" not in page_text(at) and time.monotonic() < deadline:
        time.sleep(0.3)
        at.run()
    assert not at.exception
    assert at.markdown[0].value.endswith("negatives.") and "labels look wrong" in at.markdown[0].value
    assert "upper bound" in page_text(at) and "would judge better" in page_text(at)
    table = next(one.value for one in at.dataframe if "recall-0" in one.value)
    assert table["ratio"].tolist() == ["1:1", "1:3"]


def test_filters_narrow_the_table_and_live_in_the_url(sweep: ExperimentConfig) -> None:
    _, frame = audit(sweep.id)
    flagged = frame[frame["flagged"]]
    at = open_page(PAGE, labelled="positive", part="test", near="4")
    wanted = flagged[(flagged["label"] == 1) & (flagged["split"] == "test") & (flagged["others"] >= 4)]
    assert len(suspects(at)) == len(wanted) > 0
    at.button_group(key="part").set_value("all").run()
    wanted = flagged[(flagged["label"] == 1) & (flagged["others"] >= 4)]
    assert len(suspects(at)) == len(wanted)
    assert "part" not in at.query_params and at.query_params["labelled"] in ("positive", ["positive"])


def test_all_or_the_ticked_come_on_the_list_to_be_relabelled(sweep: ExperimentConfig) -> None:
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


def test_the_suspects_open_as_a_queue(sweep: ExperimentConfig) -> None:
    audit(sweep.id)
    at = open_page(PAGE, part="test")
    at.button(key="read-test").click().run()
    assert not at.exception
    assert "the label audit, test split · " in page_text(at) and at.query_params["picked"]


def test_hostile_texts_are_shown_as_text(sweep: ExperimentConfig, workspace: Path) -> None:
    audit(sweep.id)
    examples = load_examples("posts")
    examples["text"] = HOSTILE[0]
    examples["class_name"] = HOSTILE[0]
    write_frame(workspace / "datasets" / "posts" / "examples.parquet", examples)
    at = open_page(PAGE)
    bodies = "\n".join(one.proto.body for one in at.get("html"))
    assert "&lt;script&gt;alert" in bodies and "<script>alert" not in bodies + page_text(at)
