"""Tables in real, local trackers, in the run that the Trainer itself opened."""

import json
import sqlite3
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from closecall.data.experiments.runs import load_predictions, load_run
from closecall.data.io.errors import UserError
from closecall.models.integrations.trackers import MAX_ROWS, check_trackers, table_of
from closecall.models.runtime.child_process import CODE_FOLDER, child_environment
from tests.tiny_bert import make_tiny_bert


def test_a_table_has_the_test_rows_positives_first() -> None:
    rng = np.random.default_rng(0)
    n = MAX_ROWS + 5
    frame = pd.DataFrame({"id": [str(i) for i in range(n)], "split": "test", "label": np.arange(n) % 2,
                          "pos_prob": rng.random(n)})  # fmt: skip
    table = table_of(frame, pd.Series({"1": "first"}))
    assert len(table) == MAX_ROWS and list(table) == ["id", "text", "label", "pos_prob"]
    assert table["label"].is_monotonic_decreasing and table.set_index("id")["text"]["1"] == "first"
    assert table.loc[table["label"] == 1, "pos_prob"].is_monotonic_decreasing


def test_an_unknown_tracker_is_refused() -> None:
    with pytest.raises(UserError, match="trackio, mlflow, wandb"):
        check_trackers(["tensorboard"])


def recorded(workspace: Path, tracker: str, **environment: str) -> pd.DataFrame:
    """Train in a process of its own, where the Trainer itself reports to a tracker; the probabilities by id."""
    tiny = make_tiny_bert(workspace / "tiny-bert")
    command = [sys.executable, "-m", "tests.models.integrations.train_recorded", str(tiny), str(workspace), tracker]
    known = {**child_environment(1), "PYTHONPATH": str(CODE_FOLDER), **environment}
    done = subprocess.run(command, cwd=workspace, env=known, capture_output=True, text=True, timeout=250)
    assert done.returncode == 0, done.stderr[-3000:]
    own = load_predictions(load_run("spam", "r3-s7-none"))
    return pd.DataFrame({"pos_prob": own.pos_probs, "label": own.labels}, index=own.ids.astype(str))


@pytest.mark.slow
@pytest.mark.timeout(280)
def test_mlflow_gets_the_table(workspace: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    mlflow = pytest.importorskip("mlflow", reason="mlflow is not installed")
    uri = (workspace / "mlruns").as_uri()
    own = recorded(workspace, "mlflow", MLFLOW_TRACKING_URI=uri, MLFLOW_ALLOW_FILE_STORE="true")
    monkeypatch.setenv("MLFLOW_ALLOW_FILE_STORE", "true")
    mlflow.set_tracking_uri(uri)
    runs = mlflow.search_runs(search_all_experiments=True)
    assert len(runs) == 1 and "metrics.train_loss" in runs  # one run: the Trainer's
    table = mlflow.load_table("closecall/predictions.json", run_ids=[runs["run_id"][0]]).set_index("id")
    assert set(table.index) == set(own.index)
    np.testing.assert_allclose(table["pos_prob"], own["pos_prob"].reindex(table.index))


@pytest.mark.slow
@pytest.mark.timeout(280)
def test_trackio_gets_the_table(workspace: Path) -> None:
    pytest.importorskip("trackio", reason="trackio is not installed")
    own = recorded(workspace, "trackio", TRACKIO_DIR=str(workspace / "trackio"))
    (database,) = (workspace / "trackio").glob("*.db")
    with sqlite3.connect(database) as known:
        logged = [(run, json.loads(values)) for run, values in known.execute("select run_name, metrics from metrics")]
    assert {run for run, _ in logged} == {"first"} and any("train/loss" in values for _, values in logged)
    (rows,) = [values["closecall/predictions"]["_value"] for _, values in logged if "closecall/predictions" in values]
    table = pd.DataFrame(rows).set_index("id")
    assert set(table.index) == set(own.index)
    np.testing.assert_allclose(table["pos_prob"], own["pos_prob"].reindex(table.index))
