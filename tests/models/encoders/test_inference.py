import os
from pathlib import Path

import numpy as np
import pytest
import torch

from closecall.models.encoders import inference, loading
from closecall.models.encoders.inference import mean_pooled, run_inference
from closecall.models.encoders.tokenization import tokenise
from tests.tiny_bert import WORDS, make_tiny_bert


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_tiny_bert(tmp_path_factory.mktemp("tiny"))


@pytest.fixture(scope="module")
def tokens(tiny: Path):
    rng = np.random.default_rng(0)
    texts = [" ".join(rng.choice(WORDS.split(), rng.integers(0, 40))) for _ in range(50)]
    return tokenise(texts, loading.load_tokenizer(str(tiny)), 32)


def test_each_text_is_read_as_if_alone_and_put_in_its_place(tiny: Path, tokens, monkeypatch) -> None:
    monkeypatch.setattr(inference, "TOKEN_BUDGET", 100)
    model = loading.load_classifier(str(tiny), seed=0).train()
    places = np.array([7, 3, 3, 49, 0, 21])
    readings = run_inference(model, tokens, places)
    assert readings.logits.shape == (6, 2) and readings.embeddings.shape == (6, 32)
    assert readings.logits.dtype == readings.embeddings.dtype == np.float32
    for row, place in enumerate(places):
        alone = tokens.batch(np.array([place]))
        with torch.no_grad():
            output = model.eval()(**alone, output_hidden_states=True)
        hidden = output.hidden_states[-1][0].mean(0)
        np.testing.assert_allclose(readings.logits[row], output.logits[0], atol=1e-5)
        np.testing.assert_allclose(readings.embeddings[row], hidden / hidden.norm(), atol=1e-5)


def test_without_embeddings_the_logits_are_the_same(tiny: Path, tokens) -> None:
    model = loading.load_classifier(str(tiny), seed=0)
    whole = run_inference(model, tokens, np.arange(50))
    short = run_inference(model, tokens, np.arange(50), embed=False)
    assert short.embeddings is None
    np.testing.assert_allclose(short.logits, whole.logits, atol=1e-5)


def test_a_frozen_encoder_gives_embeddings_only(tiny: Path, tokens) -> None:
    readings = run_inference(loading.load_encoder(str(tiny)), tokens, np.arange(50))
    assert readings.logits is None
    np.testing.assert_allclose(np.linalg.norm(readings.embeddings, axis=1), 1, atol=1e-5)


def test_a_batch_never_holds_more_tokens_than_its_budget(tiny: Path, tokens, monkeypatch) -> None:
    monkeypatch.setattr(inference, "TOKEN_BUDGET", 64)
    seen: list[tuple[int, int, int]] = []
    model = loading.load_classifier(str(tiny), seed=0)
    run_inference(model, tokens, np.arange(50), on_batch=lambda *batch: seen.append(batch))
    assert [number for number, _, _ in seen] == list(range(1, len(seen) + 1))
    assert max(size for _, size, _ in seen) <= 64
    assert sum(examples for _, _, examples in seen) == 50


def test_no_texts_have_no_predictions(tiny: Path, tokens) -> None:
    readings = run_inference(loading.load_classifier(str(tiny), seed=0), tokens, np.empty(0, dtype=int))
    assert readings.logits is None and readings.embeddings is None


def test_padding_does_not_count_in_the_mean() -> None:
    hidden = torch.tensor([[[3.0, 0.0], [0.0, 4.0], [100.0, 100.0]]])
    pooled = mean_pooled(hidden, torch.tensor([[1, 1, 0]]))
    np.testing.assert_allclose(pooled, [[0.6, 0.8]], atol=1e-6)


@pytest.mark.assets
def test_the_built_in_encoder_knows_what_is_alike() -> None:
    if not os.environ.get("CLOSECALL_ASSETS") and not Path("workspace/assets").is_dir():
        pytest.skip("no built-in assets here: set CLOSECALL_ASSETS or fetch them with `make run`")
    texts = ["My Mac does not start.", "The Macintosh will not boot.", "The cat sleeps in the sun."]
    model = loading.load_encoder("minilm")
    embeddings = run_inference(model, tokenise(texts, loading.load_tokenizer("minilm"), 128), np.arange(3)).embeddings
    assert embeddings.shape == (3, 384)
    alike, unlike = embeddings[0] @ embeddings[1], embeddings[0] @ embeddings[2]
    assert alike > 0.6 > 0.3 > unlike
    classifier = loading.load_classifier("minilm", seed=0)
    assert {name for name, _ in classifier.named_children()} == {"bert", "dropout", "classifier"}
    # The classifier is the same encoder with a head: its embeddings are the frozen ones.
    tokens = tokenise(texts, loading.load_tokenizer("minilm"), 128)
    np.testing.assert_allclose(run_inference(classifier, tokens, np.arange(3)).embeddings, embeddings, atol=1e-5)


@pytest.mark.assets
def test_embeddings_alone_point_the_same_way_as_those_in_fp32(tokens) -> None:
    classifier = loading.load_classifier("minilm", seed=0)
    exact = run_inference(classifier, tokens, np.arange(50))
    quick = run_inference(classifier, tokens, np.arange(50), score=False)
    assert quick.logits is None
    assert (quick.embeddings * exact.embeddings).sum(axis=1).min() > 0.9999
