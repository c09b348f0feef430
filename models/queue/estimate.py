"""Estimate how long a sweep takes, from this machine's measured speed. Nothing here imports torch."""

import heapq
import json
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from itertools import product

import numpy as np
import pandas as pd

from closecall.data.datasets.store import load_examples
from closecall.data.experiments.plans import draw_evaluation, draw_plan, training_counts
from closecall.data.experiments.remedies import examples_an_epoch, find_remedy, trained_remedies
from closecall.data.experiments.store import (
    TrainingConfig,
    load_evaluation,
    load_experiment,
    load_plan,
    run_name,
    run_names,
)
from closecall.data.io.errors import UserError
from closecall.models.queue.sweeps import SweepRequest, with_located_encoder
from closecall.models.runtime.capacity import max_processes, threads_per_process
from closecall.models.runtime.child_process import CODE_FOLDER, child_environment
from closecall.models.runtime.extras import require_training
from closecall.models.training.throughput import Throughput, known_throughput

SAMPLE = 128
"""Texts that the speed is measured on."""
MEASURE_SECONDS = 180.0
FIXED_SECONDS = 3.0
"""Of each run: loading and projecting."""
PROCESS_SECONDS = 15.0
"""Once for each worker process: importing torch, and compiling the projection."""
PREVIEW_EPOCHS, MOST_PREVIEWED = 3, 1000
CACHING_SHARE, TOP_READING_SHARE, TOP_TRAINING_SHARE = 0.55, 0.15, 0.1
"""What a preview's passes cost, as shares of reading and of training with all layers in the runs' own precision."""
PREVIEW_SECONDS, START_SECONDS = 2.0, 6.0
"""Of each ratio: loading and the linear probe; once: importing torch."""
EPOCH_VALIDATION_SHARE = 0.2
"""Validation examples read after an epoch, as a share of the training examples."""


@dataclass(frozen=True)
class Estimate:
    """Seconds of each run by its name, of the frozen embeddings, and in total with `processes` runs in parallel.

    `preview_seconds` is the time of a preview alone; it is part of the total if one is requested. `examples_per_second`
    is one worker process's training speed at this dataset's mean length of `mean_tokens`.
    """

    run_seconds: dict[str, float]
    frozen_seconds: float
    preview_seconds: float
    total_seconds: float
    processes: int
    examples_per_second: float
    mean_tokens: float


def estimate_sweep(request: SweepRequest, *, processes: int | None = None) -> Estimate:
    """How long a sweep takes on this machine, without its remedies.

    The first estimate for an encoder and length trains a few steps to measure the speed, in a process of its own, about
    ten seconds. Later ones use that speed, or the speed of runs since. UserError as for the sweep itself.
    """
    config, ratios, seeds = with_located_encoder(request.training), request.ratios, request.seeds
    examples = load_examples(request.dataset, ["id", "text", "label", "split"])
    plan = draw_plan(examples, sweep=request.sweep, ratios=ratios, seeds=seeds, positives=request.positives)
    sizes = {run_name(r, seed): sum(training_counts(plan, ratio=r, seed=seed)) for r in ratios for seed in seeds}
    n_validation, n_test = (
        len(draw_evaluation(examples, split=split, negatives_cap=request.test_negatives_cap))
        for split in ("validation", "test")
    )
    speed = known_throughput(config) or measure_speed(config, examples["text"])
    length = mean_tokens(examples["text"], config.max_tokens, speed.tokens_per_character)
    trained = _examples_trained(sizes, config)
    n_evaluated = n_validation + n_test
    run_seconds = {
        name: _run_seconds(
            speed, length, trained[name], n_evaluated + size + _validated(trained[name], n_validation, config)
        )
        for name, size in sizes.items()
    }
    frozen = FIXED_SECONDS + length * (n_test + plan["id"].nunique()) / speed.forward
    width = processes or max_processes()
    rough = (
        _preview_seconds(speed, length, [sizes[run_name(r, seeds[0])] for r in ratios], n_validation, n_test) / width
    )
    total = side_by_side([*run_seconds.values(), frozen], width) + PROCESS_SECONDS + (rough if request.preview else 0.0)
    return Estimate(run_seconds, frozen, rough + START_SECONDS, total, width, speed.training / length, length)


def estimate_remedies(
    experiment: str, remedies: Sequence[str], *, ratios: Sequence[float], seeds: Sequence[int]
) -> float | None:
    """Seconds until these remedies are trained, at the speed known here; None when no speed is known yet.

    Runs that exist already do not count.
    """
    config = load_experiment(experiment)
    speed = known_throughput(config.training)
    if speed is None:
        return None
    length = mean_tokens(
        load_examples(config.dataset, ["text"])["text"], config.training.max_tokens, speed.tokens_per_character
    )
    n_evaluated, plan, there = len(load_evaluation(experiment)), load_plan(experiment), set(run_names(experiment))
    seconds = []
    for remedy, ratio, seed in product(trained_remedies(remedies), ratios, seeds):
        if run_name(ratio, seed, remedy) not in there:
            counts = training_counts(plan, ratio=ratio, seed=seed)
            trained = config.training.epochs * examples_an_epoch(remedy, *counts)
            read = n_evaluated + sum(counts) if find_remedy(remedy).fine_tunes else 0
            seconds.append(_run_seconds(speed, length, trained, read))
    return side_by_side(seconds, max_processes()) + PROCESS_SECONDS if seconds else 0.0


def measure_speed(config: TrainingConfig, texts: pd.Series) -> Throughput:
    """Train and read a few batches of these texts in a process of its own, and save the speed."""
    require_training()
    sample = texts.sample(n=min(SAMPLE, len(texts)), random_state=0).tolist()
    try:
        child = subprocess.run(
            [sys.executable, "-m", "closecall.models.training.throughput"],
            input=json.dumps({"config": asdict(config), "texts": sample}),
            capture_output=True,
            text=True,
            cwd=CODE_FOLDER,
            env=child_environment(threads_per_process()),
            timeout=MEASURE_SECONDS,
        )
    except subprocess.TimeoutExpired:
        raise UserError("The speed could not be measured: the encoder takes too long for a few steps.") from None
    try:
        answer = json.loads(child.stdout.strip().splitlines()[-1])
    except (ValueError, IndexError):
        raise UserError(f"The speed could not be measured: {child.stderr.strip()[-200:]}") from None
    if "error" in answer:
        raise UserError(answer["error"])
    return Throughput(**answer)


def mean_tokens(texts: pd.Series, max_tokens: int, tokens_per_character: float) -> float:
    """The mean number of tokens of these texts, truncated to `max_tokens`, estimated from their characters."""
    guessed = texts.str.len().to_numpy() * tokens_per_character + 2
    return float(np.minimum(guessed, max_tokens).mean())


def side_by_side(seconds: Sequence[float], processes: int) -> float:
    """Seconds until the last of these tasks ends on this many processes, the longest started first."""
    ends = [0.0] * max(1, processes)
    for one in sorted(seconds, reverse=True):
        heapq.heapreplace(ends, ends[0] + one)
    return max(ends)


def _preview_seconds(speed: Throughput, length: float, sizes: Sequence[int], n_validation: int, n_test: int) -> float:
    """One worker process's time for both kinds of preview of all ratios; `sizes` are their training examples."""
    tested = min(n_test, 2 * MOST_PREVIEWED)
    cached = max(sizes) + tested + min(n_validation, MOST_PREVIEWED)
    forward = CACHING_SHARE * cached + TOP_READING_SHARE * tested * len(sizes)
    trained = TOP_TRAINING_SHARE * PREVIEW_EPOCHS * sum(sizes)
    return length * (forward / speed.forward + trained / speed.training) + PREVIEW_SECONDS * len(sizes)


def _run_seconds(speed: Throughput, length: float, trained: float, read: float) -> float:
    """One run's time: examples trained on, and examples read without training, of this mean length."""
    return FIXED_SECONDS + length * trained / speed.training + length * read / speed.forward


def _examples_trained(sizes: dict[str, int], config: TrainingConfig) -> dict[str, int]:
    """Examples seen in training by each run, all epochs together."""
    smallest = min(sizes.values())
    return {name: config.epochs * (smallest if config.equal_steps else size) for name, size in sizes.items()}


def _validated(trained: int, n_validation: int, config: TrainingConfig) -> float:
    """Validation examples read at the ends of the epochs."""
    return min(EPOCH_VALIDATION_SHARE * trained, n_validation * config.epochs)
