"""docs/exported-columns.md names every column that is written."""

import re
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest

from closecall.analysis.causes.miss_wording import causes_table
from closecall.cli.results import slice_table
from closecall.data.annotations.hard_cases import add_hard_cases
from closecall.data.annotations.label_audits import COLUMNS, COPY_COLUMNS, suspect_rows
from closecall.data.datasets.store import datasets_folder, load_examples
from closecall.data.experiments.runs import finished_run
from closecall.data.experiments.store import load_evaluation
from closecall.data.io.files import write_frame
from closecall.models.explain.slices import run_findings
from closecall.models.results.causes import causes_of
from closecall.models.results.example_tables import data_map_table, errors_table
from closecall.models.results.hard_cases import case_table
from closecall.models.results.metadata_errors import errors_by_column
from closecall.models.results.remedy_comparison import (
    comparison_row,
    remedy_comparison,
    remedy_gains,
    remedy_measures,
)
from closecall.models.results.run_predictions import read_run_predictions
from closecall.models.results.valid_runs import outcomes_by_run
from tests.makers import make_dataset, make_experiment
from tests.remedy_makers import add_remedy_runs

DOCUMENT = Path(__file__).resolve().parents[3] / "docs" / "exported-columns.md"
RUN = {"run", "ratio", "seed", "threshold"}
PROVENANCE = {"dataset", "dataset_sha256", "experiment", "exported"}
PROVENANCE |= {"torch_version", "transformers_version", "closecall_version"}


def documented(mark: str) -> set[str]:
    """The columns that the document lists for a file, without those of single runs and the provenance."""
    rows = re.findall(r"^\| (`.+?`) \| ([A-Z ]+) \|", DOCUMENT.read_text(), re.M)
    names = {name for columns, marks in rows if mark in marks.split() for name in re.findall(r"`(\w+)`", columns)}
    return {name for name in names - PROVENANCE if not name.startswith("prob_r")}


def list_columns() -> set[str]:
    add_hard_cases("sweep", load_evaluation("sweep")["id"].tolist()[:2], ["to check"] * 2)
    return set(case_table("sweep"))


def slice_columns() -> set[str]:
    findings = run_findings("sweep", finished_run("sweep", ratio=10), outcome="fn", threshold=0.5)
    return set(slice_table(findings.table, "fn")) | RUN


def audit_columns() -> set[str]:
    frames = (pd.DataFrame(columns=list(names)) for names in (COLUMNS, COPY_COLUMNS))
    return set(suspect_rows(*frames))


def by_column_columns() -> set[str]:
    found = causes_of("sweep", ratio=10, outcome="fp")
    examples = load_examples("posts")
    examples["meta.site"] = ["mail", "forum"] * (len(examples) // 2)
    write_frame(datasets_folder() / "posts" / "examples.parquet", examples)
    (one,) = errors_by_column("sweep", read_run_predictions("sweep")["test"], found)
    return set(one.table) | RUN


def remedy_columns() -> set[str]:
    comparison = remedy_comparison("sweep", 10)
    gain = remedy_gains(comparison)[0]
    measures = next(one for one in remedy_measures(comparison, q=0.1) if one.name == gain.name)
    return set(comparison_row(comparison, measures, gain)) | RUN


WRITTEN: dict[str, Callable[[], set[str]]] = {
    "L": list_columns,
    "E": lambda: set(errors_table("sweep", ratio=10)),
    "C": lambda: {*causes_table(causes_of("sweep", ratio=10)), "text", "class_name", *RUN},
    "B": by_column_columns,
    "A": lambda: audit_columns() | {"text", "class_name", *RUN},
    "D": lambda: set(data_map_table(finished_run("sweep", ratio=10))) | RUN,
    "S": slice_columns,
    "R": remedy_columns,
    "N": lambda: set(outcomes_by_run(read_run_predictions("sweep")["test"])),
}


@pytest.mark.parametrize("mark", WRITTEN)
def test_every_written_column_is_documented(workspace: Path, mark: str) -> None:
    config = make_experiment(make_dataset(positives=150, negatives=900), ratios=(1, 10), seeds=(0, 1))
    add_remedy_runs(config, {"class-weights": (2.3, 0.3)})
    written = {name for name in WRITTEN[mark]() if not name.startswith("prob_r")} - PROVENANCE
    bounds = {name for name in written if re.sub("_(low|high)$", "", name) in written - {name}}
    assert written - bounds == documented(mark)
