"""Lists for other tools: loaded by the tools' own readers or rules, and read back by ours without a change."""

import io
import json
import xml.etree.ElementTree as ET
import zipfile
from pathlib import Path

import pandas as pd
import pytest

from closecall.data.annotations.hard_cases import ACTIONS, add_hard_cases, add_tag, set_action, set_new_label, set_note
from closecall.data.exchange.annotation_export import argilla_settings, label_studio_interface
from closecall.data.exchange.export_formats import EXPORT_FORMATS
from closecall.data.exchange.list_changes import compare_list
from closecall.data.exchange.returned_lists import read_case_file
from closecall.models.results.hard_cases import case_bytes, case_table, write_cases
from tests.makers import HOSTILE, make_dataset, make_experiment

IDS = ["post-00000", "post-00001", "post-00002", "post-00003"]


@pytest.fixture
def sweep(workspace: Path) -> str:
    make_experiment(make_dataset(), ratios=(1, 3), seeds=(0,))
    add_hard_cases("sweep", IDS, ["missed"] * 4, who="ann")
    set_action("sweep", IDS[:1], "relabel")
    set_new_label("sweep", IDS[:1], "pc")
    set_note("sweep", IDS[1:2], '=1+1 "x" \x00')
    add_tag("sweep", IDS[:1], "short")
    return "sweep"


def test_the_table_holds_evidence_before_probabilities(sweep: str) -> None:
    table = case_table(sweep)
    names = [str(name) for name in table]
    assert names.index("type_balanced") < names.index("prob_r1_s0") and names.index("margin") < names.index(
        "prob_r1_s0"
    )
    assert table.loc[3, "outcome_string"] in ("T/T", "T/F", "F/T", "F/F") and table["text"].tolist()[:3] == HOSTILE
    assert table.loc[3, "nearest_negative"].startswith("post-")


def test_datasets_loads_the_folder(sweep: str, tmp_path: Path) -> None:
    import datasets

    write_cases(sweep, tmp_path / "hard", "hf")
    loaded = datasets.load_dataset(str(tmp_path / "hard"), cache_dir=str(tmp_path / "cache"))
    rows = loaded["hard_cases"]
    assert rows["id"][:] == IDS and rows["text"][:3] == HOSTILE and rows["new_label"][0] == "pc"
    card = (tmp_path / "hard" / "README.md").read_text()
    assert card.startswith("---\npretty_name: ") and "dataset_sha256" in card
    with zipfile.ZipFile(io.BytesIO(case_bytes(sweep, "hf"))) as archive:
        assert sorted(archive.namelist()) == ["README.md", "data/hard_cases-00000-of-00001.parquet"]


def test_label_studio_tasks_follow_its_rules(sweep: str) -> None:
    """Each task has data for every variable of the interface; each result names a control and its type."""
    interface = ET.fromstring(label_studio_interface(["mac", 'a "quoted" <class>']))
    controls = {one.get("name"): one for one in interface if one.get("toName")}
    assert [one.get("value") for one in controls["action"]] == list(ACTIONS)
    assert [one.get("value") for one in controls["new_label"]] == ["mac", 'a "quoted" <class>']
    tasks = json.loads(case_bytes(sweep, "label-studio"))
    assert [task["meta"]["id"] for task in tasks] == [task["data"]["closecall_id"] for task in tasks] == IDS
    for task in tasks:
        assert {"text", "class_name"} <= set(task["data"]) and "\x00" not in json.dumps(task, ensure_ascii=False)
        for result in (one for prediction in task["predictions"] for one in prediction["result"]):
            assert controls[result["from_name"]].tag.lower() == result["type"] and result["to_name"] == "text"
    given = {one["from_name"]: one["value"] for one in tasks[0]["predictions"][0]["result"]}
    assert given == {"new_label": {"choices": ["pc"]}, "action": {"choices": ["relabel"]}}
    assert tasks[3]["predictions"] == []


def test_argilla_records_follow_its_rules(sweep: str) -> None:
    """As Argilla 2's Record.from_dict takes them: metadata without missing values, suggestions by question."""
    records = json.loads(case_bytes(sweep, "argilla"))
    assert [one["id"] for one in records] == IDS
    for one in records:
        assert set(one) == {"id", "fields", "metadata", "suggestions", "responses", "vectors"}
        assert all(isinstance(value, str | int | float) for value in one["metadata"].values())
        assert all(set(value) == {"value", "agent"} for value in one["suggestions"].values())
    assert records[0]["suggestions"]["new_label"]["value"] == "pc"
    compile(argilla_settings(["mac", "it's"]), "settings", "exec")


@pytest.mark.parametrize("form", ["csv", "jsonl", "parquet"])
def test_what_we_write_we_read_without_a_change(sweep: str, form: str) -> None:
    found = compare_list(sweep, read_case_file(case_bytes(sweep, form), f"list.{form}"))
    assert (found.changes, found.missing, len(found.problems), found.unchanged) == ((), (), 0, 4)


def test_answered_exports_of_the_tools_come_back(sweep: str) -> None:
    tasks = json.loads(case_bytes(sweep, "label-studio"))
    for number, task in enumerate(tasks):
        task.update(id=number + 1, annotations=[{"result": one["result"]} for one in task.pop("predictions")])
    found = compare_list(sweep, read_case_file(json.dumps(tasks).encode(), "export.json"))
    assert found.changes == () and len(found.problems) == 0
    records = json.loads(case_bytes(sweep, "argilla"))
    records[3]["responses"] = {"action": [{"value": "collect more", "user_id": "u"}]}
    found = compare_list(sweep, read_case_file(json.dumps(records).encode(), "records.json"))
    assert [(one.id, one.change) for one in found.changes] == [(IDS[3], {"action": "collect more"})]


def test_an_empty_list_has_every_form(workspace: Path) -> None:
    make_experiment(make_dataset(), ratios=(1,), seeds=(0,), with_embeddings=False)
    for one in EXPORT_FORMATS:
        assert isinstance(case_bytes("sweep", one.name), bytes)
    assert pd.read_parquet(io.BytesIO(case_bytes("sweep", "parquet"))).empty
