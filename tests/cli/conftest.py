"""A terminal in an empty workspace, and an experiment in it."""

from pathlib import Path

import pytest

from closecall.models.queue import jobs
from tests.cli.terminal import Terminal
from tests.makers import make_dataset, make_experiment


@pytest.fixture
def closecall(workspace: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Terminal:
    monkeypatch.setattr(jobs, "ensure_scheduler", lambda: None)
    return Terminal(monkeypatch, capsys)


@pytest.fixture
def sweep(closecall: Terminal) -> str:
    return make_experiment(make_dataset(), ratios=(1, 10), seeds=(0, 1), with_embeddings=False).id
