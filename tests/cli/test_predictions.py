"""`closecall FILE`: what is guessed is said, the same content comes in once, and the app opens on the errors."""

import os
import re
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.request
from contextlib import closing
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from closecall.cli.app import open_when_ready
from closecall.data.datasets.store import load_dataset
from closecall.data.experiments.runs import load_predictions, load_runs
from closecall.data.experiments.store import experiment_ids, load_experiment
from tests.cli.terminal import Terminal

N = 24
LABELS = np.where(np.arange(N) % 4 == 0, "mac", "pc")
P = np.where(LABELS == "mac", 0.7, 0.2) + np.arange(N) / 1000


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """24 predictions with ids, texts, truth, answers and their scores."""
    answers = np.where(P >= 0.5, "mac", "pc")
    frame = pd.DataFrame({"id": [f"e{i}" for i in range(N)], "text": [f"text {i}" for i in range(N)], "y_true": LABELS})
    frame.assign(label=answers, score=np.where(P >= 0.5, P, 1 - P)).to_csv(tmp_path / "p.csv", index=False)
    return tmp_path / "p.csv"


def test_guesses_are_said_and_the_same_content_comes_in_once(closecall: Terminal, file: Path) -> None:
    assert closecall(file, "--no-open") == 0, closecall.err
    experiment = closecall.out.strip()
    for line in ("Label (true class): column y_true.", "Predicted class: column label.", "Text: column text.",
                 "The positive class is 'mac', the rarer label (6 rows).", "6 positives, 18 negatives."):  # fmt: skip
        assert line in closecall.err
    assert np.allclose(load_predictions(load_runs(experiment)[0]).pos_probs, P)
    assert closecall("open", file, "--import-only") == 0 and closecall.out.strip() == experiment
    assert "imported before" in closecall.err and experiment_ids() == [experiment]


def test_named_columns_decide(closecall: Terminal, file: Path) -> None:
    frame = pd.read_csv(file).assign(q=1 - P, zz=np.arange(N) % 2)
    frame.to_csv(file, index=False)
    answer = closecall.json("--positive", "pc", file, "--prob", "q", "--id", "id", "--ratio", "10", "--title", "Mine")
    assert (answer["experiment"], answer["is_new"]) == ("mine", True)
    config = load_experiment("mine")
    assert config.ratios == (10,) and np.allclose(load_predictions(load_runs("mine")[0]).pos_probs, 1 - P)
    examples = load_dataset(config.dataset).examples
    assert examples["label"].sum() == 18 and "meta.score" in examples
    assert "Probability" not in closecall.err and "Label (true class): column y_true." in closecall.err
    assert closecall(file, "--no-open", "--prob", "nothing") == 2 and "no column 'nothing'" in closecall.err
    assert closecall(file, "--no-open", "--ratio", "1,2") == 2 and "1 file and 2 ratios were given" in closecall.err


def test_a_folder_a_dataset_in_order_and_several_files(closecall: Terminal, file: Path, tmp_path: Path) -> None:
    assert closecall(file, "--no-open", "--title", "First") == 0
    np.save(tmp_path / "more.npy", P)
    answer = closecall.json(tmp_path / "more.npy", "--dataset", "first", "--in-order", "--ratio", "5")
    assert load_experiment(answer["experiment"]).dataset == "first"
    assert closecall(tmp_path / "more.npy", "--no-open") == 2 and "name the label column" in closecall.err
    folder = tmp_path / "runs"
    folder.mkdir()
    for ratio in (1, 10):
        pd.DataFrame({"id": range(N), "label": LABELS, "prob": P}).to_csv(folder / f"r{ratio}.csv", index=False)
    answer = closecall.json(folder)
    assert load_experiment(answer["experiment"]).ratios == (1, 10) and "r10.csv is 1:10" in closecall.err


def test_an_unknown_command_keeps_the_usual_error(closecall: Terminal) -> None:
    assert closecall("sweeep") == 2 and "No such command 'sweeep'" in closecall.err
    assert closecall("nothing.csv") == 2 and "There is no file nothing.csv" in closecall.err
    assert closecall("--nothing") == 2 and "No such option" in closecall.err


@pytest.mark.slow
def test_the_app_opens_on_the_errors_page(tmp_path: Path, file: Path) -> None:
    with closing(socket.socket()) as free:
        free.bind(("localhost", 0))
        port = free.getsockname()[1]
    environment = {**os.environ, "CLOSECALL_HOME": str(tmp_path / "home")}
    command = [sys.executable, "-m", "closecall", str(file), "--no-browser", "--port", str(port)]
    server = subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True, start_new_session=True)
    try:
        assert server.stdout is not None
        address = server.stdout.readline().strip()
        assert re.fullmatch(rf"http://localhost:{port}/errors\?experiment=predictions-of-p", address)
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline:
            try:
                assert urllib.request.urlopen(address, timeout=2).status == 200
                break
            except OSError:
                time.sleep(0.2)
        else:
            raise AssertionError(address)
    finally:
        os.killpg(server.pid, signal.SIGTERM)
        server.wait(timeout=30)


def test_the_browser_opens_when_the_app_answers(monkeypatch: pytest.MonkeyPatch) -> None:
    class Healthy(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200 if self.path == "/_stcore/health" else 500)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    opened: list[str] = []
    monkeypatch.setattr("webbrowser.open", opened.append)
    with HTTPServer(("localhost", 0), Healthy) as server:
        threading.Thread(target=server.handle_request, daemon=True).start()
        address = f"http://localhost:{server.server_port}/errors?experiment=mine"
        open_when_ready(address)
    assert opened == [address]
    monkeypatch.setattr("closecall.cli.app.READY_SECONDS", 0.3)
    open_when_ready("http://localhost:9/errors")
    assert opened == [address]
