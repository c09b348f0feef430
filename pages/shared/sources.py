"""A file from the user: uploaded, or named by its path on the server. Its contents are cached for each choice.

Paths are restricted to the folders of CLOSECALL_ROOTS where the app serves other machines.
"""

import os
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pandas as pd
import streamlit as st

from closecall.data.datasets.import_request import class_counts
from closecall.data.io.errors import UserError
from closecall.data.io.workspace import workspace_folder
from closecall.data.readers.formats import file_suffixes
from closecall.data.readers.read import read_table
from closecall.data.readers.table import RawTable
from closecall.pages.shared.cached_io import stamp
from closecall.pages.shared.layout import show_user_error

PREVIEW = 500
WAYS = ("Upload", "Path on the server")
LOCAL = ("localhost", "127.0.0.1", "::1")
PATH_HELP = "A path on the machine where the app runs. Use it for large files: an upload is held in memory completely."


@dataclass(frozen=True)
class Chosen:
    """The chosen file: the bytes of an upload or a path, its name, and a key that changes with its content."""

    content: bytes | Path
    name: str
    key: str


def choose_source(prefix: str, label: str) -> Chosen | None:
    """Draw the upload or the path input; None until a file is chosen. An invalid path shows an error and is kept."""
    way = st.segmented_control("From", WAYS, default=WAYS[0], required=True, key=f"{prefix}-way",
                               persist_state="session")  # fmt: skip
    if way == WAYS[1]:
        return _named(prefix, label)
    memory = "An upload is held in memory completely. Read files over 100 MB by path."
    upload = st.file_uploader(label, file_suffixes(), key=f"{prefix}-upload", help=memory)
    return Chosen(upload.getvalue(), upload.name, upload.file_id) if upload else None


def _named(prefix: str, label: str) -> Chosen | None:
    text = st.text_input(f"{label}: its path", key=f"{prefix}-path", help=PATH_HELP, persist_state="session",
                         placeholder="/home/me/posts.csv, or a folder saved by Hugging Face datasets")  # fmt: skip
    if not text:
        return None
    try:
        path = server_path(text)
        if not path.exists():
            raise UserError(f"There is no file {path}. Check the path.")
    except UserError as error:
        show_user_error(error)
        return None
    return Chosen(path, path.name, f"{path} {stamp(path)}")


def preview(source: Chosen) -> RawTable:
    """The first rows, from which columns are chosen. UserError when the file cannot be read."""
    return _table(_preview(source, source.key), source)


def classes_of(source: Chosen, column: str) -> pd.Series:
    """The classes of a column with their counts over all rows, largest first."""
    return _classes(source, source.key, column)


def read_all(source: Chosen, columns: list[str] | None = None) -> RawTable:
    """All rows. Not cached, because the table may be large."""
    return read_table(source.content, source.name, columns=columns)


def _table(parts: dict[str, Any], source: Chosen) -> RawTable:
    return RawTable(source=source.name, **parts)


@st.cache_data(max_entries=4, show_spinner="Reading the first rows")
def _preview(_source: Chosen, key: str) -> dict[str, Any]:
    table = read_table(_source.content, _source.name, limit=PREVIEW)
    return {"frame": table.frame, "source_rows": table.source_rows, "notes": table.notes, "rejected": table.rejected}


@st.cache_data(max_entries=8, show_spinner="Counting the classes")
def _classes(_source: Chosen, key: str, column: str) -> pd.Series:
    table = read_table(_source.content, _source.name, columns=[column])
    return class_counts(replace(table, source=_source.name), column)


def server_path(text: str) -> Path:
    """The absolute path. UserError for an empty path and for a path outside the allowed folders.

    An app that serves other machines reads only below the folders of CLOSECALL_ROOTS (separated as in PATH); without
    that variable, only below the workspace.
    """
    if not text.strip():
        raise UserError("Enter a file or folder on the machine where the app runs.")
    path = Path(text.strip()).expanduser().resolve()
    roots = allowed_roots()
    if roots and not any(path.is_relative_to(root) for root in roots):
        raise UserError(
            f"{path} is outside the folders that this server may read: {', '.join(map(str, roots))}. "
            "Set CLOSECALL_ROOTS to allow others."
        )
    return path


def allowed_roots() -> list[Path]:
    """The folders that may be read; empty means any, for an app that serves this machine only."""
    named = [Path(one).expanduser().resolve() for one in os.environ.get("CLOSECALL_ROOTS", "").split(os.pathsep) if one]
    if named or st.get_option("server.address") in LOCAL:
        return named
    return [workspace_folder()]
