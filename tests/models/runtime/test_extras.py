"""The base install, without the packages for training: every page opens, and what trains names the extra."""

import subprocess
import sys
from pathlib import Path

import pytest

from closecall.data.io.errors import UserError
from closecall.models.encoders.checkpoints import Checkpoint
from closecall.models.explain.inference_client import InferenceClient
from closecall.models.queue import jobs
from closecall.models.queue.demo import queue_demo
from closecall.models.queue.estimate import estimate_sweep
from closecall.models.queue.sweeps import SweepRequest
from closecall.models.runtime import extras
from tests.makers import make_dataset

ROOT = Path(__file__).resolve().parents[3]
EXTRA = r'pip install "closecall\[train\]"'
WITHOUT_TRAINING_PACKAGES = """
import sys

class Blocked:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in ("torch", "transformers", "accelerate", "safetensors", "umap"):
            raise ImportError(name + " is not installed")

sys.meta_path.insert(0, Blocked())
"""
OPEN_ALL_PAGES = """
import numpy as np
import pandas as pd
from pathlib import Path
from streamlit.testing.v1 import AppTest

from closecall.data.predictions.files import PredictionFile
from closecall.data.predictions.importing import PredictionImportRequest, import_predictions

rng, labels, frames = np.random.default_rng(0), np.arange(80) % 4 == 0, []
for ratio in (1, 5, 10):
    logits = rng.normal(size=80) + 3 * labels - np.log(ratio)
    frames.append(pd.DataFrame({"id": [f"e{i}" for i in range(80)], "text": [f"text {i} of a list" for i in range(80)],
                                "label": labels.astype(int), "probability": 1 / (1 + np.exp(-logits)), "ratio": ratio}))
path = Path(sys.argv[1]) / "predictions.csv"
pd.concat(frames).to_csv(path, index=False)
experiment = import_predictions(PredictionImportRequest((PredictionFile(path),))).experiment.id

for page in sorted(Path("pages").glob("*/page.py")):
    at = AppTest.from_file("app.py", default_timeout=60)
    at.run()
    at.switch_page(str(page))
    at.query_params["experiment"] = experiment
    at.run()
    problems = [one.message for one in at.exception] + [one.value for one in at.error]
    print(page, "ok" if not problems else problems)
"""


def run_without_training_packages(script: str, workspace: Path) -> list[str]:
    """The lines that a script prints in a process where the packages for training cannot be imported."""
    child = subprocess.run(
        [sys.executable, "-c", WITHOUT_TRAINING_PACKAGES + script, str(workspace)],
        cwd=ROOT, capture_output=True, text=True, timeout=250,
    )  # fmt: skip
    assert child.returncode == 0, child.stderr[-3000:]
    return child.stdout.splitlines()


def test_every_page_opens_on_imported_predictions(workspace: Path) -> None:
    lines = run_without_training_packages(OPEN_ALL_PAGES, workspace)
    pages = sorted(str(page.relative_to(ROOT)) for page in (ROOT / "pages").glob("*/page.py"))
    assert [line for line in lines if line.startswith("pages/")] == [f"{page} ok" for page in pages]


def test_the_terminal_starts_and_names_the_extra(workspace: Path) -> None:
    make_dataset()
    script = """
from closecall.cli.main import main
for words in (["datasets"], ["experiments"], ["sweep", "posts"], ["demo"]):
    sys.argv = ["closecall", *words]
    sys.stderr = sys.stdout
    code = 0
    try:
        main()
    except SystemExit as end:
        code = end.code or 0
    print("exit", words[0], code)
"""
    lines = run_without_training_packages(script, workspace)
    exits = [line.removeprefix("exit ") for line in lines if line.startswith("exit ")]
    assert exits == ["datasets 0", "experiments 0", "sweep 2", "demo 2"]
    assert sum("closecall[train]" in line for line in lines) == 2


@pytest.fixture
def base_install(workspace: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A workspace with a dataset, in an environment without one of the packages for training."""
    make_dataset()
    monkeypatch.setattr(extras, "TRAINING_PACKAGES", ("numpy", "a_package_that_is_not_installed"))


def test_nothing_is_missing_here() -> None:
    extras.require_training()


def test_only_missing_packages_are_named(base_install: None) -> None:
    with pytest.raises(UserError, match=EXTRA) as refused:
        extras.require_training()
    assert "a_package_that_is_not_installed" in str(refused.value) and "numpy" not in str(refused.value)


def test_nothing_is_queued_without_the_packages(base_install: None, workspace: Path) -> None:
    request = SweepRequest("posts", ratios=(1,))
    for ask in (
        lambda: jobs.queue_sweep(request, start=False),
        lambda: jobs.queue_remedies("none", ["focal"], start=False),
        lambda: jobs.queue_checkpoint("posts", "minilm", ratio=1, start=False),
        lambda: jobs.resume("none"),
        lambda: queue_demo(start=False),
        lambda: estimate_sweep(request),
    ):
        with pytest.raises(UserError, match=EXTRA):
            ask()
    assert not (workspace / "experiments").exists()


def test_a_request_to_a_classifier_is_answered_by_the_sentence(base_install: None) -> None:
    client = InferenceClient()
    number = client.explain(Checkpoint("folder", 128), "a text", threshold=0.5)
    reply = client.reply(number)
    assert reply.finished and "closecall[train]" in reply.error
