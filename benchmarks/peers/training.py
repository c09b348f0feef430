"""How many training examples a second: Hugging Face's Trainer in four ways, and Close Call's lanes, in turn."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from statistics import median

import numpy as np

from benchmarks.peers.children import Job, work_side_by_side
from benchmarks.peers.texts import sentences
from models.capacity import free_cores, lane_limit
from models.encoder import load_config, load_tokenizer
from models.tokens import tokenise

CORES = free_cores()
USUAL = {"batch_size": 8, "dynamic": False, "bf16": False, "by_length": False}
BEST = {"batch_size": 16, "dynamic": True, "bf16": True, "by_length": True}


@dataclass(frozen=True)
class Contender:
    """One row of the table: which module works, on which job, in how many processes of how many threads."""

    name: str
    module: str
    job: Job
    processes: int
    threads: int


CONTENDERS = (
    Contender("Trainer, usual script: padded to 128, batch 8", "trainer", USUAL, 1, CORES),
    Contender("Trainer, dynamic padding, batch 8", "trainer", {**USUAL, "dynamic": True}, 1, CORES),
    Contender("Trainer, at its best: dynamic, bf16, by length, batch 16", "trainer", BEST, 1, CORES),
    Contender("the same, one process of one thread for each core", "trainer", BEST, CORES, 1),
    Contender("Close Call, every layer trained, batch 16", "lane", {"batch_size": 16}, lane_limit(), 1),
)


def race(rounds: int, examples: int) -> list[str]:
    """The lines of the table. Each round gives every contender the same `examples`, drawn anew; then the peaks."""
    speeds: dict[str, list[float]] = {one.name: [] for one in CONTENDERS}
    peaks: dict[str, list[float]] = {"float32": [], "bfloat16": []}
    flops = 0.0
    for turn in range(rounds):
        rows = np.random.default_rng(turn).permutation(len(sentences()[0]))[:examples]
        flops = useful_flops(rows)
        for precision, found in peaks.items():
            job = {"threads": 1, "precision": precision}
            _, answers = work_side_by_side("peak", [job] * CORES, threads=1)
            found.append(sum(one["gflops"] for one in answers))
        for one in CONTENDERS:
            seconds, _ = work_side_by_side(one.module, _shares(one, rows), threads=one.threads)
            speeds[one.name].append(examples / seconds)
    return [*_peak_lines(peaks, flops), "", *_table(speeds, peaks["bfloat16"], flops)]


def useful_flops(rows: np.ndarray) -> float:
    """Operations to train the whole of the encoder on one of these sentences, without padding, on average.

    A forward pass takes 2 (4 h^2 + 2 h f) operations a token and layer in its linear layers and 4 h t in its attention
    over t tokens; the backward pass takes twice as much.
    """
    texts, config = sentences()[0], load_config("minilm")
    lengths = tokenise([texts[i] for i in rows], load_tokenizer("minilm"), 128).lengths.astype(float)
    h, f = config.hidden_size, config.intermediate_size
    each = 3 * config.num_hidden_layers * (lengths * 2 * (4 * h * h + 2 * h * f) + 4 * h * lengths**2)
    return float(each.mean())


def _shares(contender: Contender, rows: np.ndarray) -> list[Job]:
    """The jobs of a contender's processes: each an equal part of the rows."""
    parts = np.array_split(rows, contender.processes)
    return [{**contender.job, "threads": contender.threads, "rows": part.tolist()} for part in parts]


def _peak_lines(peaks: dict[str, list[float]], flops: float) -> list[str]:
    named = ", ".join(f"{name} {median(found):,.0f}" for name, found in peaks.items())
    return [
        f"Peak of {CORES} cores at once, square matrix products, billions of operations a second: {named}.",
        f"One example, trained whole and without padding: {flops / 1e9:.2f} billion operations.",
    ]


def _table(speeds: dict[str, list[float]], peaks: Sequence[float], flops: float) -> list[str]:
    usual, best = speeds[CONTENDERS[0].name], speeds[CONTENDERS[2].name]
    lines = [f"{'':<58}{'examples/s':>11}{'x usual':>9}{'x best':>8}{'of bf16 peak':>14}"]
    for one in CONTENDERS:
        own = speeds[one.name]
        share = _ratio(own, peaks, lambda speed, peak: speed * flops / 1e9 / peak)
        figures = f"{median(own):>11.1f}{_ratio(own, usual):>9.1f}{_ratio(own, best):>8.2f}{100 * share:>12.0f} %"
        lines.append(f"{one.name:<58}{figures}")
    return lines


def _ratio(
    own: Sequence[float], other: Sequence[float], divide: Callable[[float, float], float] = lambda a, b: a / b
) -> float:
    """The median over the rounds of a ratio taken within each round."""
    return median(divide(a, b) for a, b in zip(own, other, strict=True))
