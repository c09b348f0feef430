import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest

from closecall.data.experiments.store import TrainingConfig
from closecall.data.io.errors import UserError
from closecall.models.queue import estimate
from closecall.models.queue.estimate import estimate_sweep, mean_tokens, side_by_side
from closecall.models.queue.sweeps import SweepRequest
from closecall.models.training.run import execute
from closecall.models.training.throughput import Throughput, known_throughput, save_throughput
from tests.makers import make_dataset
from tests.tiny_bert import make_tiny_bert
from tests.tiny_sweep import ignore, make_tiny_sweep, never

CONFIG = TrainingConfig(max_tokens=24, epochs=3)


def test_the_arithmetic_of_an_estimate(workspace: Path) -> None:
    dataset = make_dataset()
    save_throughput(
        CONFIG, Throughput(training=100.0, forward=400.0, tokens_per_character=10.0)
    )  # every text has 24 tokens
    shown = estimate_sweep(SweepRequest("posts", ratios=(1, 4), seeds=(0,), training=CONFIG), processes=2)
    assert shown.mean_tokens == 24 and shown.examples_per_second == pytest.approx(100 / 24)
    n_test = int((dataset.examples["split"] == "test").sum())
    n_validation = int((dataset.examples["split"] == "validation").sum())
    size = 2 * 41  # all 41 training positives, as many negatives
    probed = 0.2 * 3 * size
    expected = 3 + 24 * 3 * size / 100 + 24 * (n_test + n_validation + size + probed) / 400
    assert shown.run_seconds["r1-s0-none"] == pytest.approx(expected)
    assert shown.run_seconds["r4-s0-none"] > 2 * shown.run_seconds["r1-s0-none"]
    alone = estimate_sweep(SweepRequest("posts", ratios=(1, 4), seeds=(0,), training=CONFIG), processes=1)
    assert alone.total_seconds == pytest.approx(sum(shown.run_seconds.values()) + shown.frozen_seconds + 15)
    assert shown.total_seconds < alone.total_seconds


def test_equal_steps_make_all_runs_as_long_as_the_smallest(workspace: Path) -> None:
    make_dataset()
    config = replace(CONFIG, equal_steps=True)
    save_throughput(config, Throughput(100.0, 1e9, 10.0))
    shown = estimate_sweep(SweepRequest("posts", ratios=(1, 4), training=config))
    assert shown.run_seconds["r4-s0-none"] == pytest.approx(shown.run_seconds["r1-s0-none"], rel=1e-3)


def test_a_sweep_that_the_data_cannot_give_is_refused(workspace: Path) -> None:
    make_dataset()
    save_throughput(CONFIG, Throughput(100.0, 400.0, 0.25))
    with pytest.raises(UserError, match="largest possible"):
        estimate_sweep(SweepRequest("posts", ratios=(1, 50), positives=41, training=CONFIG))


def test_processes_share_the_work() -> None:
    assert side_by_side([4, 3, 3, 2], 1) == 12
    assert side_by_side([4, 3, 3, 2], 2) == 6
    assert side_by_side([9, 1, 1], 8) == 9
    assert side_by_side([], 2) == 0


def test_tokens_are_guessed_from_characters() -> None:
    texts = pd.Series(["", "a" * 40, "a" * 4000])
    assert mean_tokens(texts, 64, 0.25) == pytest.approx((2 + 12 + 64) / 3)


def test_the_speed_is_measured_once_and_then_known(workspace: Path) -> None:
    make_dataset()
    encoder = make_tiny_bert(workspace / "tiny-bert")
    config = replace(CONFIG, encoder=str(encoder), freeze_word_embeddings=False)
    shown = estimate_sweep(SweepRequest("posts", ratios=(1, 2), training=config))
    assert shown.examples_per_second > 10 and 10 < shown.mean_tokens <= 24
    speed = known_throughput(config)
    assert speed is not None and speed.training > 0 and speed.forward > speed.training / 2
    assert known_throughput(replace(config, max_tokens=32)) is None
    assert estimate_sweep(SweepRequest("posts", ratios=(1, 2), training=config)).run_seconds == shown.run_seconds


def test_errors_in_measuring_are_reported(workspace: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    make_dataset()
    with pytest.raises(UserError, match="There is no encoder folder /gone"):
        estimate_sweep(SweepRequest("posts", ratios=(1,), training=replace(CONFIG, encoder="/gone")))
    monkeypatch.setattr(estimate, "MEASURE_SECONDS", 0.01)
    with pytest.raises(UserError, match="takes too long"):
        estimate_sweep(SweepRequest("posts", ratios=(1,), training=CONFIG))


def test_real_runs_correct_the_speed(workspace: Path) -> None:
    config, (run,) = make_tiny_sweep(workspace)
    save_throughput(config.training, Throughput(1.0, 1.0, 0.25))
    execute(run, should_stop=never, report=ignore)
    speed = known_throughput(config.training)
    assert speed is not None and speed.training > 100 and speed.forward > 100 and speed.tokens_per_character == 0.25


def test_estimating_needs_no_torch() -> None:
    code = "import sys, closecall.models.queue.estimate\n"
    code += "import closecall.models.training.throughput\n"
    code += "print([name for name in ('torch', 'transformers') if name in sys.modules])"
    house = Path(__file__).resolve().parents[3]
    out = subprocess.run([sys.executable, "-c", code], cwd=house, capture_output=True, text=True, check=True)
    assert json.loads(out.stdout.replace("'", '"')) == []
