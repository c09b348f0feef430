"""A user's way through the app in a real browser: cold links, false negatives read by keys, an exported list."""

import re
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest
from playwright.sync_api import Page, expect

from closecall.data.annotations.hard_cases import load_hard_cases
from tests.e2e.page_table import PAGES
from tests.makers import make_dataset, make_experiment

pytestmark = pytest.mark.browser
LOCAL = re.compile(r"(https?|wss?)://localhost[:/]|data:|blob:")
HEADLINE = "[data-testid=stMain] h3"
expect.set_options(timeout=60_000)


def open_page(page: Page, address: str) -> None:
    """Go there and wait until Streamlit has drawn it."""
    page.goto(address)
    page.locator(HEADLINE).first.wait_for()
    settle(page)


def settle(page: Page) -> None:
    expect(page.locator("[data-testid=stApp]")).to_have_attribute("data-test-script-state", "notRunning")


@pytest.mark.parametrize("name", ["", *PAGES[1:]])  # the first is at the root
def test_a_cold_link_opens_its_page(workspace: Path, serve: Callable[[], str], page: Page, name: str) -> None:
    """The first request that a fresh server ever sees is a deep link with a selection in it; no other host is asked."""
    make_experiment(make_dataset(), ratios=(1, 3), seeds=(0,))
    dialogs: list[str] = []
    outside: list[str] = []
    page.on("request", lambda asked: None if LOCAL.match(asked.url) else outside.append(asked.url))
    page.on("dialog", lambda dialog: (dialogs.append(dialog.message), dialog.dismiss()))
    open_page(page, f"{serve()}/{name}?experiment=sweep&ratio=1%3A1")
    expect(page.locator("[data-testid=stException]")).to_have_count(0)
    expect(page.get_by_text("Page not found")).to_have_count(0)
    expect(page.locator("[data-testid=stSidebarNav]")).to_contain_text("Hard cases")
    assert (dialogs, outside) == ([], [])


def test_ten_false_negatives_by_keys_and_an_exported_list(
    workspace: Path, serve: Callable[[], str], page: Page, tmp_path: Path
) -> None:
    make_experiment(make_dataset(positives=240, negatives=1200), ratios=(1, 10), seeds=(0,))
    address = serve()
    open_page(page, f"{address}/errors?experiment=sweep&ratio=1%3A10&outcome=fn")
    page.wait_for_selector(".st-key-note-box textarea")
    page.wait_for_timeout(1000)  # shortcuts listen a moment after their buttons are drawn
    first = read_position(page)
    assert first[0] == 1 and first[1] >= 10
    for number in range(2, 11):
        page.keyboard.press("j")
        expect(page.get_by_text(re.compile(rf"^{number} of "))).to_be_visible()
        settle(page)
    page.keyboard.press("a")
    expect(page.get_by_text(re.compile(r"^11 of "))).to_be_visible()
    settle(page)
    page.keyboard.press("k")
    expect(page.get_by_text(re.compile(r"^10 of "))).to_be_visible()
    expect(page.get_by_role("button", name=re.compile("Remove"))).to_be_visible()
    assert len(load_hard_cases("sweep")) == 1
    link = page.url
    page.reload()
    expect(page.get_by_text(re.compile(r"^10 of "))).to_be_visible()
    assert page.url == link

    open_page(page, f"{address}/hard_cases?experiment=sweep&tool=Export")
    with page.expect_download() as waiting:
        page.locator(".st-key-download-csv").get_by_role("button", name="CSV").click()
    exported = tmp_path / "list.csv"
    waiting.value.save_as(exported)
    rows = pd.read_csv(exported)
    assert rows["id"].tolist() == load_hard_cases("sweep")["id"].tolist()
    assert {"reasons", "text", "experiment", "dataset"} <= set(rows.columns)


def test_a_cell_of_the_matrix_opens_its_examples(workspace: Path, serve: Callable[[], str], page: Page) -> None:
    make_experiment(make_dataset(positives=240, negatives=1200), ratios=(1, 10), seeds=(0,))
    open_page(page, f"{serve()}/confusion?experiment=sweep&ratio=1%3A10")
    false_negatives = int(page.locator(".st-key-cell-fn .cell-number").inner_text())
    page.locator(".st-key-cell-fn").click()
    page.wait_for_url(re.compile("/errors"))
    expect(page.get_by_text(re.compile(r"^1 of "))).to_be_visible()
    assert read_position(page) == (1, false_negatives)
    assert "ratio=1%3A10" in page.url


def read_position(page: Page) -> tuple[int, int]:
    text = page.get_by_text(re.compile(r"^[\d,]+ of [\d,]+$")).first.inner_text()
    position, total = text.replace(",", "").split(" of ")
    return int(position), int(total)
