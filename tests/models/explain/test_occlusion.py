"""Occlusion by a small BERT, in this process and through the inference server."""

import json
import os
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from closecall.analysis.errors.occlusion import split_words, without
from closecall.data.experiments.runs import load_run, save_metrics
from closecall.data.io.errors import UserError
from closecall.models.encoders.checkpoints import Checkpoint, checkpoint_of
from closecall.models.encoders.loading import load_checkpoint, load_tokenizer
from closecall.models.explain.classifiers import Classifier, ClassifierCache
from closecall.models.explain.inference_client import (
    SERVER_EXITED,
    InferenceClient,
    parse_explanation,
    parse_probabilities,
)
from closecall.models.explain.occlusion import explain
from tests.makers import HOSTILE, make_dataset, make_experiment
from tests.tiny_bert import make_tiny_bert

TEXT = "mac  problem: the powerbook disk\n does not work with windows, anyone?"


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_tiny_bert(tmp_path_factory.mktemp("classifier"), labels=2, initializer_range=0.5)


@pytest.fixture
def checkpoint(tiny: Path) -> Checkpoint:
    return Checkpoint(str(tiny), 48)


@pytest.fixture(scope="module")
def client():
    """One process for all tests: torch takes seconds to import."""
    one = InferenceClient()
    yield one
    one.close()


def log_odds(folder: Path, text: str, max_tokens: int) -> float:
    """The reference: one forward pass with one text."""
    tokens = load_tokenizer(str(folder))(text, truncation=True, max_length=max_tokens, return_tensors="pt")
    with torch.no_grad():
        negative, positive = load_checkpoint(str(folder)).eval()(**tokens).logits[0].double()
    return float(positive - negative)


def test_drops_are_logit_differences_without_each_word(tiny: Path, checkpoint: Checkpoint) -> None:
    attribution, _ = explain(Classifier(checkpoint), TEXT)
    assert attribution.words == TEXT.split()
    assert attribution.logit == pytest.approx(log_odds(tiny, TEXT, 48), abs=1e-5)
    rest = [log_odds(tiny, without(split_words(TEXT), (place,)), 48) for place in range(len(attribution.pieces))]
    np.testing.assert_allclose(attribution.drops, attribution.logit - np.array(rest), atol=1e-4)
    assert np.abs(attribution.drops).max() > 0.01


def test_the_flip_changes_the_prediction(tiny: Path, checkpoint: Checkpoint) -> None:
    classifier = Classifier(checkpoint)
    attribution, _ = explain(classifier, TEXT)
    flipped = 0
    for shift in (-0.4, -0.1, 0.1, 0.4):
        threshold = float(1 / (1 + np.exp(-(attribution.logit + shift * np.ptp(attribution.drops)))))
        _, flip = explain(classifier, TEXT, threshold=threshold)
        again = 1 / (1 + np.exp(-log_odds(tiny, without(attribution.pieces, flip.removed), 48)))
        before = 1 / (1 + np.exp(-attribution.logit))
        assert ((again >= threshold) != (before >= threshold)) == bool(flip.removed)
        flipped += bool(flip.removed)
    assert flipped


def test_only_words_within_max_tokens_are_occluded(tiny: Path) -> None:
    text = " ".join(["mac", "disk", "xyzzy"] * 30)
    attribution, _ = explain(Classifier(Checkpoint(str(tiny), 20)), text)
    # 18 tokens beside the two special ones: twice mac, disk and the five letters of xyzzy, then four of the third round
    assert len(attribution.pieces) == 9 and "".join(attribution.pieces) + attribution.not_read == text
    assert attribution.logit == pytest.approx(log_odds(tiny, text, 20), abs=1e-5)


@pytest.mark.parametrize("text", ["", "  \n", *HOSTILE, "mac", "\x00", "x" * 5000, "\u200b \u00ad mac"])
def test_hostile_texts(checkpoint: Checkpoint, text: str) -> None:
    attribution, flip = explain(Classifier(checkpoint), text)
    assert "".join(attribution.pieces) + attribution.not_read in (text, text.strip() and text)
    assert set(flip.removed) <= set(range(len(attribution.pieces)))


def test_the_other_output_as_positive_reverses_every_sign(tiny: Path, checkpoint: Checkpoint) -> None:
    one, _ = explain(Classifier(checkpoint), TEXT)
    other, _ = explain(Classifier(replace(checkpoint, positive=(0,))), TEXT)
    np.testing.assert_allclose(other.drops, -one.drops, atol=1e-6)


def test_progress_counts_every_text_and_may_cancel(checkpoint: Checkpoint) -> None:
    seen: list[tuple[int, int]] = []
    explain(Classifier(checkpoint), TEXT, on_progress=lambda done, total: seen.append((done, total)))
    assert seen[0] == (0, 12) and seen[-1][0] == seen[-1][1]

    def cancel(done: int, total: int) -> None:
        raise InterruptedError

    with pytest.raises(InterruptedError):
        explain(Classifier(checkpoint), TEXT, on_progress=cancel)


def test_classifiers_are_loaded_once_and_evicted_by_size(tiny: Path, checkpoint: Checkpoint) -> None:
    large, small = ClassifierCache(), ClassifierCache(max_bytes=1)
    other = replace(checkpoint, written=1)
    assert large(checkpoint) is large(checkpoint) is not large(other)
    kept = small(checkpoint)
    assert small(checkpoint) is kept
    assert small(other) is not kept and small(checkpoint) is not kept


def test_the_server_gives_the_same_result(checkpoint: Checkpoint, client: InferenceClient) -> None:
    number = client.explain(checkpoint, TEXT, threshold=0.3)
    reply = client.reply(number, wait=60)
    assert reply.finished and not reply.error
    attribution, flip = parse_explanation(reply.result)
    mine, my_flip = explain(Classifier(checkpoint), TEXT, threshold=0.3)
    assert attribution.pieces == mine.pieces and flip.removed == my_flip.removed and flip.threshold == 0.3
    np.testing.assert_allclose(attribution.drops, mine.drops, atol=1e-6)
    probs = parse_probabilities(client.reply(client.probabilities([checkpoint], [TEXT, "mac"]), wait=60).result)
    assert probs.shape == (1, 2)
    assert probs[0, 0] == pytest.approx(1 / (1 + np.exp(-mine.logit)), abs=1e-6)


def test_a_missing_checkpoint_is_reported(client: InferenceClient) -> None:
    gone = client.reply(client.explain(Checkpoint("/nowhere/model", 48), TEXT, threshold=0.5), wait=60)
    assert gone.error.startswith("There is no folder /nowhere/model.")


@pytest.mark.slow
def test_a_killed_server_is_replaced(checkpoint: Checkpoint, client: InferenceClient) -> None:
    number = client.explain(checkpoint, " ".join([TEXT] * 3), threshold=0.5)
    os.kill(client._process.pid, signal.SIGKILL)  # type: ignore[union-attr]
    assert client.reply(number, wait=60).error == SERVER_EXITED
    assert not client.reply(client.explain(checkpoint, "mac", threshold=0.5), wait=60).error


def test_a_cancelled_request_has_no_result(checkpoint: Checkpoint, client: InferenceClient) -> None:
    number = client.explain(checkpoint, TEXT, threshold=0.5)
    client.cancel(number)
    assert client.reply(number).error
    assert client.reply(client.explain(checkpoint, "mac", threshold=0.5), wait=60).result["attribution"]["pieces"] == [
        "mac"
    ]


@pytest.mark.slow
def test_the_server_exits_with_its_input() -> None:
    process = subprocess.Popen(
        [sys.executable, "-m", "closecall.models.explain.inference_server"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    request = {"number": 1, "checkpoint": {"source": "/nowhere", "max_tokens": 8}, "text": "a", "threshold": 0.5}
    process.stdin.write(json.dumps(request).encode() + b"\n")  # type: ignore[union-attr]
    process.stdin.close()  # type: ignore[union-attr]
    started = time.monotonic()
    process.wait(timeout=30)
    assert time.monotonic() - started < 20
    process.stdout.close()  # type: ignore[union-attr]


def test_checkpoint_of_a_run(workspace: Path, tiny: Path) -> None:
    make_experiment(make_dataset(), ratios=(1, 3), seeds=(0,))
    run = load_run("sweep", "r1-s0-none")
    assert checkpoint_of(run) is None
    make_tiny_bert(run.checkpoint, labels=2)
    found = checkpoint_of(run)
    assert found is not None and (found.source, found.max_tokens, found.positive) == (str(run.checkpoint), 64, (1,))
    loaded = replace(run, config=replace(run.config, checkpoint=str(tiny)))
    save_metrics(run.folder, {"positive_output": {"index": 0}})
    written = (tiny / "model.safetensors").stat().st_mtime_ns
    assert checkpoint_of(loaded) == Checkpoint(str(tiny), 64, (0,), written)
    save_metrics(run.folder, {"positive_output": {"indices": [0, 2], "sigmoid": True}})
    assert checkpoint_of(loaded) == Checkpoint(str(tiny), 64, (0, 2), written, sigmoid=True)
    assert checkpoint_of(replace(run, config=replace(run.config, checkpoint=str(tiny / "gone")))) is None


def test_a_folder_without_classifier_is_reported(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="not a text classifier"):
        Classifier(Checkpoint(str(make_tiny_bert(tmp_path / "encoder")), 48))
