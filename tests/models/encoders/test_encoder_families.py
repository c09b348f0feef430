"""Every supported kind of encoder against transformers itself, on tiny models with tokenizers of their own kinds."""

from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from transformers import AutoModel, AutoModelForSequenceClassification, AutoTokenizer

from closecall.analysis.errors.occlusion import without
from closecall.data.experiments.previews import preview_folder, preview_names
from closecall.data.experiments.runs import RunStatus, load_embeddings, write_status
from closecall.data.experiments.store import TrainingConfig, experiment_folder, run_folder
from closecall.data.io.errors import UserError
from closecall.data.io.files import file_sha256, read_frame, read_json
from closecall.models.encoders import loading
from closecall.models.encoders.checkpoints import Checkpoint
from closecall.models.encoders.inference import run_inference
from closecall.models.encoders.model_check import check_model
from closecall.models.encoders.tokenization import tokenise
from closecall.models.encoders.windows import later_windows
from closecall.models.explain.classifiers import Classifier
from closecall.models.explain.occlusion import explain
from closecall.models.queue.sweeps import SweepRequest, make_checkpoint_run, make_sweep
from closecall.models.runtime.progress import Cancelled
from closecall.models.training.checkpoint_retention import strip_to_head
from closecall.models.training.frozen_embeddings import execute_frozen
from closecall.models.training.preview import execute_preview
from closecall.models.training.run import execute
from tests.makers import make_dataset
from tests.tiny_encoders import MAKERS, make_tiny_encoder
from tests.tiny_sweep import ignore, never, runs_of

FAMILIES = [name for name in MAKERS if name != "xlnet"]
QUICK = ("roberta", "modernbert", "gpt2")
TEXTS = ["mac quadra simm", "windows dos ibm pentium disk drive card", "help anyone install the scsi board", "a"]
LONG = "windows dos ibm pentium disk drive card monitor " * 30
WIDE = {"initializer_range": 0.3}
"""Weights large enough that logits of different texts differ."""


def quick_or_slow() -> list[Any]:
    return [one if one in QUICK else pytest.param(one, marks=pytest.mark.slow) for one in FAMILIES]


@pytest.fixture(scope="module", params=quick_or_slow())
def classifier(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_tiny_encoder(tmp_path_factory.mktemp(request.param) / "model", request.param, labels=2, **WIDE)


def alone(folder: Path, kind: Any, texts: list[str], read: Any) -> np.ndarray:
    """What transformers computes for each text by itself, with the tokenizer's own inputs and no padding."""
    model, tokenizer = kind.from_pretrained(folder).eval(), AutoTokenizer.from_pretrained(folder)
    with torch.inference_mode():
        return np.concatenate([read(model(**tokenizer(text, return_tensors="pt"))).numpy() for text in texts])


def test_logits_in_a_padded_batch_are_those_of_each_text_alone(classifier: Path) -> None:
    tokens = tokenise(TEXTS, loading.load_tokenizer(str(classifier)), 64)
    model = loading.load_checkpoint(str(classifier))
    expected = alone(classifier, AutoModelForSequenceClassification, TEXTS, lambda output: output.logits)
    assert np.ptp(expected[:, 1] - expected[:, 0]) > 0.1
    for embed in (True, False):
        found = run_inference(model, tokens, np.arange(len(TEXTS)), embed=embed).logits
        np.testing.assert_allclose(found, expected, atol=1e-5)


def test_embeddings_are_the_mean_over_a_texts_own_tokens(classifier: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tokens = tokenise(TEXTS, loading.load_tokenizer(str(classifier)), 64)
    rows = alone(classifier, AutoModel, TEXTS, lambda output: output.last_hidden_state.mean(1))
    expected = rows / np.linalg.norm(rows, axis=1, keepdims=True)
    for bf16, atol in ((False, 1e-5), (True, 0.05)):
        monkeypatch.setattr("closecall.models.encoders.inference.has_bf16", lambda bf16=bf16: bf16)
        model = loading.load_encoder(str(classifier))
        found = run_inference(model, tokens, np.arange(len(TEXTS)), score=False).embeddings
        np.testing.assert_allclose(found, expected, atol=atol)


def test_words_are_occluded_and_later_windows_are_read(classifier: Path) -> None:
    explained = Classifier(Checkpoint(str(classifier), 32))
    attribution, _ = explain(explained, TEXTS[1])
    shorter = [without(attribution.pieces, (place,)) for place in range(len(attribution.pieces))]
    pairs = alone(classifier, AutoModelForSequenceClassification, [TEXTS[1], *shorter], lambda output: output.logits)
    odds = pairs[:, 1] - pairs[:, 0]
    np.testing.assert_allclose(attribution.drops, odds[0] - odds[1:], atol=1e-4)
    windows, owners = later_windows([LONG, "a"], loading.load_tokenizer(str(classifier)), 32)
    assert set(owners) == {0} and windows.lengths.max() == 32
    logits = run_inference(loading.load_checkpoint(str(classifier)), windows, np.arange(len(windows)), embed=False)
    assert np.isfinite(logits.logits).all()


def test_a_model_is_checked_up_to_its_longest_text(classifier: Path, workspace: Path) -> None:
    head = check_model(str(classifier), classifier=True, max_tokens=64)
    assert head.id2label == {"0": "LABEL_0", "1": "LABEL_1"} and head.problem_type is None
    if "deberta-v2" not in str(classifier):  # its positions are relative and have no end
        with pytest.raises(UserError, match="at most 64 tokens"):
            check_model(str(classifier), classifier=True, max_tokens=65)


def test_a_model_that_numbers_segments_is_refused(tmp_path: Path) -> None:
    folder = make_tiny_encoder(tmp_path / "xlnet", "xlnet", labels=2)
    loading.check_length(str(folder), AutoTokenizer.from_pretrained(folder), 100_000)  # it says -1: no limit
    with pytest.raises(UserError, match="segments"):
        loading.load_tokenizer(str(folder))


def test_a_padding_token_without_embedding_is_not_used(tmp_path: Path) -> None:
    folder = make_tiny_encoder(tmp_path / "gpt", "gpt2", labels=2, **WIDE)
    tokenizer = AutoTokenizer.from_pretrained(folder)
    expected = alone(folder, AutoModelForSequenceClassification, TEXTS, lambda output: output.logits)
    tokenizer.add_special_tokens({"pad_token": "[PAD]"})  # in the tokenizer only: the model was not resized
    tokenizer.save_pretrained(folder)
    ours = loading.load_tokenizer(str(folder))
    assert ours.pad_token_id == ours.eos_token_id == 0
    found = run_inference(loading.load_checkpoint(str(folder)), tokenise(TEXTS, ours, 64), np.arange(len(TEXTS)))
    np.testing.assert_allclose(found.logits, expected, atol=1e-5)


def test_a_tokenizer_that_ends_texts_with_its_padding_is_refused(tmp_path: Path) -> None:
    folder = make_tiny_encoder(tmp_path / "roberta", "roberta")
    tokenizer = AutoTokenizer.from_pretrained(folder)
    tokenizer.pad_token = None
    loading._set_padding(tokenizer, loading.load_config(str(folder)), "some")
    assert tokenizer.pad_token_id == 1  # the config has one
    tokenizer.pad_token = None
    config = loading.load_config(str(folder))
    config.pad_token_id = None
    with pytest.raises(UserError, match="no token to pad with"):
        loading._set_padding(tokenizer, config, "some")


class StopAfter:
    """Asks to stop from the n-th question on."""

    def __init__(self, questions: int) -> None:
        self.left = questions

    def __call__(self) -> bool:
        self.left -= 1
        return self.left < 0


@pytest.mark.slow
@pytest.mark.parametrize("family", FAMILIES)
def test_a_sweep_with_this_encoder(workspace: Path, tmp_path: Path, family: str) -> None:
    make_dataset()
    encoder = make_tiny_encoder(tmp_path / "encoder", family, **WIDE)
    training = TrainingConfig(encoder=str(encoder), max_tokens=24, epochs=2, batch_size=8, learning_rate=3e-3)
    remedies = () if family == "gpt2" else ("retrained-head",)
    sweep = partial(SweepRequest, "posts", ratios=(1,), training=training)
    first, second = make_sweep(sweep(title="first", preview=True, remedies=remedies)), make_sweep(sweep(title="second"))
    for name in preview_names(first.id):
        execute_preview(first.id, name, should_stop=never, report=ignore)
        finished = (preview_folder(first.id, name) / "predictions.parquet").exists()
        assert finished or ("linear" not in name and family != "bert")
    (run, *heads), (again,) = runs_of(first), runs_of(second)
    with pytest.raises(Cancelled):
        execute(run, should_stop=StopAfter(25), report=ignore)
    folders = [run_folder(one.experiment, one.name) for one in (run, again)]
    assert (folders[0] / "resume.safetensors").exists()
    for one in (run, again):
        execute(one, should_stop=never, report=ignore)
    stopped, whole = (file_sha256(folder / "checkpoint" / "model.safetensors") for folder in folders)
    assert stopped == whole
    write_status(folders[0], RunStatus(state="done"))
    for head in heads:
        execute(head, should_stop=never, report=ignore)
    execute_frozen(first.id, should_stop=never, report=ignore)
    rows, embeddings = load_embeddings(experiment_folder(first.id) / "frozen")
    assert np.isfinite(embeddings).all() and len(rows) == len(embeddings)
    (loaded,) = runs_of(make_checkpoint_run("posts", str(folders[0] / "checkpoint"), ratio=1, training=training))
    execute(loaded, should_stop=never, report=ignore)
    theirs = run_folder(loaded.experiment, loaded.name)
    assert read_json(theirs / "metrics.json")["positive_output"]["name"] == "positive"
    logits = [read_frame(folder / "predictions.parquet")["logit"] for folder in (folders[0], theirs)]
    np.testing.assert_allclose(logits[0], logits[1], atol=1e-4)
    assert strip_to_head(folders[0]) > 0 and not (folders[0] / "checkpoint").exists()
