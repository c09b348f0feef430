"""Finished remedy runs beside the baseline runs of a made experiment, with scores of known origin."""

import shutil
from dataclasses import asdict, replace

import numpy as np

from closecall.data.experiments.remedies import find_remedy
from closecall.data.experiments.runs import save_metrics, save_predictions
from closecall.data.experiments.store import ExperimentConfig, experiment_folder, load_run_config, run_folder, run_names
from closecall.data.io.files import read_frame, read_json, write_json


def add_remedy_runs(
    config: ExperimentConfig,
    remedies: dict[str, tuple[float, float]],
    *,
    ratio: float = 10,
    seeds: tuple[int, ...] = (),
) -> None:
    """Copy the baseline runs of a ratio as runs of remedies.

    `remedies`: for each name the shift of the log-odds and the standard deviation of added noise. A shift is the effect
    of a loss that only moves the threshold; noise makes the ranking worse. A remedy without fine-tuning has no
    embeddings and no map.
    """
    rng = np.random.default_rng(7)
    baseline = [load_run_config(config.id, name) for name in run_names(config.id) if name.endswith("-none")]
    for run in baseline:
        if run.ratio != ratio or (seeds and run.seed not in seeds):
            continue
        for name, (shift, noise) in remedies.items():
            remedy_run = replace(run, remedy=name)
            folder = run_folder(config.id, remedy_run.name)
            shutil.copytree(run_folder(config.id, run.name), folder)
            write_json(folder / "config.json", asdict(remedy_run))
            frame = read_frame(folder / "predictions.parquet")
            odds = frame["logit"].to_numpy(np.float64) + shift + noise * rng.normal(size=len(frame))
            save_predictions(folder, frame.assign(logit=odds.astype(np.float32), pos_prob=1 / (1 + np.exp(-odds))))
            save_metrics(folder, {"seconds": {"training": 12.0}, "remedy": name})
            if not find_remedy(name).fine_tunes:
                for file in ("embeddings.npy", "embedding_rows.parquet", "projection.parquet", "dynamics.npz"):
                    (folder / file).unlink(missing_ok=True)
    path = experiment_folder(config.id) / "experiment.json"
    write_json(path, {**read_json(path), "remedies": ["none", *remedies]})
