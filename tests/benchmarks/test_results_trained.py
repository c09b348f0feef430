"""`benchmarks.results` without arguments: it resumes unfinished runs, adds remedies, then writes the page."""

from pathlib import Path

import pytest

from benchmarks.results import experiments
from benchmarks.results.__main__ import main
from closecall.data.experiments.runs import load_runs
from closecall.data.experiments.store import TrainingConfig
from closecall.models.queue.jobs import cancel, queue_sweep
from closecall.models.queue.sweeps import SweepRequest
from tests.makers import make_dataset
from tests.tiny_bert import make_tiny_bert

pytestmark = [pytest.mark.slow, pytest.mark.timeout(280)]
PLAN = experiments.Plan("posts", "the small pair", "Small posts", 12)


@pytest.fixture
def small(workspace: Path, monkeypatch: pytest.MonkeyPatch) -> TrainingConfig:
    """One small experiment in the place of the three."""
    encoder = make_tiny_bert(workspace / "tiny-bert")
    training = TrainingConfig(encoder=str(encoder), epochs=1, batch_size=8, max_tokens=16)
    settings = {"PLANS": (PLAN,), "RATIOS": (1.0, 2.0), "SEEDS": (0,), "REMEDY_RATIO": 2.0, "TEST_NEGATIVES": 40}
    for name, value in {**settings, "TRAINING": training, "QUEUED_REMEDIES": ("tfidf-logistic", "focal")}.items():
        monkeypatch.setattr(experiments, name, value)
    make_dataset()
    return training


def test_cancelled_runs_are_resumed_before_the_page_is_written(workspace: Path, small: TrainingConfig) -> None:
    queue_sweep(
        SweepRequest("posts", title=PLAN.title, ratios=(1, 2), training=small, positives=12, test_negatives_cap=40),
        start=False,
    )
    cancel("small-posts", "r2-s0-none")
    assert main(["--out", str(workspace / "results.md")]) == 0
    runs = load_runs("small-posts")
    assert {run.name for run in runs} == {"r1-s0-none", "r2-s0-none", "r2-s0-focal", "r2-s0-tfidf-logistic"}
    assert {run.status.state for run in runs} == {"done"}
    assert experiments.train_all() == ["small-posts"]
    assert [run.status.finished for run in load_runs("small-posts")] == [run.status.finished for run in runs]
    assert "wrote this file" in (workspace / "results.md").read_text()
