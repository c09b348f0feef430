"""What a preview takes and what it costs: seconds to the whole picture, and its figures against finished experiments.

    python -m benchmarks.preview                          # the time for 400 positives, ratios 1, 2, 3, 5, 10
    python -m benchmarks.preview EXPERIMENT_FOLDER ...    # and each of these finished experiments, previewed anew

The first works in a temporary workspace with two processes of one thread each (CLOSECALL_PROCESSES). The assets are
downloaded, unless CLOSECALL_ASSETS names a folder that has them. An experiment is only read: its dataset is taken from
its own workspace, and each of its seeds is previewed in the temporary one. Both are evaluated on the same test
examples.
"""

import os
import shutil
import sys
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
TENTH = 1 / 11


def main(folders: list[str]) -> None:
    os.environ.setdefault("CLOSECALL_PROCESSES", "2")
    with tempfile.TemporaryDirectory() as workspace:
        os.environ["CLOSECALL_HOME"] = workspace
        os.environ.setdefault("CLOSECALL_ASSETS", str(Path("workspace/assets").resolve()))
        if not folders:
            time_of_picture()
        for folder in folders:
            cost_of(Path(folder).resolve())


def time_of_picture() -> None:
    """Queue a sweep with a preview and time its parts, from the call to the last preview; the runs are cancelled."""
    source = builtin_dataset("movie-reviews")
    number = source.examples.groupby("label").cumcount()
    learned = np.where(source.examples["label"] == 1, POSITIVES, max(RATIOS) * POSITIVES)
    split = np.where(number < learned, "train", np.where(number < learned + 60, "validation", "test"))
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
    """What the worker and its processes have used so far."""
    try:
        family = [psutil.Process(scheduler_status().pid)]
        family += family[0].children(recursive=True)
        return sum(sum(one.cpu_times()[:2]) for one in family)
    except psutil.Error:
        return 0.0


def cost_of(original: Path) -> None:
    """Preview every seed of a finished experiment; print both sides and the mean difference."""
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
        print(f"{name}: no finished plain run")
        return
    print(f"\n{name}: {config.positives} positives, {config.training.max_tokens} tokens, seeds {config.seeds}")
    print(table.groupby(["kind", "ratio"]).mean().drop(columns="seed").round(3).to_string())
    table["AP less"], table["recall less"] = table["real AP"] - table["AP"], table["real recall"] - table["recall"]
    table["negatives less"] = table["real rejected"] - table["rejected"]
    print(
        table.groupby("kind")[["AP less", "recall less", "negatives less"]]
        .agg(["mean", "min", "max"])
        .round(3)
        .to_string()
    )


def _config(original: Path) -> ExperimentConfig:
    content = read_json(original / "experiment.json")
    return ExperimentConfig(**{"backend" if name == BACKEND_KEY else name: value for name, value in content.items()})


def _without_results(original: Path, copy: Path, seed: int) -> None:
    """The experiment as it was queued, with one seed first: a preview is of the first seed."""
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
    """The preview's figures and those of the finished run, on the preview's test examples."""
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
    for word, frame in (("", made), ("real ", real)):
        labels, positive = frame["label"].to_numpy(), frame["pos_prob"].to_numpy() >= 0.5
        row[f"{word}AP"] = average_precision_at(labels, frame["logit"].to_numpy(np.float64), q=TENTH)
        row[f"{word}recall"] = positive[labels == 1].mean()
        row[f"{word}rejected"] = (~positive)[labels == 0].mean()
    return [row | {"processor s": time.process_time() - started}]


if __name__ == "__main__":
    main(sys.argv[1:])
