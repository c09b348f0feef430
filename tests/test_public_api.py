"""`import closecall`: it loads nothing heavy, and every name it offers exists."""

import subprocess
import sys
from pathlib import Path

import pytest

import closecall
from tests.makers import make_dataset, make_experiment

LIGHT = """
import sys
import closecall
roots = {name.partition(".")[0] for name in sys.modules}
print(sorted(roots & {"torch", "streamlit", "pandas", "numpy", "plotly", "transformers", "sklearn"}))
"""


def test_the_import_loads_nothing_heavy(tmp_path: Path) -> None:
    """From another folder, as a notebook imports it."""
    done = subprocess.run([sys.executable, "-c", LIGHT], cwd=tmp_path, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_every_public_name_is_there() -> None:
    assert set(dir(closecall)) == {*closecall.__all__, "__version__"}
    assert all(getattr(closecall, name) is not None for name in dir(closecall))
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        _ = closecall.nothing


def test_an_experiment_is_read_by_public_names(workspace: Path) -> None:
    make_experiment(make_dataset(), ratios=(1, 3), seeds=(0,))
    (name,) = closecall.experiment_ids()
    config = closecall.load_experiment(name)
    runs = closecall.load_runs(name)
    labels = closecall.load_predictions(runs[0], "test").labels
    assert config.ratios == (1, 3) and len(runs) == 2 and set(labels.tolist()) == {0, 1}
    with pytest.raises(closecall.UserError):
        closecall.load_dataset("nowhere")
