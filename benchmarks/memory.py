"""Measure peak memory with 100,000 texts, from the import to the map, and of training steps with long texts.

    python -m benchmarks.memory              # 100,000 generated texts, one in a hundred of 512 tokens or more
    python -m benchmarks.memory 20000
    python -m benchmarks.memory --batches    # the built-in MiniLM: 16 texts of 16, 128 and 512 tokens

The script runs the terminal commands: import a CSV, queue two ratios with all training examples, wait for runs and
maps. The encoder is a tiny BERT that reads 512 tokens, so that its weights take little memory. The script prints the
peak resident memory of each process and phase. A process with MiniLM needs about 0.5 GB more.
"""

import argparse
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import pandas as pd

from benchmarks.process_watch import Watcher, family
from closecall.data.io.files import read_json, write_json

LONG_SHARE, LONG_WORDS, SHORT_WORDS = 0.01, 600, 14
POSITIVE_SHARE = 0.1
TERMINAL = [sys.executable, "-m", "closecall"]
BATCHES = """
import resource, sys
import numpy as np, torch
from accelerate import Accelerator
from closecall.data.experiments.store import TrainingConfig
from closecall.models.encoders.loading import load_classifier
from closecall.models.training.steps import freeze_word_embeddings, make_optimizer, quick_forward, take_step
torch.set_num_threads(1)
length, accelerator = int(sys.argv[1]), Accelerator(cpu=True, mixed_precision="bf16")
model = load_classifier("minilm", seed=0).train()
freeze_word_embeddings(model)
optimizer = make_optimizer(model, TrainingConfig())
model, optimizer = accelerator.prepare(model, optimizer)
with quick_forward(model):
    for step in range(2):
        ids = torch.randint(1000, 20000, (16, length))
        inputs = {"input_ids": ids, "attention_mask": torch.ones_like(ids)}
        take_step(model, optimizer, inputs, torch.arange(16) % 2, accelerator=accelerator)
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024)
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("texts", nargs="?", type=int, default=100_000)
    parser.add_argument("--batches", action="store_true", help="measure training steps instead")
    options = parser.parse_args()
    if options.batches:
        for length in (16, 128, 512):
            child = subprocess.run(
                [sys.executable, "-c", BATCHES, str(length)], capture_output=True, text=True, check=True
            )
            print(f"two steps of 16 texts of {length} tokens: at most {int(child.stdout) / 1e9:.2f} GB", flush=True)
        return
    with tempfile.TemporaryDirectory() as folder:
        os.environ["CLOSECALL_HOME"] = folder
        measure(Path(folder), options.texts)


def measure(home: Path, count: int) -> None:
    """Import the texts, run the sweep, and print peak memory."""
    from closecall.models.queue import jobs  # after the workspace is named
    from tests.tiny_bert import make_tiny_bert

    write_texts(home / "many.csv", count)
    encoder = make_tiny_bert(home / "encoder", max_position_embeddings=512)
    about = encoder / "tokenizer_config.json"
    write_json(about, {**read_json(about), "model_max_length": 512})
    print(f"{count:,} texts, {(home / 'many.csv').stat().st_size / 1e6:.0f} MB of CSV", flush=True)
    columns = ["--text-column", "text", "--label-column", "label", "--positive", "rare"]
    terminal("import", home / "many.csv", *columns)
    options = ["--encoder", encoder, "--max-tokens", "512", "--epochs", "1", "--ratios", "2,9", "--title", "many"]
    terminal("sweep", "many", *options)
    started = time.monotonic()
    try:
        with Watcher(lambda: [jobs.scheduler_status().pid]) as watcher:
            for progress in jobs.watch("many"):
                shown = [*(run.status for run in progress.runs), *([progress.frozen] if progress.frozen else [])]
                watcher.doing = {one.pid: one.phase for one in shown if one.state == "running"}
    finally:
        for pid in reversed(family(jobs.scheduler_status().pid or -1)):
            os.kill(pid, 15)
    states = {run.name: run.status.message or run.status.state for run in progress.runs}
    print(f"the runs: {time.monotonic() - started:.0f} s, {states}")
    print(watcher.totals.summary())


def terminal(*arguments: object) -> None:
    """Run one terminal command and print its time and peak memory."""
    started = time.monotonic()
    child = subprocess.Popen([*TERMINAL, *map(str, arguments)], stdout=subprocess.DEVNULL)
    _, code, used = os.wait4(child.pid, 0)
    assert code == 0, arguments
    print(
        f"{arguments[0]}: {time.monotonic() - started:.0f} s, at most {used.ru_maxrss * 1024 / 1e9:.2f} GB", flush=True
    )


def write_texts(path: Path, count: int) -> None:
    """Write generated texts: most are short, one in a hundred is long; one in ten belongs to the rare class."""
    rng = np.random.default_rng(0)
    words = np.array([f"{a}{b}" for a in ("disk", "card", "mac", "dos", "cable") for b in "abcdefghijklmnopqrstuvwxyz"])
    labels = rng.random(count) < POSITIVE_SHARE
    lengths = np.where(rng.random(count) < LONG_SHARE, LONG_WORDS, rng.integers(4, 2 * SHORT_WORDS, count))
    texts = [" ".join(rng.choice(words, length)) for length in lengths]
    pd.DataFrame({"text": texts, "label": np.where(labels, "rare", "usual")}).to_csv(path, index=False)


if __name__ == "__main__":
    main()
