"""Word deletions by a real small BERT, in this process and asked of the reader process."""

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
from closecall.models.explain.classifiers import Classifier, Classifiers
from closecall.models.explain.inference_client import DIED, InferenceClient, explained, probability_rows
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
def reader():
    """One process for all: torch takes seconds to import."""
    one = InferenceClient()
    yield one
    one.close()


def log_odds(folder: Path, text: str, max_tokens: int) -> float:
    """The reference: one text, one plain forward pass."""
    tokens = load_tokenizer(str(folder))(text, truncation=True, max_length=max_tokens, return_tensors="pt")
    with torch.no_grad():
        negative, positive = load_checkpoint(str(folder)).eval()(**tokens).logits[0].double()
    return float(positive - negative)


def test_each_number_is_the_classifier_on_the_text_without_the_word(tiny: Path, checkpoint: Checkpoint) -> None:
    attribution, _ = explain(Classifier(checkpoint), TEXT)
    assert attribution.words == TEXT.split()
    assert attribution.logit == pytest.approx(log_odds(tiny, TEXT, 48), abs=1e-5)
    rest = [log_odds(tiny, without(split_words(TEXT), (place,)), 48) for place in range(len(attribution.pieces))]
    np.testing.assert_allclose(attribution.drops, attribution.logit - np.array(rest), atol=1e-4)
    assert np.abs(attribution.drops).max() > 0.01


def test_a_flip_flips_when_the_text_is_read_again(tiny: Path, checkpoint: Checkpoint) -> None:
    classifier = Classifier(checkpoint)
    attribution, _ = explain(classifier, TEXT)
    turned = 0
    for shift in (-0.4, -0.1, 0.1, 0.4):
        threshold = float(1 / (1 + np.exp(-(attribution.logit + shift * np.ptp(attribution.drops)))))
        _, flip = explain(classifier, TEXT, threshold=threshold)
        again = 1 / (1 + np.exp(-log_odds(tiny, without(attribution.pieces, flip.removed), 48)))
        before = 1 / (1 + np.exp(-attribution.logit))
        assert ((again >= threshold) != (before >= threshold)) == bool(flip.removed)
        turned += bool(flip.removed)
    assert turned


def test_only_the_words_that_are_read_are_left_out(tiny: Path) -> None:
    text = " ".join(["mac", "disk", "xyzzy"] * 30)
    attribution, _ = explain(Classifier(Checkpoint(str(tiny), 20)), text)
    # 18 tokens beside the two special ones: twice mac, disk and the five letters of xyzzy, then four of the third round
    assert len(attribution.pieces) == 9 and "".join(attribution.pieces) + attribution.not_read == text
    assert attribution.logit == pytest.approx(log_odds(tiny, text, 20), abs=1e-5)


@pytest.mark.parametrize("text", ["", "  \n", *HOSTILE, "mac", "\x00", "x" * 5000, "\u200b \u00ad mac"])
def test_hostile_texts_are_read_like_others(checkpoint: Checkpoint, text: str) -> None:
    attribution, flip = explain(Classifier(checkpoint), text)
    assert "".join(attribution.pieces) + attribution.not_read in (text, text.strip() and text)
    assert set(flip.removed) <= set(range(len(attribution.pieces)))


def test_the_other_output_as_positive_turns_every_sign(tiny: Path, checkpoint: Checkpoint) -> None:
    one, _ = explain(Classifier(checkpoint), TEXT)
    other, _ = explain(Classifier(replace(checkpoint, positive=0)), TEXT)
    np.testing.assert_allclose(other.drops, -one.drops, atol=1e-6)


def test_progress_counts_every_text_and_may_stop_it(checkpoint: Checkpoint) -> None:
    seen: list[tuple[int, int]] = []
    explain(Classifier(checkpoint), TEXT, on_progress=lambda done, of: seen.append((done, of)))
    assert seen[0] == (0, 12) and seen[-1][0] == seen[-1][1]

    def stop(done: int, of: int) -> None:
        raise InterruptedError

    with pytest.raises(InterruptedError):
        explain(Classifier(checkpoint), TEXT, on_progress=stop)


def test_classifiers_are_loaded_once_and_let_go_for_room(tiny: Path, checkpoint: Checkpoint) -> None:
    roomy, tight = Classifiers(), Classifiers(room=1)
    other = replace(checkpoint, written=1)
    assert roomy(checkpoint) is roomy(checkpoint) is not roomy(other)
    kept = tight(checkpoint)
    assert tight(checkpoint) is kept
    assert tight(other) is not kept and tight(checkpoint) is not kept


def test_the_reader_gives_the_same_answer_and_says_how_far_it_is(
    checkpoint: Checkpoint, reader: InferenceClient
) -> None:
    number = reader.why(checkpoint, TEXT, threshold=0.3)
    reply = reader.reply(number, wait=60)
    assert reply.finished and not reply.error
    attribution, flip = explained(reply.result)
    mine, my_flip = explain(Classifier(checkpoint), TEXT, threshold=0.3)
    assert attribution.pieces == mine.pieces and flip.removed == my_flip.removed and flip.threshold == 0.3
    np.testing.assert_allclose(attribution.drops, mine.drops, atol=1e-6)
    probs = probability_rows(reader.reply(reader.probabilities([checkpoint], [TEXT, "mac"]), wait=60).result)
    assert probs.shape == (1, 2)
    assert probs[0, 0] == pytest.approx(1 / (1 + np.exp(-mine.logit)), abs=1e-6)


def test_what_cannot_be_asked_is_a_sentence(reader: InferenceClient) -> None:
    gone = reader.reply(reader.why(Checkpoint("/nowhere/model", 48), TEXT, threshold=0.5), wait=60)
    assert gone.error.startswith("There is no folder /nowhere/model.")


@pytest.mark.slow
def test_a_dead_reader_is_replaced(checkpoint: Checkpoint, reader: InferenceClient) -> None:
    number = reader.why(checkpoint, " ".join([TEXT] * 3), threshold=0.5)
    os.kill(reader._process.pid, signal.SIGKILL)  # type: ignore[union-attr]
    assert reader.reply(number, wait=60).error == DIED
    assert not reader.reply(reader.why(checkpoint, "mac", threshold=0.5), wait=60).error


def test_a_question_taken_back_is_not_answered(checkpoint: Checkpoint, reader: InferenceClient) -> None:
    number = reader.why(checkpoint, TEXT, threshold=0.5)
    reader.cancel(number)
    assert reader.reply(number).error  # nobody keeps it
    assert reader.reply(reader.why(checkpoint, "mac", threshold=0.5), wait=60).result["attribution"]["pieces"] == [
        "mac"
    ]


@pytest.mark.slow
def test_the_reader_ends_with_its_input() -> None:
    process = subprocess.Popen(
        [sys.executable, "-m", "closecall.models.explain.inference_server"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    question = {"number": 1, "checkpoint": {"source": "/nowhere", "max_tokens": 8}, "text": "a", "threshold": 0.5}
    process.stdin.write(json.dumps(question).encode() + b"\n")  # type: ignore[union-attr]
    process.stdin.close()  # type: ignore[union-attr]
    started = time.monotonic()
    process.wait(timeout=30)
    assert time.monotonic() - started < 20
    process.stdout.close()  # type: ignore[union-attr]


def test_which_runs_have_a_classifier(workspace: Path, tiny: Path) -> None:
    make_experiment(make_dataset(), ratios=(1, 3), seeds=(0,))
    run = load_run("sweep", "r1-s0-none")
    assert checkpoint_of(run) is None
    make_tiny_bert(run.checkpoint, labels=2)
    found = checkpoint_of(run)
    assert found is not None and (found.source, found.max_tokens, found.positive) == (str(run.checkpoint), 64, 1)
    loaded = replace(run, config=replace(run.config, checkpoint=str(tiny)))
    save_metrics(run.folder, {"positive_output": {"index": 0}})
    assert checkpoint_of(loaded) == Checkpoint(str(tiny), 64, 0, (tiny / "model.safetensors").stat().st_mtime_ns)
    assert checkpoint_of(replace(run, config=replace(run.config, checkpoint=str(tiny / "gone")))) is None


def test_a_folder_that_is_no_classifier_is_a_sentence(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="not a text classifier"):
        Classifier(Checkpoint(str(make_tiny_bert(tmp_path / "encoder")), 48))
