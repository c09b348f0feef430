"""closecall app."""

import os
import socket
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from closecall.models.runtime.app_command import app_command, app_environment, free_port
from closecall.models.runtime.child_process import CODE_FOLDER
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


@pytest.mark.parametrize(
    ("command", "given"),
    [
        ("app", ""),
        pytest.param("app", "elsewhere", marks=pytest.mark.slow),
        pytest.param("open", "", marks=pytest.mark.slow),
    ],
)
def test_the_app_has_the_workspace_of_the_folder_that_it_was_opened_in(
    tmp_path: Path, command: str, given: str
) -> None:
    (tmp_path / "p.csv").write_text("text,label,prob\n" + "a,spam,0.9\nb,ham,0.2\n" * 3)
    environment = {name: value for name, value in os.environ.items() if name != "CLOSECALL_HOME"}
    environment |= {"PYTHONPATH": str(CODE_FOLDER)} | ({"CLOSECALL_HOME": given} if given else {})
    words = [command, *(["p.csv", "--positive", "spam"] if command == "open" else [])]
    words += ["--no-browser", "--port", str(free_port())]
    process = subprocess.Popen(
        [sys.executable, "-m", "closecall", *words], cwd=tmp_path, env=environment, stderr=subprocess.DEVNULL
    )
    try:
        deadline = time.monotonic() + 60
        while "closecall.pages.shared.server" not in psutil.Process(process.pid).cmdline():
            assert process.poll() is None and time.monotonic() < deadline
            time.sleep(0.05)
        assert psutil.Process(process.pid).environ()["CLOSECALL_HOME"] == str(tmp_path / (given or "workspace"))
    finally:
        process.kill()
        process.wait()
    assert (tmp_path / (given or "workspace") / "experiments").exists() == (command == "open")
