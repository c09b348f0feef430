"""The hard-case list with evidence on each case, as a table and as files for spreadsheets and annotation tools.

The evidence: outcomes over ratios and seeds, causes, and the nearest training examples. Neighbours are those of the
frozen encoder, so they do not depend on any run. Minority types are computed twice: among all training examples of the
largest ratio, and among as many negatives as positives, because at 1:10 most positives are rare or outliers by the
ratio alone.
"""

import io
import zipfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from closecall.analysis.causes.minority_types import minority_types, neighbourhoods
from closecall.analysis.causes.miss_wording import causes_table
from closecall.analysis.ratio.outcome_groups import correct_shares, outcome_groups
from closecall.data.annotations.causes import load_evidence
from closecall.data.datasets.store import load_info
from closecall.data.exchange.export_formats import export_format
from closecall.data.exchange.tables import ExportTable, hard_case_table, provenance
from closecall.data.experiments.run_tables import RunTable
from closecall.data.experiments.runs import load_embeddings
from closecall.data.experiments.store import experiment_folder, load_experiment, load_plan
from closecall.data.io.errors import UserError
from closecall.data.io.files import atomic_write, write_folder
from closecall.models.results.causes import OUTCOMES, decide_causes
from closecall.models.results.run_predictions import RunPredictions, read_run_predictions
from closecall.models.results.valid_runs import valid_rows

NEIGHBOURS = (
    "nearest_positive", "positive_cosine", "nearest_negative", "negative_cosine", "margin", "type", "type_balanced",
)  # fmt: skip
OUTCOME_COLUMNS = ("group", "outcome_string")
THRESHOLD = 0.5


def case_evidence(table: RunPredictions, ids: Sequence[str]) -> pd.DataFrame:
    """OUTCOME_COLUMNS and NEIGHBOURS of some examples, `id` as index in the order given; "" and nan where unknown."""
    rows = valid_rows(table, threshold=THRESHOLD)
    outcomes = pd.DataFrame(columns=list(OUTCOME_COLUMNS))
    if rows.any():
        runs = table.pos_probs[rows], table.ratios[rows], table.seeds[rows]
        outcomes = outcomes_over_runs(table.ids, table.labels, *runs)[list(OUTCOME_COLUMNS)]
    return outcomes.reindex(list(ids)).fillna("").join(neighbour_evidence(table.experiment, ids)).rename_axis("id")


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


def case_table(experiment: str) -> pd.DataFrame:
    """`data.exchange.tables.hard_case_table` with cause and evidence of each case before the probabilities."""
    table = hard_case_table(experiment)
    ids, tables = table["id"].tolist(), read_run_predictions(experiment)
    causes = case_causes(tables["test"], tables["validation"]).reindex(ids).fillna("")
    evidence = case_evidence(tables["test"], ids).join(causes)
    first = [name for name in table if not str(name).startswith("prob_")]
    rest = [name for name in table if str(name).startswith("prob_")]
    return pd.concat([table[first], evidence.reset_index(drop=True), table[rest]], axis=1)


def case_causes(test: RunPredictions, validation: RunTable) -> pd.DataFrame:
    """`cause` and `cause_evidence` of each error at the largest ratio that has runs, `id` as index."""
    rows = valid_rows(test, threshold=THRESHOLD)
    tables = [pd.DataFrame(columns=["id", "cause", "evidence"])]
    if rows.any():
        largest = float(test.ratios[rows].max())
        runs = [test.runs[row] for row in np.flatnonzero(rows & (test.ratios == largest))]
        stored = load_evidence(test.experiment, runs=runs)
        found = (decide_causes(test, validation, stored, ratio=largest, outcome=one) for one in OUTCOMES)
        tables += map(causes_table, found)
    joined = pd.concat([one[["id", "cause", "evidence"]].astype(object) for one in tables])
    return joined.set_index("id").rename(columns={"evidence": "cause_evidence"})


def case_bytes(experiment: str, form: str) -> bytes:
    """The list as one file; `form` is the name of one of `data.exchange.export_formats.EXPORT_FORMATS`."""
    return export_format(form).write(_export_table(experiment))


def write_cases(experiment: str, out: Path, form: str = "") -> list[Path]:
    """Write the list to a file, or to a folder where the format is a zip archive and `out` does not end in .zip.

    The format follows the suffix of `out` when `form` is empty. Returns the paths written: with Label Studio's tasks
    also the labelling interface.
    """
    chosen = export_format(form or out.suffix.removeprefix(".").lower())
    try:
        table = _export_table(experiment)
        if chosen.unpacks and out.suffix != chosen.suffix:
            _unpack(chosen.write(table), out)
            return [out]
        _write(out, chosen.write(table))
        if chosen.companion is None:
            return [out]
        companion = out.with_name(f"{out.stem}{chosen.companion[0]}")
        _write(companion, chosen.write_companion(table))
        return [out, companion]
    except OSError as error:
        raise UserError(f"{out} cannot be written ({error.strerror or error}). Choose another place.") from error


def classes_of(experiment: str) -> list[str]:
    """The classes that an example may be relabelled to, positives first."""
    try:
        info = load_info(load_experiment(experiment).dataset)
    except UserError:
        return ["positive", "negative"]
    return [*info.positive_classes, *info.negative_classes]


def _export_table(experiment: str) -> ExportTable:
    config = load_experiment(experiment)
    try:
        licence = load_info(config.dataset).licence
    except UserError:  # the dataset was deleted
        licence = ""
    classes = tuple(classes_of(experiment))
    return ExportTable(case_table(experiment), provenance(experiment), config.title, licence, classes)


def _write(path: Path, content: bytes) -> None:
    with atomic_write(path) as temporary:
        temporary.write_bytes(content)


def _unpack(archive: bytes, out: Path) -> None:
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise UserError(f"{out} exists and is not an empty folder. Choose another place.")
    with zipfile.ZipFile(io.BytesIO(archive)) as packed:
        write_folder(out, packed.extractall)
