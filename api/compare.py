"""`closecall.compare`: register the predictions of several runs on one test set as an experiment."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from closecall.analysis.formatting import ratio_text
from closecall.api.experiment import Experiment
from closecall.api.frames import as_frame, read_ratio, read_seed
from closecall.api.predictions import RunScores, checked_probabilities, register
from closecall.api.truth import Positive, Truth, TruthColumns, read_truth
from closecall.data.io.errors import UserError
from closecall.data.predictions.importing import PREVIEW
from closecall.data.predictions.proposals import propose_columns
from closecall.data.readers.frames import cell_text
from closecall.data.readers.table import check_columns


def compare(
    predictions: Mapping[Any, Any],
    truth: Any,
    *,
    text: str | None,
    label: str,
    id: str | None = None,
    positive: Positive = None,
    split: str | None = None,
    metadata: Sequence[str] | str | None = None,
    prob: str | None = None,
    title: str | None = None,
) -> Experiment:
    """Compare classifiers trained at several ratios on one test set.

    `predictions` maps each ratio, 10 or "1:10", or ratio and seed, ("1:10", 1), to the probabilities of the positive
    class: an array or Series in the order of `truth`, or a frame with the id column and one of probabilities (`prob`
    where it has several columns). A list of these holds the seeds 0, 1, 2 ...
    `truth` is a frame; `text`, `label`, `id`, `positive`, `split` and `metadata` as in `show`.

    The same predictions are registered once. UserError for input that does not fit, in a sentence.
    """
    frame = as_frame(truth)
    known = read_truth(frame, TruthColumns(text, label, id, split, metadata), positive)
    if known.rows["id"].duplicated().any():
        first = known.rows.loc[known.rows["id"].duplicated(), "id"].iloc[0]
        raise UserError(f"The id {first!r} is in truth twice. Choose another id column.")
    training = (known.rows["split"] == "train").to_numpy()
    runs = [
        RunScores(ratio, seed, np.arange(len(frame)), _probabilities(value, frame, known, id, prob, name, training))
        for ratio, seed, value, name in _listed_runs(predictions)
    ]
    return Experiment(register(known, runs, title).id)


def _listed_runs(predictions: Mapping[Any, Any]) -> Iterator[tuple[float, int, Any, str]]:
    """The ratio, seed, values and name of each run. UserError for a key that is no ratio, or a run named twice."""
    if not isinstance(predictions, Mapping) or not predictions:
        raise UserError("Pass the predictions as a mapping of ratios, such as {'1:1': p1, '1:10': p10}.")
    seen = set()
    for key, value in predictions.items():
        several = isinstance(value, list | tuple) and len(value) > 0 and np.ndim(value[0]) > 0
        pair = key if isinstance(key, tuple) else (key,)
        if len(pair) > 2 or (len(pair) == 2 and several):
            raise UserError(f"{key!r} must name a ratio, or a ratio and a seed for one array of probabilities.")
        for seed, one in enumerate(value) if several else [(read_seed(pair[1] if len(pair) == 2 else 0), value)]:
            run = read_ratio(pair[0]), seed
            if run in seen:
                raise UserError(f"The predictions at {ratio_text(run[0])} with seed {seed} are there twice.")
            seen.add(run)
            yield *run, one, f"{key!r}" + (f", seed {seed}" if several else "")


def _probabilities(
    value: Any, frame: pd.DataFrame, known: Truth, id: str | None, prob: str | None, name: str, training: np.ndarray
) -> np.ndarray:
    """The probabilities of one run in the order of the truth."""
    what = f"The predictions {name}"
    if any(hasattr(value, one) for one in ("columns", "column_names")):  # of a frame, a table or a Dataset
        value = _joined(as_frame(value), known, id, prob, what)
    elif isinstance(value, pd.Series):
        value = _in_order(value, frame.index, what)
    if np.ndim(value) == 1 and len(value) != len(frame):
        raise UserError(f"{what} have {len(value):,} values and truth has {len(frame):,} rows. Pass one value a row.")
    return checked_probabilities(value, what, unused=training)


def _in_order(values: pd.Series, index: pd.Index, what: str) -> np.ndarray:
    """The values of a Series. UserError when its index is that of the truth in another order: which one is meant?"""
    same_length = len(values) == len(index)
    if same_length and not values.index.equals(index) and index.is_unique and not len(index.difference(values.index)):
        raise UserError(
            f"{what} have the index of truth in another order. Pass p.reindex(truth.index), or p.to_numpy() when the "
            "values are in the order of truth already."
        )
    return values.to_numpy()


def _joined(frame: pd.DataFrame, known: Truth, id: str | None, prob: str | None, what: str) -> np.ndarray:
    """The probabilities of a frame, joined by id. Ids that the truth lacks are left out."""
    if id is None:
        raise UserError(f"{what} are a frame: name the id column, by which its rows are found.")
    names = [str(one) for one in frame.columns]
    frame = frame.set_axis(names, axis=1)
    check_columns(names, [id, *([prob] if prob else [])], what)
    others = [one for one in names if one != id]
    first_rows = frame[others].head(PREVIEW).astype(str)
    chosen = prob or (others[0] if len(others) == 1 else propose_columns(first_rows).probability)
    if not chosen:
        listed = ", ".join(map(repr, names))
        raise UserError(f"{what} have the columns {listed}. Name that of the probabilities: prob=...")
    ids = pd.Index([cell_text(one) for one in frame[id]], dtype=object)
    if ids.has_duplicates:
        raise UserError(f"{what} have the id {ids[ids.duplicated()][0]!r} twice. Pass one row for each example.")
    places = ids.get_indexer(pd.Index(known.rows["id"], dtype=object))
    lacking = np.flatnonzero(places < 0)
    if len(lacking):
        first = known.rows["id"].iloc[lacking[0]]
        raise UserError(f"{what} lack {len(lacking):,} ids of truth; the first is {first!r}.")
    return frame[chosen].to_numpy()[places]
