"""`closecall.show`: register the predictions of a frame and open the app on their errors."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from closecall.api.app_process import close_app, start_app
from closecall.api.experiment import Experiment
from closecall.api.frames import as_frame, read_ratio, read_seed
from closecall.api.opened import OpenedPage
from closecall.api.predictions import RunScores, checked_probabilities, register
from closecall.api.truth import Positive, Truth, TruthColumns, read_truth
from closecall.data.io.errors import UserError
from closecall.data.readers.table import check_columns


def show(
    df: Any,
    *,
    text: str | None,
    label: str,
    prob: str,
    positive: Positive = None,
    id: str | None = None,
    ratio: str | float | None = None,
    seed: str | int | None = None,
    split: str | None = None,
    metadata: Sequence[str] | str | None = None,
    title: str | None = None,
    port: int | None = None,
    open_browser: bool = False,
) -> OpenedPage:
    """Open the app on the errors of a classifier, from a DataFrame of its predictions.

    `text`, `label`, `prob`, `id` and `split` name columns; `prob` holds the probability of the positive class and
    `text` may be None. `positive` is the positive class in the label column, needed unless it is 1, yes, true or
    positive. `ratio` (negatives per positive in training, 10 or "1:10") and `seed` are values, or columns where the
    frame holds several runs. `metadata` names columns to keep beside the text; None keeps up to 20 others.

    The app runs in the background until the interpreter ends, at a free port unless `port` names one. The same
    predictions are registered once. Returns the opened page, which a notebook shows in a frame. UserError for input
    that does not fit, in a sentence.
    """
    frame = as_frame(df)
    names = [str(one) for one in frame.columns]
    check_columns(names, [str(prob)], "The DataFrame")
    runs_by = [str(one) for one in (ratio, seed) if isinstance(one, str) and one in names]
    truth = read_truth(frame, TruthColumns(text, label, id, split, metadata), positive, others=[str(prob), *runs_by])
    training = (truth.rows["split"] == "train").to_numpy()
    probs = checked_probabilities(_column(frame, prob), f"Column {prob!r}", unused=training)
    runs = _runs(frame, truth, probs, ratio, seed)
    _check_ids(truth, runs, id)
    started = start_app(port)  # it gets ready while the predictions are registered
    try:
        config = register(truth, runs, title)
    except BaseException:
        if started is not None:
            close_app(started)
        raise
    return Experiment(config.id).show("errors", port=port, open_browser=open_browser)


def _column(frame: pd.DataFrame, name: Any) -> pd.Series:
    return frame.iloc[:, [str(one) for one in frame.columns].index(str(name))]


def _runs(
    frame: pd.DataFrame, truth: Truth, probs: np.ndarray, ratio: str | float | None, seed: str | int | None
) -> list[RunScores]:
    """One run, or one for each ratio and seed that columns name."""
    n = len(truth.rows)
    ratios = _values(frame, ratio, n).map(lambda value: None if value is None else read_ratio(value))
    seeds = _values(frame, 0 if seed is None else seed, n).map(read_seed)
    codes, keys = pd.factorize(pd.Series(list(zip(ratios, seeds, strict=True)), dtype=object))
    places = [np.flatnonzero(codes == number) for number in range(len(keys))]
    return [RunScores(ratio, seed, rows, probs[rows]) for (ratio, seed), rows in zip(keys, places, strict=True)]


def _values(frame: pd.DataFrame, given: Any, n: int) -> pd.Series:
    """The column of that name, else the value for every row."""
    if isinstance(given, str) and given in [str(one) for one in frame.columns]:
        return _column(frame, given).reset_index(drop=True)
    return pd.Series([given] * n, dtype=object)


def _check_ids(truth: Truth, runs: Sequence[RunScores], id: str | None) -> None:
    """UserError when an example is there twice in a run, or when several runs do not say which example is which."""
    if len(runs) > 1 and id is None:
        raise UserError(
            f"The DataFrame holds {len(runs)} runs. Name the id column, so that the same example is found in each."
        )
    for run in runs:
        ids = truth.rows["id"].iloc[run.rows]
        if ids.duplicated().any():
            first = ids[ids.duplicated()].iloc[0]
            raise UserError(
                f"The id {first!r} is in column {id!r} twice. Choose another id column, or name the columns of ratio "
                "and seed."
            )
