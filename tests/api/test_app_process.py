"""The app in the background: reused, closed, and ended with the interpreter, however that ends."""

import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

import closecall as cc
from closecall.api.app_process import close_app, open_app, running_app
from closecall.models.runtime.child_process import CODE_FOLDER
from tests.api.frames import scored_frame

pytestmark = pytest.mark.slow
SCRIPT = """
import os, signal, sys
from closecall.api.app_process import open_app
app = open_app()
print(app.address, app.process.pid, flush=True)
if sys.argv[1] == "fork" and os.fork() == 0:
    sys.exit()  # runs the exit handlers of the parent
if sys.argv[1] == "fork":
    os.wait()
    print("running" if app.is_running else "ended", flush=True)
if sys.argv[1] == "killed":
    os.kill(os.getpid(), signal.SIGKILL)
if sys.argv[1] == "failed":
    raise SystemError("a mistake in the script")
"""


@pytest.fixture(autouse=True)
def closed_afterwards(workspace: Path) -> Iterator[None]:
    yield
    while (app := running_app()) is not None:
        close_app(app)


def answer(url: str) -> str:
    with urllib.request.urlopen(url, timeout=10) as response:
        return response.read().decode()


def ended(pid: int, seconds: float = 20) -> bool:
    """Whether a process ends, without staying as a zombie."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if not psutil.pid_exists(pid):
            return True
        time.sleep(0.1)
    return False


def test_show_opens_the_app_and_close_ends_it(workspace: Path) -> None:
    df = scored_frame()
    opened = cc.show(df, text="text", label="y", prob="p", positive="spam")
    assert "<title>" in answer(opened.url) and opened.experiment.url is not None
    again = cc.show(df, text="text", label="y", prob="p", positive="spam", ratio=10)
    assert again.app is opened.app and again.url != opened.url
    pid = opened.app.process.pid
    opened.close()
    opened.close()
    assert not psutil.pid_exists(pid) and running_app() is None and opened.experiment.url is None
    fresh = opened.experiment.show("overview", ratio=1)
    assert "ratio=1%3A1" in fresh.url and answer(f"{fresh.app.address}/_stcore/health") == "ok"


def test_refused_predictions_leave_no_app(workspace: Path) -> None:
    with pytest.raises(cc.UserError, match="test split"):
        cc.show(scored_frame().assign(s="dev"), text="text", label="y", prob="p", positive="spam", split="s")
    assert running_app() is None


def test_another_workspace_and_another_port_get_an_app_of_their_own(
    workspace: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = open_app()
    monkeypatch.setenv("CLOSECALL_HOME", str(tmp_path / "other"))
    with pytest.raises(cc.UserError, match=f"Port {first.port} is in use"):
        open_app(first.port)
    other = open_app()
    assert other.port != first.port and open_app(other.port) is other
    close_app(other)
    monkeypatch.setenv("CLOSECALL_HOME", str(workspace))
    assert running_app() is first


def test_an_app_that_does_not_start_is_reported(workspace: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.create_server(("localhost", 0)) as taken:
        port = taken.getsockname()[1]
        monkeypatch.setattr("closecall.api.app_process.free_port", lambda: port)
        monkeypatch.setattr("closecall.api.app_process.START_SECONDS", 15)
        with pytest.raises(cc.UserError, match=r"did not start.*app\.log"):
            open_app()
    assert running_app() is None


def test_an_app_that_ended_is_replaced(workspace: Path) -> None:
    first = open_app()
    os.kill(first.process.pid, signal.SIGKILL)
    assert ended(first.process.pid)
    assert open_app() is not first


@pytest.mark.parametrize("how", ["normally", "failed", "killed", "fork"])
def test_the_app_ends_with_the_interpreter(workspace: Path, how: str) -> None:
    environment = {**os.environ, "PYTHONPATH": str(CODE_FOLDER)}
    done = subprocess.run([sys.executable, "-c", SCRIPT, how], capture_output=True, text=True, env=environment)
    address, pid, *state = done.stdout.split()
    assert done.returncode == {"failed": 1, "killed": -signal.SIGKILL}.get(how, 0)
    assert state == (["running"] if how == "fork" else [])
    assert ended(int(pid)) if how == "killed" else not psutil.pid_exists(int(pid))
    with pytest.raises(OSError):
        answer(address)
