"""From a raw table and a choice of columns and classes to examples, with a report of all that was set aside."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from closecall.data.datasets.duplicates import find_conflicts, find_copies, join_conflicts, normalised, text_keys
from closecall.data.datasets.splits import assign_splits
from closecall.data.datasets.store import Dataset, DatasetInfo
from closecall.data.io.errors import UserError
from closecall.data.readers.split_names import split_names
from closecall.data.readers.table import MAX_CLASSES, SHOWN, RawTable, check_columns, nearest

SET_ASIDE = ["source_row", "id", "reason", "text"]
MAX_META = 20
"""Further columns of the source that are kept, as `meta.<name>`."""


@dataclass(frozen=True)
class Prepared:
    """Examples ready to be split, and what became of the other rows.

    `examples` has id, text, label (int8), class_name, split ("" when none is given), group ("" for none), source_row
    (int64) and `meta.<name>` columns. `set_aside` has source_row, id, reason, text (its start). `conflicts` has key,
    id, label, source_row, text: examples whose normalised text carries both labels. `notes` are sentences.
    """

    examples: pd.DataFrame
    set_aside: pd.DataFrame
    conflicts: pd.DataFrame
    positive_classes: tuple[str, ...]
    negative_classes: tuple[str, ...]
    notes: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        for label, kind, classes in ((1, "positive", self.positive_classes), (0, "negative", self.negative_classes)):
            if not (self.examples["label"] == label).any():
                raise UserError(
                    f"No {kind} example is left (classes {', '.join(classes)}): all {len(self.set_aside):,} rows set "
                    "aside are listed with their reasons. Check the text column and the classes."
                )


def class_counts(table: RawTable, label_column: str) -> pd.Series:
    """The classes of a label column with their number of rows, the largest first. White space around names is cut.

    UserError when the column is unknown, has no value, or so many different ones that it is no label column.
    """
    check_columns(list(table.frame.columns), [label_column], table.source)
    labels = table.frame[label_column].dropna().astype(str).str.strip()
    counts = labels[labels != ""].value_counts()
    if counts.empty:
        raise UserError(f"Column {label_column} of {table.source} is empty. Choose another label column.")
    if len(counts) > MAX_CLASSES:
        raise UserError(
            f"Column {label_column} of {table.source} has {len(counts):,} different values; a label column has at most "
            f"{MAX_CLASSES}. Choose another column, or put its values into classes first."
        )
    return counts


def prepare(
    table: RawTable,
    *,
    text_column: str,
    label_column: str,
    positive_classes: Sequence[str],
    negative_classes: Sequence[str] | None = None,
    id_column: str | None = None,
    group_column: str | None = None,
    split_column: str | None = None,
) -> Prepared:
    """Choose columns and classes and check every row.

    Negatives are all other classes unless named. Set aside, with reason and row: rows that could not be read, without
    label or split, of other classes, without text, with an id seen before, and copies of a text of the same label (the
    copy kept is the first; with a split column that of test before validation before train). A text with both labels
    is kept once for each, reported, and put into one split. UserError for unknown columns or classes, one class only,
    a label column with too many values, unknown splits, and groups that a given split column tears apart.
    """
    chosen = {"text": text_column, "label": label_column, "id": id_column, "group": group_column, "split": split_column}
    _check_choice(table, chosen)
    positives, negatives = choose_classes(table, label_column, positive_classes, negative_classes)
    frame = _working_frame(table, chosen, set(positives), set(negatives))
    frame = frame.assign(reason=_reasons(frame, positives, negatives, bool(split_column)))
    frame = frame.assign(split=_known_splits(frame, split_column))
    good = frame[frame["reason"] == ""]
    good = good.assign(key=text_keys(good["text"]))
    copies, leaks = find_copies(good)
    frame.loc[copies.index, "reason"] = copies
    kept, moves = join_conflicts(good.drop(index=copies.index))
    return Prepared(
        examples=kept.drop(columns=["reason", "key", "row"]).reset_index(drop=True),
        set_aside=_set_aside(table, frame),
        conflicts=find_conflicts(kept),
        positive_classes=positives,
        negative_classes=negatives,
        notes=(*table.notes, *leaks, *moves),
    )


def choose_classes(
    table: RawTable, label_column: str, positive: Sequence[str], negative: Sequence[str] | None
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The positive and the negative classes; all others are negative when none are named. UserError when a class is
    unknown, on both sides, or when one side is empty."""
    present = list(class_counts(table, label_column).index)
    positives = tuple(dict.fromkeys(name.strip() for name in positive))
    others = negative if negative is not None else [name for name in present if name not in positives]
    negatives = tuple(dict.fromkeys(name.strip() for name in others))
    listed = ", ".join(map(repr, present[:20])) + (f" and {len(present) - 20} more" if len(present) > 20 else "")
    for name in (*positives, *negatives):
        if name not in present:
            raise UserError(
                f"Column {label_column} of {table.source} has no class {name!r}{nearest(name, present)} "
                f"Its classes are {listed}."
            )
    if len(present) < 2:
        raise UserError(
            f"Column {label_column} of {table.source} has one class only ({listed}). Two are needed: choose another "
            "label column, or add examples of another class."
        )
    if both := [name for name in positives if name in negatives]:
        raise UserError(f"Class {both[0]!r} is named both positive and negative. Name it on one side.")
    if not positives or not negatives:
        missing = "positive" if not positives else "negative"
        raise UserError(f"Name at least one {missing} class. Classes in {table.source}: {listed}.")
    return positives, negatives


def _check_choice(table: RawTable, chosen: dict[str, str | None]) -> None:
    columns = [column for column in chosen.values() if column]
    check_columns(list(table.frame.columns), columns, table.source)
    for column in columns:
        roles = [role for role, name in chosen.items() if name == column]
        if len(roles) > 1 and set(roles) != {"id", "group"}:
            raise UserError(f"Column {column} cannot be both {roles[0]} and {roles[1]}. Choose two columns.")


def _working_frame(
    table: RawTable, chosen: dict[str, str | None], positives: set[str], negatives: set[str]
) -> pd.DataFrame:
    source = table.frame

    def cells(role: str) -> pd.Series:
        column = chosen[role]
        if not column:
            return pd.Series("", index=source.index, dtype=str)
        values = source[column].fillna("").astype(str)
        return values if role == "text" else values.str.strip()

    classes = cells("label")
    made = [f"row-{row:06d}" for row in table.source_rows]
    ids = cells("id")
    frame = pd.DataFrame(
        {
            "id": ids.where(ids != "", pd.Series(made, index=source.index, dtype=str)),
            "text": cells("text"),
            "label": classes.isin(positives).astype("int8"),
            "class_name": classes,
            "split": cells("split"),
            "group": cells("group"),
            "source_row": table.source_rows.astype("int64"),
        }
    )
    rest = [name for name in source.columns if name not in chosen.values()][:MAX_META]
    further = {f"meta.{name}": source[name] for name in rest}
    return pd.concat([frame, pd.DataFrame(further, index=source.index)], axis=1).assign(row=np.arange(len(frame)))


def _reasons(frame: pd.DataFrame, positives: Sequence[str], negatives: Sequence[str], needs_split: bool) -> np.ndarray:
    """Why each row is set aside, or ""; the first reason that holds."""
    classes = frame["class_name"]
    reasons = np.full(len(frame), "", dtype=object)
    empty = np.array([not _has_text(text) for text in frame["text"].to_numpy(dtype=object)], dtype=bool)
    for mask, reason in (
        (classes == "", "the label is missing"),
        (~classes.isin([*positives, *negatives]), "class " + classes + " is neither positive nor negative"),
        (empty, "the text is empty"),
        (frame["split"].eq("") & needs_split, "the split is missing"),
    ):
        chosen = np.asarray(mask) & (reasons == "")
        reasons[chosen] = reason if isinstance(reason, str) else reason[chosen]
    good = frame[reasons == ""]
    first = good.drop_duplicates("id").set_index("id")["source_row"]
    again = good[good["id"].duplicated()]
    rows = [f"the id {one} was used before, in row {first[one]}" for one in again["id"]]
    reasons[again["row"].to_numpy()] = rows
    return reasons


def _has_text(text: str) -> bool:
    """Whether anything is left to read: not only white space, controls or invisible joiners."""
    return any(not letter.isspace() and letter.isprintable() for letter in text[:1000]) or bool(normalised(text[1000:]))


def _known_splits(frame: pd.DataFrame, split_column: str | None) -> pd.Series:
    """Splits by their usual names; only rows that are kept must have a known one."""
    if not split_column:
        return frame["split"]
    good = frame["reason"] == ""
    known = split_names(frame.loc[good, "split"], split_column)
    return known.reindex(frame.index, fill_value="")


def _set_aside(table: RawTable, frame: pd.DataFrame) -> pd.DataFrame:
    aside = frame.loc[frame["reason"] != "", SET_ASIDE]
    aside = aside.assign(text=aside["text"].str.slice(0, SHOWN))
    parts = [part for part in (table.rejected[SET_ASIDE], aside) if len(part)]
    if not parts:
        return table.rejected[SET_ASIDE]
    return pd.concat(parts).sort_values("source_row", kind="stable", ignore_index=True)


# From a raw table to a dataset in one step: prepared, split, described.


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
    """Prepare a table (`data.datasets.preparation.prepare`) and split it (`data.datasets.splits.assign_splits`). Nothing is saved."""
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
