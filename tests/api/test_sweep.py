"""closecall.sweep: from a frame to trained runs."""

from pathlib import Path
from typing import Any

import datasets
import numpy as np
import pandas as pd
import pytest

import closecall as cc
from closecall.data.datasets.store import dataset_names, load_dataset
from closecall.data.experiments.store import ExperimentConfig, experiment_ids
from closecall.models.queue import jobs
from closecall.models.queue.sweeps import SweepRequest, make_sweep
from tests.makers import make_dataset

ROLES: dict[str, Any] = {"text": "text", "label": "topic", "positive": "mac"}


def posts(n: int = 240) -> pd.DataFrame:
    mac = np.arange(n) % 4 == 0
    texts = [f"{'apple quadra' if one else 'windows bios'} works {i}" for i, one in enumerate(mac)]
    return pd.DataFrame({"text": texts, "topic": np.where(mac, "mac", "pc"), "author": np.arange(n) % 7})


@pytest.fixture
def not_started(monkeypatch: pytest.MonkeyPatch) -> None:
    """Runs are queued, and no scheduler is started."""

    def queue(request: SweepRequest) -> ExperimentConfig:
        return make_sweep(request)

    monkeypatch.setattr("closecall.api.sweep.queue_sweep", queue)


def test_a_frame_becomes_a_dataset_and_queued_runs(workspace: Path, not_started: None) -> None:
    experiment = cc.sweep(posts(), **ROLES, ratios=[1, "1:2"], seeds=2, epochs=1, title="Mac posts")
    config = experiment.config
    assert (experiment.ratios, experiment.seeds, config.training.epochs) == ((1, 2), (0, 1), 1)
    assert config.title == "Mac posts"
    examples = load_dataset(config.dataset).examples
    assert len(examples) == 240 and set(examples["split"]) == {"train", "validation", "test"}
    assert examples["meta.author"].isin([str(i) for i in range(7)]).all()
    assert experiment.progress()["state"].tolist() == ["queued"] * 4


def test_the_same_sweep_is_queued_once(workspace: Path, not_started: None) -> None:
    first = cc.sweep(posts(), **ROLES, ratios=[1, 2])
    assert cc.sweep(posts(), **ROLES, ratios=["1:2", 1]).id == first.id
    assert cc.sweep(posts(), **ROLES, ratios=[1, 2], seeds=np.arange(1)).id == first.id
    others: list[dict[str, Any]] = [{"seeds": [1]}, {"epochs": 1}, {"positives": 5}, {"ratios": [1]}, {"title": "New"}]
    ids = [cc.sweep(posts(), **ROLES, **({"ratios": [1, 2]} | one)).id for one in others]
    assert len({first.id, *ids}) == 6 and dataset_names() == ["dataframe"]
    cc.sweep(posts().assign(author=1), **ROLES, ratios=[1, 2])
    cc.sweep(posts(), **(ROLES | {"positive": "pc"}), ratios=[0.2, 0.3])
    assert len(dataset_names()) == 3


def test_what_ended_early_is_resumed(workspace: Path, not_started: None, monkeypatch: pytest.MonkeyPatch) -> None:
    resumed = []
    monkeypatch.setattr("closecall.api.sweep.resume", lambda experiment, on: resumed.append(experiment))
    first = cc.sweep(posts(), **ROLES, ratios=[1])
    assert cc.sweep(posts(), **ROLES, ratios=[1]).id == first.id and resumed == []
    jobs.cancel(first.id)
    assert cc.sweep(posts(), **ROLES, ratios=[1]).id == first.id and resumed == [first.id]


def test_a_dataset_of_the_workspace_needs_no_columns(workspace: Path, not_started: None) -> None:
    make_dataset()
    assert cc.sweep("posts", ratios=[1]).config.dataset == "posts"
    with pytest.raises(cc.UserError, match="no dataset named nothing"):
        cc.sweep("nothing")


def test_hugging_face_splits_are_kept(workspace: Path, not_started: None) -> None:
    parts = {"train": posts(), "validation": posts(320)[240:], "test": posts(400)[320:]}
    both = datasets.DatasetDict({name: datasets.Dataset.from_pandas(part) for name, part in parts.items()})
    examples = load_dataset(cc.sweep(both, **ROLES, split="split", ratios=[1]).config.dataset).examples
    assert examples["split"].value_counts().to_dict() == {"train": 240, "validation": 80, "test": 80}


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"positive": None}, "positive class: text=, label=, positive="),
        ({"text": "texts"}, "no column 'texts'"),
        ({"positive": "amiga"}, "no class 'amiga'"),
        ({"ratios": [50]}, "1:50"),
        ({"ratios": ["many"]}, "'many' is not a ratio"),
        ({"seeds": [1, 1]}, "each seed once"),
        ({"seeds": 0}, "Seeds must be"),
        ({"seeds": ["first"]}, "'first' is not a seed"),
        ({"epochs": 0}, "epochs is 0"),
        ({"encoder": "./nowhere"}, "no encoder folder"),
        ({"remedies": ["prayer"]}, "prayer"),
    ],
)
def test_wrong_input_is_named_in_a_sentence(
    workspace: Path, not_started: None, arguments: dict[str, Any], message: str
) -> None:
    with pytest.raises(cc.UserError, match=message):
        cc.sweep(posts(), **(ROLES | {"ratios": [1]} | arguments))
    assert experiment_ids() == []


@pytest.mark.slow
def test_a_real_sweep_is_trained_and_read(workspace: Path) -> None:
    from tests.tiny_bert import make_tiny_bert  # imports torch

    encoder = make_tiny_bert(workspace / "encoder")
    experiment = cc.sweep(
        posts(), **ROLES, ratios=[1, 2], encoder=encoder, epochs=1, max_tokens=16, learning_rate=3e-3
    ).wait(timeout=240)
    assert experiment.progress()["state"].tolist() == ["done", "done"]
    assert experiment.metrics()["ratio"].tolist() == [1, 2]
    found = experiment.causes()
    assert len(found.examples) == len(experiment.errors()) and "not collected" not in repr(found)
    assert cc.load(experiment.id).verdict().headline
