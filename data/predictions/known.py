"""Predictions of the examples of a dataset: their ids and labels, by id or in the order of the rows."""

import pandas as pd

from closecall.data.datasets.store import SPLITS, Dataset
from closecall.data.io.errors import UserError
from closecall.data.predictions.rows import in_row_order


def in_dataset_order(rows: pd.DataFrame, known: Dataset) -> tuple[pd.DataFrame, list[str]]:
    """The rows with the ids of a dataset whose split, or whole, has as many examples as each run has rows.

    UserError when none has: the order is then not that of the dataset.
    """
    places = in_row_order(rows).str.removeprefix("row-").astype(int)
    count = int(places.max())
    parts = {split: known.examples[known.examples["split"] == split] for split in ("test", "validation", "train")}
    parts["whole dataset"] = known.examples
    fitting = [name for name, part in parts.items() if len(part) == count]
    if not fitting:
        sizes = ", ".join(f"{name} {len(part):,}" for name, part in parts.items())
        raise UserError(
            f"{rows['source'].iloc[0]} has {count:,} rows, as many as no part of dataset {known.name}: {sizes}. "
            "Predict every example of a split, in the order of the dataset."
        )
    part, name = parts[fitting[0]], fitting[0]
    others = f" {fitting[1]} has as many." if len(fitting) > 1 else ""
    where = f"split {name}" if name in SPLITS else f"the {name}"
    note = f"Row i is example i of {where} of {known.name} ({count:,} examples), in the dataset's order.{others}"
    return rows.assign(id=part["id"].to_numpy(dtype=object)[places.to_numpy() - 1]), [note]


def with_known_ids(rows: pd.DataFrame, known: Dataset) -> tuple[pd.DataFrame, list[str]]:
    """The rows with ids of the dataset: ids that lost leading zeros are completed where each has one match."""
    own = known.examples["id"].astype(object)
    unknown = ~rows["id"].isin(own)
    if not unknown.any():
        return rows, []
    bare = own.str.lstrip("0")
    full = dict(zip(bare, own, strict=True)) if bare.is_unique else {}
    wanted = rows.loc[unknown, "id"].str.removesuffix(".0")
    if full and wanted.isin(full).all():
        ids = rows["id"].astype(object).copy()
        ids[unknown] = wanted.map(full)
        example = f"{rows.loc[unknown, 'id'].iloc[0]} is {ids[unknown].iloc[0]}"
        note = f"{wanted.nunique():,} ids had lost their leading zeros and were completed ({example})."
        return rows.assign(id=ids), [note]
    row, count = rows[unknown].iloc[0], rows.loc[unknown, "id"].nunique()
    raise UserError(
        f"{row['source']}, row {row['source_row']:,}: id {row['id']!r} is not in dataset {known.name} (ids that are "
        f"not: {count:,}). Use the ids of the dataset, or import without naming a dataset."
    )


def with_known_labels(rows: pd.DataFrame, known: Dataset) -> pd.DataFrame:
    """The rows with the dataset's class where a file has no labels."""
    missing = (rows["label"] == "").to_numpy()
    if not missing.any():
        return rows
    own = known.examples.set_index("id")["class_name"].reindex(rows["id"]).to_numpy(dtype=object)
    return rows.assign(label=rows["label"].where(~missing, pd.Series(own, index=rows.index)))
