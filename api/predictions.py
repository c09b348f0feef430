"""Predicted probabilities of examples, checked, and the experiment that holds them: made once, found again."""

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from closecall.analysis.formatting import ratio_text
from closecall.api.frames import row_name
from closecall.api.truth import Truth, truth_dataset
from closecall.data.datasets.store import delete_dataset
from closecall.data.experiments.runs import load_runs
from closecall.data.experiments.store import ExperimentConfig, experiment_ids, load_experiment
from closecall.data.io.errors import UserError
from closecall.data.io.files import read_frame
from closecall.data.predictions.columns import PredictionColumns
from closecall.data.predictions.files import PredictionFile
from closecall.data.predictions.importing import PredictionImportRequest, import_predictions

COLUMNS = PredictionColumns(id="id", label="class_name", probability="pos_prob", split="split")


@dataclass(frozen=True)
class RunScores:
    """The predictions of one run: positions of its examples in the rows of the truth, and their probabilities.

    Both (n,); those of training examples are not used. `ratio` None: not known, shown as 1:1.
    """

    ratio: float | None
    seed: int
    rows: np.ndarray
    pos_probs: np.ndarray


def checked_probabilities(values: Any, what: str, *, unused: np.ndarray | None = None) -> np.ndarray:
    """The values as probabilities of the positive class, (n,) float64.

    `unused` (n,): rows whose value does not matter. UserError that names the first value that is no probability.
    """
    try:
        numbers = np.asarray(values, dtype=np.float64)
    except (TypeError, ValueError, RuntimeError):  # texts; a tensor that needs its gradient
        raise UserError(f"{what}: some values are not numbers. Pass probabilities between 0 and 1.") from None
    if numbers.ndim != 1:
        raise UserError(
            f"{what}: the shape is {numbers.shape}. Pass one probability for each example, that of the positive class "
            "(a column such as p[:, 1])."
        )
    used = np.ones(len(numbers), dtype=bool) if unused is None else ~unused
    missing = np.flatnonzero(np.isnan(numbers) & used)
    if len(missing):
        raise UserError(
            f"{what}: there is no probability (NaN) in {row_name(int(missing[0]))} ({len(missing):,} such rows). "
            "Predict these rows, or leave them out."
        )
    outside = np.flatnonzero(((numbers < 0) | (numbers > 1)) & used)
    if len(outside):
        hint = " Turn log-odds into probabilities with scipy.special.expit." if (numbers[used] < 0).any() else ""
        value, row = numbers[outside[0]], row_name(int(outside[0]))
        raise UserError(f"{what}: {value:g} in {row} is not a probability between 0 and 1.{hint}")
    return numbers


def register(truth: Truth, runs: Sequence[RunScores], title: str | None) -> ExperimentConfig:
    """The experiment with these predictions of these examples; the earlier one where the same was registered before.

    `title` None: any title for the earlier one, one with the ratios for a new one. UserError when the runs cannot be
    compared.
    """
    named = title or _proposed_title(runs)
    parts = [_run_frame(truth, run) for run in runs]
    source, is_new = truth_dataset(truth, named)
    found = None if is_new else _same_experiment(source.name, runs, parts, title)
    if found is not None:
        return found
    files = [
        PredictionFile(part, _run_text(run), run.ratio, None if run.ratio is None and run.seed == 0 else run.seed)
        for run, part in zip(runs, parts, strict=True)
    ]
    try:
        request = PredictionImportRequest(tuple(files), COLUMNS, named, source.name)
        return import_predictions(request).experiment
    except BaseException:
        if is_new:
            delete_dataset(source.name)
        raise


def _proposed_title(runs: Sequence[RunScores]) -> str:
    ratios = sorted({run.ratio for run in runs if run.ratio is not None})
    ends = dict.fromkeys(ratio_text(one) for one in (ratios[0], ratios[-1])) if ratios else ()
    return f"Predictions at {' to '.join(ends)}" if ends else "Predictions"


def _run_frame(truth: Truth, run: RunScores) -> pd.DataFrame:
    """The rows of a run with their probabilities, without training examples."""
    rows = truth.rows[["id", "class_name", "split"]].iloc[run.rows].assign(pos_prob=run.pos_probs)
    part = rows[rows["split"] != "train"]
    if part.empty:
        raise UserError("All rows are training examples. Pass the predictions of test examples.")
    return part.reset_index(drop=True)


def _same_experiment(
    dataset: str, runs: Sequence[RunScores], parts: Sequence[pd.DataFrame], title: str | None
) -> ExperimentConfig | None:
    """The experiment on a dataset that holds exactly these predictions (under this title, if one is named), if any."""
    wanted = {
        (1.0 if run.ratio is None else run.ratio, run.seed): part.set_index("id")["pos_prob"]
        for run, part in zip(runs, parts, strict=True)
    }
    for name in experiment_ids():
        with suppress(UserError):  # a broken experiment is not that of these predictions
            config = load_experiment(name)
            if (config.kind, config.dataset) == ("imported", dataset) and title in (None, config.title):
                stored = {(run.config.ratio, run.config.seed): run.folder for run in load_runs(name)}
                if stored.keys() == wanted.keys() and all(_same_scores(stored[key], wanted[key]) for key in wanted):
                    return config
    return None


def _same_scores(folder: Path, wanted: pd.Series) -> bool:
    stored = read_frame(folder / "predictions.parquet", ["id", "pos_prob"]).set_index("id")["pos_prob"]
    return len(stored) == len(wanted) and bool((stored.reindex(wanted.index) == wanted).all())


def _run_text(run: RunScores) -> str:
    return "The predictions" if run.ratio is None else f"{ratio_text(run.ratio)}, seed {run.seed}"
