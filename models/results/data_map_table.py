"""The data map of a run as a table, and the reason when a run has none."""

import numpy as np
import pandas as pd

from closecall.analysis.errors.data_map import data_map
from closecall.analysis.formatting import ratio_text
from closecall.data.datasets.store import load_examples
from closecall.data.experiments.runs import Run, load_dynamics
from closecall.data.experiments.store import ExperimentConfig, load_experiment
from closecall.data.io.errors import UserError


def data_map_table(run: Run) -> pd.DataFrame:
    """The training examples of a run, the least confident first, positives before negatives.

    Columns: `id, text, label, class_name, split` ("train"), those of `analysis.errors.data_map`, `epochs` (in which the
    example was seen), `run, ratio, seed`. UserError when the run has no training dynamics.
    """
    config = load_experiment(run.config.experiment)
    if reason := why_no_data_map(config, run):
        raise UserError(reason)
    dynamics = load_dynamics(run)
    found = data_map(dynamics.labels, dynamics.pos_probs)
    found.insert(0, "id", dynamics.ids)
    found["epochs"] = (~np.isnan(dynamics.pos_probs)).sum(axis=0)
    table = found.merge(_examples(config.dataset), on="id", how="left").assign(
        label=dynamics.labels, split="train", run=run.name, ratio=run.config.ratio, seed=run.config.seed
    )
    front = ["id", "text", "label", "class_name", "split"]
    table = table[front + [name for name in table if name not in front]].fillna({"text": "", "class_name": ""})
    return table.sort_values(["label", "confidence"], ascending=[False, True], kind="stable").reset_index(drop=True)


def why_no_data_map(config: ExperimentConfig, run: Run) -> str:
    """The reason why this run has no data map, as a sentence; "" when it has one."""
    name = f"{run.name} of {config.id}"
    if config.kind == "imported":
        return f"{name} holds imported predictions. A data map needs training in this workspace."
    if config.kind == "checkpoint":
        return (
            f"{name} is a classifier that was trained elsewhere. Its training was not recorded, so it has no data map."
        )
    if not (run.folder / "dynamics.npz").exists():
        return f"{name} has no training dynamics, at {ratio_text(run.config.ratio)}. Resume the experiment to train it."
    if not load_dynamics(run).pos_probs.size:
        return f"{name} used no example in training, so it has no data map."
    return ""


def _examples(dataset: str) -> pd.DataFrame:
    """Text and class of each example; empty when the dataset was deleted."""
    try:
        return load_examples(dataset, ["id", "text", "class_name"])
    except UserError:
        return pd.DataFrame({"id": [], "text": [], "class_name": []}, dtype=object)
