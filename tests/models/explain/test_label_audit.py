"""The label audit of an experiment: stored, reused, run in a process, cancelled."""

import time
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from closecall.data.annotations.label_audits import COPY_COLUMNS, audit_folder, load_audit, load_copies, suspect_rows
from closecall.data.datasets.store import delete_dataset, load_examples
from closecall.data.experiments.runs import load_embeddings, save_embeddings
from closecall.data.experiments.store import ExperimentConfig, experiment_folder
from closecall.data.io.errors import UserError
from closecall.data.io.files import write_frame
from closecall.models.explain.label_audit import audit, audit_digest, audit_status, start_audit, stop_audit
from closecall.models.runtime.progress import Progress
from tests.makers import make_dataset, make_experiment


@pytest.fixture
def sweep(workspace: Path) -> ExperimentConfig:
    return make_experiment(make_dataset(), ratios=(1, 3), seeds=(0, 1))


def wait_for(experiment: str, *states: str) -> str:
    deadline = time.monotonic() + 60
    while (state := audit_status(experiment).state) not in states and time.monotonic() < deadline:  # type: ignore
        time.sleep(0.1)
    return state


def test_an_audit_is_reused_for_the_same_input(sweep: ExperimentConfig) -> None:
    seen: list[Progress] = []
    info, frame = audit(sweep.id, report=seen.append)
    steps, phases = [one.step for one in seen], list(dict.fromkeys(one.phase for one in seen))
    assert steps == sorted(steps) and max(steps) <= 100 and info.content == audit_digest(sweep.id)
    assert phases == ["comparing texts", *(f"fold {one} of 5" for one in range(1, 6)), "finding neighbours"]
    before = len(seen)
    rows, _ = load_embeddings(experiment_folder(sweep.id) / "frozen")
    assert frame["id"].tolist() == rows["id"].tolist()
    suspects = frame[frame["flagged"]]
    assert len(suspects) and suspects["others"].notna().all() and (suspects["nearest_other"] != "").all()
    assert frame.loc[~frame["flagged"], "others"].isna().all()
    again, kept = audit(sweep.id, report=seen.append)
    assert len(seen) == before and again == info
    pd.testing.assert_frame_equal(kept, frame)


def test_other_embeddings_or_groups_need_a_new_audit(sweep: ExperimentConfig, workspace: Path) -> None:
    first, _ = audit(sweep.id)
    examples = load_examples("posts")
    examples["group"] = [f"g{row // 2}" for row in range(len(examples))]
    write_frame(workspace / "datasets" / "posts" / "examples.parquet", examples)
    second, _ = audit(sweep.id)
    assert second.grouped and not first.grouped and second.content != first.content
    folder = experiment_folder(sweep.id) / "frozen"
    rows, embeddings = load_embeddings(folder)
    save_embeddings(folder, rows, np.asarray(embeddings) + 0.01)
    assert audit_digest(sweep.id) != second.content


def test_an_audit_runs_in_a_process_and_can_be_cancelled(sweep: ExperimentConfig) -> None:
    assert audit_status(sweep.id) is None and load_audit(sweep.id) is None
    start_audit(sweep.id)
    assert audit_status(sweep.id).state == "running"  # type: ignore[union-attr]
    stop_audit(sweep.id)
    assert audit_status(sweep.id).state == "cancelled"  # type: ignore[union-attr]
    start_audit(sweep.id)
    assert wait_for(sweep.id, "done", "failed") == "done"
    found = load_audit(sweep.id)
    assert found is not None and found[0].content == audit_digest(sweep.id)


def test_missing_embeddings_are_reported(workspace: Path) -> None:
    make_experiment(make_dataset(), "bare", ratios=(1,), seeds=(0,), with_embeddings=False)
    with pytest.raises(UserError, match="no embeddings of the frozen encoder"):
        start_audit("bare")
    assert not audit_folder("bare").exists()


def test_an_audit_of_another_schema_is_not_read(sweep: ExperimentConfig) -> None:
    audit(sweep.id)
    path = audit_folder(sweep.id) / "audit.json"
    path.write_text(path.read_text().replace('"schema": 2', '"schema": 9'))
    assert load_audit(sweep.id) is None
    path.write_text('{"other": 1}')
    assert load_audit(sweep.id) is None
    assert audit(sweep.id)[0].schema == 2


def plant_copies(workspace: Path) -> pd.DataFrame:
    """Three texts that are near copies of a text with the other label: test and train, validation and train, test."""
    examples = load_examples("posts").set_index("id", drop=False)
    long = " ".join(f"word{one}" for one in range(60))
    for number, (positive, negative) in enumerate(PLANTED):
        text = f"{long} number {'abcde'[number] * 40}"
        examples.loc[positive, "text"], examples.loc[negative, "text"] = text, f"{text} again"
    write_frame(workspace / "datasets" / "posts" / "examples.parquet", examples.reset_index(drop=True))
    return examples


PLANTED = (("post-00003", "post-00085"), ("post-00005", "post-00086"), ("post-00009", "post-00088"))


def test_near_copies_with_opposite_labels_are_stored_with_the_audit(sweep: ExperimentConfig, workspace: Path) -> None:
    examples = plant_copies(workspace)
    _, frame = audit(sweep.id)
    copies = load_copies(sweep.id)
    opposite = {(one, other) for one, other in zip(copies["positive"], copies["negative"], strict=True)}
    assert set(PLANTED) <= opposite and copies["jaccard"].between(0.5, 1).all()
    assert copies["jaccard"].is_monotonic_decreasing
    for side, label in (("positive", 1), ("negative", 0)):
        facts = examples.loc[copies[side]]
        assert (facts["label"] == label).all() and facts["split"].tolist() == copies[f"{side}_split"].tolist()
    frame = frame[frame["split"] != "validation"]  # as where validation examples have no embedding
    rows = suspect_rows(frame, copies).set_index("id")
    members = {*copies["positive"], *copies["negative"]}
    assert set(rows.index) == {*frame.loc[frame["flagged"], "id"], *members}
    assert set(rows.index[: len(members)]) == members and (rows["near_copy"] != "").sum() == len(members)
    unjudged = rows.loc["post-00005"]
    assert unjudged["split"] == "validation" and np.isnan(unjudged["self_confidence"])
    for one in members:
        nearest = copies[(copies["positive"] == one) | (copies["negative"] == one)].iloc[0]
        assert rows.loc[one, "near_copy_jaccard"] == nearest["jaccard"]
        assert rows.loc[one, "near_copy"] in (nearest["positive"], nearest["negative"])


def test_given_copies_are_stored_and_a_deleted_dataset_has_none(sweep: ExperimentConfig, workspace: Path) -> None:
    given = pd.DataFrame([["a", "b", "test", "train", 0.7]], columns=list(COPY_COLUMNS))
    audit(sweep.id, copies=given)
    pd.testing.assert_frame_equal(load_copies(sweep.id), given)
    delete_dataset("posts")
    _, frame = audit(sweep.id)
    assert load_copies(sweep.id).empty
    assert set(suspect_rows(frame, load_copies(sweep.id))["id"]) == set(frame.loc[frame["flagged"], "id"])
