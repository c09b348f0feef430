"""What an import of labelled texts is made from: columns by role, classes, names, split shares."""

from dataclasses import asdict, dataclass

import pandas as pd

from closecall.data.io.errors import UserError
from closecall.data.readers.columns import ColumnRoles
from closecall.data.readers.table import MAX_CLASSES, RawTable, check_columns, nearest


@dataclass(frozen=True)
class ImportRequest:
    """Everything that turns a raw table into a dataset.

    `columns` needs text and label; id, group and split may be "". `negative_classes` None stands for all classes that
    are not positive. `test_share` and `validation_share` are shares of each class, used for splits that the split
    column does not give; `seed` draws them. `join_copies`: a text that the split column puts into training moves to
    test, or validation, when a near copy is there.
    """

    columns: ColumnRoles
    positive_classes: tuple[str, ...] = ()
    negative_classes: tuple[str, ...] | None = None
    name: str = ""
    title: str = ""
    test_share: float = 0.35
    validation_share: float = 0.15
    seed: int = 0
    origin: str = ""
    licence: str = ""
    join_copies: bool = False


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


def choose_classes(table: RawTable, request: ImportRequest) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return the positive and the negative classes of an import, names stripped of white space.

    UserError when a class is not in the label column, is both positive and negative, or when either list is empty.
    """
    label_column = request.columns.label
    present = list(class_counts(table, label_column).index)
    positives = tuple(dict.fromkeys(name.strip() for name in request.positive_classes))
    others = request.negative_classes
    if others is None:
        others = tuple(name for name in present if name not in positives)
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
        raise UserError(f"Class {both[0]!r} is named both positive and negative. Name it once.")
    if not positives or not negatives:
        missing = "positive" if not positives else "negative"
        raise UserError(f"Name at least one {missing} class. Classes in {table.source}: {listed}.")
    return positives, negatives


def check_roles(table: RawTable, columns: ColumnRoles) -> None:
    """UserError when a chosen column is not in the table or holds two roles. Id and group may share a column."""
    chosen = {role: column for role, column in asdict(columns).items() if column}
    check_columns(list(table.frame.columns), list(chosen.values()), table.source)
    for column in chosen.values():
        roles = [role for role, name in chosen.items() if name == column]
        if len(roles) > 1 and set(roles) != {"id", "group"}:
            raise UserError(f"Column {column} cannot be both {roles[0]} and {roles[1]}. Choose two columns.")
