"""Measure how long slices and the linear surrogate take with 1,000, 20,000 and 100,000 examples, in milliseconds.

    python -m benchmarks.slice_speed            # all three sizes
    python -m benchmarks.slice_speed 5000

The script makes an experiment of generated texts in a temporary workspace: a tenth of them positive, 30 words on
average, a vocabulary of 20,000 words with Zipf frequencies. "First" is the first call, with empty caches; "then" is the
median of five more. "cpu" is processor time, which depends less on other programs than wall time.
"""

import argparse
import os
import tempfile
import time
from collections.abc import Callable
from statistics import median
from typing import Any, Literal

import numpy as np
import pandas as pd

SIZES = (1_000, 20_000, 100_000)
TURNS = 5


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("sizes", nargs="*", type=int, default=list(SIZES))
    for size in parser.parse_args().sizes:
        with tempfile.TemporaryDirectory() as folder:
            os.environ["CLOSECALL_HOME"] = folder
            make(size)
            print(f"{size:,} examples in validation and test")
            print(f"  {'':<42} {'first':>8} {'(cpu)':>8} {'then':>8} {'(cpu)':>8}")
            for name, times in measure():
                then = [median(column) for column in zip(*times[1:], strict=True)]
                print(f"  {name:<42} " + " ".join(f"{one:8,.0f}" for one in (*times[0], *then)))


def measure() -> list[tuple[str, list[tuple[float, float]]]]:
    """Time each function: its first call, and the calls after it."""
    from closecall.data.annotations.slice_rules import Phrase
    from closecall.data.annotations.slices import save_slice
    from closecall.data.experiments.runs import load_run
    from closecall.models.explain.slices import run_surrogate
    from closecall.pages.shared.runs import run_predictions
    from closecall.pages.shared.slices import candidates, clusters, findings, slice_members

    run = load_run("sweep", "r5-s0-none")
    ids = run_predictions("sweep").ids
    save_slice("sweep", "rare", Phrase("w40"))
    save_slice("sweep", "common", Phrase("w0 w1"))
    thresholds = iter(np.linspace(0.3, 0.7, 100))

    def at_threshold(outcome: Literal["fn", "fp"]) -> object:
        return findings("sweep", run, outcome=outcome, threshold=next(thresholds))

    return [
        ("clusters of the embeddings", timed(lambda: clusters("sweep"))),
        ("candidates of positives: words, lengths", timed(lambda: candidates("sweep", "fn"))),
        ("candidates of negatives", timed(lambda: candidates("sweep", "fp"))),
        ("false negatives at a new threshold", timed(lambda: at_threshold("fn"))),
        ("false positives at a new threshold", timed(lambda: at_threshold("fp"))),
        ("members of a saved slice, a rare word", timed(lambda: slice_members("sweep", "rare", ids))),
        ("members of a saved slice, a common phrase", timed(lambda: slice_members("sweep", "common", ids))),
        ("the linear surrogate", timed(lambda: run_surrogate("sweep", run), turns=1)),
    ]  # fmt: skip


def timed(work: Callable[[], Any], *, turns: int = TURNS) -> list[tuple[float, float]]:
    """Milliseconds of wall time and of processor time, for the first call and each later one."""
    times = []
    for _ in range(1 + turns):
        started, busy = time.perf_counter(), time.process_time()
        work()
        times.append((1000 * (time.perf_counter() - started), 1000 * (time.process_time() - busy)))
    return times


def make(size: int) -> None:
    """Make a workspace with one finished run: half of the examples in validation, half in test."""
    from closecall.data.datasets.store import Dataset, DatasetInfo, save_dataset
    from closecall.data.experiments.runs import RunStatus, save_embeddings, save_predictions, write_status
    from closecall.data.experiments.store import (
        ExperimentConfig,
        RunConfig,
        create_experiment,
        experiment_folder,
        run_folder,
    )

    rng = np.random.default_rng(0)
    labels = (np.arange(size) % 10 == 0).astype(np.int8)
    examples = pd.DataFrame({"id": [f"post-{i:06d}" for i in range(size)], "text": texts(rng, size), "label": labels})
    examples["split"] = np.where(np.arange(size) // 10 % 2 == 0, "test", "validation")
    examples = examples.assign(class_name=np.where(labels, "mac", "pc"), group="", source_row=np.arange(size))
    nothing = pd.DataFrame({"source_row": [], "id": [], "reason": [], "text": []})
    conflicts = pd.DataFrame({"key": [], "id": [], "label": [], "source_row": [], "text": []})
    info = DatasetInfo("posts", "Posts", ("mac",), ("pc",))
    save_dataset(Dataset(info, examples, nothing, conflicts))
    run = RunConfig("sweep", 5, 0, n_positives=100, n_negatives=500)
    config = ExperimentConfig("sweep", "Sweep", "posts", ratios=(5,))
    rows = examples[["id", "label", "split"]]
    create_experiment(config, evaluation=rows, plan=rows.assign(sweep="A", seed=0, rank=0), runs=[run])
    logits = rng.normal(size=size) + 3 * labels - 1.5
    made = {"pos_prob": 1 / (1 + np.exp(-logits)), "logit": logits, "logit_negative": -logits / 2}
    frame = rows.assign(**made, logit_positive=logits / 2).astype({name: "float32" for name in made})
    save_predictions(run_folder("sweep", run.name), frame)
    write_status(run_folder("sweep", run.name), RunStatus(state="done"))
    save_embeddings(experiment_folder("sweep") / "frozen", rows, rng.normal(size=(size, 384)).astype(np.float32))


def texts(rng: np.random.Generator, size: int) -> list[str]:
    lengths = rng.poisson(29, size) + 1
    drawn = np.minimum(rng.zipf(1.3, lengths.sum()) - 1, 19_999)
    words = np.array([f"w{i}" for i in range(20_000)], dtype=object)[drawn]
    ends = np.cumsum(lengths)
    return [" ".join(words[end - length : end]) for end, length in zip(ends, lengths, strict=True)]


if __name__ == "__main__":
    main()
