"""Turn a raw table into a dataset: choose columns and classes, check every row, draw the splits."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass

import numpy as np
import pandas as pd

from closecall.data.datasets.copy_families import find_pairs, join_to_test, joined_families, leaked_note
from closecall.data.datasets.duplicates import find_conflicts, find_copies, join_conflicts, normalised, text_keys
from closecall.data.datasets.import_request import ImportRequest, check_roles, choose_classes
from closecall.data.datasets.splits import assign_splits
from closecall.data.datasets.store import Dataset, DatasetInfo
from closecall.data.io.download import Progress
from closecall.data.io.errors import UserError
from closecall.data.readers.columns import ColumnRoles, split_names
from closecall.data.readers.table import SHOWN, RawTable

SET_ASIDE = ["source_row", "id", "reason", "text"]
MAX_META = 20
"""Further columns of the source that are kept, as `meta.<name>`."""


@dataclass(frozen=True)
class Prepared:
    """Examples ready to be split, and the rows that were set aside.

    `examples` has id, text, label (int8), class_name, split ("" when none is given), group ("" for none), source_row
    (int64) and `meta.<name>` columns. `set_aside` has source_row, id, reason, text (its start). `conflicts` has key,
    id, label, source_row, text: examples whose normalised text has both labels. `notes` are sentences.
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


def prepare(table: RawTable, request: ImportRequest) -> Prepared:
    """Choose columns and classes and check every row.

    Negatives are all other classes unless named. Set aside, with reason and row: rows that could not be read, without
    label or split, of other classes, without text, with an id seen before, and copies of a text of the same label (the
    copy kept is the first; with a split column that of test before validation before train). A text with both labels
    is kept once for each, reported, and put into one split. UserError for unknown columns or classes, one class only,
    a label column with too many values, unknown splits, and groups that a given split column tears apart.
    """
    columns = request.columns
    check_roles(table, columns)
    positives, negatives = choose_classes(table, request)
    frame = _working_frame(table, columns, positives)
    frame = frame.assign(reason=_reasons(frame, positives, negatives, bool(columns.split)))
    frame = frame.assign(split=_known_splits(frame, columns.split))
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


def _working_frame(table: RawTable, columns: ColumnRoles, positives: Sequence[str]) -> pd.DataFrame:
    source = table.frame

    def cells(column: str) -> pd.Series:
        if not column:
            return pd.Series("", index=source.index, dtype=str)
        return source[column].fillna("").astype(str)

    classes = cells(columns.label).str.strip()
    made = [f"row-{row:06d}" for row in table.source_rows]
    ids = cells(columns.id).str.strip()
    frame = pd.DataFrame(
        {
            "id": ids.where(ids != "", pd.Series(made, index=source.index, dtype=str)),
            "text": cells(columns.text),
            "label": classes.isin(positives).astype("int8"),
            "class_name": classes,
            "split": cells(columns.split).str.strip(),
            "group": cells(columns.group).str.strip(),
            "source_row": table.source_rows.astype("int64"),
        }
    )
    rest = [name for name in source.columns if name not in asdict(columns).values()][:MAX_META]
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


def _known_splits(frame: pd.DataFrame, split_column: str) -> pd.Series:
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


def build_dataset(table: RawTable, request: ImportRequest, *, progress: Progress | None = None) -> Dataset:
    """Prepare a table (`prepare`) and split it (`data.datasets.splits.assign_splits`). Nothing is saved.

    Families of near copies stay in one of the splits that are drawn; the notes say how many there are.
    """
    prepared = prepare(table, request)
    examples, notes = _split(prepared.examples, request, progress)
    info = DatasetInfo(
        name=request.name,
        title=request.title,
        positive_classes=prepared.positive_classes,
        negative_classes=prepared.negative_classes,
        origin=request.origin,
        licence=request.licence,
        source_file=table.source,
        source_sha256=table.sha256,
        split_seed=request.seed,
        notes=(*prepared.notes, *notes),
    )
    return Dataset(info, examples, prepared.set_aside, prepared.conflicts)


def _split(examples: pd.DataFrame, request: ImportRequest, progress: Progress | None) -> tuple[pd.DataFrame, list[str]]:
    """Splits that keep near copies together, and sentences on the near copies."""
    pairs, notes = find_pairs(examples, progress)
    names, too_large = joined_families(examples, pairs)
    moves: list[str] = []
    if request.join_copies:
        examples, moves = join_to_test(examples, pairs)

    def draw(families: np.ndarray | None) -> pd.DataFrame:
        shares = {"test_share": request.test_share, "validation_share": request.validation_share}
        return assign_splits(examples, seed=request.seed, families=families, **shares)

    try:
        drawn = draw(names)
    except UserError:
        drawn = draw(None)
        too_large = ["Near copies were not kept in one split: each split would not have had both labels."]
    return drawn, [*notes, *too_large, *moves, *leaked_note(drawn, pairs)]


def split_sizes(examples: pd.DataFrame) -> pd.DataFrame:
    """How many positives and negatives has each split? A frame of split, positives, negatives, in the usual order."""
    counts = examples.groupby(["split", "label"]).size().unstack(fill_value=0).reindex(columns=[1, 0], fill_value=0)
    counts = counts.reindex([split for split in ("train", "validation", "test") if split in counts.index])
    return counts.set_axis(["positives", "negatives"], axis=1).reset_index()
