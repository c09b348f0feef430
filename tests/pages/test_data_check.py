"""The check of a dataset on the Data page: before it, while it runs, its result, and when it failed."""

import os
import time
from dataclasses import replace
from pathlib import Path

import psutil
import pytest

from closecall.data.datasets.checks import CheckRow, DatasetCheck, check_folder, load_check, save_check
from closecall.data.datasets.store import load_info
from closecall.data.experiments.runs import RunStatus, read_status, write_status
from closecall.models.explain.dataset_check import check_digest
from tests.makers import HOSTILE, make_dataset
from tests.pages_driver import keys_of, open_page, page_text, table_with


@pytest.fixture(autouse=True)
def no_assets(workspace: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CLOSECALL_ASSETS", str(tmp_path / "none"))
    make_dataset(positives=40, negatives=80)


def stored(**changes: object) -> DatasetCheck:
    """A stored check of the dataset's current content."""
    check = DatasetCheck(
        content=check_digest(load_info("posts")),
        headline="The classes are close: a linear probe reaches AUC 0.870.",
        rows=(
            CheckRow("closeness", "Are the classes close?", "yes", "AUC 0.870."),
            CheckRow("length", "Are texts long?", "not measurable", "No encoder."),
        ),
        notes=(HOSTILE[0],),
        classes=({"class": "pc", "share": 0.75, "expected": 0.5, "difference": 0.25, "low": 0.2, "high": 0.3},),
        seconds=12.0,
    )
    check = replace(check, **changes)  # type: ignore[arg-type]
    save_check("posts", check)
    return check


def running(folder: Path, *, step: int) -> None:
    """A status of a check that runs in this process."""
    own = {"pid": os.getpid(), "pid_created": psutil.Process().create_time()}
    write_status(folder, RunStatus(state="running", phase="embedding texts", step=step, steps=100, **own))


def test_before_a_check_there_is_a_button(workspace: Path) -> None:
    at = open_page("data")
    assert "check-dataset" in keys_of(at, "button") and not at.table
    assert "Can these texts carry the question?" in page_text(at)


def test_a_check_is_started_and_its_result_is_shown(workspace: Path) -> None:
    at = open_page("data")
    at.button(key="check-dataset").click().run()
    deadline = time.monotonic() + 60
    while load_check("posts") is None and time.monotonic() < deadline:
        time.sleep(0.2)
    while read_status(check_folder("posts")).state == "running" and time.monotonic() < deadline:
        time.sleep(0.1)
    at.run()
    assert not at.exception and len(at.table[0].value) == 8
    assert "check-dataset" not in keys_of(at, "button")


def test_a_running_check_shows_its_progress_and_a_stop(workspace: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    running(check_folder("posts"), step=40)
    killed: list[int] = []
    monkeypatch.setattr(os, "kill", lambda pid, number: killed.append(pid))
    at = open_page("data")
    bar = at.get("progress")[0].proto
    assert (bar.value, bar.text) == (40, "Embedding texts") and "check-dataset" not in keys_of(at, "button")
    at.button(key="stop-check").click().run()
    assert killed == [os.getpid()] and read_status(check_folder("posts")).state == "cancelled"
    assert "check-dataset" in keys_of(at, "button")


def test_a_stored_check_is_shown_without_a_button(workspace: Path) -> None:
    stored()
    at = open_page("data")
    table = at.table[0].value
    assert table["Answer"].tolist() == ["Yes", "Not measurable"] and table["Numbers"].tolist()[0] == r"AUC 0\.870\."
    assert table_with(at, "nearest").iloc[0].tolist() == ["pc", "75.0 %", "50.0 %", "+25.0 (+20.0 to +30.0)"]
    assert "The classes are close" in page_text(at) and "12 s" in page_text(at)
    assert "check-dataset" not in keys_of(at, "button")
    assert HOSTILE[0] not in page_text(at)


def test_an_old_check_is_shown_with_a_button(workspace: Path) -> None:
    stored(content="of other texts", classes=())
    at = open_page("data")
    assert len(at.table[0].value) == 2 and at.button(key="check-dataset").label == "Check again"


def test_a_failed_check_says_why(workspace: Path) -> None:
    write_status(check_folder("posts"), RunStatus(state="failed", message="Memory ran out."))
    at = open_page("data")
    assert [one.value for one in at.error] == [r"Memory ran out\."] and "check-dataset" in keys_of(at, "button")
