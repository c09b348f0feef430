"""The explanation on the Errors page: attributions by occlusion, what-if, missing and broken checkpoints."""

import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from closecall.data.datasets.store import load_examples
from closecall.data.experiments.store import run_folder
from closecall.data.io.files import read_json, write_frame, write_json
from tests.makers import HOSTILE, make_dataset, make_experiment
from tests.pages.errors_page import html_of
from tests.pages_driver import keys_of, open_page, page_text, table_with
from tests.test_app import ROOT
from tests.tiny_bert import make_tiny_bert

PATIENCE_SECONDS = 60
HIGHLIGHT = 'class="reading attribution"'


@pytest.fixture
def sweep(workspace: Path) -> Path:
    make_experiment(make_dataset(), ratios=(1, 10), seeds=(0,))
    for seed, run in enumerate(("r1-s0-none", "r10-s0-none")):
        make_tiny_bert(run_folder("sweep", run) / "checkpoint", labels=2, seed=seed, initializer_range=0.5)
    return workspace


def rerun_until(at: AppTest, is_there: Callable[[AppTest], bool]) -> None:
    """Run the page again, as its timer does, until it shows something."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not is_there(at) and time.monotonic() < deadline:
        time.sleep(0.2)
        at.run()
    assert [one.message for one in at.exception] == []
    assert is_there(at)


def has_table(column: str) -> Callable[[AppTest], bool]:
    return lambda at: any(column in one.value for one in at.dataframe)


def test_the_explanation_is_computed_after_the_button_is_pressed(sweep: Path) -> None:
    examples = load_examples("posts")
    examples.loc[examples["split"] == "test", "text"] = "mac " + HOSTILE[0]
    write_frame(sweep / "datasets" / "posts" / "examples.parquet", examples)
    at = open_page("errors", outcome="all")
    assert HIGHLIGHT not in html_of(at) and not has_table("attribution")(at)
    at.button(key="why").click().run()
    rerun_until(at, has_table("attribution"))
    assert HIGHLIGHT in html_of(at)
    assert "<script>alert" not in html_of(at) and "<script>alert" not in page_text(at)
    words = table_with(at, "attribution")["word"].tolist()
    assert "mac" in words and "<script>alert('x')</script>" in words

    box = next(one for one in at.text_area if str(one.key).startswith("changed-"))
    assert at.button(key="what-if-predict").disabled
    box.set_value("windows dos").run()
    at.button(key="what-if-predict").click().run()
    rerun_until(at, has_table("before"))
    rows = table_with(at, "before")
    assert rows["ratio"].tolist() == ["1:1", "1:10"] and rows["before"].tolist() != rows["now"].tolist()

    at.button(key="why-close").click().run()
    assert HIGHLIGHT not in html_of(at) and "why" in keys_of(at, "button")


@pytest.mark.slow
def test_a_broken_checkpoint_is_an_error_with_a_button(sweep: Path) -> None:
    checkpoint = run_folder("sweep", "r10-s0-none") / "checkpoint"
    (checkpoint / "config.json").unlink()
    at = open_page("errors")
    at.button(key="why").click().run()
    rerun_until(at, lambda at: len(at.error) == 1)
    assert at.button(key="why-again")


def test_without_a_checkpoint_a_caption_replaces_the_button(workspace: Path) -> None:
    make_experiment(make_dataset(), ratios=(1, 3), seeds=(0,))
    at = open_page("errors")
    assert "why" not in keys_of(at, "button")
    assert any("checkpoint of 1:3, seed 0" in one.value for one in at.caption)
    path = workspace / "experiments" / "sweep" / "experiment.json"
    write_json(path, {**read_json(path), "kind": "imported"})
    at = open_page("errors")
    assert "why" not in keys_of(at, "button")
    assert any("imported" in one.value for one in at.caption)


@pytest.mark.slow
def test_an_explanation_does_not_import_torch_into_the_app(sweep: Path) -> None:
    code = (
        "import sys, streamlit as st\n"
        "from streamlit.testing.v1 import AppTest\n"
        "at = AppTest.from_file('app.py', default_timeout=60).run()\n"
        "at.switch_page('pages/errors/page.py').run()\n"
        "at.button(key='why').click().run()\n"
        "assert any(one.key == 'stop-why' for one in at.button), 'the request is pending'\n"
        "at.button(key='stop-why').click().run()\n"
        "assert any(one.key == 'why' for one in at.button), 'the request was cancelled'\n"
        "st.cache_resource.clear()\n"
        "sys.exit(f'imported torch' if 'torch' in sys.modules else 0)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr[-2000:]
