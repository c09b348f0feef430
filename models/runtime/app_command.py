"""How the app is started: its command, environment and port. Nothing here imports Streamlit."""

import os
import socket
import sys
import urllib.request
from contextlib import closing, suppress
from pathlib import Path
from urllib.parse import urljoin

from closecall.data.io.workspace import workspace_folder

END_WITH_STDIN = "CLOSECALL_END_WITH_STDIN"
"""An app with this variable ends when its standard input closes, that is, when the process that opened it has ended."""


def app_command(script: Path, port: int, *, browser: bool) -> list[str]:
    """The arguments after `python`. Without a display no browser is opened."""
    options = {
        "server.address": "localhost",
        "server.port": str(port),
        "server.headless": "false" if browser and has_display() else "true",
        "server.showEmailPrompt": "false",
        "browser.gatherUsageStats": "false",
    }
    settings = [f"--{name}={value}" for name, value in options.items()]
    # Through our own module: Streamlit's command shows "Page not found" for a link opened before any other page.
    return ["-m", "closecall.pages.shared.server", "run", str(script), *settings]


def app_environment() -> dict[str, str]:
    """The environment of the app. The workspace is absolute, since the app runs in the package's folder."""
    return {**os.environ, "CLOSECALL_HOME": str(workspace_folder())}


def is_free_port(port: int) -> bool:
    """Whether a server can listen on this port of localhost."""
    with closing(socket.socket(socket.AF_INET, socket.SOCK_STREAM)) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("localhost", port))
        except OSError:
            return False
    return True


def free_port() -> int:
    """A port of localhost that nothing listens on."""
    with closing(socket.socket(socket.AF_INET, socket.SOCK_STREAM)) as probe:
        probe.bind(("localhost", 0))
        return int(probe.getsockname()[1])


def app_answers(address: str) -> bool:
    """Whether an app answers at an address of this machine, without a proxy."""
    direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    with suppress(OSError), direct.open(urljoin(address, "/_stcore/health"), timeout=2) as answer:
        return bool(answer.status == 200)
    return False


def has_display() -> bool:
    """Whether a browser can be opened here."""
    if sys.platform in ("darwin", "win32"):
        return True
    return bool(os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"))
