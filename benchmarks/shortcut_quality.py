"""Measure what the training shortcuts cost: compare finished runs with the same training without some shortcuts.

    python -m benchmarks.shortcut_quality EXPERIMENT ... [--ratio 10] [--without all bf16 frozen-words ...]

The script trains every run of the ratio again with the same examples and seed. It compares average precision, and
recall at a false-positive rate of 5 %, on the same test set. `--without`: "bf16" trains in fp32; "frozen-words" trains
the word embeddings too; "bucketing" draws batches at random, not by length; "quick-forward" uses torch's own dropout
and the whole last layer; "all" leaves out all four. For each experiment the script prints the mean over seeds of
shortcut minus exact with its 95 % interval (Student's t), and the standard deviation over seeds. It only reads the
experiments.
"""

import argparse
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, nullcontext
from dataclasses import replace
from pathlib import Path
from unittest.mock import patch

import numpy as np
import torch
from accelerate import Accelerator
from accelerate.state import AcceleratorState
from scipy import stats
from sklearn.metrics import average_precision_score

import closecall.models.encoders.tokenization
import closecall.models.training.loop
from closecall.data.experiments.runs import load_predictions, load_run
from closecall.data.experiments.store import RunConfig, load_experiment, load_run_config, run_name
from closecall.models.encoders.inference import run_inference
from closecall.models.encoders.loading import load_classifier
from closecall.models.runtime.devices import claim_accelerator
from closecall.models.runtime.progress import ProgressReporter
from closecall.models.training.loop import TrainingSpec, count_steps, train
from closecall.models.training.run_data import RunData, run_data_of

SHORTCUTS = ("bf16", "frozen-words", "bucketing", "quick-forward")
FPR = 0.05


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("experiments", nargs="+")
    parser.add_argument("--ratio", type=float, default=10)
    parser.add_argument("--without", nargs="+", default=["all"], choices=["all", *SHORTCUTS])
    chosen = parser.parse_args()
    for experiment in chosen.experiments:
        for name in chosen.without:
            left_out = SHORTCUTS if name == "all" else (name,)
            for line in compare(experiment, chosen.ratio, left_out, name):
                print(line, flush=True)


def compare(experiment: str, ratio: float, left_out: Sequence[str], name: str) -> Iterator[str]:
    """Yield a line for each seed, then one for each measure."""
    quick, exact = [], []
    for seed in load_experiment(experiment).seeds:
        run = load_run_config(experiment, run_name(ratio, seed))
        test = load_predictions(load_run(experiment, run.name))
        started = time.perf_counter()
        quick.append(evaluate(test.labels, test.logits))
        exact.append(evaluate(*trained_without(run, left_out)))
        scores = " ".join(f"{a:.3f}/{b:.3f}" for a, b in zip(quick[-1], exact[-1], strict=True))
        yield f"{experiment} without {name}, seed {seed}: {scores} ({time.perf_counter() - started:.0f} s)"
    for at, measure in enumerate(("average precision", "recall at FPR 5 %")):
        difference = difference_text(np.array(quick)[:, at], np.array(exact)[:, at])
        yield f"{experiment} without {name}, {measure}: {difference}"


def difference_text(ours: np.ndarray, theirs: np.ndarray) -> str:
    """The mean paired difference with its 95 % interval; the standard deviation of the exact training over seeds."""
    differences = ours - theirs
    half = stats.t.ppf(0.975, len(ours) - 1) * stats.sem(differences) if len(ours) > 1 else np.nan
    mean = differences.mean()
    spread = theirs.std(ddof=1) if len(ours) > 1 else np.nan
    return f"{mean:+.3f} ({mean - half:+.3f} to {mean + half:+.3f}); SD over seeds {spread:.3f}"


def evaluate(labels: np.ndarray, scores: np.ndarray) -> tuple[float, float]:
    """Average precision, and recall at a false-positive rate of `FPR`."""
    threshold = np.quantile(scores[labels == 0], 1 - FPR)
    return float(average_precision_score(labels, scores)), float((scores[labels == 1] > threshold).mean())


def trained_without(run: RunConfig, left_out: Sequence[str]) -> tuple[np.ndarray, np.ndarray]:
    """Labels and log-odds of the test set after the run's training without some shortcuts."""
    AcceleratorState._reset_state(reset_partial_state=True)  # otherwise the first precision of a process stays
    accelerator = Accelerator(mixed_precision="no") if "bf16" in left_out else claim_accelerator()
    data = run_data_of(run, lambda: None)
    spec = _training_spec(run, data, frozen="frozen-words" not in left_out)
    model = load_classifier(run.training.encoder, seed=run.seed)
    reporter = ProgressReporter(lambda: False, lambda progress: None)
    with tempfile.TemporaryDirectory() as folder, _without_shortcuts(left_out):
        train(model, spec, folder=Path(folder), accelerator=accelerator, reporter=reporter)
    accelerator.free_memory()
    unwrapped = accelerator.unwrap_model(model, keep_fp32_wrapper=False)
    test = data.test
    logits = run_inference(unwrapped, data.tokens, test["place"].to_numpy(), embed=False).logits
    assert logits is not None
    return test["label"].to_numpy(), logits[:, 1].astype(np.float64) - logits[:, 0]


def _training_spec(run: RunConfig, data: RunData, *, frozen: bool) -> TrainingSpec:
    rows, config = data.training, replace(run.training, freeze_word_embeddings=frozen)
    labels = rows["label"].to_numpy()
    return TrainingSpec(
        data.tokens, rows["place"].to_numpy(), labels, config, run.seed, count_steps(len(rows), config), "bench"
    )


@contextmanager
def _without_shortcuts(left_out: Sequence[str]) -> Iterator[None]:
    """Train without these shortcuts inside the context."""
    with ExitStack() as stack:
        if "bucketing" in left_out:  # a pool of one batch: batches are drawn at random
            stack.enter_context(patch.object(closecall.models.encoders.tokenization, "POOL", 1))
        if "quick-forward" in left_out:
            stack.enter_context(
                patch.object(closecall.models.training.loop, "quick_forward", lambda model: nullcontext())
            )
        yield


if __name__ == "__main__":
    torch.set_num_threads(1)
    main()
