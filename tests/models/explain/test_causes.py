"""The evidence on causes: real files, a real small BERT with real checkpoints, a process of its own."""

import subprocess
import sys
import time
from dataclasses import asdict, replace
from itertools import product
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch

from closecall.data.annotations.causes import COLUMNS, evidence_folder, load_evidence, load_info, run_column
from closecall.data.datasets.near_copies import near_copy_pairs
from closecall.data.datasets.store import load_examples
from closecall.data.experiments.runs import load_embeddings, load_runs, save_predictions
from closecall.data.experiments.store import (
    ExperimentConfig,
    experiment_folder,
    load_evaluation,
    load_plan,
    run_folder,
    save_experiment,
)
from closecall.data.io.errors import UserError
from closecall.data.io.files import read_frame, write_frame, write_json
from closecall.data.predictions.files import PredictionFile
from closecall.data.predictions.importing import (
    PredictionImportRequest,
    import_predictions,
)
from closecall.models.encoders.loading import load_checkpoint, load_tokenizer
from closecall.models.explain.causes import (
    compute_evidence,
    evidence_digests,
    evidence_status,
    start_evidence,
    stop_evidence,
)
from closecall.models.explain.example_evidence import near_copy_columns, suspect_labels
from closecall.models.explain.frozen_space import balanced_pool, frozen_space
from closecall.models.explain.label_audit import audit
from closecall.models.runtime.progress import Progress
from tests.makers import make_dataset, make_experiment
from tests.tiny_bert import make_tiny_bert

MAX_TOKENS = 16
WINDOW = MAX_TOKENS - 2
LONG = "disk drive card monitor board memory cable system price works problem help anyone install mac quadra scsi " * 3


@pytest.fixture
def sweep(workspace: Path) -> ExperimentConfig:
    """Two ratios and two seeds; checkpoints of a small BERT; 3 long texts, one with a near copy of the other label."""
    dataset = make_dataset()
    config = make_experiment(dataset, ratios=(1, 3), seeds=(0, 1))
    training = replace(config.training, encoder=str(make_tiny_bert(workspace / "tiny-bert")), max_tokens=MAX_TOKENS)
    config = replace(config, training=training)
    save_experiment(config)
    for number, run in enumerate(load_runs(config.id)):
        write_json(run.folder / "config.json", asdict(replace(run.config, training=training)))
        if run.name != "r3-s1-none":
            make_tiny_bert(run.folder / "checkpoint", labels=2, seed=number)
    examples = dataset.examples.copy()
    test = np.flatnonzero(examples["split"] == "test")
    examples["text"] = [f"disk {number} mac" for number in range(len(examples))]
    examples.loc[test[[1, 2]], "text"] = [LONG + "a", LONG[::-1]]
    train = np.flatnonzero((examples["split"] == "train") & (examples["label"] != examples.loc[test[0], "label"]))[0]
    examples.loc[[test[0], train], "text"] = [
        "this is one long sentence about a board",
        "this is one long sentence about a card",
    ]
    write_frame(workspace / "datasets" / "posts" / "examples.parquet", examples)
    return config


def is_current(experiment: str) -> bool:
    info = load_info(experiment)
    return info is not None and (info.content, info.runs) == evidence_digests(experiment)


def test_every_column_has_what_it_names(sweep: ExperimentConfig) -> None:
    seen: list[Progress] = []
    found = compute_evidence(sweep.id, report=seen.append)
    evaluation = load_evaluation(sweep.id)
    test = evaluation[evaluation["split"] == "test"].reset_index(drop=True)
    frame = found.examples
    assert list(frame) == list(COLUMNS) and frame["id"].tolist() == test["id"].tolist() == found.runs["id"].tolist()
    assert list(dict.fromkeys(one.phase for one in seen)) == [
        "comparing classes", "comparing texts", "auditing", "neighbours", "counting tokens", "reading later windows",
    ]  # fmt: skip
    assert all(one.step <= one.steps for one in seen) and seen[-1].steps == 100 * (1 + 4 + 4)
    copy = frame.iloc[0]
    assert copy["near_copy_split"] == "train" and copy["near_copy_label"] != copy["label"]
    _, audited = audit(sweep.id)
    audited = audited.set_index("id").loc[frame["id"]]
    assert frame["self_confidence"].tolist() == audited["self_confidence"].tolist()
    supported = audited["flagged"].to_numpy() & (frame["other_class_neighbours"] >= 4).to_numpy(dtype=bool)
    other = np.where(frame["label"] == 1, frame["p_negative"], frame["p_positive"])
    assert 0 < supported.sum() < audited["flagged"].sum()
    assert frame["suspect"].tolist() == (supported & ~(other <= 0.05)).tolist()
    long = frame["tokens"] > MAX_TOKENS
    assert long.sum() == 3 and (frame["tokens_read"] == frame["tokens"].clip(upper=MAX_TOKENS)).all()
    assert found.info.not_measured == {"not read:r3-s1-none": "r3-s1-none has no checkpoint."}


def test_neighbours_and_p_values_equal_counting(sweep: ExperimentConfig) -> None:
    found = compute_evidence(sweep.id)
    frame = found.examples
    rows, embeddings = load_embeddings(experiment_folder(sweep.id) / "frozen")
    unit = embeddings / np.linalg.norm(embeddings, axis=1, keepdims=True)
    labels, plan = rows["label"].to_numpy(), load_plan(sweep.id)
    planned = rows["id"].isin(plan["id"]).to_numpy()
    pool = balanced_pool(rows, plan, 0)
    assert len(pool) == 2 * (labels[pool] == 1).sum() and planned[pool].all()
    place = int(np.flatnonzero(rows["id"] == frame["id"][5])[0])
    order = pool[np.argsort(-(unit[pool] @ unit[place]), kind="stable")]
    assert frame["frozen_other_of_10"][5] == (labels[order[:10]] != labels[place]).sum()
    assert frame["other_class_neighbours"][5] == (labels[order[:5]] != labels[place]).sum()
    train = np.flatnonzero((rows["split"] == "train").to_numpy() & (labels == 1))
    cosines = unit[train] @ unit[train].T
    np.fill_diagonal(cosines, -1)
    known, own = cosines.max(axis=1), unit[train] @ unit[place]
    assert frame["positive_cosine"][5] == pytest.approx(own.max(), abs=1e-5)
    assert frame["nearest_positive"][5] == rows["id"][train[own.argmax()]]
    assert frame["p_positive"][5] == pytest.approx((1 + (known <= own.max()).sum()) / (len(train) + 1))
    own_rows, own_embeddings = load_embeddings(run_folder(sweep.id, "r3-s1-none"))
    unit = own_embeddings / np.linalg.norm(own_embeddings, axis=1, keepdims=True)
    pool = balanced_pool(own_rows, plan, 1)
    place = int(np.flatnonzero(own_rows["id"] == frame["id"][5])[0])
    order = pool[np.argsort(-(unit[pool] @ unit[place]), kind="stable")][:10]
    counted = (own_rows["label"].to_numpy()[order] != own_rows["label"][place]).sum()
    assert found.runs[run_column("tuned_other_of_10", "r3-s1-none")][5] == counted


def test_later_windows_equal_those_made_by_hand(sweep: ExperimentConfig) -> None:
    found = compute_evidence(sweep.id)
    texts = load_examples("posts", ["id", "text"]).set_index("id")["text"]
    high, low = (found.runs[run_column(name, "r1-s1-none")] for name in ("window_high", "window_low"))
    long = np.flatnonzero(found.examples["tokens"] > MAX_TOKENS)
    assert high.notna().sum() == len(long) == 3
    source = str(run_folder(sweep.id, "r1-s1-none") / "checkpoint")
    model, tokenizer = load_checkpoint(source).eval(), load_tokenizer(source)
    for place in long:
        tokens = tokenizer(texts[found.examples["id"][place]], add_special_tokens=False)["input_ids"]
        starts = range(0, len(tokens) - WINDOW + WINDOW // 2, WINDOW // 2)
        windows = [tokens[start : start + WINDOW] for start in starts][1:33]
        probs = []
        for window in windows:
            ids = torch.tensor([[tokenizer.cls_token_id, *window, tokenizer.sep_token_id]])
            probs.append(torch.softmax(model(input_ids=ids).logits, dim=1)[0, 1].item())
        assert high[place] == pytest.approx(max(probs), abs=1e-5) and low[place] == pytest.approx(min(probs), abs=1e-5)
    assert found.runs[run_column("window_high", "r3-s1-none")].isna().all()


def test_evidence_is_reused_and_only_changed_runs_are_computed(sweep: ExperimentConfig) -> None:
    first = compute_evidence(sweep.id)
    assert is_current(sweep.id)
    seen: list[Progress] = []
    again = compute_evidence(sweep.id, report=seen.append)
    assert not seen and again.info == first.info
    pd.testing.assert_frame_equal(again.examples, first.examples)
    pd.testing.assert_frame_equal(again.runs, first.runs)
    folder = run_folder(sweep.id, "r3-s1-none")
    predictions = read_frame(folder / "predictions.parquet")
    save_predictions(folder, predictions.assign(pos_prob=predictions["pos_prob"] / 2))
    make_tiny_bert(folder / "checkpoint", labels=2)
    assert not is_current(sweep.id)
    changed = compute_evidence(sweep.id, report=seen.append)
    assert {one.phase for one in seen} == {"reading later windows"} and seen[-1].steps == 100
    assert changed.info.not_measured == {} and changed.info.content == first.info.content
    assert changed.runs[run_column("window_high", "r3-s1-none")].notna().sum() == 3
    name = run_column("window_high", "r1-s0-none")
    assert changed.runs[name].equals(first.runs[name])


def test_a_text_unlike_the_other_class_has_no_suspect_label() -> None:
    # Negatives lie near 0 degrees, positives near 90. Of two positives, one is among negatives and one far from both.
    degrees = np.radians(np.r_[np.linspace(-8, 8, 40), np.linspace(82, 98, 40), 0.3, -60])
    rows = pd.DataFrame({"id": [f"e{place}" for place in range(82)], "label": np.repeat([0, 1], [40, 42])})
    rows["split"] = np.repeat(["train", "test"], [80, 2])
    embeddings = np.column_stack([np.cos(degrees), np.sin(degrees)])
    space = frozen_space(rows, embeddings, np.arange(80), np.arange(82))
    flagged = pd.Series(True, index=rows["id"], dtype="boolean")
    assert space.others(rows["id"].to_numpy()[80:], np.ones(2), 5).tolist() == [5, 5]
    assert space.nearest_of(rows["id"].to_numpy()[80:], 0)[2].tolist() == [1.0, 1 / 41]
    assert suspect_labels(space, rows[80:], flagged).tolist() == [True, False]
    assert suspect_labels(space, rows[80:], flagged[:0]).isna().all()
    assert not suspect_labels(space, rows[80:], ~flagged).any()


def test_suspect_training_labels_are_counted_by_the_same_rule(sweep: ExperimentConfig) -> None:
    counts = compute_evidence(sweep.id).info.training_suspects
    rows, embeddings = load_embeddings(experiment_folder(sweep.id) / "frozen")
    unit = embeddings / np.linalg.norm(embeddings, axis=1, keepdims=True)
    labels, train = rows["label"].to_numpy(), (rows["split"] == "train").to_numpy()
    flagged = audit(sweep.id)[1].set_index("id")["flagged"]
    pool = balanced_pool(rows, load_plan(sweep.id), 0)
    examples = load_examples(sweep.dataset)
    copies = [(int(a), int(b)) for a, b in near_copy_pairs(examples["text"])[["first", "second"]].to_numpy()]
    ids, given = examples["id"], examples["label"]
    contrary = {ids[one] for pair in copies if given[pair[0]] != given[pair[1]] for one in pair}
    related = {frozenset((ids[a], ids[b])) for a, b in copies}
    members = {label: np.flatnonzero(train & (labels == label)) for label in (0, 1)}
    for name, label in (("positive", 1), ("negative", 0)):
        suspects, others = 0, members[1 - label]
        within = unit[others] @ unit[others].T
        for a, b in product(range(len(others)), repeat=2):
            within[a, b] -= 9 * (a == b or frozenset(rows["id"][others[[a, b]]]) in related)
        for row in members[label]:
            nearest = [one for one in pool[np.argsort(-(unit[pool] @ unit[row]), kind="stable")] if one != row][:5]
            typical = (1 + (within.max(axis=1) <= (unit[others] @ unit[row]).max()).sum()) / (len(others) + 1) > 0.05
            unlike = flagged[rows["id"][row]] and (labels[nearest] != label).sum() >= 4 and typical
            suspects += bool(unlike or rows["id"][row] in contrary)
        assert counts[name] == [suspects, len(members[label])]


def test_the_evidence_is_computed_in_a_process_and_can_be_cancelled(sweep: ExperimentConfig) -> None:
    assert evidence_status(sweep.id) is None
    start_evidence(sweep.id)
    assert evidence_status(sweep.id).state == "running"  # type: ignore[union-attr]
    stop_evidence(sweep.id)
    assert evidence_status(sweep.id).state == "cancelled" and load_evidence(sweep.id) is None  # type: ignore[union-attr]
    with pytest.raises(UserError, match="no experiment named"):
        start_evidence("other")


@pytest.mark.slow
def test_the_process_ends_with_the_evidence(sweep: ExperimentConfig) -> None:
    start_evidence(sweep.id)
    deadline = time.monotonic() + 120
    while evidence_status(sweep.id).state == "running" and time.monotonic() < deadline:  # type: ignore[union-attr]
        time.sleep(0.2)
    assert evidence_status(sweep.id).state == "done" and is_current(sweep.id)  # type: ignore[union-attr]


def test_without_embeddings_and_texts_the_reasons_are_named(workspace: Path) -> None:
    config = make_experiment(make_dataset(), ratios=(1,), seeds=(0,), with_embeddings=False)
    examples = load_examples("posts")
    path = workspace / "datasets" / "posts" / "dataset.json"
    path.write_text(path.read_text().replace('"has_texts": true', '"has_texts": false'))
    found = compute_evidence(config.id)
    assert found.info.not_measured == {
        "suspect label": found.info.not_measured["suspect label"],
        "no similar example": "There are no embeddings of the frozen encoder.",
        "overlap": "There are no embeddings of the frozen encoder.",
        "not read": "The dataset has no texts.",
        "overlap:r1-s0-none": "r1-s0-none has no embeddings.",
    }
    assert found.examples["suspect"].isna().all() and (found.examples["near_copy"] == "").all()
    assert len(found.examples) == (examples["split"] == "test").sum()


def test_imported_predictions_are_embedded_by_the_encoder(
    workspace: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_dataset()
    rows = load_examples("posts").query("split != 'train'")
    table = rows.assign(pos_prob=np.where(rows["label"] == 1, 0.7, 0.2))[["id", "label", "pos_prob", "text", "split"]]
    table.to_csv(tmp_path / "p.csv", index=False)
    config = import_predictions(PredictionImportRequest((PredictionFile(tmp_path / "p.csv", ratio=3),))).experiment
    tiny = str(make_tiny_bert(workspace / "tiny-bert"))
    config = replace(config, training=replace(config.training, encoder=tiny, max_tokens=32))
    save_experiment(config)
    found = compute_evidence(config.id)
    assert found.examples["self_confidence"].notna().all() and found.examples["suspect"].notna().all()
    missing = found.info.not_measured
    assert missing["no similar example:positive"].endswith("imported predictions do not name their training texts.")
    assert missing["not read"] == "How much of a text the classifier read is not known."
    assert missing["overlap:r3-s0-none"] == "r3-s0-none has no embeddings."
    assert compute_evidence(config.id).info == found.info


def test_a_near_copy_with_the_other_label_comes_first() -> None:
    texts = pd.DataFrame(
        {"id": ["a", "b", "c", "d"], "label": [1, 1, 0, 0], "split": ["test", "train", "validation", "test"]}
    )
    pairs = pd.DataFrame({"first": [0, 0, 1], "second": [1, 2, 2], "jaccard": [0.9, 0.6, 0.7]})
    found = near_copy_columns(texts[texts["split"] == "test"], texts, pairs)
    assert found["near_copy"].tolist() == ["c", ""] and found["near_copy_split"].tolist() == ["validation", ""]
    assert found["near_copy_label"][0] == 0 and found["near_copy_jaccard"][0] == 0.6


def test_the_pool_has_as_many_examples_of_both_classes_from_training_alone() -> None:
    rows = pd.DataFrame(
        {"id": list("abcdefgh"), "label": [1, 1, 0, 0, 0, 0, 1, 0], "split": ["train"] * 6 + ["test"] * 2}
    )
    plan = pd.DataFrame({"id": list("abfedcgh"), "seed": 0, "rank": [0, 1, 0, 1, 2, 3, 0, 0]})
    assert rows["id"][balanced_pool(rows, plan, 7)].tolist() == ["f", "e", "a", "b"]
    assert sorted(rows["label"][balanced_pool(rows, plan[:0], 0)]) == [0, 0, 0, 1, 1, 1]


@pytest.mark.slow
def test_importing_the_job_does_not_import_torch() -> None:
    code = "import sys, closecall.models.explain.causes; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_broken_files_do_not_remain(sweep: ExperimentConfig) -> None:
    compute_evidence(sweep.id)
    names = {path.name for path in evidence_folder(sweep.id).iterdir()}
    assert names == {"evidence.parquet", "runs.parquet", "info.json", "texts.json", "probe.parquet"}
