"""The Words and slices page in a browser: a row is shown, saved under a name, and links to its errors."""

from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from closecall.data.annotations.slices import load_slices
from tests.planted import WORD, make_planted

pytestmark = pytest.mark.browser
expect.set_options(timeout=30_000)


def test_a_row_is_shown_saved_and_opened_in_errors(serve: Callable[[], str], page: Page) -> None:
    experiment = make_planted().id
    page.goto(f"{serve()}/words_and_slices?experiment={experiment}&ratio=1:5")
    expect(page.get_by_role("heading", name=f"Positives with “{WORD}” have more false negatives")).to_be_visible()
    page.get_by_test_id("data-grid-canvas").first.click(position={"x": 18, "y": 18 + 2 * 35}, force=True)
    page.wait_for_url(lambda url: "rule=" in url)
    page.get_by_role("textbox", name="Name of the slice").fill("second row")
    page.get_by_role("button", name="Save as a slice").click()
    expect(page.get_by_text("Saved as second row")).to_be_visible()
    rule = load_slices(experiment)[0].rule.written
    page.get_by_role("link", name="false negatives").click()
    expect(page.get_by_text("Errors of Sweep")).to_be_visible()
    assert rule.split(":")[0] in ("word", "length", "column", "picked")


def test_a_phrase_survives_a_refresh_and_its_deletion_is_undone(serve: Callable[[], str], page: Page) -> None:
    experiment = make_planted().id
    page.goto(f"{serve()}/words_and_slices?experiment={experiment}&look=Own+and+saved+slices")
    box = page.get_by_placeholder("Whole words, in upper or lower case")
    box.fill("<b>Disk</b>")
    box.press("Enter")
    expect(page.get_by_role("heading", name="Positives with “b disk b”")).to_be_visible()
    box.fill("Disk")
    box.press("Enter")
    expect(page.get_by_role("heading", name="Positives with “disk”")).to_be_visible()
    page.reload()
    expect(page.get_by_role("heading", name="Positives with “disk”")).to_be_visible()
    page.get_by_role("button", name="Save as a slice").click()
    expect(page.get_by_text("1 saved slice")).to_be_visible()
    page.get_by_test_id("data-grid-canvas").first.click(position={"x": 18, "y": 18 + 35}, force=True)
    page.get_by_role("button", name="Delete").click()
    expect(page.get_by_text("No slice is saved yet.")).to_be_visible()
    page.keyboard.press("z")
    expect(page.get_by_text("1 saved slice")).to_be_visible()
    assert [one.name for one in load_slices(experiment)] == ["disk"]
