"""The server is killed while a person adds cases by a key: what the page had shown as done is there afterwards."""

import os
import signal
import time
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest
from playwright.sync_api import Page, expect

from closecall.data.annotations.hard_cases import hard_cases_log, load_hard_cases
from closecall.data.io.files import read_lines
from tests.makers import make_dataset, make_experiment

pytestmark = pytest.mark.browser
expect.set_options(timeout=60_000)


def server_at(address: str) -> psutil.Process:
    """The process that listens on the port of this address."""
    port = int(address.rsplit(":", 1)[1])
    own = psutil.Process().children(recursive=True)
    return next(one for one in own if any(c.laddr.port == port and c.status == "LISTEN" for c in one.net_connections()))


def test_three_kills_of_the_app_lose_nothing_that_was_shown(
    workspace: Path, serve: Callable[[], str], page: Page
) -> None:
    make_experiment(make_dataset(positives=240, negatives=1200), ratios=(1, 10), seeds=(0,))
    for outcome, presses in (("fn", 3), ("tp", 5), ("tn", 2)):
        address = serve()
        page.goto(f"{address}/errors?experiment=sweep&ratio=1%3A10&outcome={outcome}")
        page.wait_for_selector(".st-key-note-box textarea")
        page.wait_for_timeout(1500)  # shortcuts listen a moment after their buttons are drawn
        for _ in range(presses):
            before = len(read_lines(hard_cases_log("sweep")))
            page.keyboard.press("a")
            wait_until(lambda: len(read_lines(hard_cases_log("sweep"))) > before)  # noqa: B023
            settle(page)
        done = hard_cases_log("sweep").read_bytes()
        page.keyboard.press("a")  # sent when the server is killed
        os.kill(server_at(address).pid, signal.SIGKILL)
        after = hard_cases_log("sweep").read_bytes()
        assert after.startswith(done) and after[len(done) :].count(b"\n") <= 1
    cases = load_hard_cases("sweep")
    assert len(cases) >= 10 and set(record["op"] for record in read_lines(hard_cases_log("sweep"))) == {"add"}
    page.goto(f"{serve()}/hard_cases?experiment=sweep")
    expect(page.get_by_text(f"{len(cases)} hard cases on the list")).to_be_visible()


def settle(page: Page) -> None:
    expect(page.locator("[data-testid=stApp]")).to_have_attribute("data-test-script-state", "notRunning")


def wait_until(done: Callable[[], bool]) -> None:
    for _ in range(600):
        if done():
            return
        time.sleep(0.05)
    raise TimeoutError("the step was not written within 30 s")
