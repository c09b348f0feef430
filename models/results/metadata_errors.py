"""Which examples are misclassified? The errors at one ratio by class, group and every column kept at import.

Also by the class of the nearest training example of the other label, where the evidence on single examples is stored.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from closecall.analysis.causes.miss_wording import CausesOfErrors
from closecall.analysis.errors.by_column import MISSING, OTHER, ValueGroups, errors_by_value, value_groups
from closecall.analysis.formatting import count_text, p_text, percent_text, points_cell, points_text, share_text
from closecall.analysis.intervals import Estimate
from closecall.analysis.metrics.outcomes import OUTCOME_NAMES
from closecall.data.annotations.causes import load_evidence
from closecall.data.annotations.slice_rules import Column, Range
from closecall.data.datasets.store import load_examples, metadata_columns
from closecall.data.experiments.run_tables import RunTable
from closecall.data.experiments.store import load_experiment
from closecall.data.io.errors import UserError

LEVEL = 0.05
NEAREST = {"fn": "nearest_negative", "fp": "nearest_positive"}
"""The name of the column with the class of the nearest training example of the other label."""
_TITLES = {
    "class_name": "class",
    "nearest_negative": "class of the nearest negative",
    "nearest_positive": "class of the nearest positive",
}
_CLASS = {"fn": "positives", "fp": "negatives"}


@dataclass(frozen=True)
class ColumnErrors:
    """The errors of one class of test examples by the values of a column.

    `table`: `errors_by_value` with `rule`, which selects the examples of a value on Errors; "" for pooled and missing
    values. Quartiles are in order, values by falling difference. `errors`: the ids of each row's errors. `skipped`: why
    the column was not compared, and `table` is then empty.
    """

    column: str
    outcome: str
    kind: str
    table: pd.DataFrame
    errors: tuple[tuple[str, ...], ...]
    skipped: str = ""

    @property
    def title(self) -> str:
        """What pages call the column; an imported column named like one of the dataset keeps its prefix."""
        name = _TITLES.get(self.column, self.column.removeprefix("meta."))
        taken = self.column.startswith("meta.") and name in ("group", *_TITLES.values())
        return self.column if taken else name

    @property
    def significant(self) -> bool:
        """Whether a value has more or fewer errors than the rest, after Holm's correction over the values."""
        return bool(len(self.table) and self.table["p_holm"].min() < LEVEL)


def errors_by_column(experiment: str, test: RunTable, found: CausesOfErrors) -> list[ColumnErrors]:
    """The errors in `found` by each column: the smallest p first, then the skipped columns.

    A column of the dataset itself (class, group) with a single value is left out. Empty without errors, and when the
    dataset was deleted.
    """
    if found.examples.empty:
        return []
    try:
        examples = _columns(experiment, found.outcome)
    except UserError:
        return []
    own = test.ids[test.labels == (1 if found.outcome == "fn" else 0)]
    among = examples["id"].isin(own).to_numpy()
    ids = examples.loc[among, "id"].to_numpy(dtype=object)
    wrong = np.isin(ids, found.examples["id"].to_numpy(dtype=object))
    results = []
    for column in examples.columns.drop("id"):
        groups = value_groups(examples[column].to_numpy(dtype=object), among)
        one = _compared(column, found.outcome, groups, ids, wrong)
        if not one.skipped or column.startswith("meta."):
            results.append(one)
    return sorted(results, key=lambda one: float(one.table["p_holm"].min()) if len(one.table) else 2.0)


def chosen_column(columns: Sequence[ColumnErrors], name: str) -> ColumnErrors:
    """The column of this name or title. UserError that lists the columns when there is none."""
    for one in columns:
        if name in (one.column, one.title):
            return one
    known = ", ".join(one.title for one in columns) or "none"
    raise UserError(f"The errors cannot be compared by {name}. Columns that can be: {known}.")


def column_sentence(one: ColumnErrors) -> str:
    """The value that differs most from the rest, or that none does, with counts, interval and p."""
    errors, test = OUTCOME_NAMES[one.outcome], "Fisher's exact test"
    if one.skipped:
        return f"The errors are not compared by {one.title}. {one.skipped}"
    over = f"Holm over {count_text(len(one.table), 'value')}"
    rows = one.table.sort_values("p_holm", kind="stable").to_dict("records")
    if not one.significant:
        least = f"smallest p {p_text(rows[0]['p_holm'])}"
        return f"No value of {one.title} has significantly more or fewer {errors} ({test}, {least}, {over})."
    higher = [row for row in rows if row["p_holm"] < LEVEL and row["difference"] > 0]
    top = (higher or rows)[0]
    more = "more" if top["difference"] > 0 else "fewer"
    inside = share_text(int(top["wrong"]), int(top["n"]))
    rest = share_text(int(top["rest_wrong"]), int(top["rest_n"]))
    points = points_text(Estimate(top["difference"], top["low"], top["high"]))
    return (
        f"{_CLASS[one.outcome].capitalize()} with {one.title} {_quoted(one, top['value'])} have {more} {errors} than "
        f"the rest: {inside}, against {rest}. Difference: {points}, {test}, p {p_text(top['p_holm'])}, {over}."
    )


def column_rows(one: ColumnErrors) -> pd.DataFrame:
    """One row for each value as text: error rate, share of the errors and of the examples, difference from the rest."""
    errors, rows = OUTCOME_NAMES[one.outcome], one.table.to_dict("records")
    return pd.DataFrame(
        {
            one.title.capitalize(): [str(row["value"]) for row in rows],
            errors.capitalize(): [share_text(int(row["wrong"]), int(row["n"])) for row in rows],
            f"Share of {errors}": [percent_text(row["share_of_errors"]) for row in rows],
            f"Share of {_CLASS[one.outcome]}": [percent_text(row["share"]) for row in rows],
            "Difference in points (95 % CI)": [
                points_cell(Estimate(row["difference"], row["low"], row["high"])) for row in rows
            ],
            "p (Holm)": [p_text(row["p_holm"]) for row in rows],
        }
    )


def _columns(experiment: str, outcome: str) -> pd.DataFrame:
    """`id` and the columns of all examples of the dataset."""
    dataset = load_experiment(experiment).dataset
    examples = load_examples(dataset, ["id", *metadata_columns(dataset)])
    evidence = load_evidence(experiment, runs=())
    if evidence is None:
        return examples
    column = NEAREST[outcome]
    nearest = evidence.examples.set_index("id")[column].reindex(examples["id"])
    names = examples.set_index("id")["class_name"].reindex(nearest.to_numpy(dtype=object))
    examples.insert(2, column, names.fillna("").to_numpy(dtype=object))
    return examples


def _compared(column: str, outcome: str, groups: ValueGroups | str, ids: np.ndarray, wrong: np.ndarray) -> ColumnErrors:
    if isinstance(groups, str):
        return ColumnErrors(column, outcome, "", pd.DataFrame(), (), groups)
    table = errors_by_value(groups, wrong)
    table = table.assign(rule=[_rule(column, groups, place) for place in range(len(table))])
    if groups.kind == "values":
        table = table.sort_values("difference", ascending=False, kind="stable")
    errors = tuple(tuple(ids[wrong & (groups.codes == place)].tolist()) for place in table.index)
    return ColumnErrors(column, outcome, groups.kind, table.reset_index(drop=True), errors)


def _rule(column: str, groups: ValueGroups, place: int) -> str:
    """The rule of a group as written in links; "" where no rule selects it."""
    name, ends = groups.names[place], groups.ranges[place]
    if column in NEAREST.values() or (ends is None and name in (OTHER, MISSING)):
        return ""
    try:
        return (Column(column, name) if ends is None else Range(column, *ends)).written
    except UserError:  # a name with "=", or a value that is too long
        return ""


def _quoted(one: ColumnErrors, value: str) -> str:
    return f"“{value}”" if one.kind == "values" else value
