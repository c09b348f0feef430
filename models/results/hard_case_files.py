"""The hard-case list as files: tables, a Hugging Face folder, and what annotation tools import."""

import io
import zipfile
from pathlib import Path

import pandas as pd

from closecall.analysis.causes.miss_wording import causes_table
from closecall.data.datasets.store import load_info
from closecall.data.exchange.export_formats import export_format
from closecall.data.exchange.tables import ExportTable, hard_case_table, provenance
from closecall.data.experiments.store import load_experiment
from closecall.data.io.errors import UserError
from closecall.data.io.files import atomic_write, write_folder
from closecall.models.results.case_evidence import THRESHOLD, case_evidence
from closecall.models.results.causes import causes_of
from closecall.models.results.run_predictions import read_run_predictions
from closecall.models.results.valid_runs import valid_rows


def case_table(experiment: str) -> pd.DataFrame:
    """`data.exchange.tables.hard_case_table` with cause and evidence of each case before the probabilities."""
    table = hard_case_table(experiment)
    ids = table["id"].tolist()
    evidence = case_evidence(experiment, ids).join(case_causes(experiment).reindex(ids).fillna(""))
    first = [name for name in table if not str(name).startswith("prob_")]
    rest = [name for name in table if str(name).startswith("prob_")]
    return pd.concat([table[first], evidence.reset_index(drop=True), table[rest]], axis=1)


def case_causes(experiment: str) -> pd.DataFrame:
    """`cause` and `cause_evidence` of each error at the largest ratio that has runs, `id` as index."""
    test = read_run_predictions(experiment)["test"]
    rows = valid_rows(test, threshold=THRESHOLD)
    tables = [pd.DataFrame(columns=["id", "cause", "evidence"])]
    if rows.any():
        largest = float(test.ratios[rows].max())
        tables += [causes_table(causes_of(experiment, ratio=largest, outcome=one)) for one in ("fn", "fp")]
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
