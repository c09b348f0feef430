"""How long do the pages that compare ratios take to answer, on 5 ratios x 5 seeds x 100,000 test examples?

    python -m benchmarks.ratio_pages [TEST_EXAMPLES] [ROUNDS]

Server time of one run of the script for each interaction, as Streamlit's own AppTest runs it: "first" with empty caches
(what a fresh server does once), then median and highest of the rounds, each with another value of the control.
"""

import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from itertools import cycle
from pathlib import Path

import streamlit as st
from streamlit.testing.v1 import AppTest

from benchmarks.large_experiment import build

APP = str(Path(__file__).resolve().parents[1] / "app.py")
Change = Callable[[AppTest], object]


def opened(page: str, **query: str) -> AppTest:
    at = AppTest.from_file(APP, default_timeout=120)
    at.switch_page(f"pages/{page}/page.py")
    for name, value in query.items():
        at.query_params[name] = value
    return at


def interactions() -> Iterator[tuple[str, AppTest, Change]]:
    """What is done, on which page, by which change to it."""
    q = cycle(["5", "9.1", "20", "2", "50"])
    cut = cycle([0.4, 0.3, 0.55, 0.61, 0.2, 0.71])
    pair = cycle(["1:2", "1:3", "1:5", "1:10"])
    wish = cycle([0.85, 0.8, 0.95, 0.7, 0.75])
    group = cycle(["always missed", "", "lost at 1:10", "lost at 1:5"])
    outcome = cycle(["fp", "fn", "tp", "tn"])
    yield "Overview, opened", opened("overview"), lambda at: None
    yield "Ratios, prevalence moved", opened("ratios"), lambda at: at.select_slider(key="q").set_value(next(q))
    why = opened("ratios", part="Why recall fell")
    yield "Ratios, another pair decomposed", why, lambda at: _choose(at, "b", next(pair))
    yield "Ratios, lost and gained positives", opened("ratios", part="Lost and gained positives"), lambda at: None
    curves = opened("ratios", part="Precision and recall")
    yield "Ratios, curves at another prevalence", curves, lambda at: at.select_slider(key="q").set_value(next(q))
    yield "Ratios, paired tests", opened("ratios", part="Paired tests"), lambda at: None
    yield "Confusion, threshold moved", opened("confusion"), lambda at: _cut(at, next(cut))
    desk = opened("confusion")
    yield "Confusion, wish changed", desk, lambda at: at.number_input(key="min-recall").set_value(next(wish))
    against = opened("confusion", below="Against another run")
    yield "Confusion, run against run", against, lambda at: _cut(at, next(cut))
    yield "Errors, next outcome", opened("errors"), lambda at: at.button(key=f"pick-{next(outcome)}").click()
    queue = opened("errors", outcome="all")
    yield "Errors, filtered by group", queue, lambda at: at.session_state.__setitem__("group", next(group))
    yield "Errors, next example", opened("errors", outcome="all"), lambda at: at.button(key="next").click()


def _choose(at: AppTest, key: str, value: str) -> None:
    at.button_group(key=key).set_value(value)


def _cut(at: AppTest, value: float) -> None:
    at.slider(key="threshold").set_value(value)


def timed(at: AppTest) -> float:
    started = time.perf_counter()
    at.run()
    seconds = time.perf_counter() - started
    assert [one.message for one in at.exception] == []
    return seconds


def main() -> None:
    examples = int(sys.argv[1]) if len(sys.argv) > 1 else 100_000
    rounds = int(sys.argv[2]) if len(sys.argv) > 2 else 5
    with tempfile.TemporaryDirectory() as folder:
        build(Path(folder), examples)
        print(f"5 ratios x 5 seeds x {examples:,} test examples; seconds on the server")
        print(f"{'interaction':40s} {'first':>7s} {'median':>7s} {'highest':>8s}")
        for name, at, change in interactions():
            st.cache_data.clear()
            st.cache_resource.clear()
            first, later = timed(at), []
            for _ in range(rounds):
                change(at)
                later.append(timed(at))
            print(f"{name:40s} {first:7.2f} {statistics.median(later):7.3f} {max(later):8.3f}", flush=True)


if __name__ == "__main__":
    main()
