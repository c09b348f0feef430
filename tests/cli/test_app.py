"""closecall app."""

import socket
from pathlib import Path

import pytest

from closecall.models.runtime.app_command import app_command, app_environment
from tests.cli.terminal import Terminal

ROOT = Path(__file__).resolve().parents[2]


def test_the_app_is_opened_on_localhost(closecall: Terminal, monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[tuple[list[str], dict[str, str]]] = []
    monkeypatch.setattr("os.execve", lambda path, words, environment: calls.append((words, environment)))
    monkeypatch.setattr("os.chdir", lambda folder: None)
    monkeypatch.delenv("DISPLAY", raising=False)
    monkeypatch.delenv("WAYLAND_DISPLAY", raising=False)
    with socket.create_server(("localhost", 0)) as taken:
        port = taken.getsockname()[1]
        assert closecall("app", "--port", port) == 2 and str(port) in closecall.err
    assert closecall("app", "--port", port) == 0 and f"http://localhost:{port}" in closecall.err
    words, environment = calls[0]
    assert "--server.address=localhost" in words and "--server.headless=true" in words
    assert Path(environment["CLOSECALL_HOME"]).is_absolute() and app_environment().keys() == environment.keys()
    monkeypatch.setenv("DISPLAY", ":0")
    assert "--server.headless=false" in app_command(ROOT / "app.py", port, browser=True)
    assert "--server.headless=true" in app_command(ROOT / "app.py", port, browser=False)
