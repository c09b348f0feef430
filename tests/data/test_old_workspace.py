"""A workspace written before the code became one package opens unchanged: literal files, read by the code of today.

The files are written here with json, pandas and numpy alone, as the earlier code wrote them: sweeps are "A", "B" and
"C", the reasons of hard cases are in the words of then.
"""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from streamlit.testing.v1 import AppTest

from closecall.data.annotations.hard_cases import load_annotations, load_hard_cases
from closecall.data.annotations.selections import load_selection
from closecall.data.annotations.slices import load_slices
from closecall.data.datasets.store import load_dataset
from closecall.data.experiments.plans import FIXED_POSITIVES, training_ids
from closecall.data.experiments.runs import (
    load_dynamics,
    load_embeddings,
    load_metrics,
    load_predictions,
    load_projection,
    load_runs,
)
from closecall.data.experiments.store import load_evaluation, load_experiment, load_plan, save_experiment

ROOT = Path(__file__).resolve().parents[2]
PAGES = sorted(str(path.relative_to(ROOT)) for path in (ROOT / "pages").glob("*/page.py"))

DATASET = """{
  "name": "posts",
  "title": "Mac posts among PC posts",
  "positive_classes": ["mac"],
  "negative_classes": ["pc"],
  "origin": "Imported in the app",
  "licence": "",
  "source_file": "posts.csv",
  "source_sha256": "",
  "split_seed": 0,
  "has_texts": true,
  "notes": ["Columns are separated by tabs."],
  "created": "2026-01-05T10:00:00+00:00",
  "content_sha256": "8a5323dfcce35eea8a4339e5ff4f5c11f9e45dfc9af48075876c3271aeab5cd8",
  "parent": "",
  "parent_sha256": "",
  "schema": 1
}
"""
TRAINING = """{
    "encoder": "minilm",
    "epochs": 3,
    "batch_size": 16,
    "learning_rate": 5e-05,
    "max_tokens": 64,
    "warmup_share": 0.1,
    "weight_decay": 0.01,
    "max_grad_norm": 1.0,
    "freeze_word_embeddings": true,
    "equal_steps": false
  }"""
EXPERIMENT = f"""{{
  "id": "sweep",
  "title": "Sweep",
  "dataset": "posts",
  "dataset_sha256": "8a5323dfcce35eea8a4339e5ff4f5c11f9e45dfc9af48075876c3271aeab5cd8",
  "kind": "trained",
  "sweep": "A",
  "ratios": [1, 10],
  "seeds": [0],
  "remedies": ["none"],
  "positives": null,
  "plan_seed": 0,
  "test_negatives_cap": null,
  "training": {TRAINING},
  "created": "2026-01-05T10:10:00+00:00",
  "parent": "",
  "keep": "checkpoint",
  "engine": "",
  "schema": 1
}}
"""
RUN = f"""{{
  "experiment": "sweep",
  "ratio": %d,
  "seed": 0,
  "remedy": "none",
  "n_positives": 10,
  "n_negatives": %d,
  "checkpoint": "",
  "training": {TRAINING},
  "schema": 1
}}
"""
STATUS = """{
  "schema": 1,
  "state": "done",
  "phase": "projecting",
  "epoch": 3,
  "epochs": 3,
  "step": 0,
  "steps": 0,
  "examples_per_second": 0.0,
  "eta_seconds": null,
  "started": "2026-01-05T10:11:00+00:00",
  "finished": "2026-01-05T10:12:00+00:00",
  "heartbeat": "",
  "pid": 0,
  "pid_created": 0.0,
  "machine": "",
  "message": "",
  "details": ""
}
"""
METRICS = """{
  "schema": 1,
  "timings": {"training": 60.0},
  "device": "cpu",
  "precision": "fp32"
}
"""
HARD_CASES = """\
{"schema": 1, "key": "k1", "time": "2026-01-06T10:00:00+00:00", "who": "ann", "op": "add", "ids": ["post-000", "post-050"], "reasons": [["missed at 1:10 (probability .12, threshold .50)"], ["false alarm at 1:1 (probability .81, threshold .50)"]], "run": "r10-s0-none", "ratio": 10.0, "seed": 0, "split": "test", "threshold": 0.5}
{"schema": 1, "key": "k2", "time": "2026-01-06T10:01:00+00:00", "who": "ann", "op": "note", "ids": ["post-000"], "note": "look"}
{"schema": 1, "key": "k3", "time": "2026-01-06T10:02:00+00:00", "who": "ann", "op": "action", "ids": ["post-000"], "action": "relabel"}
{"schema": 1, "key": "k4", "time": "2026-01-06T10:03:00+00:00", "who": "ann", "op": "relabel", "ids": ["post-000"], "label": "pc"}
{"schema": 1, "key": "k5", "time": "2026-01-06T10:04:00+00:00", "who": "ann", "op": "tag", "ids": ["post-000"], "tag": "short"}
{"schema": 1, "key": "k6", "time": "2026-01-06T10:05:00+00:00", "who": "ben", "op": "remove", "ids": ["post-050"]}
{"schema": 1, "key": "k7", "time": "2026-01-06T10:06:00+00:00", "who": "ben", "op": "undo", "ids": ["post-050"], "of": "k6"}
"""  # noqa: E501
SELECTION = """{
  "schema": 1,
  "source": "lasso on the map at 1:10",
  "ids": ["post-000", "post-001"]
}
"""
SLICES = """\
{"schema": 1, "key": "s1", "time": "2026-01-07T10:00:00+00:00", "who": "ann", "op": "save", "name": "w", "rule": {"kind": "word", "words": "modem"}}
{"schema": 1, "key": "s2", "time": "2026-01-07T10:00:01+00:00", "who": "", "op": "save", "name": "l", "rule": {"kind": "length", "shortest": 1, "longest": 5}}
{"schema": 1, "key": "s3", "time": "2026-01-07T10:00:02+00:00", "who": "", "op": "save", "name": "p", "rule": {"kind": "picked", "selection": "2fce4a94d8a2"}}
{"schema": 1, "key": "s4", "time": "2026-01-07T10:00:03+00:00", "who": "", "op": "rename", "of": "s2", "name": "short texts"}
"""  # noqa: E501


def old_examples() -> pd.DataFrame:
    """40 positives and 160 negatives: 20 and 40 of the test split, 10 and 20 of validation, 10 and 100 of train."""
    splits = ["test"] * 20 + ["validation"] * 10 + ["train"] * 10
    splits += ["test"] * 40 + ["validation"] * 20 + ["train"] * 100
    labels = np.array([1] * 40 + [0] * 160, dtype=np.int8)
    words = ["modem", "mouse", "disk", "screen", "printer"]
    return pd.DataFrame(
        {
            "id": [f"post-{number:03d}" for number in range(200)],
            "text": [f"my {words[number % 5]} number {number} fails" for number in range(200)],
            "label": labels,
            "class_name": np.where(labels == 1, "mac", "pc"),
            "split": splits,
            "group": "",
            "source_row": np.arange(2, 202),
        }
    )


def write_old_experiment(folder: Path, examples: pd.DataFrame) -> None:
    evaluation = examples[examples["split"] != "train"]
    train = examples[examples["split"] == "train"]
    folder.mkdir(parents=True)
    (folder / "experiment.json").write_text(EXPERIMENT)
    evaluation[["id", "label", "split"]].to_parquet(folder / "evaluation.parquet", index=False)
    parts = [train[train["label"] == label] for label in (1, 0)]
    plan = pd.concat([part[["label", "id"]].assign(rank=np.arange(len(part))) for part in parts])
    plan = plan.assign(sweep="A", seed=0).astype({"label": "int64"})
    plan[["sweep", "seed", "label", "id", "rank"]].to_parquet(folder / "plan.parquet", index=False)
    for ratio in (1, 10):
        seen = pd.concat([parts[0], parts[1].head(10 * ratio)])
        write_old_run(folder / "runs" / f"r{ratio}-s0-none", ratio, evaluation, seen)
    write_old_vectors(folder / "frozen", pd.concat([evaluation, train]), seed=7)
    (folder / "hard_cases.jsonl").write_text(HARD_CASES)
    (folder / "slices.jsonl").write_text(SLICES)
    (folder / "selections").mkdir()
    (folder / "selections" / "2fce4a94d8a2.json").write_text(SELECTION)


def write_old_run(folder: Path, ratio: int, evaluation: pd.DataFrame, seen: pd.DataFrame) -> None:
    folder.mkdir(parents=True)
    (folder / "config.json").write_text(RUN % (ratio, 10 * ratio))
    (folder / "status.json").write_text(STATUS)
    (folder / "metrics.json").write_text(METRICS)
    rng = np.random.default_rng(ratio)
    logits = 3.0 * evaluation["label"].to_numpy() - 1.5 - np.log(ratio) / 2 + rng.normal(size=len(evaluation))
    scores = {"pos_prob": 1 / (1 + np.exp(-logits)), "logit": logits}
    scores |= {"logit_negative": -logits / 2, "logit_positive": logits / 2}
    predictions = evaluation[["id", "split", "label"]].assign(**scores).astype(dict.fromkeys(scores, "float32"))
    predictions.to_parquet(folder / "predictions.parquet", index=False)
    labels = seen["label"].to_numpy()
    chances = np.clip(labels + np.where(labels == 1, -1, 1) * rng.uniform(0, 0.7, (3, len(seen))), 0, 1)
    ids = np.array(seen["id"].tolist())
    np.savez(folder / "dynamics.npz", ids=ids, labels=labels, pos_probs=chances.astype(np.float32))
    write_old_vectors(folder, pd.concat([evaluation, seen]), seed=ratio)


def write_old_vectors(folder: Path, rows: pd.DataFrame, *, seed: int) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    named = rows[["id", "split", "label"]].astype({"label": "int64"})
    rng = np.random.default_rng(seed)
    vectors = rng.normal(size=(len(rows), 16)).astype(np.float32)
    vectors[:, 0] += 3 * named["label"].to_numpy()
    named.to_parquet(folder / "embedding_rows.parquet", index=False)
    np.save(folder / "embeddings.npy", vectors)
    places = {"x": vectors[:, 0], "y": vectors[:, 1]}
    named.assign(**places).to_parquet(folder / "projection.parquet", index=False)


@pytest.fixture
def old_workspace(workspace: Path) -> Path:
    folder = workspace / "datasets" / "posts"
    folder.mkdir(parents=True)
    (folder / "dataset.json").write_text(DATASET)
    examples = old_examples()
    examples.to_parquet(folder / "examples.parquet", index=False)
    aside = pd.DataFrame({"source_row": [202], "id": ["row-000202"], "reason": ["the text is empty"], "text": [""]})
    aside.to_parquet(folder / "set_aside.parquet", index=False)
    conflicts = pd.DataFrame(columns=["key", "id", "label", "source_row", "text"])
    conflicts.to_parquet(folder / "conflicts.parquet", index=False)
    write_old_experiment(workspace / "experiments" / "sweep", examples)
    return workspace


def test_the_dataset_is_read(old_workspace: Path) -> None:
    dataset = load_dataset("posts")
    assert dataset.info.positive_classes == ("mac",) and dataset.info.notes == ("Columns are separated by tabs.",)
    pd.testing.assert_frame_equal(dataset.examples, old_examples(), check_dtype=False)
    assert dataset.set_aside["reason"].tolist() == ["the text is empty"] and dataset.conflicts.empty


def test_the_experiment_and_its_plan_are_read(old_workspace: Path) -> None:
    config = load_experiment("sweep")
    assert (config.sweep, config.ratios, config.seeds) == (FIXED_POSITIVES, (1, 10), (0,))
    assert config.training.max_tokens == 64 and config.created == "2026-01-05T10:10:00+00:00"
    assert load_evaluation("sweep").groupby(["split", "label"]).size().tolist() == [40, 20, 20, 10]
    for ratio in (1, 10):
        seen = training_ids(load_plan("sweep"), ratio=ratio, seed=0)
        assert seen["label"].tolist() == [1] * 10 + [0] * 10 * ratio


def test_the_backend_is_read_and_written_under_its_old_key(old_workspace: Path) -> None:
    path = old_workspace / "experiments" / "sweep" / "experiment.json"
    path.write_text(EXPERIMENT.replace('"engine": ""', '"engine": "ray"'))
    config = load_experiment("sweep")
    assert config.backend == "ray"
    save_experiment(replace(config, title="Again"))
    content = json.loads(path.read_text())
    assert content["engine"] == "ray" and content["title"] == "Again"
    assert list(content) == list(json.loads(EXPERIMENT)), "other versions refuse keys that they do not know"
    assert load_experiment("sweep") == replace(config, title="Again")


def test_the_runs_are_read(old_workspace: Path) -> None:
    runs = load_runs("sweep")
    assert [(run.name, run.status.state) for run in runs] == [("r1-s0-none", "done"), ("r10-s0-none", "done")]
    for run in runs:
        stored = pd.read_parquet(run.folder / "predictions.parquet").query("split == 'test'")
        predictions = load_predictions(run)
        assert predictions.ids.tolist() == stored["id"].tolist() and predictions.labels.sum() == 20
        assert np.array_equal(predictions.pos_probs, stored["pos_prob"].astype(float))
        assert load_metrics(run)["timings"] == {"training": 60.0}
        assert load_dynamics(run).pos_probs.shape == (3, 10 + 10 * run.config.ratio)
        rows, vectors = load_embeddings(run.folder)
        assert vectors.shape == (len(rows), 16) and len(load_projection(run.folder)) == len(rows)


def test_the_hard_cases_are_read(old_workspace: Path) -> None:
    cases = load_hard_cases("sweep").set_index("id")
    assert cases.index.tolist() == ["post-000", "post-050"]
    decided = cases.loc["post-000", ["note", "action", "new_label", "tags", "who", "run"]].tolist()
    assert decided == ["look", "relabel", "pc", "short", "ann", "r10-s0-none"]
    assert cases.loc["post-000", "reasons"] == "missed at 1:10 (probability .12, threshold .50)"
    assert load_annotations("sweep")["listed"].tolist() == [True, True]


def test_slices_and_selections_are_read(old_workspace: Path) -> None:
    slices = load_slices("sweep")
    assert [one.name for one in slices] == ["w", "short texts", "p"]
    assert [one.rule.written for one in slices] == ["word:modem", "length:1-5", "picked:2fce4a94d8a2"]
    assert load_selection("sweep", "2fce4a94d8a2").ids == ("post-000", "post-001")


@pytest.mark.parametrize("page", PAGES)
def test_every_page_opens(old_workspace: Path, page: str) -> None:
    at = AppTest.from_file(str(ROOT / "app.py"), default_timeout=60).run()
    at.switch_page(page).run()
    assert [one.message for one in at.exception] == []
