"""The reading desk in a real browser: keys, the note while typing, the URL, a refresh."""

from collections.abc import Callable
from pathlib import Path
from urllib.parse import parse_qs, urlparse

import pytest
from playwright.sync_api import Page, expect

from data.hard_cases import load_hard_cases
from tests.makers import make_dataset, make_experiment

pytestmark = pytest.mark.browser
expect.set_options(timeout=60_000)


def in_url(page: Page, name: str) -> str:
    return parse_qs(urlparse(page.evaluate("location.href")).query).get(name, [""])[0]


def read_next(page: Page, key: str) -> str:
    """Press a key and wait until another example is named in the URL."""
    before = in_url(page, "example")
    page.keyboard.press(key)
    page.wait_for_function("(b) => new URL(location.href).searchParams.get('example') !== b", arg=before)
    return in_url(page, "example")


def test_misses_are_read_by_keys_alone(workspace: Path, serve: Callable[[], str], page: Page) -> None:
    make_experiment(make_dataset(positives=120, negatives=480), ratios=(1, 10), seeds=(0,))
    address = serve()
    page.goto(address)
    page.wait_for_selector("[data-testid=stMain] h3")
    page.goto(f"{address}/errors")
    page.wait_for_selector(".st-key-note-box textarea")
    page.wait_for_function("window.boxKeysReady === true")
    page.wait_for_function("new URL(location.href).searchParams.has('example')")
    first = in_url(page, "example")
    second = read_next(page, "j")
    third = read_next(page, "j")
    assert len({first, second, third}) == 3
    assert read_next(page, "k") == second
    assert read_next(page, "a") == third
    expect(page.get_by_role("button", name="Undo")).to_be_enabled()
    assert load_hard_cases("sweep")["id"].tolist() == [second]
    assert read_next(page, "z") == second
    assert load_hard_cases("sweep").empty

    expect(page.locator(".reading.whole")).to_be_visible()
    expect(page.get_by_role("button", name="Undo")).to_be_disabled()
    page.keyboard.press("n")
    page.keyboard.type("jak reads: not a key")
    page.keyboard.press("Escape")
    expect(page.get_by_role("button", name="Remove from list")).to_be_visible()
    assert in_url(page, "example") == second
    assert load_hard_cases("sweep")["note"].tolist() == ["jak reads: not a key"]

    page.reload()
    expect(page.locator(".st-key-note-box textarea")).to_have_value("jak reads: not a key")
    assert in_url(page, "example") == second
