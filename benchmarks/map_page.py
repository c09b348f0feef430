"""Measure how long the Map page takes to open and to respond to a lasso, on the server and in a browser without a GPU.

    python -m benchmarks.map_page                    # 1,000, 20,000 and 100,000 test texts
    python -m benchmarks.map_page 20000 --two        # two maps side by side

For each size the script makes an experiment of two ratios in a temporary workspace. Server: Streamlit's test runner
runs the page; the script prints the median of three warm runs and the size of the charts. Browser: a headless chromium
draws with the processor; the script prints the time from the address to a picture of the page, and from the end of a
lasso to the table of its texts.
"""

import argparse
import os
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from statistics import median

from playwright.sync_api import Page, sync_playwright
from streamlit.testing.v1 import AppTest

from tests.makers import make_dataset, make_experiment

ROOT = Path(__file__).resolve().parents[1]
FLAGS = ["--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking", "--disable-sync"]
DRAWN = "document.querySelectorAll('.js-plotly-plot .plot-container').length >= 1"
QUIET = "document.querySelector('[data-testid=stApp]').getAttribute('data-test-script-state') === 'notRunning'"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("sizes", nargs="*", type=int, default=[1_000, 20_000, 100_000])
    parser.add_argument("--two", action="store_true", help="two maps side by side")
    options = parser.parse_args()
    for size in options.sizes:
        with tempfile.TemporaryDirectory() as folder:
            os.environ["CLOSECALL_HOME"] = folder
            made = make_dataset(positives=max(30, 3 * size // 11), negatives=3 * size - max(30, 3 * size // 11))
            make_experiment(made, ratios=(1, 2), seeds=(0,))
            query = {"experiment": "sweep", "ratio": "1:2"} | ({"right": "1:1"} if options.two else {})
            print(f"{size:>7,} test texts: {server(query)}; {browser(query)}", flush=True)


def server(query: dict[str, str]) -> str:
    """Seconds of a warm run of the page, and the size of its charts."""
    at = AppTest.from_file(str(ROOT / "app.py"), default_timeout=300).run()
    at.switch_page("pages/map/page.py")
    for name, value in query.items():
        at.query_params[name] = value
    at.run()
    seconds = []
    for _ in range(3):
        started = time.perf_counter()
        at.run()
        seconds.append(time.perf_counter() - started)
    assert not at.exception, at.exception
    size = sum(len(chart.proto.spec) for chart in at.get("plotly_chart"))
    return f"server {1000 * median(seconds):,.0f} ms, charts {size / 1e6:.2f} MB"


def browser(query: dict[str, str]) -> str:
    """Seconds from the address to a picture of the map, and from a lasso to its table."""
    with served() as address, sync_playwright() as playwright:
        opened = playwright.chromium.launch(executable_path="/usr/bin/chromium", headless=True, args=FLAGS)
        page = opened.new_page(viewport={"width": 1400, "height": 900})
        page.set_default_timeout(300_000)
        page.goto(address)
        page.locator("[data-testid=stMain] h3").first.wait_for()
        url = f"{address}/map?" + "&".join(f"{name}={value}" for name, value in query.items())
        drawn = [seconds_to_draw(page, url) for _ in range(2)]
        lasso = seconds_to_select(page)
        opened.close()
    return f"browser opens in {drawn[0]:.1f} s, again in {drawn[1]:.1f} s, responds to a lasso in {lasso:.1f} s"


def seconds_to_draw(page: Page, url: str) -> float:
    started = time.perf_counter()
    page.goto(url)
    page.wait_for_function(DRAWN)
    page.wait_for_function(QUIET)
    page.screenshot()
    return time.perf_counter() - started


def seconds_to_select(page: Page) -> float:
    """Seconds from the end of a lasso, drawn by mouse around the middle of the first map, to its table."""
    box = page.locator(".js-plotly-plot .nsewdrag").first.bounding_box()
    assert box is not None
    corners = [(0.35, 0.35), (0.65, 0.35), (0.65, 0.65), (0.35, 0.65), (0.36, 0.36)]
    places = [(box["x"] + across * box["width"], box["y"] + down * box["height"]) for across, down in corners]
    page.mouse.move(*places[0])
    page.mouse.down()
    for place in places[1:]:
        page.mouse.move(*place, steps=4)
    started = time.perf_counter()
    page.mouse.up()
    page.locator("[data-testid=stMain]", has_text="selected").locator("[data-testid=stDataFrame]").first.wait_for()
    page.wait_for_function(QUIET)
    page.screenshot()
    return time.perf_counter() - started


@contextmanager
def served() -> Iterator[str]:
    """Run the app on a free port; stop it at the end of the context."""
    with socket.socket() as one:
        one.bind(("localhost", 0))
        port = one.getsockname()[1]
    command = [sys.executable, "-m", "closecall.pages.shared.server", "run", "app.py", "--server.port", str(port)]
    process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        for _ in range(300):
            with suppress(OSError), urllib.request.urlopen(f"http://localhost:{port}/_stcore/health", timeout=2):
                break
            time.sleep(0.1)
        yield f"http://localhost:{port}"
    finally:
        process.terminate()
        process.wait(timeout=20)


if __name__ == "__main__":
    main()
