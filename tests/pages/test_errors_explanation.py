"""Why this prediction, on the Errors page: nothing before the press, the words after it, other words tried."""

import subprocess
import sys
import time
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from closecall.data.datasets.store import load_examples
from closecall.data.experiments.store import run_folder
from closecall.data.io.files import read_json, write_frame, write_json
from tests.makers import HOSTILE, make_dataset, make_experiment
from tests.pages_driver import open_page, page_text
from tests.test_app import ROOT
from tests.tiny_bert import make_tiny_bert

PATIENCE = 60


@pytest.fixture
def sweep(workspace: Path) -> Path:
    make_experiment(make_dataset(), ratios=(1, 10), seeds=(0,))
    for seed, run in enumerate(("r1-s0-none", "r10-s0-none")):
        make_tiny_bert(run_folder("sweep", run) / "checkpoint", labels=2, seed=seed, initializer_range=0.5)
    return workspace


def until(at: AppTest, words: str) -> None:
    """Let the page look again, as its timer does, until it says some words."""
    deadline = time.monotonic() + PATIENCE
    while words not in page_text(at) and time.monotonic() < deadline:
        time.sleep(0.2)
        at.run()
    assert [one.message for one in at.exception] == []
    assert words in page_text(at)


def html(at: AppTest) -> str:
    return "\n".join(one.proto.body for one in at.get("html"))


def test_nothing_before_the_press_and_the_words_after_it(sweep: Path) -> None:
    examples = load_examples("posts")
    examples.loc[examples["split"] == "test", "text"] = "mac " + HOSTILE[0]
    write_frame(sweep / "datasets" / "posts" / "examples.parquet", examples)
    at = open_page("errors", outcome="all")
    assert 'class="reading tinted"' not in html(at) and "probability of being positive" not in page_text(at)
    at.button(key="why").click().run()
    until(at, "the probability of being positive")
    assert 'class="reading tinted"' in html(at)
    assert "<script>alert" not in html(at) and "<script>alert" not in page_text(at)
    words = next(one.value for one in at.dataframe if "carries" in one.value)
    assert "mac" in words["word"].tolist() and "<script>alert('x')</script>" in words["word"].tolist()

    box = next(one for one in at.text_area if str(one.key).startswith("changed-"))
    assert at.button(key="what-if-ask").disabled
    box.set_value("windows dos").run()
    at.button(key="what-if-ask").click().run()
    until(at, "The changed text is called positive by")
    rows = next(one.value for one in at.dataframe if "before" in one.value)
    assert rows["ratio"].tolist() == ["1:1", "1:10"] and rows["before"].tolist() != rows["now"].tolist()

    at.button(key="why-close").click().run()
    assert 'class="reading tinted"' not in html(at) and at.button(key="why").label == "Why this prediction"


@pytest.mark.slow
def test_a_classifier_that_cannot_be_read_is_one_sentence(sweep: Path) -> None:
    checkpoint = run_folder("sweep", "r10-s0-none") / "checkpoint"
    (checkpoint / "config.json").unlink()
    at = open_page("errors")
    at.button(key="why").click().run()
    until(at, "is not a model folder")
    assert at.button(key="why-again")


def test_without_a_checkpoint_it_says_so(workspace: Path) -> None:
    make_experiment(make_dataset(), ratios=(1, 3), seeds=(0,))
    assert "the checkpoint of 1:3, seed 0 is not there any more" in page_text(open_page("errors"))
    path = workspace / "experiments" / "sweep" / "experiment.json"
    write_json(path, {**read_json(path), "kind": "imported"})
    assert "it was imported, without its classifier" in page_text(open_page("errors"))


@pytest.mark.slow
def test_pressing_it_does_not_load_torch_into_the_app(sweep: Path) -> None:
    code = (
        "import sys, streamlit as st\n"
        "from streamlit.testing.v1 import AppTest\n"
        "at = AppTest.from_file('app.py', default_timeout=60).run()\n"
        "at.switch_page('pages/errors/page.py').run()\n"
        "at.button(key='why').click().run()\n"
        "assert any(one.key == 'stop-why' for one in at.button), 'it is under way'\n"
        "at.button(key='stop-why').click().run()\n"
        "assert any(one.key == 'why' for one in at.button), 'it was taken back'\n"
        "st.cache_resource.clear()\n"
        "sys.exit(f'imported torch' if 'torch' in sys.modules else 0)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr[-2000:]
