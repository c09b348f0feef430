"""Texts, ids, classes, titles, notes, tags and names that try to be markup are shown as text on every page there is."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from playwright.sync_api import Page, expect

from closecall.data.annotations.hard_cases import Origin, add_hard_cases, add_tag, set_note
from closecall.data.datasets.store import Dataset, save_dataset
from closecall.data.experiments.store import ExperimentConfig, save_experiment
from tests.e2e.page_table import PAGES
from tests.makers import make_dataset, make_experiment

pytestmark = pytest.mark.browser
expect.set_options(timeout=60_000)
TOOLS = ("Propose", "Export", "Import", "Apply decisions")
ELEMENT = (
    "<script>window.pwned=1</script><img class=pwned src=x onerror=window.pwned=2><svg onload=window.pwned=3></svg>"
    "<iframe class=pwned srcdoc=x></iframe><style>.stApp{display:none!important}</style>"
)
MARKUP = (
    "# pwnedhead\n\n**pwnedbold** [pwnedlink](javascript:window.pwned=4) ![pwnedpicture](http://hostile.invalid/x.png) "
    "$pwned^2$ `pwnedcode` :material/pwned: :red[pwnedred] | a | b |\n|---|---|"
)
TEXTS = [
    ELEMENT,
    MARKUP,
    '=HYPERLINK("http://hostile.invalid","x")',
    "\u202eright to left \u05e9\u05dc\u05d5\u05dd\u200f \u2067isolated Z\u0300\u0301\u0302" + "\u0336" * 50,
    "\U0001f469\u200d\U0001f680\ufe0f \U0001f1e9\U0001f1ea :smile:",
    "nul \x00 bell \x07 escape \x1b[31m line\u2028separator \ufeff",
    "unbroken" * 12_500,
    "</div></div></p>]]>--><!-- {{pwned}} ${pwned} <%= pwned %>",
    "\"'` onmouseover=window.pwned=5 x=\"",
]  # fmt: skip
SIGNS = """() => ({
  run: window.pwned ?? null,
  elements: [...document.querySelectorAll(
    ".pwned, img[src*='hostile'], a[href^='javascript'], a[href*='hostile.invalid'], iframe[srcdoc]")]
    .map((one) => one.outerHTML.slice(0, 200)),
  markup: [...document.querySelectorAll("h1, h2, h4, strong, b, em, code, a, .katex, [style*='color: red']")]
    .filter((one) => /pwned(head|bold|link|code|red)/.test(one.textContent) && one.children.length === 0 &&
      one.textContent.trim().length < 30).map((one) => one.outerHTML.slice(0, 200)),
  math: document.querySelectorAll("[data-testid=stMain] .katex").length,
  hidden: getComputedStyle(document.querySelector(".stApp")).display,
  wide: document.documentElement.scrollWidth - window.innerWidth,
  main: (() => { const m = document.querySelector("[data-testid=stMain]"); return m.scrollWidth - m.clientWidth; })(),
})"""


def hostile_workspace() -> ExperimentConfig:
    """Hostile in every place that a person or a file can fill."""
    made = make_dataset("plain", positives=120, negatives=480)
    classes = {"mac": f"mac {ELEMENT}"[:200], "pc": "**pwnedbold** pc <img class=pwned src=x onerror=window.pwned=6>"}
    examples = made.examples.copy()
    test = np.flatnonzero((examples["split"] == "test").to_numpy())
    examples.loc[test[: len(TEXTS)], "text"] = TEXTS
    examples.loc[np.arange(0, 3 * len(TEXTS), 3), "text"] = TEXTS
    examples["class_name"] = examples["class_name"].map(classes)
    examples["id"] = [f"{one}<img class=pwned src=x onerror=window.pwned=7>**pwnedbold**" for one in examples["id"]]
    examples["group"] = "<b class=pwned>group</b>"
    examples["meta.source"] = np.where(np.arange(len(examples)) % 2, ELEMENT, MARKUP)
    info = replace(
        made.info,
        name="hostile",
        title=MARKUP,
        positive_classes=(classes["mac"],),
        negative_classes=(classes["pc"],),
        origin=ELEMENT,
        licence=MARKUP,
        notes=(ELEMENT, MARKUP),
    )
    aside = pd.DataFrame(
        {"source_row": [7, 8], "id": [ELEMENT, MARKUP], "reason": [ELEMENT, MARKUP], "text": TEXTS[:2]}
    )
    dataset = save_dataset(Dataset(info, examples, aside, made.conflicts))
    config = make_experiment(dataset, "hostile", ratios=(1, 3, 10), seeds=(0, 1))
    save_experiment(replace(config, title=ELEMENT + MARKUP))
    ids = [str(one) for one in examples["id"].iloc[test[: len(TEXTS)]]]
    add_hard_cases(
        "hostile",
        ids,
        ([ELEMENT, MARKUP] * len(ids))[: len(ids)],
        who=ELEMENT,
        origin=Origin(MARKUP, 10, 0, "test", 0.5),
    )
    for tag in (" ".join(ELEMENT.replace(";", "").split()), "**pwnedbold**"):
        add_tag("hostile", ids, tag)
    set_note("hostile", ids, ELEMENT + MARKUP)
    return config


def check(page: Page, where: str, requests: list[str]) -> None:
    page.locator("[data-testid=stApp]").wait_for()
    expect(page.locator("[data-testid=stApp]")).to_have_attribute("data-test-script-state", "notRunning")
    page.wait_for_timeout(600)
    expect(page.locator("[data-testid=stException]")).to_have_count(0)
    signs = page.evaluate(SIGNS)
    assert signs["run"] is None, f"{where}: a script of the data ran ({signs['run']})"
    assert signs["elements"] == [] and signs["markup"] == [] and signs["math"] == 0, f"{where}: {signs}"
    assert signs["hidden"] != "none", f"{where}: a style of the data applied"
    assert signs["wide"] <= 1 and signs["main"] <= 1, f"{where}: wider than the window: {signs}"
    assert requests == [], f"{where}: the data caused requests: {requests}"


def test_hostile_texts_are_text_on_every_page(workspace: Path, serve: Callable[[], str], page: Page) -> None:
    assert len(PAGES) >= 8
    config = hostile_workspace()
    requests: list[str] = []
    page.on("request", lambda one: requests.append(one.url) if "hostile.invalid" in one.url else None)
    page.on("dialog", lambda dialog: (requests.append(dialog.message), dialog.dismiss()))
    address = serve()
    shared = f"experiment={config.id}&ratio=1%3A10&dataset=hostile"
    for name in PAGES:
        page.goto(f"{address}/{name}?{shared}")
        page.locator("[data-testid=stMain] h3").first.wait_for()
        check(page, name, requests)
    for tool in TOOLS:
        page.goto(f"{address}/hard_cases?{shared}&tool={tool.replace(' ', '%20')}")
        page.locator("[data-testid=stMain] h3").first.wait_for()
        check(page, f"hard_cases, {tool}", requests)
    page.goto(f"{address}/errors?{shared}&outcome=all&listed=yes")
    page.wait_for_selector(".reading.whole")
    for number in range(len(TEXTS)):
        check(page, f"errors, example {number}", requests)
        page.keyboard.press("j")
