"""The label audit of an experiment: stored, reused, run in a process, cancelled."""

import time
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from closecall.data.annotations.label_audits import audit_folder, load_audit
from closecall.data.datasets.store import load_examples
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
    assert [one.step for one in seen] == [0, 1, 2, 3, 4, 5] and info.content == audit_digest(sweep.id)
    rows, _ = load_embeddings(experiment_folder(sweep.id) / "frozen")
    assert frame["id"].tolist() == rows["id"].tolist()
    suspects = frame[frame["flagged"]]
    assert len(suspects) and suspects["others"].notna().all() and (suspects["nearest_other"] != "").all()
    assert frame.loc[~frame["flagged"], "others"].isna().all()
    again, kept = audit(sweep.id, report=seen.append)
    assert len(seen) == 6 and again == info
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
    path.write_text(path.read_text().replace('"schema": 1', '"schema": 9'))
    assert load_audit(sweep.id) is None
    path.write_text('{"other": 1}')
    assert load_audit(sweep.id) is None
    assert audit(sweep.id)[0].schema == 1
