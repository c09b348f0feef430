"""Do imported predictions fit together? No example twice, the same examples and labels in every run."""

import numpy as np
import pandas as pd

from closecall.data.datasets.store import Dataset
from closecall.data.io.errors import UserError
from closecall.data.predictions.classes import Classes


def with_labels(rows: pd.DataFrame, classes: Classes) -> pd.DataFrame:
    """The rows with `label` as 0 or 1 and `class_name`, the name of the class for a dataset."""
    return rows.assign(
        label=rows["label"].isin(classes.positives).astype(int), class_name=rows["label"].map(classes.names)
    )


def checked_rows(
    rows: pd.DataFrame, known: Dataset | None, *, common_only: bool
) -> tuple[pd.DataFrame, pd.DataFrame, list[str]]:
    """The evaluation examples, every run's rows in their order, and notes.

    The examples have id, label, class_name, split, text, source, source_row. UserError for what cannot be compared
    names the file, the row and the correction.
    """
    _check_unique(rows)
    for column in ("label", "class_name"):
        check_agreement(rows, column)
    notes: list[str] = []
    if known is not None:
        _check_known(rows, known)
    rows = _with_splits(rows, known)
    check_agreement(rows, "split")
    rows, found = _without_training(rows)
    notes += found
    rows, found = _same_examples(rows, common_only)
    notes += found
    evaluation = rows.drop_duplicates("id")[["id", "label", "class_name", "split", "text", "source", "source_row"]]
    _check_classes(evaluation)
    order = pd.Series(np.arange(len(evaluation)), index=evaluation["id"])
    rows = rows.iloc[np.argsort(rows["id"].map(order).to_numpy(), kind="stable")]
    return evaluation.reset_index(drop=True), rows, notes + _doubts(rows, evaluation)


def _check_unique(rows: pd.DataFrame) -> None:
    twice = rows.duplicated(["run", "id"])
    if twice.any():
        row = rows[twice].iloc[0]
        first = rows[(rows["run"] == row["run"]) & (rows["id"] == row["id"])].iloc[0]
        raise UserError(
            f"{_at(row)}: id {row['id']!r} is in run {row['run']} already ({_at(first)}). "
            "Remove one of the two, or give the ratio and seed of each run."
        )


def check_agreement(rows: pd.DataFrame, column: str) -> None:
    """UserError when an example has different values of a column in two rows."""
    first = rows.drop_duplicates("id").set_index("id")
    differs = rows[column].to_numpy() != first[column].reindex(rows["id"]).to_numpy()
    if differs.any():
        row = rows[differs].iloc[0]
        other = first.loc[row["id"]]
        raise UserError(
            f"{_at(row)}: the {column} of id {row['id']!r} is {row[column]}, but {other[column]} in {_at(other)}. "
            f"An example needs the same {column} in every run."
        )


def _check_known(rows: pd.DataFrame, known: Dataset) -> None:
    labels = known.examples.set_index("id")["label"]
    differs = rows["label"].to_numpy() != labels.reindex(rows["id"]).to_numpy()
    if differs.any():
        row = rows[differs].iloc[0]
        raise UserError(
            f"{_at(row)}: the label of id {row['id']!r} is not the one of dataset {known.name} "
            f"(rows that differ: {int(differs.sum()):,}). Correct the labels, or swap the positive class."
        )


def _with_splits(rows: pd.DataFrame, known: Dataset | None) -> pd.DataFrame:
    """Every row's split: as written, else the dataset's, else test."""
    if known is None:
        return rows.assign(split=rows["split"].replace("", "test"))
    own = known.examples.set_index("id")["split"].reindex(rows["id"]).to_numpy()
    return rows.assign(split=np.where(rows["split"] == "", own, rows["split"]))


def _without_training(rows: pd.DataFrame) -> tuple[pd.DataFrame, list[str]]:
    training = rows["split"] == "train"
    if not training.any():
        return rows, []
    return rows[~training], [f"{rows.loc[training, 'id'].nunique():,} training examples were left out."]


def _same_examples(rows: pd.DataFrame, common_only: bool) -> tuple[pd.DataFrame, list[str]]:
    """The rows when every run predicts the same ids; with `common_only`, the rows of ids that all runs have."""
    runs = rows["run"].nunique()
    seen = rows.groupby("id", sort=False)["run"].nunique()
    partial = seen.index[seen < runs]
    if not len(partial):
        return rows, []
    if common_only:
        return rows[~rows["id"].isin(partial)], [f"{len(partial):,} examples that some run lacks were left out."]
    row = rows[rows["id"] == partial[0]].iloc[0]
    having = set(rows.loc[rows["id"] == partial[0], "run"])
    lacking = next(run for run in rows["run"].unique() if run not in having)
    raise UserError(
        f"{_at(row)}: id {row['id']!r} is missing in run {lacking}; {len(partial):,} of {len(seen):,} ids are missing "
        "in some run. Predict the same examples in every run, or import only the common ones."
    )


def _check_classes(evaluation: pd.DataFrame) -> None:
    test = evaluation.loc[evaluation["split"] == "test", "label"]
    for label, kind in ((1, "positive"), (0, "negative")):
        if not (test == label).any():
            raise UserError(f"The test split has no {kind} example with predictions in every run. Add some.")


def _doubts(rows: pd.DataFrame, evaluation: pd.DataFrame) -> list[str]:
    """What is allowed but may be a mistake."""
    doubts = []
    if not (evaluation["split"] == "validation").any():
        doubts.append("There is no validation split, so thresholds can only be chosen on the test split itself.")
    if len(rows) >= 20 and (rows["pos_prob"] >= 0.5).all():
        doubts.append(
            "Every probability is at least 0.50. If the column is the probability of the predicted class, "
            "import the probability of the positive class instead."
        )
    for run, part in rows.groupby("run", sort=False):
        area = _auc(part["label"].to_numpy(), part["pos_prob"])
        doubts += _doubts_of_scores(str(run), part)
        if area < 0.5:
            doubts.append(
                f"{run} ranks negatives above positives (AUC {area:.2f}). Is the other class the positive one?"
            )
    return doubts


def _doubts_of_scores(run: str, part: pd.DataFrame) -> list[str]:
    """Doubts about scores that are no probabilities: the labels themselves, or nothing but 0 and 1."""
    probs, labels = part["pos_prob"].to_numpy(), part["label"].to_numpy()
    if (probs == labels).all():
        return [f"{run}: every probability equals the label. Is the column of the true class taken for the prediction?"]
    if np.isin(probs, (0, 1)).all():
        return [f"{run}: every probability is 0 or 1, so no threshold can be chosen. Import scores if there are any."]
    return []


def _auc(labels: np.ndarray, pos_probs: pd.Series) -> float:
    """The share of positive-negative pairs that are ranked correctly, ties counted half (Mann and Whitney)."""
    ranks, n_positives = pos_probs.rank().to_numpy(), int(labels.sum())
    right = ranks[labels == 1].sum() - n_positives * (n_positives + 1) / 2
    return float(right / (n_positives * (len(labels) - n_positives)))


def _at(row: pd.Series) -> str:
    return f"{row['source']}, row {row['source_row']:,}"
