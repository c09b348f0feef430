"""Compare training speed in examples/s: Hugging Face's Trainer with four settings, and Close Call."""

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median

import numpy as np

from benchmarks.peers.children import Job, work_side_by_side
from benchmarks.peers.texts import sentences
from closecall.models.encoders.loading import load_config, load_tokenizer
from closecall.models.encoders.tokenization import tokenise
from closecall.models.runtime.capacity import free_cores, max_processes

CORES = free_cores()
USUAL = {"batch_size": 8, "dynamic": False, "bf16": False, "by_length": False}
BEST = {"batch_size": 16, "dynamic": True, "bf16": True, "by_length": True}


@dataclass(frozen=True)
class TrainingMethod:
    """One row of the table: its module and job, and the number of processes and of threads in each."""

    name: str
    module: str
    job: Job
    processes: int
    threads: int


METHODS = (
    TrainingMethod("Trainer, usual script: padded to 128, batch 8", "trainer", USUAL, 1, CORES),
    TrainingMethod("Trainer, dynamic padding, batch 8", "trainer", {**USUAL, "dynamic": True}, 1, CORES),
    TrainingMethod("Trainer, fastest: dynamic, bf16, by length, batch 16", "trainer", BEST, 1, CORES),
    TrainingMethod("the same, one process of one thread for each core", "trainer", BEST, CORES, 1),
    TrainingMethod(
        "Close Call, every layer trained, batch 16", "closecall_training", {"batch_size": 16}, max_processes(), 1
    ),
)


def compare_training(rounds: int, examples: int) -> list[str]:
    """Time all methods and return the lines to print. In each round all train on the same random `examples`."""
    speeds: dict[str, list[float]] = {one.name: [] for one in METHODS}
    peaks: dict[str, list[float]] = {"float32": [], "bfloat16": []}
    flops: list[float] = []
    for turn in range(rounds):
        rows = np.random.default_rng(turn).permutation(len(sentences()[0]))[:examples]
        flops.append(useful_flops(rows))
        for precision, values in peaks.items():
            values.append(peak(precision, CORES))
        for one in METHODS:
            seconds, _ = work_side_by_side(one.module, _shares(one, rows), threads=one.threads)
            speeds[one.name].append(examples / seconds)
    one_core = {precision: peak(precision, 1) for precision in peaks}
    return [*_peak_lines(peaks, one_core, median(flops)), "", *_table(speeds, peaks["bfloat16"], flops)]


def peak(precision: str, processes: int) -> float:
    """Billions of operations per second, of `processes` with one thread each, at once."""
    jobs = [{"threads": 1, "precision": precision}] * processes
    return float(sum(one["gflops"] for one in work_side_by_side("peak", jobs, threads=1)[1]))


def useful_flops(rows: np.ndarray) -> float:
    """Mean number of operations to train the whole encoder on one of these sentences, without padding.

    For each token and layer, a forward pass takes 2 (4 h^2 + 2 h f) operations in the linear layers, and 4 h t in
    attention over t tokens. The backward pass takes twice as many.
    """
    texts, config = sentences()[0], load_config("minilm")
    lengths = tokenise([texts[i] for i in rows], load_tokenizer("minilm"), 128).lengths.astype(float)
    h, f = config.hidden_size, config.intermediate_size
    each = 3 * config.num_hidden_layers * (lengths * 2 * (4 * h * h + 2 * h * f) + 4 * h * lengths**2)
    return float(each.mean())


def _shares(method: TrainingMethod, rows: np.ndarray) -> list[Job]:
    """The jobs of a method's processes: each trains on an equal part of the rows."""
    parts = np.array_split(rows, method.processes)
    return [{**method.job, "threads": method.threads, "rows": part.tolist()} for part in parts]


def _peak_lines(peaks: dict[str, list[float]], one_core: dict[str, float], flops: float) -> list[str]:
    named = ", ".join(
        f"{name} {median(values):,.0f} ({one_core[name]:,.0f} on one core)" for name, values in peaks.items()
    )
    return [
        f"Peak of {CORES} cores at once, square matrix products, billions of operations a second: {named}.",
        f"One training example, all layers, without padding: {flops / 1e9:.2f} billion operations.",
    ]


def _table(speeds: dict[str, list[float]], peaks: Sequence[float], flops: Sequence[float]) -> list[str]:
    usual, best = speeds[METHODS[0].name], speeds[METHODS[2].name]
    budgets = [1e9 * top / each for top, each in zip(peaks, flops, strict=True)]  # examples/s at the peak
    lines = [f"{'':<58}{'examples/s':>11}{'x usual':>9}{'x best':>8}{'of bf16 peak':>14}"]
    for one in METHODS:
        own = speeds[one.name]
        times = f"{_ratio(own, usual):>9.1f}{_ratio(own, best):>8.2f}"
        lines.append(f"{one.name:<58}{median(own):>11.1f}{times}{100 * _ratio(own, budgets):>12.0f} %")
    return lines


def _ratio(own: Sequence[float], other: Sequence[float]) -> float:
    """The median over rounds of the ratio within a round."""
    return median(a / b for a, b in zip(own, other, strict=True))
