"""docs/exported-columns.md names every column that is written."""

import re
from pathlib import Path

import pytest

from closecall.data.annotations.hard_cases import add_hard_cases
from closecall.data.experiments.store import load_evaluation
from closecall.models.results.error_table import errors_table
from closecall.models.results.hard_case_files import case_table
from tests.makers import make_dataset, make_experiment

DOCUMENT = Path(__file__).resolve().parents[3] / "docs" / "exported-columns.md"


def documented(mark: str) -> set[str]:
    """The columns that the document lists for a file, without those of single runs."""
    rows = re.findall(r"^\| (.+?) \| ([LE ]+) \|", DOCUMENT.read_text(), re.M)
    names = {name for columns, marks in rows if mark in marks for name in re.findall(r"`(\w+)`", columns)}
    return {name for name in names if not name.startswith("prob_r")}


@pytest.mark.parametrize("mark", ["L", "E"])
def test_every_written_column_is_documented(workspace: Path, mark: str) -> None:
    make_experiment(make_dataset(), ratios=(1, 3), seeds=(0,))
    add_hard_cases("sweep", load_evaluation("sweep")["id"].tolist()[:2], ["to check"] * 2)
    table = case_table("sweep") if mark == "L" else errors_table("sweep", ratio=3)
    written = {str(name) for name in table.columns if not str(name).startswith("prob_r")}
    provenance = {"dataset", "dataset_sha256", "experiment", "exported"}
    provenance |= {"torch_version", "transformers_version", "closecall_version"}
    assert written - provenance == documented(mark) - provenance
