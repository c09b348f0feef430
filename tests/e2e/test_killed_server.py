"""The server is killed while a person adds cases by a key: what the page had shown as done is there afterwards."""

import os
import re
import signal
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest
from playwright.sync_api import Page, expect

from data.files import read_lines
from data.hard_cases import hard_cases_log, load_hard_cases
from tests.makers import make_dataset, make_experiment

pytestmark = pytest.mark.browser
expect.set_options(timeout=60_000)
POSITION = re.compile(r"^([\d,]+) of [\d,]+$")


def position(page: Page) -> int:
    found = POSITION.match(page.get_by_text(POSITION).first.inner_text())
    assert found
    return int(found.group(1).replace(",", ""))


def server_at(address: str) -> psutil.Process:
    """The process that listens on the port of this address."""
    port = int(address.rsplit(":", 1)[1])
    own = psutil.Process().children(recursive=True)
    return next(one for one in own if any(c.laddr.port == port and c.status == "LISTEN" for c in one.net_connections()))


def test_three_kills_of_the_app_lose_nothing_that_was_shown(
    workspace: Path, serve: Callable[[], str], page: Page
) -> None:
    make_experiment(make_dataset(positives=240, negatives=1200), ratios=(1, 10), seeds=(0,))
    shown = 0
    for added in (3, 5, 2):
        address = serve()
        page.goto(f"{address}/errors?experiment=sweep&ratio=1%3A10&outcome=fn&listed=no")
        page.wait_for_selector(".st-key-note-box textarea")
        page.wait_for_timeout(1500)  # shortcuts listen a moment after their buttons are drawn
        first = len(load_hard_cases("sweep"))
        assert first >= shown
        for number in range(1, added + 1):
            page.keyboard.press("a")
            expect(page.get_by_role("button", name="Undo")).to_be_enabled()
            page.wait_for_timeout(400)
            shown = max(shown, first + number) if len(load_hard_cases("sweep")) == first + number else shown
        page.keyboard.press("a")  # on its way when the server dies
        os.kill(server_at(address).pid, signal.SIGKILL)
        records = read_lines(hard_cases_log("sweep"))
        assert len(load_hard_cases("sweep")) >= shown >= first + 1
        assert len(records) <= first + added + 1
    page.goto(f"{serve()}/hard_cases?experiment=sweep")
    expect(page.get_by_text(f"{len(load_hard_cases('sweep'))} hard cases on the list")).to_be_visible()
