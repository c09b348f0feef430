"""The Errors page in a real browser: keys, the note while typing, the URL, a refresh."""

import re
from collections.abc import Callable
from pathlib import Path
from urllib.parse import parse_qs, urlparse

import pytest
from playwright.sync_api import Page, expect

from closecall.data.annotations.hard_cases import ACTIONS, load_hard_cases
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


def open_errors(page: Page, address: str) -> str:
    """Open the false negatives and wait until the keys work. Returns the id of the first."""
    page.goto(f"{address}/errors?experiment=sweep&ratio=1%3A10")
    page.wait_for_selector(".st-key-note-box textarea")
    page.wait_for_function("window.boxKeysReady === true")
    page.wait_for_function("new URL(location.href).searchParams.has('example')")
    settle(page)
    page.wait_for_timeout(1000)  # shortcuts listen a moment after their buttons are drawn
    return in_url(page, "example")


def settle(page: Page) -> None:
    expect(page.locator("[data-testid=stApp]")).to_have_attribute("data-test-script-state", "notRunning")


def written(page: Page, column: str, expected: dict[str, str]) -> bool:
    """Whether the log has these values within ten seconds. The page may be idle before typed text is sent."""
    for _ in range(100):
        if load_hard_cases("sweep").set_index("id")[column].to_dict() == expected:
            return True
        page.wait_for_timeout(100)
    return False


def write(page: Page, key: str, text: str, *, enter: bool) -> None:
    """Enter an input by its key, type, and leave it by Escape."""
    page.keyboard.press(key)
    page.keyboard.type(text)
    if enter:
        page.keyboard.press("Enter")
        expect(page.locator(f".st-key-tag-box [role=group] [data-tag][aria-label='{text}']").last).to_be_visible()
    page.keyboard.press("Escape")
    settle(page)
    page.wait_for_function(
        "document.activeElement === document.body || !document.activeElement.matches('input, textarea')"
    )


def test_twenty_false_negatives_are_annotated_by_keys_alone(
    workspace: Path, serve: Callable[[], str], page: Page
) -> None:
    """Next, previous, add, every action, tag, note and undo, without the mouse. The list then holds exactly these."""
    make_experiment(make_dataset(positives=360, negatives=1440), ratios=(1, 10), seeds=(0,))
    seen = [open_errors(page, serve())]
    wanted: dict[str, dict[str, str]] = {}
    for number in range(20):
        one = seen[-1]
        if number % 5 == 1:
            write(page, "t", "jargon" if number < 10 else "zeta", enter=True)
            wanted.setdefault(one, {})["tags"] = "jargon" if number < 10 else "zeta"
        if number % 5 == 2:
            write(page, "n", f"jakz 123 number {number}", enter=False)
            wanted.setdefault(one, {})["note"] = f"jakz 123 number {number}"
        if number % 5 == 3:
            action = number % 6
            seen.append(read_next(page, str(action + 1)))
            wanted.setdefault(one, {})["action"] = ACTIONS[action]
        elif number % 5 == 4:
            seen.append(read_next(page, "a"))
            wanted.setdefault(one, {})
        else:
            assert in_url(page, "example") == one
            seen.append(read_next(page, "j"))
        settle(page)
    assert len(set(seen)) == 21
    assert read_next(page, "k") == seen[-2]
    page.keyboard.press("a")  # already on the list: removes it
    expect(page.locator(".st-key-add button", has_text="Add").first).to_be_visible()
    settle(page)
    page.keyboard.press("z")
    expect(page.locator(".st-key-add button", has_text="Remove").first).to_be_visible()
    settle(page)
    cases = load_hard_cases("sweep").set_index("id")
    assert list(cases.index) == list(wanted)
    for one, values in wanted.items():
        assert {name: cases.at[one, name] for name in ("tags", "note", "action")} == {
            "tags": "", "note": "", "action": "", **values}  # fmt: skip
    position = page.get_by_text(re.compile(r"^20 of "))
    expect(position).to_be_visible()
    page.reload()
    expect(position).to_be_visible()
    assert in_url(page, "example") == seen[-2]


def test_tags_are_suggested_and_letters_typed_quickly_stay_in_the_input(
    workspace: Path, serve: Callable[[], str], page: Page
) -> None:
    make_experiment(make_dataset(positives=120, negatives=480), ratios=(1, 10), seeds=(0,))
    first = open_errors(page, serve())
    write(page, "t", "jargon", enter=True)
    second = read_next(page, "j")
    settle(page)
    page.keyboard.press("t")
    page.keyboard.type("jar")  # j and a are action keys outside the input
    expect(page.get_by_role("option").first).to_contain_text("jargon")
    page.keyboard.press("Enter")
    page.keyboard.press("t")  # the input still has the focus: a letter
    page.keyboard.press("Escape")
    settle(page)
    assert in_url(page, "example") == second
    assert written(page, "tags", {first: "jargon", second: "jargon"})


def test_the_reviewer_name_is_remembered(workspace: Path, serve: Callable[[], str], page: Page) -> None:
    """It is stored with annotations, never in the URL, and the browser keeps it for the next server."""
    make_experiment(make_dataset(positives=120, negatives=480), ratios=(1, 10), seeds=(0,))
    open_errors(page, serve())
    name = page.locator(".st-key-person input")
    name.fill("Ann; <b>Å")
    name.press("Tab")
    settle(page)
    page.keyboard.press("a")
    expect(page.locator(".st-key-undo button").first).to_be_enabled()
    assert load_hard_cases("sweep")["who"].tolist() == ["Ann; <b>Å"]
    assert "Ann" not in page.url
    page.goto(f"{serve()}/errors?experiment=sweep")
    expect(name).to_have_value("Ann; <b>Å")


def test_false_negatives_are_read_by_keys_alone(workspace: Path, serve: Callable[[], str], page: Page) -> None:
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
    expect(page.locator(".st-key-undo button").first).to_be_enabled()
    assert load_hard_cases("sweep")["id"].tolist() == [second]
    assert read_next(page, "z") == second
    assert load_hard_cases("sweep").empty

    expect(page.locator(".reading.whole")).to_be_visible()
    expect(page.locator(".st-key-undo button").first).to_be_disabled()
    page.keyboard.press("n")
    page.keyboard.type("jak reads: not a key")
    page.keyboard.press("Escape")
    expect(page.locator(".st-key-add button", has_text="Remove").first).to_be_visible()
    assert in_url(page, "example") == second
    assert load_hard_cases("sweep")["note"].tolist() == ["jak reads: not a key"]

    page.reload()
    expect(page.locator(".st-key-note-box textarea")).to_have_value("jak reads: not a key")
    assert in_url(page, "example") == second
