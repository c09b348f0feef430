"""From a raw table to a dataset in one step: prepared, split, described."""

from collections.abc import Sequence

import pandas as pd

from data.datasets import Dataset, DatasetInfo
from data.preparation import prepare
from data.raw import RawTable
from data.splits import assign_splits


def build_dataset(
    table: RawTable,
    *,
    name: str,
    title: str,
    text_column: str,
    label_column: str,
    positive_classes: Sequence[str],
    negative_classes: Sequence[str] | None = None,
    id_column: str | None = None,
    group_column: str | None = None,
    split_column: str | None = None,
    seed: int = 0,
    test_share: float = 0.35,
    validation_share: float = 0.15,
    origin: str = "",
    licence: str = "",
) -> Dataset:
    """Prepare a table (`data.preparation.prepare`) and split it (`data.splits.assign_splits`). Nothing is saved."""
    prepared = prepare(
        table,
        text_column=text_column,
        label_column=label_column,
        positive_classes=positive_classes,
        negative_classes=negative_classes,
        id_column=id_column,
        group_column=group_column,
        split_column=split_column,
    )
    examples = assign_splits(prepared.examples, seed=seed, test_share=test_share, validation_share=validation_share)
    info = DatasetInfo(
        name=name,
        title=title,
        positive_classes=prepared.positive_classes,
        negative_classes=prepared.negative_classes,
        origin=origin,
        licence=licence,
        source_file=table.source,
        source_sha256=table.sha256,
        split_seed=seed,
        notes=prepared.notes,
    )
    return Dataset(info, examples, prepared.set_aside, prepared.conflicts)


def split_sizes(examples: pd.DataFrame) -> pd.DataFrame:
    """How many positives and negatives has each split? A frame of split, positives, negatives, in the usual order."""
    counts = examples.groupby(["split", "label"]).size().unstack(fill_value=0).reindex(columns=[1, 0], fill_value=0)
    counts = counts.reindex([split for split in ("train", "validation", "test") if split in counts.index])
    return counts.set_axis(["positives", "negatives"], axis=1).reset_index()
