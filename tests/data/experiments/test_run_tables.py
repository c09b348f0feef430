"""Run tables: every run's probabilities in the order of the evaluation, whatever order its file has."""

from pathlib import Path

import numpy as np
import pytest

from closecall.data.experiments.run_tables import read_run_tables
from closecall.data.experiments.runs import load_predictions, load_runs
from closecall.data.experiments.store import load_evaluation
from closecall.data.io.errors import UserError
from closecall.data.io.files import read_frame, write_frame
from tests.makers import make_dataset, make_experiment


@pytest.fixture
def sweep(workspace: Path) -> str:
    return make_experiment(make_dataset(), ratios=(1, 3), seeds=(0, 1), with_embeddings=False).id


def test_tables_hold_what_the_files_hold(sweep: str) -> None:
    runs = load_runs(sweep)
    for split, table in read_run_tables(sweep, runs).items():
        rows = load_evaluation(sweep).query("split == @split")
        assert table.ids.tolist() == rows["id"].tolist() and table.labels.tolist() == rows["label"].tolist()
        assert table.runs == tuple(run.name for run in runs) and table.ratios.tolist() == [1, 1, 3, 3]
        for run, probs in zip(runs, table.pos_probs, strict=True):
            assert np.array_equal(probs, load_predictions(run, split).pos_probs)
        assert not np.isnan(table.pos_probs).any()


def test_a_file_in_another_order_or_with_gaps_is_matched_by_id(sweep: str) -> None:
    runs = load_runs(sweep)
    whole = read_run_tables(sweep, runs)
    path = runs[1].folder / "predictions.parquet"
    frame = read_frame(path).sample(frac=1, random_state=0)
    gone = frame["id"].iloc[0]
    write_frame(path, frame.iloc[1:])
    for split, table in read_run_tables(sweep, runs).items():
        here = table.ids != gone
        assert np.array_equal(table.pos_probs[1, here], whole[split].pos_probs[1, here])
        assert np.isnan(table.pos_probs[1, ~here]).all()
        assert not np.isnan(np.delete(table.pos_probs, 1, axis=0)).any()


def test_no_runs_and_broken_files(sweep: str) -> None:
    assert read_run_tables(sweep, [])["test"].pos_probs.shape[0] == 0
    run = load_runs(sweep)[0]
    (run.folder / "predictions.parquet").write_bytes(b"no parquet")
    with pytest.raises(UserError, match="cannot be read as Parquet"):
        read_run_tables(sweep, [run])
