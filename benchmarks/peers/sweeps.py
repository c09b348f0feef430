"""Time whole sweeps as users queue them, with predictions, embeddings and maps."""

import os
import tempfile
import time
from collections.abc import Sequence

from benchmarks.peers.children import work_side_by_side

RATIOS = (1, 2, 3, 5, 10)
GROWTH_POSITIVES = 20


def sweep(positives: int) -> list[str]:
    """Time one sweep of ratios 1, 2, 3, 5 and 10 with 3 epochs and batch 16; return the lines to print."""
    seconds, examples = run_sweep(positives, seeds=(0,), ratios=RATIOS, epochs=3)
    return [
        f"{len(RATIOS)} runs, {positives} positives, {examples:,} training examples in 3 epochs: {seconds:.0f} s from "
        f"queueing to the last map, {examples / seconds:.1f} examples/s including predictions, embeddings and maps."
    ]


def growth(texts: Sequence[int], runs: Sequence[int]) -> list[str]:
    """Time growing numbers of embedded and projected texts, and of runs in a sweep; return the lines to print."""
    lines = []
    for count in texts:
        _, results = work_side_by_side("pipeline", [{"count": count}], threads=1)
        memory = results[0].pop("memory")
        shown = ", ".join(f"{step} {seconds:.1f} s" for step, seconds in results[0].items())
        lines.append(f"{count:>7,} texts, one process: {shown}; peak memory {memory:,.0f} MB")
    return [*lines, *_more_runs(runs, GROWTH_POSITIVES)]


def _more_runs(runs: Sequence[int], positives: int) -> list[str]:
    lines = []
    for count in runs:
        seconds, _ = run_sweep(positives, seeds=tuple(range(count)), ratios=(10,), epochs=1)
        shown = f"{seconds:6.0f} s, {seconds / count:5.1f} s each"
        noun = "run" if count == 1 else "runs"
        lines.append(f"{count:>3} {noun} of {positives} positives at 1:10: {shown}")
    return lines


def run_sweep(positives: int, *, seeds: Sequence[int], ratios: Sequence[float], epochs: int) -> tuple[float, int]:
    """Seconds of a sweep in an empty workspace of its own, and the training examples of all epochs."""
    from closecall.data.io.assets import assets_folder

    kept = {name: os.environ.get(name) for name in ("CLOSECALL_HOME", "CLOSECALL_ASSETS")}
    os.environ["CLOSECALL_ASSETS"] = str(assets_folder())
    with tempfile.TemporaryDirectory() as folder:
        os.environ["CLOSECALL_HOME"] = folder
        try:
            return _timed(positives, seeds, ratios, epochs)
        finally:
            for name, value in kept.items():
                os.environ.pop(name) if value is None else os.environ.update({name: value})


def _timed(positives: int, seeds: Sequence[int], ratios: Sequence[float], epochs: int) -> tuple[float, int]:
    from closecall.data.experiments.store import TrainingConfig
    from closecall.models.queue.jobs import queue_sweep, watch
    from closecall.models.queue.sweeps import SweepRequest

    dataset = _dataset()
    started = time.perf_counter()
    config = queue_sweep(
        SweepRequest(dataset, ratios=ratios, seeds=seeds, positives=positives, training=TrainingConfig(epochs=epochs))
    )
    for progress in watch(config.id):
        failed = [run.status.message for run in progress.runs if run.status.state == "failed"]
        if failed:
            raise SystemExit(f"A run failed: {failed[0]}")
    seconds = time.perf_counter() - started
    examples = sum(round(positives * (1 + ratio)) for ratio in ratios) * len(seeds) * epochs
    return seconds, examples


def _dataset() -> str:
    """The film reviews with 94 % for training: 4,009 negatives, so that 400 positives can have ten each."""
    from closecall.data.datasets.builtin import BUILTIN_COLUMNS, builtin, builtin_table
    from closecall.data.datasets.import_request import ImportRequest
    from closecall.data.datasets.preparation import build_dataset
    from closecall.data.datasets.store import save_dataset

    chosen = builtin("movie-reviews")
    dataset = build_dataset(
        builtin_table(chosen.name),
        ImportRequest(
            BUILTIN_COLUMNS,
            chosen.positive_classes,
            chosen.negative_classes,
            name="bench",
            title="Bench",
            test_share=0.04,
            validation_share=0.02,
        ),
    )
    return save_dataset(dataset).name
