"""Paths that a reader may name on the machine where the app runs."""

import os
from pathlib import Path

import streamlit as st

from data.errors import UserError
from data.workspace import workspace_folder

LOCAL = ("localhost", "127.0.0.1", "::1")
PATH_HELP = "On the machine where the app runs. Read big files this way: an upload is held in memory as a whole."


def server_path(text: str) -> Path:
    """The path meant. An app that serves others than this machine reads only below the folders of CLOSECALL_ROOTS
    (separated as in PATH), without it only below the workspace. UserError for any other path."""
    if not text.strip():
        raise UserError("Name a file or folder on the machine where the app runs.")
    path = Path(text.strip()).expanduser().resolve()
    roots = allowed_roots()
    if roots and not any(path.is_relative_to(root) for root in roots):
        raise UserError(
            f"{path} is not below a folder that this server may read from: {', '.join(map(str, roots))}. "
            "Set CLOSECALL_ROOTS to allow others."
        )
    return path


def allowed_roots() -> list[Path]:
    """The folders to read from; none named means any, which only an app on this machine alone may."""
    named = [Path(one).expanduser().resolve() for one in os.environ.get("CLOSECALL_ROOTS", "").split(os.pathsep) if one]
    if named or st.get_option("server.address") in LOCAL:
        return named
    return [workspace_folder()]
