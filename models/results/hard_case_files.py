"""The hard-case list as files to take away: tables, a Hugging Face folder, and what labelling tools import."""

import io
import zipfile
from pathlib import Path

import pandas as pd

from closecall.data.datasets.store import load_info
from closecall.data.exchange.annotation_export import argilla_bytes, label_studio_bytes, label_studio_interface
from closecall.data.exchange.dataset_card import folder_files
from closecall.data.exchange.tables import FORMS as TABLES
from closecall.data.exchange.tables import Provenance, hard_case_table, provenance, table_bytes
from closecall.data.experiments.store import load_experiment
from closecall.data.io.errors import UserError
from closecall.data.io.files import whole, write_folder
from closecall.models.results.case_evidence import case_evidence

FORMS = (*TABLES, "hf", "label-studio", "argilla")
ENDINGS = {"hf": "zip", "label-studio": "json", "argilla": "json"}


def case_table(experiment: str) -> pd.DataFrame:
    """`data.exchange.tables.hard_case_table` with the evidence of each case before the probabilities."""
    table = hard_case_table(experiment)
    around = case_evidence(experiment, table["id"].tolist())
    first = [name for name in table if not str(name).startswith("prob_")]
    rest = [name for name in table if str(name).startswith("prob_")]
    return pd.concat([table[first], around.reset_index(drop=True), table[rest]], axis=1)


def case_bytes(experiment: str, form: str) -> bytes:
    """The list as one file; the Hugging Face folder as a zip of it."""
    _check(form)
    table, origin = case_table(experiment), provenance(experiment)
    if form in TABLES:
        return table_bytes(table, form, origin)
    if form == "hf":
        return _zipped(_folder(experiment, table, origin))
    told = table.assign(**{name: value for name, value in origin.columns.items() if name not in table})
    return label_studio_bytes(told) if form == "label-studio" else argilla_bytes(told)


def write_cases(experiment: str, out: Path, form: str = "") -> list[Path]:
    """Write the list to a file, or to a folder (`hf`); the form is told by the ending when it is not named.

    Answers what was written: beside Label Studio's tasks also its labelling interface.
    """
    form = form or out.suffix.removeprefix(".").lower()
    _check(form)
    try:
        if form == "hf" and out.suffix != ".zip":
            _write_folder(experiment, out)
            return [out]
        _write(out, case_bytes(experiment, form))
        if form != "label-studio":
            return [out]
        interface = out.with_name(f"{out.stem}-interface.xml")
        _write(interface, label_studio_interface(classes_of(experiment)).encode("utf-8", errors="replace"))
        return [out, interface]
    except OSError as error:
        raise UserError(f"{out} cannot be written ({error.strerror or error}). Choose another place.") from error


def classes_of(experiment: str) -> list[str]:
    """The classes that an example may be relabelled to, positives first."""
    try:
        info = load_info(load_experiment(experiment).dataset)
    except UserError:
        return ["positive", "negative"]
    return [*info.positive_classes, *info.negative_classes]


def _check(form: str) -> None:
    if form not in FORMS:
        raise UserError(
            f"{form or 'A file without an ending'!r} is not a form of list. Forms are {', '.join(FORMS)}; "
            "name one with --form, or end the file's name in .csv, .jsonl or .parquet."
        )


def _folder(experiment: str, table: pd.DataFrame, origin: Provenance) -> dict[str, bytes]:
    config = load_experiment(experiment)
    try:
        licence = load_info(config.dataset).licence
    except UserError:
        licence = ""
    return folder_files(table, origin, title=config.title, licence=licence)


def _write_folder(experiment: str, out: Path) -> None:
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise UserError(f"{out} is there already and not an empty folder. Choose another place.")
    files = _folder(experiment, case_table(experiment), provenance(experiment))

    def fill(fresh: Path) -> None:
        for name, content in files.items():
            (fresh / name).parent.mkdir(parents=True, exist_ok=True)
            (fresh / name).write_bytes(content)

    write_folder(out, fill)


def _write(path: Path, content: bytes) -> None:
    with whole(path) as temporary:
        temporary.write_bytes(content)


def _zipped(files: dict[str, bytes]) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return out.getvalue()
