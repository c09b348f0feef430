"""The workspace: one folder of plain files that holds all data."""

import os
import re
import unicodedata
from datetime import UTC, datetime
from pathlib import Path

from closecall.data.io.errors import UserError


def workspace_folder() -> Path:
    """The workspace: `CLOSECALL_HOME`, else `workspace` in the current folder. Created when absent."""
    folder = Path(os.environ.get("CLOSECALL_HOME") or "workspace").expanduser().resolve()
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UserError(f"{folder} cannot be created ({error}). Set CLOSECALL_HOME to another folder.") from None
    return folder


def slug(title: str) -> str:
    """A safe folder name for a title: lower case letters, digits and hyphens, at most 60 characters."""
    plain = unicodedata.normalize("NFKD", title).encode("ascii", "ignore").decode()
    name = re.sub(r"[^a-z0-9]+", "-", plain.lower()).strip("-")[:60].strip("-")
    return name or "unnamed"


def child(folder: Path, name: str, what: str) -> Path:
    """The path of a named item in `folder`. UserError for a name that is not a plain folder name."""
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]*", name):
        raise UserError(f"{name!r} is not the name of {what}: use letters, digits, points and hyphens.")
    return folder / name


def now() -> str:
    """The time in UTC, to the second, as ISO 8601."""
    return datetime.now(UTC).isoformat(timespec="seconds")
