"""Measure how fast the Errors page responds with 1,000, 20,000 and 100,000 test examples: median and p95, in ms.

    python -m benchmarks.errors_page                  # all three sizes
    python -m benchmarks.errors_page 20000 --turns 40

"server": Streamlit's test driver runs the whole page with the side bar in this process. This is an upper bound, since
a key or a filter reruns less than that. "browser": the time from a key press in a headless chromium to the first frame
that shows the next example, with a real server on localhost. "processor": the median processor time, which depends
least on other programs; it is not measured for the browser.
The experiment has generated texts of 13 words, nine runs (1:1, 1:3 and 1:10 with three seeds), 1,000 training
positives, and embeddings of 16 dimensions. The margin is computed once for each example; its cost grows with training
examples x dimensions. Run nothing else meanwhile.
"""

import argparse
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from statistics import median
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
TRAINING_POSITIVES = 1_000
Times = tuple[float, float]
FLAGS = ["--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking", "--disable-sync"]
# Notes when a key goes down, and when the first frame after the example changed is due.
CLOCK = """() => {
  const shown = () => [...document.querySelectorAll('.reading.whole, .quiet')].map((e) => e.textContent).join('|');
  window.clock = {};
  const start = () => { window.clock = {start: performance.now(), before: shown(), end: 0}; };
  document.addEventListener('keydown', start, true);
  const look = () => {
    const clock = window.clock;
    if (clock.start && !clock.end && shown() !== clock.before) {
      requestAnimationFrame(() => { clock.end = clock.end || performance.now(); });
    }
  };
  new MutationObserver(look).observe(document.body, {subtree: true, childList: true, characterData: true});
}"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("sizes", nargs="*", type=int, default=[1_000, 20_000, 100_000])
    parser.add_argument("--turns", type=int, default=20)
    arguments = parser.parse_args()
    for size in arguments.sizes:
        with tempfile.TemporaryDirectory() as folder:
            os.environ["CLOSECALL_HOME"] = folder
            make(size)
            print(f"\n{f'{size:,} test examples':<42}{'median':>7}{'p95':>7}  processor", flush=True)
            for name, times in {**on_the_server(arguments.turns), **in_the_browser(folder, arguments.turns)}.items():
                walls = sorted(wall for wall, _ in times)
                tail = walls[min(len(walls) - 1, int(0.95 * len(walls)))]
                used = median(processor for _, processor in times)
                spent = f"{1000 * used:11.0f}" if used else ""
                print(f"  {name:<40}{1000 * median(walls):7.0f}{1000 * tail:7.0f}{spent}", flush=True)


def make(size: int) -> None:
    """An experiment with `size` test examples, a tenth of them positive."""
    from tests.makers import make_dataset, make_experiment

    dataset = make_dataset(positives=3 * size // 10, negatives=27 * size // 10)
    examples = dataset.examples
    places = examples.groupby(["split", "label"]).cumcount()
    room = examples["label"].map({1: TRAINING_POSITIVES, 0: 10 * TRAINING_POSITIVES})
    kept = examples[(examples["split"] != "train") | (places < room)].reset_index(drop=True)
    make_experiment(replace(dataset, examples=kept), ratios=(1, 3, 10), seeds=(0, 1, 2))


def on_the_server(turns: int) -> dict[str, list[Times]]:
    """Time each interaction with Streamlit's test driver; the first sort, which fills caches, separately."""
    from streamlit.testing.v1 import AppTest

    at = AppTest.from_file(str(ROOT / "app.py"), default_timeout=300).run()
    at.switch_page("pages/errors/page.py")
    times: dict[str, list[Times]] = {"server: first run": [timed(at.run)]}
    texts = ("drive", "quadra", "memory", "pentium", "card")

    def note() -> None:
        box = next(one for one in at.text_area if str(one.key).startswith("note-"))
        box.set_value(f"seen {time.monotonic()}").run()

    def tag() -> None:
        box = next(one for one in at.multiselect if str(one.key).startswith("tags-"))
        box.set_value(["look again"] if not box.value else []).run()

    steps: dict[str, Callable[[int], object]] = {
        "next": lambda turn: at.button(key="next").click().run(),
        "add": lambda turn: at.button(key="add").click().run(),
        "action": lambda turn: at.button(key=f"decide-{1 + turn % 6}").click().run(),
        "tag": lambda turn: tag(),
        "note": lambda turn: note(),
        "undo": lambda turn: at.button(key="undo").click().run(),
        "filter by outcome": lambda turn: at.button(key=f"pick-{('all', 'fn', 'tn', 'fp')[turn % 4]}").click().run(),
        "page of the queue": lambda turn: turn_page(at, turn),
        "text search": lambda turn: at.text_input(key="text").set_value(texts[turn % 5] + "a" * (turn // 5)).run(),
        "regular expression": lambda turn: regex(at, rf"\b{texts[turn % 5]}\b.{{{turn // 5}}}"),
        "sort by margin, false negatives": lambda turn: sort(at, "fn", turn),
        "sort by margin, all": lambda turn: sort(at, "all", turn),
    }
    for name, step in steps.items():
        if name.startswith("sort"):
            at.text_input(key="text").set_value("").run()
        first = timed(lambda step=step: step(0))
        if name.startswith("sort"):
            times[f"server: {name}, first time"] = [first]
        times[f"server: {name}"] = [timed(lambda step=step, turn=turn: step(turn + 1)) for turn in range(turns)]
    return times


def turn_page(at: Any, turn: int) -> object:
    """The next example of another page, as the pagination would choose it."""
    at.query_params["example"] = at.session_state["queue-of-filters"][1].id_at(12 * (turn + 1))
    return at.run()


def regex(at: Any, pattern: str) -> object:
    at.toggle(key="regex").set_value(True)
    return at.text_input(key="text").set_value(pattern).run()


def sort(at: Any, outcome: str, turn: int) -> object:
    at.query_params["outcome"] = outcome
    return at.selectbox(key="sort").set_value("margin" if turn % 2 == 0 else "confidence").run()


def timed(step: Callable[[], object]) -> Times:
    started, used = time.perf_counter(), time.process_time()
    step()
    return time.perf_counter() - started, time.process_time() - used


def in_the_browser(folder: str, turns: int) -> dict[str, list[Times]]:
    """Time keys in a headless chromium; each key waits for the response to the last."""
    from playwright.sync_api import sync_playwright

    times: dict[str, list[Times]] = {}
    with served(folder) as address, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path="/usr/bin/chromium", headless=True, args=FLAGS)
        page = browser.new_page(viewport={"width": 1400, "height": 900})
        page.goto(f"{address}/errors?outcome=all")
        page.wait_for_selector(".reading.whole", timeout=120_000)
        page.wait_for_timeout(3_000)
        page.evaluate(CLOCK)
        for key, name in (("j", "J next"), ("a", "A add"), ("1", "1 action"), ("z", "Z undo"), ("k", "K previous")):
            times[f"browser: {name}"] = [pressed(page, key) for _ in range(turns)]
        browser.close()
    return times


def pressed(page: Any, key: str) -> Times:
    page.keyboard.press(key)
    page.wait_for_function("() => window.clock.end > 0", timeout=60_000)
    page.wait_for_timeout(400)
    return float(page.evaluate("() => window.clock.end - window.clock.start")) / 1000, 0.0


@contextmanager
def served(folder: str) -> Iterator[str]:
    with socket.socket() as one:
        one.bind(("localhost", 0))
        port = one.getsockname()[1]
    command = [sys.executable, "-m", "closecall.pages.shared.server", "run", "app.py", "--server.port", str(port)]
    quiet, environment = subprocess.DEVNULL, {**os.environ, "CLOSECALL_HOME": folder}
    server = subprocess.Popen(command, cwd=ROOT, env=environment, stdout=quiet, stderr=quiet, start_new_session=True)
    address = f"http://localhost:{port}"
    for _ in range(300):
        try:
            urllib.request.urlopen(f"{address}/_stcore/health", timeout=2)
            break
        except OSError:
            time.sleep(0.2)
    try:
        yield address
    finally:
        os.killpg(server.pid, signal.SIGTERM)
        server.wait(timeout=20)


if __name__ == "__main__":
    main()
