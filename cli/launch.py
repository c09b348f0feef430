"""Open the app: check the port, print the address, hand over to Streamlit."""

import os
import socket
import sys
from contextlib import closing

from closecall.cli.output import print_note
from closecall.cli.progress import print_unfinished
from closecall.data.io.errors import UserError
from closecall.data.io.workspace import workspace_folder
from closecall.models.runtime.child_process import PACKAGE_FOLDER


def launch_app(port: int, *, browser: bool) -> None:
    """Become the app's server on localhost; does not return. UserError when the port is taken."""
    if not _is_free(port):
        raise UserError(f"Port {port} is taken. Choose another: closecall app --port {port + 1}")
    print_unfinished()
    print_note(f"Close Call opens at http://localhost:{port} (Ctrl-C ends the app; training goes on).")
    os.chdir(PACKAGE_FOLDER)
    os.execve(sys.executable, [sys.executable, *app_command(port, browser=browser)], app_environment())


def app_command(port: int, *, browser: bool) -> list[str]:
    """The arguments after `python`. Without a display no browser is opened."""
    options = {
        "server.address": "localhost",
        "server.port": str(port),
        "server.headless": "false" if browser and _has_display() else "true",
        "server.showEmailPrompt": "false",
        "browser.gatherUsageStats": "false",
    }
    # By way of a module of ours: Streamlit's own command greets the first deep link with "Page not found".
    settings = [f"--{name}={value}" for name, value in options.items()]
    return ["-m", "closecall.pages.shared.server", "run", str(PACKAGE_FOLDER / "app.py"), *settings]


def app_environment() -> dict[str, str]:
    """The environment of the app: the workspace by its whole path, since the app runs in the folder of the code."""
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
