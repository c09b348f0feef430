"""The app as a child process of this Python process: opened once, reused, and ended with the interpreter."""

import atexit
import os
import subprocess
import sys
import threading
import time
from dataclasses import dataclass
from pathlib import Path

from closecall.data.io.errors import UserError
from closecall.data.io.workspace import workspace_folder
from closecall.models.runtime.app_command import (
    END_WITH_STDIN,
    app_answers,
    app_command,
    app_environment,
    free_port,
    is_free_port,
)
from closecall.models.runtime.child_process import PACKAGE_FOLDER, python_path

START_SECONDS = 60.0
"""How long a started app may take to answer."""
STOP_SECONDS = 10.0
ATTEMPTS = 3
"""Another process may take a free port before the app does."""


@dataclass(frozen=True)
class OpenApp:
    """An app that this process has started. `owner` is the id of this process, which a fork does not share."""

    workspace: Path
    port: int
    process: subprocess.Popen[bytes]
    owner: int

    @property
    def address(self) -> str:
        return f"http://localhost:{self.port}"

    @property
    def is_running(self) -> bool:
        return self.owner == os.getpid() and self.process.poll() is None


_APPS: list[OpenApp] = []


def start_app(port: int | None = None) -> OpenApp | None:
    """Start the app of this process and workspace, without waiting for it; None when it is running already.

    `port` None: that of the running app, else a free one. UserError when the port is in use.
    """
    if running_app(port) is not None:
        return None
    if port is not None and not is_free_port(port):
        raise UserError(f"Port {port} is in use. Choose another one, or leave port out for a free one.")
    return _start(port or free_port())


def open_app(port: int | None = None) -> OpenApp:
    """The app of this process and workspace, started if necessary (`start_app`); returns when it answers.

    UserError when the port is in use or the app does not start.
    """
    for _ in range(ATTEMPTS):
        app = start_app(port) or running_app(port)
        if app is not None and _answers(app):
            return app
        if app is not None:
            close_app(app)
    raise UserError(f"The app did not start. Its last line: {_last_line(_log())!r} The rest is in {_log()}.")


def running_app(port: int | None = None) -> OpenApp | None:
    """The app of this process for the current workspace, at this port if one is named; None when none runs."""
    here = workspace_folder()
    return next(
        (app for app in _APPS if app.is_running and app.workspace == here and port in (None, app.port)),
        None,
    )


def close_app(app: OpenApp) -> None:
    """End an app and wait until it has ended. Nothing happens when it has ended, or in a fork of its owner."""
    if app in _APPS:
        _APPS.remove(app)
    if not app.is_running:
        return
    app.process.terminate()
    try:
        app.process.wait(STOP_SECONDS)
    except subprocess.TimeoutExpired:
        app.process.kill()
        app.process.wait()
    if app.process.stdin is not None:
        app.process.stdin.close()


def _start(port: int) -> OpenApp:
    with _log().open("wb") as log:
        process = subprocess.Popen(
            [sys.executable, *app_command(PACKAGE_FOLDER / "app.py", port, browser=False)],
            stdin=subprocess.PIPE,  # never written to: it closes with this process, however that ends
            stdout=log,
            stderr=log,
            cwd=PACKAGE_FOLDER,
            env={**app_environment(), "PYTHONPATH": python_path(), END_WITH_STDIN: "1"},
            start_new_session=True,  # Ctrl-C and a notebook's interrupt are not for the app
        )
    # Collects its exit code when it ends by itself, so that it does not stay as a zombie.
    threading.Thread(target=process.wait, daemon=True).start()
    app = OpenApp(workspace_folder(), port, process, os.getpid())
    _APPS.append(app)
    return app


def _answers(app: OpenApp) -> bool:
    """Wait until the app answers; False when it has ended before or takes longer than START_SECONDS."""
    deadline = time.monotonic() + START_SECONDS
    while app.is_running and time.monotonic() < deadline:
        if app_answers(app.address):
            return app.is_running
        time.sleep(0.05)
    return False


def _log() -> Path:
    return workspace_folder() / "app.log"


def _last_line(log: Path) -> str:
    lines = log.read_text(errors="replace").split("\n") if log.exists() else []
    return next((line.strip() for line in reversed(lines) if line.strip()), "")


def _close_all() -> None:
    for app in list(_APPS):
        close_app(app)


atexit.register(_close_all)
