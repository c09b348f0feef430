"""`closecall app`: check the port, print the address, and replace this process by the Streamlit server."""

import os
import sys
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
    from closecall.models.runtime.app_command import app_command, app_environment, is_free_port
    from closecall.models.runtime.child_process import PACKAGE_FOLDER

    if not is_free_port(port):
        raise UserError(f"Port {port} is in use. Choose another: closecall app --port {port + 1}")
    print_unfinished()
    print_note(f"Close Call opens at http://localhost:{port} (Ctrl-C stops the app; training continues).")
    os.chdir(PACKAGE_FOLDER)
    command = app_command(PACKAGE_FOLDER / "app.py", port, browser=browser)
    os.execve(sys.executable, [sys.executable, *command], app_environment())
