from collections.abc import Callable

import pytest

from closecall.models.runtime import progress as module
from closecall.models.runtime.progress import Cancelled, Progress, ProgressReporter


class Clock:
    """Time that passes only when shown."""

    def __init__(self) -> None:
        self.now = 100.0

    def perf_counter(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(module, "time", clock)
    return clock


def watching(should_stop: Callable[[], bool] = lambda: False) -> tuple[ProgressReporter, list[Progress]]:
    seen: list[Progress] = []
    return ProgressReporter(should_stop, seen.append), seen


def test_the_eta_covers_the_whole_rest_of_the_run(clock: Clock) -> None:
    reporter, seen = watching()
    reporter.expect({"training": 1000, "forward": 500}, tail_seconds=7)
    with reporter.phase("training", steps=10, epochs=2):
        assert seen[-1] == Progress("training", epochs=2, steps=10)
        clock.now += 2
        reporter.advance("training", tokens=100, examples=10, step=1, epoch=1)
    shown = seen[-1]
    assert (shown.phase, shown.epoch, shown.epochs, shown.step, shown.steps) == ("training", 1, 2, 1, 10)
    assert shown.examples_per_second == pytest.approx(5)
    # 900 tokens at 50 a second, 500 at the share that forward passes usually cost, and the tail.
    assert shown.eta_seconds == pytest.approx(900 / 50 + 500 * 0.3 / 50 + 7)
    with reporter.phase("predicting", steps=5):
        clock.now += 1
        reporter.advance("forward", tokens=100, examples=20, step=1)
    assert seen[-1].eta_seconds == pytest.approx(900 / 50 + 400 / 100 + 7)
    assert reporter.seconds == {"training": 2, "predicting": 1}
    assert reporter.tokens_per_second("forward") == pytest.approx(100)


def test_work_beside_the_steps_has_its_own_speed(clock: Clock) -> None:
    reporter, seen = watching()
    reporter.expect({"training": 1000, "forward": 600}, tail_seconds=0)
    with reporter.phase("training"):
        clock.now += 1
        reporter.advance("training", tokens=100, examples=1, step=1)
        clock.now += 1
        reporter.count("forward", tokens=200, examples=5)
        clock.now += 1
        reporter.advance("training", tokens=100, examples=1, step=2)
    assert seen[-1].eta_seconds == pytest.approx(8 + 2)


def test_work_done_before_is_taken_off(clock: Clock) -> None:
    reporter, seen = watching()
    reporter.expect({"training": 1000}, tail_seconds=0)
    reporter.skip("training", 800)
    with reporter.phase("training"):
        clock.now += 1
        reporter.advance("training", tokens=100, examples=1, step=9)
    assert seen[-1].eta_seconds == pytest.approx(1)


def test_the_speed_follows_the_last_half_minute(clock: Clock) -> None:
    reporter, seen = watching()
    reporter.expect({"training": 10**6}, tail_seconds=0)
    with reporter.phase("training"):
        for step in range(60):
            clock.now += 1
            reporter.advance("training", tokens=100, examples=10, step=step)
        for step in range(120):
            clock.now += 1
            reporter.advance("training", tokens=50, examples=5, step=step)
    assert seen[-1].examples_per_second == pytest.approx(5, rel=0.03)


def test_reports_come_twice_a_second_at_most(clock: Clock) -> None:
    reporter, seen = watching()
    with reporter.phase("training"):
        for step in range(100):
            clock.now += 0.1
            reporter.advance("training", tokens=1, examples=1, step=step)
    assert 15 <= len(seen) <= 21


def test_it_stops_at_a_step_and_at_the_start_of_a_phase(clock: Clock) -> None:
    stop = False
    reporter, _ = watching(lambda: stop)
    with reporter.phase("training"):
        reporter.advance("training", tokens=1, examples=1, step=1)
        stop = True
        with pytest.raises(Cancelled):
            reporter.advance("training", tokens=1, examples=1, step=2)
    with pytest.raises(Cancelled), reporter.phase("predicting"):
        raise AssertionError("not reached")
