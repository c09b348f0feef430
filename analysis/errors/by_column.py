"""Errors by a column of the data: does a value of the column have more errors than the rest?"""

from dataclasses import dataclass
from typing import Literal

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from closecall.analysis.intervals import holm
from closecall.analysis.two_groups import GroupCounts, compare_groups_with_rest
from closecall.analysis.validation import Bools, Floats, Ints

FEWEST = 5
"""Values with fewer examples are pooled."""
MANY = 10
"""Numbers and dates with more distinct values than this are compared in quartiles."""
OTHER, MISSING = "other values", "no value"
Kind = Literal["values", "numbers", "dates"]
_NO_VALUE = ("", "nan", "none", "nat", "null", "<na>")
_DATE_FORMATS = ("ISO8601", "%m/%d/%Y", "%d/%m/%Y", "%d.%m.%Y")


@dataclass(frozen=True)
class ValueGroups:
    """n examples in m groups by the values of a column.

    `codes`: the group of each example (n,). `names`: what the groups are called (m,). `ranges`: the smallest and the
    largest value of each quartile as written in the data, None for a group that is not a quartile (m,).
    """

    kind: Kind
    codes: Ints
    names: tuple[str, ...]
    ranges: tuple[tuple[str, str] | None, ...]


def value_groups(values: ArrayLike, among: Bools) -> ValueGroups | str:
    """Group some examples by a column: by value, or in quartiles for more than MANY distinct numbers or dates.

    Values with fewer than FEWEST examples become OTHER, examples without a value MISSING. `values` (N,) decides whether
    the column has numbers or dates; the N examples with `among` are grouped. A sentence where there is nothing to
    compare: every example has its own value, or all are in one group.
    """
    text, numbers = _as_text(values), column_numbers(values)
    present = text != ""
    if numbers is None and present.sum() > 1 and pd.Index(text[present]).is_unique:
        return "Every example has its own value."
    chosen = text[among]
    if numbers is not None and len(np.unique(chosen[chosen != ""])) > MANY:
        groups = _quartiles(chosen, numbers[among], "numbers" if _are_numbers(pd.unique(text[present])) else "dates")
    else:
        groups = _by_value(chosen)
    if len(groups.names) > 1:
        return groups
    if groups.names == (OTHER,):
        return f"No value has {FEWEST} examples."
    return f"All examples have the same value: {groups.names[0]}." if groups.names else "There are no examples."


def column_numbers(values: ArrayLike) -> Floats | None:
    """A column as numbers, dates as seconds since 1970, nan where there is no value. Shape (n,).

    None unless every value is a finite number, or every value is a date in one format: ISO 8601, month/day/year,
    day/month/year or day.month.year. None without values, too.
    """
    text = _as_text(values)
    present = text != ""
    if not present.any():
        return None
    codes, distinct = pd.factorize(text[present])
    found = _numbers(distinct) if _are_numbers(distinct) else _seconds(distinct)
    if found is None:
        return None
    numbers = np.full(len(text), np.nan)
    numbers[present] = found[codes]
    return numbers


def in_range(values: ArrayLike, lowest: str, highest: str) -> Bools | None:
    """Which values of a column of numbers or dates are from `lowest` to `highest`, both included. Shape (n,).

    The limits are written as in the column. None where they or the column are not numbers or dates.
    """
    numbers = column_numbers([*_as_text(values), lowest, highest])
    if numbers is None:
        return None
    return np.asarray((numbers[:-2] >= numbers[-2]) & (numbers[:-2] <= numbers[-1]))


def errors_by_value(groups: ValueGroups, wrong: Bools) -> pd.DataFrame:
    """The errors of each group against its size: one row for each group, in the order of the groups' names.

    `value`, `share` (of the examples), `share_of_errors`, the columns of `compare_groups_with_rest` (`difference`: rate
    of the group minus rate of the rest, with Newcombe's interval; `p`: Fisher's exact test, which is hypergeometric),
    and `p_holm` over the groups. `wrong` (n,). Raises ValueError for another shape.
    """
    wrong = np.asarray(wrong, dtype=np.bool_)
    if wrong.shape != groups.codes.shape:
        raise ValueError(f"There must be one outcome for each of the {len(groups.codes)} examples.")
    m, n, errors = len(groups.names), len(wrong), int(wrong.sum())
    inside = np.bincount(groups.codes, minlength=m)
    inside_wrong = np.bincount(groups.codes[wrong], minlength=m)
    frame = compare_groups_with_rest(GroupCounts(inside, inside_wrong, n, errors))
    frame.insert(0, "value", list(groups.names))
    frame.insert(1, "share", inside / n)
    frame.insert(2, "share_of_errors", inside_wrong / errors if errors else np.full(m, np.nan))
    return frame.assign(p_holm=holm(frame["p"]))


def _as_text(values: ArrayLike) -> np.ndarray:
    """Each value as text without spaces at its ends, "" for none. Shape (n,)."""
    codes, distinct = pd.factorize(pd.Series(np.asarray(values, dtype=object)))
    cleaned = [str(one).strip() for one in distinct]
    cleaned = ["" if one.lower() in _NO_VALUE else one for one in cleaned]
    return np.array([*cleaned, ""], dtype=object)[codes]  # the code of a missing value is -1, the last place


def _numbers(text: np.ndarray) -> Floats:
    return np.asarray(pd.to_numeric(pd.Series(text), errors="coerce"), dtype=np.float64)


def _are_numbers(text: np.ndarray) -> bool:
    return bool(np.isfinite(_numbers(text)).all())


def _seconds(text: np.ndarray) -> Floats | None:
    for form in _DATE_FORMATS:
        dates = pd.to_datetime(pd.Series(text, dtype=object), format=form, errors="coerce", utc=True)
        if dates.notna().all():
            return np.asarray((dates - pd.Timestamp(0, tz="UTC")) / pd.Timedelta(seconds=1), dtype=np.float64)
    return None


def _quartiles(text: np.ndarray, numbers: Floats, kind: Kind) -> ValueGroups:
    """The quartiles in order, then MISSING. Equal numbers stay together, so there may be fewer than four."""
    present = ~np.isnan(numbers)
    edges = np.unique(np.quantile(numbers[present], [0.25, 0.5, 0.75], method="lower"))
    places = np.searchsorted(edges, numbers, side="left")  # nan comes last
    places[~present] = len(edges) + 1
    used, codes = np.unique(places, return_inverse=True)
    names, ranges = list[str](), list[tuple[str, str] | None]()
    for place in used:
        inside = np.flatnonzero(places == place)
        ends = inside[np.argmin(numbers[inside])], inside[np.argmax(numbers[inside])]
        missing = place == len(edges) + 1
        ranges.append(None if missing else (str(text[ends[0]]), str(text[ends[1]])))
        names.append(MISSING if missing else _range_name(numbers[ends[0]], numbers[ends[1]], kind))
    return ValueGroups(kind, codes, tuple(names), tuple(ranges))


def _range_name(low: float, high: float, kind: Kind) -> str:
    """A range as "3 to 8" or "1993-04-05 to 1993-04-20"."""
    if kind == "dates":
        first, last = (pd.Timestamp(one, unit="s").date().isoformat() for one in (low, high))
    else:
        first, last = (f"{one:.0f}" if abs(one) >= 1000 else f"{one:.4g}" for one in (low, high))
    return first if first == last else f"{first} to {last}"


def _by_value(text: np.ndarray) -> ValueGroups:
    """The values by falling number of examples, then OTHER and MISSING."""
    present = pd.Series(text[text != ""], dtype=object).value_counts(sort=False)
    ordered = sorted(present.items(), key=lambda one: (-one[1], str(one[0])))
    names = [str(value) for value, count in ordered if count >= FEWEST]
    places = pd.Index(names, dtype=object).get_indexer(pd.Index(text, dtype=object))
    codes = np.where(text == "", len(names) + 1, np.where(places < 0, len(names), places))
    used, codes = np.unique(codes, return_inverse=True)
    all_names = [*names, OTHER, MISSING]
    return ValueGroups("values", codes, tuple(all_names[place] for place in used), (None,) * len(used))
