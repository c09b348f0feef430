"""The notebook of docs is executed as it is, in a workspace of its own."""

import os
from pathlib import Path

import pandas as pd
import pytest

NOTEBOOK = Path(__file__).resolve().parents[1] / "docs/from-a-trainer-script.ipynb"


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_the_notebook_ends_with_a_list_of_hard_cases(workspace: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    nbformat = pytest.importorskip("nbformat", reason="nbformat is not installed")
    nbclient = pytest.importorskip("nbclient", reason="nbclient is not installed")
    root = str(NOTEBOOK.parents[1])
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([root, os.environ.get("PYTHONPATH", "")]))
    notebook = nbformat.read(NOTEBOOK, as_version=4)
    assert not any(cell.get("outputs") for cell in notebook.cells)  # outputs are not committed
    nbclient.NotebookClient(notebook, timeout=500, resources={"metadata": {"path": str(workspace)}}).execute()
    hard = pd.read_csv(workspace / "hard_cases.csv", index_col="id")
    assert len(hard) and (hard["1:10"] < 0.5).all() and hard["1:10"].is_monotonic_increasing
    assert hard.index.str.startswith("test-").all()
