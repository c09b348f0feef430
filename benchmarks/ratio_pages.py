"""Measure how fast the pages that compare ratios respond, with 5 ratios x 5 seeds x 100,000 test examples.

    python -m benchmarks.ratio_pages [TEST_EXAMPLES] [ROUNDS]

Streamlit's AppTest runs the page once for each interaction. The script prints the time on the server: "first" with
empty caches, as on a new server, then median and highest of the rounds, each with another value of the control. Then
it prints what the first opening of Overview computes, piece by piece; the decomposition is computed on Ratios only.
Processor time is that of the whole process, lowest of the rounds; read it where other programs run.
"""

import argparse
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from itertools import cycle
from pathlib import Path

import streamlit as st
from streamlit.testing.v1 import AppTest

from benchmarks.large_experiment import NAME, build
from closecall.models.results.causes import decide_causes
from closecall.models.results.ratio_pairs import decomposed, prior_shift
from closecall.models.results.run_predictions import read_run_predictions
from closecall.models.results.valid_runs import count_always_missed, outcomes_by_run, select_valid_runs
from closecall.models.results.verdict import decide_verdict

APP = str(Path(__file__).resolve().parents[1] / "app.py")
Change = Callable[[AppTest], object]


def opened(page: str, **query: str) -> AppTest:
    at = AppTest.from_file(APP, default_timeout=120)
    at.run()  # a page can be switched to only after the first run
    at.switch_page(f"pages/{page}/page.py")
    for name, value in query.items():
        at.query_params[name] = value
    return at


def interactions() -> Iterator[tuple[str, AppTest, Change]]:
    """For each interaction its name, the page, and the change to make on it."""
    q = cycle(["5", "9.1", "20", "2", "50"])
    thresholds = cycle([0.4, 0.3, 0.55, 0.61, 0.2, 0.71])
    pair = cycle(["1:2", "1:3", "1:5", "1:10"])
    min_recall = cycle([0.85, 0.8, 0.95, 0.7, 0.75])
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
    yield "Confusion, threshold moved", opened("confusion"), lambda at: _set_threshold(at, next(thresholds))
    rule = opened("confusion")
    yield (
        "Confusion, threshold rule changed",
        rule,
        lambda at: at.number_input(key="min-recall").set_value(next(min_recall)),
    )
    against = opened("confusion", below="Against another run")
    yield "Confusion, run comparison", against, lambda at: _set_threshold(at, next(thresholds))
    yield "Errors, next outcome", opened("errors"), lambda at: at.button(key=f"pick-{next(outcome)}").click()
    queue = opened("errors", outcome="all")
    yield "Errors, filtered by group", queue, lambda at: at.session_state.__setitem__("group", next(group))
    yield "Errors, next example", opened("errors", outcome="all"), lambda at: at.button(key="next").click()


def _choose(at: AppTest, key: str, value: str) -> None:
    at.button_group(key=key).set_value(value)


def _set_threshold(at: AppTest, value: float) -> None:
    at.slider(key="threshold").set_value(value)


def timed(at: AppTest) -> float:
    started = time.perf_counter()
    at.run()
    seconds = time.perf_counter() - started
    assert [one.message for one in at.exception] == []
    return seconds


def pieces() -> Iterator[tuple[str, Callable[[], object]]]:
    """The parts of the first opening of Overview, and the decomposition."""
    tables = read_run_predictions(NAME)
    test, validation = tables["test"], tables["validation"]
    runs = select_valid_runs(test, validation)
    yield "reading the predictions", lambda: read_run_predictions(NAME)
    yield "outcomes of each run", lambda: outcomes_by_run(test)
    yield "the verdict", lambda: decide_verdict(test, validation)
    yield "causes of false negatives, no evidence", lambda: decide_causes(test, validation, None, ratio=10.0)
    yield "valid runs", lambda: select_valid_runs(test, validation)
    yield "what the class prior predicts", lambda: prior_shift(*runs, (1, 2, 3, 5, 10))
    yield "positives missed at every ratio", lambda: count_always_missed(runs[0])
    yield "decomposition of 1:1 to 1:10", lambda: decomposed(*runs, 1, 10)


def cold_opening() -> object:
    """Overview with empty caches."""
    st.cache_data.clear()
    st.cache_resource.clear()
    return timed(opened("overview"))


def measured(part: Callable[[], object], rounds: int) -> tuple[float, float]:
    """Lowest seconds and lowest processor seconds of some rounds."""
    seconds, processor = [], []
    for _ in range(rounds):
        started, used = time.perf_counter(), time.process_time()
        part()
        seconds.append(time.perf_counter() - started)
        processor.append(time.process_time() - used)
    return min(seconds), min(processor)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("test_examples", nargs="?", type=int, default=100_000)
    parser.add_argument("rounds", nargs="?", type=int, default=5)
    options = parser.parse_args()
    examples, rounds = options.test_examples, options.rounds
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
        print(f"\n{'Overview, first opening':40s} {'seconds':>9s} {'processor':>9s}")
        for name, part in [*pieces(), ("all, with the page itself", cold_opening)]:
            seconds, processor = measured(part, rounds)
            print(f"{name:40s} {seconds:9.3f} {processor:9.3f}", flush=True)


if __name__ == "__main__":
    main()
