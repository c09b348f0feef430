"""`closecall app`: check the port, print the address, and replace this process by the Streamlit server."""

import os
import socket
import sys
from contextlib import closing
from pathlib import Path
from typing import Annotated

import typer

from closecall.cli.output import print_note
from closecall.data.io.errors import UserError


def app(
    port: Annotated[int, typer.Option(help="Port on localhost.", min=1, max=65535)] = 8501,
    browser: Annotated[bool, typer.Option("--browser/--no-browser", help="Open the browser.")] = True,
) -> None:
    """Open the app on localhost. Ctrl-C stops the app; training continues.

    Example: closecall app --port 8502 --no-browser
    """
    from closecall.cli.progress import print_unfinished
    from closecall.models.runtime.child_process import PACKAGE_FOLDER

    if not _is_free(port):
        raise UserError(f"Port {port} is in use. Choose another: closecall app --port {port + 1}")
    print_unfinished()
    print_note(f"Close Call opens at http://localhost:{port} (Ctrl-C stops the app; training continues).")
    os.chdir(PACKAGE_FOLDER)
    command = app_command(PACKAGE_FOLDER / "app.py", port, browser=browser)
    os.execve(sys.executable, [sys.executable, *command], app_environment())


def app_command(script: Path, port: int, *, browser: bool) -> list[str]:
    """The arguments after `python`. Without a display no browser is opened."""
    options = {
        "server.address": "localhost",
        "server.port": str(port),
        "server.headless": "false" if browser and _has_display() else "true",
        "server.showEmailPrompt": "false",
        "browser.gatherUsageStats": "false",
    }
    settings = [f"--{name}={value}" for name, value in options.items()]
    # Through our own module: Streamlit's command shows "Page not found" for a link opened before any other page.
    return ["-m", "closecall.pages.shared.server", "run", str(script), *settings]


def app_environment() -> dict[str, str]:
    """The environment of the app. The workspace is absolute, since the app runs in the package's folder."""
    from closecall.data.io.workspace import workspace_folder

    return {**os.environ, "CLOSECALL_HOME": str(workspace_folder())}


def _is_free(port: int) -> bool:
    with closing(socket.socket(socket.AF_INET, socket.SOCK_STREAM)) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("localhost", port))
        except OSError:
            return False
    return True


def _has_display() -> bool:
    if sys.platform in ("darwin", "win32"):
        return True
    return bool(os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"))
