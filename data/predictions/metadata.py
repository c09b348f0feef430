"""Further columns of prediction files and the probabilities of the other classes, as `meta.<name>` of the dataset."""

from collections.abc import Sequence

import pandas as pd

from closecall.data.datasets.preparation import MAX_META
from closecall.data.readers.table import RawTable

META = "meta."
RIVAL = "rival."
"""Columns of rows that hold what one run said of the other classes: `p:CLASS`, `margin:CLASS`, `rival_class`."""


def further_columns(table: RawTable, taken: Sequence[str]) -> tuple[pd.DataFrame, list[str]]:
    """The first MAX_META columns of a file without a role, as `meta.<name>`, and a sentence that names the others."""
    names = [name for name in table.frame.columns if name not in taken]
    kept, left = names[:MAX_META], names[MAX_META:]
    notes = []
    if left:
        notes = [f"{table.source}: {len(left):,} further columns are not kept: {', '.join(left[:20])}."]
    frame = table.frame[kept].rename(columns=lambda name: f"{META}{name}")
    return frame.reset_index(drop=True), notes


def example_metadata(rows: pd.DataFrame, ids: pd.Series) -> tuple[pd.DataFrame, list[str]]:
    """The metadata of each example, in the order of `ids`, and sentences on what is left out.

    Columns of a file that differ between the runs of an example belong to no example and are left out. What runs say
    of the other classes gets the run into its name when there are several: `p:pc 1:10`.
    """
    first, left = {}, []
    several = rows["run"].nunique() > 1
    for name in [str(name) for name in rows.columns if str(name).startswith(META)]:
        filled = rows.loc[rows[name].notna(), ["id", name]]
        values = filled.drop_duplicates("id").set_index("id")[name]
        if several and (filled[name].to_numpy() != values.reindex(filled["id"]).to_numpy()).any():
            left.append(name.removeprefix(META))
        else:
            first[name] = values.reindex(ids).to_numpy()
    notes = [f"Left out, since they differ between the runs of an example: {', '.join(left)}."] if left else []
    return pd.DataFrame(first | _rivals(rows, ids, several), index=range(len(ids))), notes


def _rivals(rows: pd.DataFrame, ids: pd.Series, several: bool) -> dict[str, object]:
    """The columns of RIVAL for each run."""
    names = [str(name) for name in rows.columns if str(name).startswith(RIVAL)]
    found: dict[str, object] = {}
    for _, part in rows.groupby("run", sort=False) if names else ():
        at = part.set_index("id")[names].reindex(ids)
        end = f" {_run_title(rows, part)}" if several else ""
        for name in names:
            if at[name].notna().any():
                found[f"{META}{name.removeprefix(RIVAL)}{end}"] = at[name].to_numpy()
    return found


def _run_title(rows: pd.DataFrame, part: pd.DataFrame) -> str:
    """What tells a run from the others: model, ratio, seed."""
    one = part.iloc[0]
    words = {"model": one["model"], "ratio": f"1:{one['ratio']:g}", "seed": f"seed {one['seed']}"}
    return " ".join(str(word) for column, word in words.items() if rows[column].nunique() > 1)
