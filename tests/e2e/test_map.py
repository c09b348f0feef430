"""The Map page in a browser: a lasso on one of two maps, highlighted on both, kept by a refresh, opened in Errors."""

import re
from collections.abc import Callable
from pathlib import Path
from urllib.parse import parse_qs, urlparse

import pytest
from playwright.sync_api import Page, expect

from closecall.data.annotations.selections import load_selection
from tests.makers import make_dataset, make_experiment

pytestmark = pytest.mark.browser
expect.set_options(timeout=60_000)
# How many points each map highlights, null where it highlights none. Plotly unpacks arrays in _fullData.
HIGHLIGHTED = """() => [...document.querySelectorAll('.js-plotly-plot')].map(one =>
  one._fullData && one._fullData.some(trace => trace.selectedpoints)
    ? one._fullData.reduce((sum, trace) => sum + (trace.selectedpoints || []).length, 0) : null)"""


def test_a_lasso_is_highlighted_on_both_maps_and_opens_in_errors(
    workspace: Path, serve: Callable[[], str], page: Page
) -> None:
    make_experiment(make_dataset(), ratios=(1, 10), seeds=(0,))
    page.goto(f"{serve()}/map?experiment=sweep&ratio=1%3A10&right=1%3A1")
    expect(page.locator(".js-plotly-plot .nsewdrag")).to_have_count(2)
    expect(page.locator("[data-testid=stApp]")).to_have_attribute("data-test-script-state", "notRunning")
    draw_around_the_middle(page)
    expect(page.get_by_text(re.compile(r"\d+ texts selected"))).to_be_visible()
    page.wait_for_function("new URL(location.href).searchParams.has('picked')")
    key = parse_qs(urlparse(page.evaluate("location.href")).query)["picked"][0]
    number = len(load_selection("sweep", key).ids)
    assert 0 < number < 160
    page.wait_for_function(f"({HIGHLIGHTED})()[1] === {number}")
    assert page.evaluate(HIGHLIGHTED) == [number, number]

    page.reload()
    page.wait_for_function(
        f"({HIGHLIGHTED})().length === 2 && ({HIGHLIGHTED})()[0] === {number} && ({HIGHLIGHTED})()[1] === {number}"
    )
    page.get_by_role("link", name="Read these in Errors").click()
    page.wait_for_url(re.compile("/errors"))
    expect(page.get_by_role("button", name=re.compile(rf"Picked: map of 1:10 · {number}"))).to_be_visible()


def draw_around_the_middle(page: Page) -> None:
    box = page.locator(".js-plotly-plot .nsewdrag").first.bounding_box()
    assert box is not None
    corners = [(0.3, 0.3), (0.7, 0.3), (0.7, 0.7), (0.3, 0.7), (0.31, 0.31)]
    places = [(box["x"] + across * box["width"], box["y"] + down * box["height"]) for across, down in corners]
    page.mouse.move(*places[0])
    page.mouse.down()
    for place in places[1:]:
        page.mouse.move(*place, steps=4)
    page.mouse.up()
