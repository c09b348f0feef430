"""An audit of an experiment: kept, made once, started apart, stopped; and in the terminal."""

import time
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from closecall.data.annotations.label_audits import audit_folder, load_audit, require_audit
from closecall.data.datasets.store import load_examples
from closecall.data.experiments.runs import load_embeddings, save_embeddings
from closecall.data.experiments.store import ExperimentConfig, experiment_folder
from closecall.data.io.errors import UserError
from closecall.data.io.files import write_frame
from closecall.models.explain.label_audit import audit, audit_status, content_of, start_audit, stop_audit
from closecall.models.runtime.progress import Progress
from tests.cli.test_main import Terminal, closecall  # noqa: F401
from tests.makers import make_dataset, make_experiment


@pytest.fixture
def sweep(workspace: Path) -> ExperimentConfig:
    return make_experiment(make_dataset(), ratios=(1, 3), seeds=(0, 1))


def wait_for(experiment: str, *states: str) -> str:
    deadline = time.monotonic() + 60
    while (state := audit_status(experiment).state) not in states and time.monotonic() < deadline:  # type: ignore
        time.sleep(0.1)
    return state


def test_it_is_made_once_for_the_same_content(sweep: ExperimentConfig) -> None:
    seen: list[Progress] = []
    info, frame = audit(sweep.id, report=seen.append)
    assert [one.step for one in seen] == [0, 1, 2, 3, 4, 5] and info.content == content_of(sweep.id)
    rows, _ = load_embeddings(experiment_folder(sweep.id) / "frozen")
    assert frame["id"].tolist() == rows["id"].tolist()
    suspects = frame[frame["flagged"]]
    assert len(suspects) and suspects["others"].notna().all() and (suspects["nearest_other"] != "").all()
    assert frame.loc[~frame["flagged"], "others"].isna().all()
    again, kept = audit(sweep.id, report=seen.append)
    assert len(seen) == 6 and again == info
    pd.testing.assert_frame_equal(kept, frame)


def test_other_embeddings_or_groups_are_audited_anew(sweep: ExperimentConfig, workspace: Path) -> None:
    first, _ = audit(sweep.id)
    examples = load_examples("posts")
    examples["group"] = [f"g{row // 2}" for row in range(len(examples))]
    write_frame(workspace / "datasets" / "posts" / "examples.parquet", examples)
    second, _ = audit(sweep.id)
    assert second.grouped and not first.grouped and second.content != first.content
    folder = experiment_folder(sweep.id) / "frozen"
    rows, embeddings = load_embeddings(folder)
    save_embeddings(folder, rows, np.asarray(embeddings) + 0.01)
    assert content_of(sweep.id) != second.content


def test_an_audit_runs_apart_and_can_be_stopped(sweep: ExperimentConfig) -> None:
    assert audit_status(sweep.id) is None and load_audit(sweep.id) is None
    with pytest.raises(UserError, match="not audited yet"):
        require_audit(sweep.id)
    start_audit(sweep.id)
    assert audit_status(sweep.id).state == "running"  # type: ignore[union-attr]
    stop_audit(sweep.id)
    assert audit_status(sweep.id).state == "cancelled"  # type: ignore[union-attr]
    start_audit(sweep.id)
    assert wait_for(sweep.id, "done", "failed") == "done"
    assert require_audit(sweep.id)[0].content == content_of(sweep.id)


def test_what_is_missing_is_a_sentence(workspace: Path) -> None:
    make_experiment(make_dataset(), "bare", ratios=(1,), seeds=(0,), with_embeddings=False)
    with pytest.raises(UserError, match="no embeddings of the frozen encoder"):
        start_audit("bare")
    assert not audit_folder("bare").exists()


def test_an_audit_of_another_version_is_made_anew(sweep: ExperimentConfig) -> None:
    audit(sweep.id)
    path = audit_folder(sweep.id) / "audit.json"
    path.write_text(path.read_text().replace('"schema": 1', '"schema": 9'))
    assert load_audit(sweep.id) is None
    path.write_text('{"other": 1}')
    assert load_audit(sweep.id) is None
    assert audit(sweep.id)[0].schema == 1


def test_in_the_terminal(closecall: Terminal, workspace: Path, tmp_path: Path) -> None:  # noqa: F811
    make_experiment(make_dataset(), ratios=(1, 3), seeds=(0, 1))
    assert closecall("audit", "sweep", "--out", tmp_path / "suspects.csv") == 0
    assert "labels look wrong" in closecall.err and "upper bound" in closecall.err
    assert "suspects relabelled" in closecall.out
    table = pd.read_csv(tmp_path / "suspects.csv")
    assert {"id", "self_confidence", "nearest_other", "text", "dataset_sha256"} <= set(table)
    assert closecall("audit", "sweep", "--json") == 0
    assert closecall.out.count("\n") == len(table)
    assert closecall("audit", "nope") == 2 and "no experiment named nope" in closecall.err
