"""The command table: help, examples, start time, exit codes."""

import os
import re
import signal
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

import pytest
import typer.main

from closecall.cli import main as cli
from closecall.data.experiments.runs import RunStatus, write_status
from closecall.data.experiments.store import run_folder
from tests.cli.terminal import Terminal
from tests.makers import make_dataset, make_experiment

COMMANDS = typer.main.get_command(cli.app).commands  # type: ignore[attr-defined]
ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_has_help_with_an_example(closecall: Terminal, name: str) -> None:
    assert closecall(name, "--help") == 0
    assert f"Example: closecall {name}" in closecall.out
    assert all(option.help for option in COMMANDS[name].params), "every argument and option says what it is"


@pytest.mark.parametrize("name", COMMANDS)
def test_every_example_names_existing_options(name: str) -> None:
    example = re.search(r"Example: closecall (.+)", COMMANDS[name].help or "")
    known = {option for one in COMMANDS[name].params for option in (*one.opts, *one.secondary_opts)}
    assert example and set(re.findall(r"--[a-z-]+", example.group(1))) <= known


def test_help_is_fast_and_imports_nothing_heavy() -> None:
    heavy = ("torch", "pandas", "streamlit", "numpy", "scipy", "plotly")
    probe = f"import sys, closecall.cli.main; print([name for name in {heavy} if name in sys.modules])"
    before = os.times()
    answer = subprocess.run([sys.executable, "-c", probe], cwd=ROOT, capture_output=True, text=True, check=True)
    after = os.times()
    assert answer.stdout.strip() == "[]"
    assert after.children_user + after.children_system - before.children_user - before.children_system < 1


def test_no_module_of_the_terminal_imports_torch_or_streamlit(workspace: Path) -> None:
    modules = ", ".join(f"closecall.cli.{path.stem}" for path in (ROOT / "cli").glob("*.py"))
    probe = f"import sys, {modules}; print('torch' in sys.modules, 'streamlit' in sys.modules)"
    answer = subprocess.run([sys.executable, "-c", probe], cwd=ROOT, capture_output=True, text=True, check=True)
    assert answer.stdout.strip() == "False False"


def test_python_m_closecall_is_the_command(workspace: Path) -> None:
    for words, code in ((["datasets", "--json"], 0), (["status", "nope"], 2), (["swep"], 2)):
        answer = subprocess.run([sys.executable, "-m", "closecall", *words], cwd=ROOT, capture_output=True, text=True)
        assert answer.returncode == code, answer.stderr


def test_usage_errors_have_exit_code_2(closecall: Terminal) -> None:
    assert closecall("swep") == 2 and "sweep" in closecall.err
    assert closecall("sweep") == 2
    assert closecall("errors", "x", "--ratio") == 2
    assert closecall("app", "--port", 99999) == 2


def test_the_version_is_that_of_the_package(closecall: Terminal) -> None:
    assert closecall("--version") == 0 and closecall.out == f"{version('closecall')}\n"


def test_an_empty_workspace_lists_nothing(closecall: Terminal) -> None:
    for command in ("datasets", "experiments", "status"):
        assert closecall(command) == 0 and "closecall" in closecall.err and closecall.out == ""
        assert closecall.json(command) == []
    assert closecall("status", "nope") == 2
    assert closecall.err == "There is no experiment named nope. Known experiments: none yet.\n"


def test_ctrl_c_is_exit_code_130(closecall: Terminal, monkeypatch: pytest.MonkeyPatch) -> None:
    make_experiment(make_dataset(), "waiting", ratios=(1,), seeds=(0,), state="queued")

    def interrupted(experiment: str) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("closecall.cli.progress.follow", interrupted)
    assert closecall("status", "waiting", "--wait") == 130
    assert "closecall cancel waiting" in closecall.err


def test_an_interrupt_signal_is_exit_code_130(workspace: Path) -> None:
    make_experiment(make_dataset(), "waiting", ratios=(1, 3), seeds=(0,), state="queued")
    write_status(run_folder("waiting", "r1-s0-none"), RunStatus(state="done"))
    # Where the tests themselves run in the background of a shell, children begin with interrupts ignored.
    script = (
        "import signal; signal.signal(signal.SIGINT, signal.default_int_handler); "
        "from closecall.cli.main import main; main()"
    )
    words = [sys.executable, "-c", script, "status", "waiting", "--wait"]
    child = subprocess.Popen(words, cwd=ROOT, stderr=subprocess.PIPE, text=True)
    assert child.stderr is not None and child.stderr.readline() == "1:1 seed 0: done\n"
    child.send_signal(signal.SIGINT)
    _, printed = child.communicate(timeout=20)
    assert child.returncode == 130 and "Traceback" not in printed and "closecall cancel waiting" in printed
