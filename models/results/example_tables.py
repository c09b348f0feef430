"""Examples as tables to show or to write to a file: the examples of some outcomes, and the data map of a run."""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from closecall.analysis.errors.data_map import data_map
from closecall.analysis.formatting import ratio_text
from closecall.analysis.metrics.outcomes import OUTCOME_NAMES, OUTCOMES, outcomes
from closecall.data.datasets.store import load_examples
from closecall.data.exchange.tables import METADATA, example_facts, run_probabilities
from closecall.data.experiments.runs import Run, finished_run, load_dynamics
from closecall.data.experiments.store import ExperimentConfig, load_experiment
from closecall.data.io.errors import UserError
from closecall.data.io.files import read_frame


def errors_table(
    experiment: str,
    *,
    ratio: float,
    seed: int | None = None,
    remedy: str = "none",
    outcome: str | Sequence[str] = ("fn", "fp"),
    split: str = "test",
    threshold: float = 0.5,
) -> pd.DataFrame:
    """The examples of some outcomes in one run, the most confident errors first.

    `id, text, label, class_name, split, outcome, pos_prob, logit, run, ratio, seed, threshold`, then the `meta.<name>`
    columns of the dataset and the probability at every run as in `hard_case_table`. Without `seed` the first finished
    one of the ratio. UserError when there is none.
    """
    wanted = _outcome_codes(outcome)
    run = finished_run(experiment, ratio=ratio, seed=seed, remedy=remedy)
    rows = read_frame(run.folder / "predictions.parquet", ["id", "split", "label", "pos_prob", "logit"])
    rows = rows[rows["split"] == split]
    if rows.empty:
        raise UserError(f"{run.name} of {experiment} has no predictions for the split {split!r}.")
    rows = rows.assign(outcome=outcomes(rows["label"].to_numpy(), rows["pos_prob"].to_numpy(), threshold=threshold))
    order = (rows["pos_prob"] - threshold).abs().sort_values(ascending=False, kind="stable").index
    rows = rows.loc[order].loc[lambda part: part["outcome"].isin(wanted)]
    facts = example_facts(experiment, rows["id"]).drop(columns=["label", "split"])
    table = rows.merge(facts, left_on="id", right_index=True, how="left").assign(
        run=run.name, ratio=run.config.ratio, seed=run.config.seed, threshold=threshold
    )
    named = ["id", "text", "label", "class_name", "split", "outcome", "pos_prob", "logit"]
    kept = [name for name in table if str(name).startswith(METADATA)]
    table = table[[*named, "run", "ratio", "seed", "threshold", *kept]]
    return table.merge(run_probabilities(experiment), left_on="id", right_index=True, how="left").reset_index(drop=True)


def _outcome_codes(outcome: str | Sequence[str]) -> list[str]:
    wanted = outcome.replace(" ", "").split(",") if isinstance(outcome, str) else list(outcome)
    unknown = [one for one in wanted if one not in OUTCOMES]
    if unknown or not wanted:
        listed = ", ".join(f"{code} ({name})" for code, name in OUTCOME_NAMES.items())
        raise UserError(
            f"{', '.join(unknown) or 'Nothing'} is not an outcome. Outcomes are {listed}; separate several with commas."
        )
    return wanted


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
