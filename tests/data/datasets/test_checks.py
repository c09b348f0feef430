"""Stored checks of datasets."""

from dataclasses import replace
from pathlib import Path

import pytest

from closecall.data.datasets.checks import CheckRow, DatasetCheck, load_check, save_check
from closecall.data.datasets.store import delete_dataset
from closecall.data.io.errors import UserError
from tests.makers import make_dataset

CHECK = DatasetCheck(
    content="abc",
    headline="The classes are close.",
    rows=(CheckRow("closeness", "Close?", "yes", "AUC 0.870.", {"auc": [0.87, 0.85, 0.89]}),),
    notes=("A note.",),
    classes=({"class": "pc", "share": 0.5},),
    seconds=2.5,
    created="2026-01-01T00:00:00+00:00",
)


def test_a_check_is_read_back_as_it_was_written(workspace: Path) -> None:
    make_dataset()
    assert load_check("posts") is None
    save_check("posts", CHECK)
    assert load_check("posts") == CHECK


def test_a_check_of_another_version_is_no_check(workspace: Path) -> None:
    make_dataset()
    save_check("posts", replace(CHECK, version=CHECK.version + 1))
    assert load_check("posts") is None
    (workspace / "datasets" / "posts" / "check.json").write_text('{"rows": [], "other": 1}')
    assert load_check("posts") is None


def test_a_check_does_not_bring_a_deleted_dataset_back(workspace: Path) -> None:
    make_dataset()
    delete_dataset("posts")
    with pytest.raises(UserError, match="no dataset named posts"):
        save_check("posts", CHECK)
    assert not (workspace / "datasets" / "posts").exists()
