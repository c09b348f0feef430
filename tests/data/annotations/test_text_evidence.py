"""The numbers on an experiment's texts on disk."""

from pathlib import Path

import pandas as pd

from closecall.data.annotations.causes import evidence_folder
from closecall.data.annotations.text_evidence import TextEvidence, load_probe, load_text_evidence, save_text_evidence
from closecall.data.io.files import read_json, write_json
from tests.makers import make_dataset, make_experiment


def test_the_numbers_are_read_as_they_were_written(workspace: Path) -> None:
    make_experiment(make_dataset(), "sweep", ratios=(1,), seeds=(0,))
    assert load_text_evidence("sweep") is None and load_probe("sweep").empty
    written = TextEvidence("digest", {"auc": [0.9, 0.8, 0.95]}, None, {"needed": None}, {"curve": "why"}, "2026")
    save_text_evidence("sweep", written, pd.DataFrame({"id": ["b", "a"], "score": [-1.5, 2]}))
    assert load_text_evidence("sweep") == written
    assert load_probe("sweep").to_dict() == {"b": -1.5, "a": 2.0}
    save_text_evidence("sweep", written, pd.DataFrame({"id": [], "score": []}))
    assert load_probe("sweep").empty


def test_files_of_another_version_are_as_if_absent(workspace: Path) -> None:
    make_experiment(make_dataset(), "sweep", ratios=(1,), seeds=(0,))
    save_text_evidence("sweep", TextEvidence("digest"), pd.DataFrame({"id": [], "score": []}))
    path = evidence_folder("sweep") / "texts.json"
    for changed in ({"version": 0}, {"unknown": 1}):
        write_json(path, read_json(path) | changed)
        assert load_text_evidence("sweep") is None
