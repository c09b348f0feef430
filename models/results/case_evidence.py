"""The evidence on a case: its outcomes over ratios and seeds, and its nearest training examples.

Neighbours are those of the frozen encoder, so they do not depend on any run. Minority types are computed twice: among
all training examples of the largest ratio, and among as many negatives as positives, because at 1:10 most positives are
rare or outliers by the ratio alone.
"""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from closecall.analysis.causes.minority_types import minority_types, neighbourhoods
from closecall.analysis.ratio.outcome_groups import correct_shares, outcome_groups
from closecall.data.experiments.runs import load_embeddings
from closecall.data.experiments.store import experiment_folder, load_plan
from closecall.data.io.errors import UserError
from closecall.models.results.run_predictions import read_run_predictions
from closecall.models.results.valid_runs import valid_rows

NEIGHBOURS = (
    "nearest_positive", "positive_cosine", "nearest_negative", "negative_cosine", "margin", "type", "type_balanced",
)  # fmt: skip
OUTCOME_COLUMNS = ("group", "outcome_string")
THRESHOLD = 0.5


def case_evidence(experiment: str, ids: Sequence[str]) -> pd.DataFrame:
    """OUTCOME_COLUMNS and NEIGHBOURS of some examples, `id` as index in the order given; "" and nan where unknown."""
    table = read_run_predictions(experiment)["test"]
    rows = valid_rows(table, threshold=THRESHOLD)
    outcomes = pd.DataFrame(columns=list(OUTCOME_COLUMNS))
    if rows.any():
        runs = table.pos_probs[rows], table.ratios[rows], table.seeds[rows]
        outcomes = outcomes_over_runs(table.ids, table.labels, *runs)[list(OUTCOME_COLUMNS)]
    return outcomes.reindex(list(ids)).fillna("").join(neighbour_evidence(experiment, ids)).rename_axis("id")


def outcomes_over_runs(
    ids: np.ndarray, labels: np.ndarray, pos_probs: np.ndarray, ratios: np.ndarray, seeds: np.ndarray
) -> pd.DataFrame:
    """The outcomes of each example at threshold 0.50 over runs: `analysis.ratio.outcome_groups` with `id` as index.

    Further columns: `wrong_ratios`, the share of ratios at which most runs misclassify it, and `wrong_runs`, the number
    of runs that do. Shapes: ids and labels (n,), pos_probs (runs, n), ratios and seeds (runs,).
    """
    table = outcome_groups(labels, pos_probs, ratios, seeds, threshold=THRESHOLD)
    _, shares = correct_shares(labels, pos_probs, ratios, threshold=THRESHOLD)
    wrong = ((pos_probs >= THRESHOLD) != (labels == 1)).sum(axis=0)
    return table.assign(wrong_ratios=(shares < 0.5).mean(axis=0), wrong_runs=wrong).set_axis(pd.Index(ids, name="id"))


def neighbour_evidence(experiment: str, ids: Sequence[str]) -> pd.DataFrame:
    """NEIGHBOURS of some examples, `id` as index in the order given. Ids and types are "", numbers nan, where an
    example has no embedding or too few training examples have one.
    """
    frame = pd.DataFrame(index=pd.Index(list(ids), name="id"), columns=list(NEIGHBOURS))
    for name in NEIGHBOURS:
        texts = name.startswith(("nearest", "type"))
        frame[name] = pd.Series("" if texts else np.nan, index=frame.index, dtype=object if texts else "float64")
    try:
        rows, embeddings = load_embeddings(experiment_folder(experiment) / "frozen")
        plan = load_plan(experiment)
    except (UserError, OSError, ValueError):
        return frame
    places = pd.Index(rows["id"]).get_indexer(pd.Index(list(ids)))
    known = np.flatnonzero(places >= 0)
    train = np.flatnonzero((rows["split"] == "train") & rows["id"].isin(plan["id"]))
    balanced = train[rows["id"].iloc[train].isin(_balanced(plan)).to_numpy()]
    if len(known):
        _fill(frame, known, places[known], rows, np.asarray(embeddings), (train, balanced))
    return frame


def _fill(
    frame: pd.DataFrame,
    known: np.ndarray,
    places: np.ndarray,
    rows: pd.DataFrame,
    embeddings: np.ndarray,
    pools: tuple[np.ndarray, np.ndarray],
) -> None:
    labels, ids = rows["label"].to_numpy(), rows["id"].to_numpy(dtype=object)
    for column, pool in zip(("type", "type_balanced"), pools, strict=True):
        own = pd.Index(pool).get_indexer(pd.Index(places))
        try:
            near = neighbourhoods(embeddings[places], labels[places], embeddings[pool], labels[pool], own=own)
        except ValueError:  # too few training examples
            continue
        _put(frame, column, known, minority_types(near["same_class"]))
        if column == "type":
            for name in ("positive", "negative"):
                _put(frame, f"nearest_{name}", known, ids[pool[near[f"nearest_{name}"]]])
            for name in ("positive_cosine", "negative_cosine", "margin"):
                _put(frame, name, known, near[name].to_numpy())


def _put(frame: pd.DataFrame, name: str, rows: np.ndarray, values: np.ndarray) -> None:
    column = frame[name].to_numpy(copy=True)
    column[rows] = values
    frame[name] = column


def _balanced(plan: pd.DataFrame) -> set[str]:
    """The training positives, and as many of the negatives that the smallest ratio sees first."""
    first = plan[plan["seed"] == plan["seed"].min()]
    positives = first.loc[first["label"] == 1, "id"]
    negatives = first[(first["label"] == 0) & (first["rank"] < len(positives))]["id"]
    return {*positives, *negatives}
