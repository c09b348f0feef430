"""Measure from `closecall FILE` to a readable Errors page in a headless chromium, in seconds.

    python -m benchmarks.open_predictions                # 100,000 rows, three turns
    python -m benchmarks.open_predictions 20000 --turns 1

Each turn has an empty workspace and a fresh server. The file is Parquet with ids, texts of 60 words, labels,
probabilities and a further column. "imported": the address is printed. "readable": the text of the first example is on
the page. "processor": processor time of the command and its server until then, which depends least on other programs.
Chromium runs before the command starts.
"""

import argparse
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from contextlib import closing, suppress
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import psutil
from playwright.sync_api import sync_playwright

ROOT = Path(__file__).resolve().parents[1]
WORDS = "disk drive card monitor board memory cable price works problem help mac quadra apple windows dos the a of to"
FLAGS = ["--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking", "--disable-sync"]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("rows", nargs="?", type=int, default=100_000)
    parser.add_argument("--turns", type=int, default=3)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        file = make(Path(folder), arguments.rows)
        chromium = playwright.chromium.launch(executable_path=shutil.which("chromium"), headless=True, args=FLAGS)
        print(f"{arguments.rows:,} rows    imported  readable  processor", flush=True)
        for turn in range(arguments.turns):
            imported, readable, processor = one_turn(file, Path(folder) / f"home-{turn}", chromium.new_page())
            print(f"turn {turn + 1}{imported:16.1f}{readable:10.1f}{processor:11.1f}", flush=True)
        chromium.close()


def make(folder: Path, rows: int) -> Path:
    """Predictions of which a tenth are positive."""
    rng = np.random.default_rng(0)
    labels = rng.random(rows) < 0.1
    words = np.array(WORDS.split())[rng.integers(0, len(WORDS.split()), (rows, 60))]
    frame = pd.DataFrame({"id": [f"e{row}" for row in range(rows)], "text": [" ".join(one) for one in words]})
    probs = 1 / (1 + np.exp(3 - 3 * labels - rng.normal(size=rows)))
    path = folder / "predictions.parquet"
    frame.assign(label=labels.astype(int), prob=probs, source=rng.choice(["a", "b"], rows)).to_parquet(path)
    return path


def one_turn(file: Path, home: Path, page: Any) -> tuple[float, float, float]:
    """Seconds until the address is printed and until the page is readable, and processor seconds."""
    with closing(socket.socket()) as free:
        free.bind(("localhost", 0))
        port = free.getsockname()[1]
    start = time.monotonic()
    server = subprocess.Popen(
        [sys.executable, "-m", "closecall", str(file), "--no-browser", "--port", str(port)],
        cwd=ROOT,
        env={**os.environ, "CLOSECALL_HOME": str(home)},
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        start_new_session=True,
    )
    try:
        assert server.stdout is not None
        address = server.stdout.readline().strip()
        imported = time.monotonic() - start
        wait_for(f"http://localhost:{port}/_stcore/health")
        page.goto(address)
        page.wait_for_selector(".reading", timeout=120_000)
        readable = time.monotonic() - start
        used = psutil.Process(server.pid).cpu_times()
        return imported, readable, used.user + used.system
    finally:
        page.close()
        os.killpg(server.pid, signal.SIGTERM)
        server.wait(timeout=30)


def wait_for(address: str) -> None:
    """Wait until the server answers, as the browser's opener does."""
    while True:
        with suppress(OSError), urllib.request.urlopen(address, timeout=2):
            return
        time.sleep(0.1)


if __name__ == "__main__":
    main()
