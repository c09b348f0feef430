from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from closecall.models.encoders import loading
from closecall.models.encoders.tokenization import (
    Tokens,
    cached_tokens,
    padded_tokens,
    prediction_batches,
    tokenise,
    training_batches,
)
from tests.tiny_bert import make_tiny_bert

TEXTS = ["mac disk", "", "windows \u05e9\u05dc\u05d5\u05dd \U0001f600", "apple " * 50, "memory\n\tcable\x00"]
lengths = st.lists(st.integers(1, 200), min_size=1, max_size=300).map(np.array)


@pytest.fixture(scope="module")
def tokenizer(tmp_path_factory: pytest.TempPathFactory):
    return loading.load_tokenizer(str(make_tiny_bert(tmp_path_factory.mktemp("tiny"))))


def test_tokens_are_those_of_the_tokenizer(tokenizer) -> None:
    tokens = tokenise(TEXTS, tokenizer, 16)
    expected = tokenizer(TEXTS, truncation=True, max_length=16, padding=True, return_tensors="pt")
    assert len(tokens) == 5
    assert tokens.lengths.tolist() == expected["attention_mask"].sum(1).tolist()
    batch = tokens.batch(np.arange(5))
    assert torch.equal(batch["input_ids"], expected["input_ids"])
    assert torch.equal(batch["attention_mask"], expected["attention_mask"])


def test_a_batch_keeps_the_order_it_is_asked_for(tokenizer) -> None:
    tokens = tokenise(TEXTS, tokenizer, 16)
    batch = tokens.batch(np.array([3, 0]))
    assert batch["input_ids"].shape == (2, 16)
    assert batch["attention_mask"].sum(1).tolist() == [16, 4]


def test_tokenising_asks_whether_to_stop(tokenizer) -> None:
    asked = []
    tokenise(["mac"] * 1200, tokenizer, 16, check=lambda: asked.append(1))
    assert len(asked) == 3


def test_a_tokenizer_is_left_as_it_was(tokenizer) -> None:
    """It is saved with each checkpoint: whoever tokenises first must not save another one."""
    for cut in (None, 9):
        if cut:
            tokenizer.backend_tokenizer.enable_truncation(cut)
        before = tokenizer.backend_tokenizer.to_str()
        tokenise(TEXTS, tokenizer, 16)
        assert tokenizer.backend_tokenizer.to_str() == before


def test_tokens_are_made_once_and_again_when_the_file_is_broken(workspace: Path, tokenizer) -> None:
    first = cached_tokens(TEXTS, tokenizer, 16, content_sha256="a")
    (file,) = (workspace / "cache" / "tokens").glob("*.npz")
    # The second call does not even look at the texts.
    again = cached_tokens(["other"] * 5, tokenizer, 16, content_sha256="a")
    assert np.array_equal(first.flat, again.flat) and np.array_equal(first.starts, again.starts)
    for broken in (b"half a file", file.read_bytes()[:-40]):
        file.write_bytes(broken)
        assert np.array_equal(cached_tokens(TEXTS, tokenizer, 16, content_sha256="a").flat, first.flat)
    cached_tokens(TEXTS, tokenizer, 17, content_sha256="a")
    cached_tokens(TEXTS, tokenizer, 16, content_sha256="b")
    assert len(list((workspace / "cache" / "tokens").glob("*.npz"))) == 3


@settings(max_examples=60, deadline=None)
@given(lengths, st.integers(1, 40), st.integers(0, 3), st.integers(0, 3))
def test_training_batches_cover_every_row_once(lengths: np.ndarray, size: int, seed: int, epoch: int) -> None:
    batches = training_batches(lengths, batch_size=size, seed=seed, epoch=epoch)
    assert sorted(np.concatenate(batches).tolist()) == list(range(len(lengths)))
    assert sum(len(batch) < size for batch in batches) <= 1
    again = training_batches(lengths, batch_size=size, seed=seed, epoch=epoch)
    assert all(np.array_equal(one, other) for one, other in zip(batches, again, strict=True))


def test_training_batches_differ_by_seed_and_epoch() -> None:
    drawn = [
        np.concatenate(training_batches(np.full(64, 9), batch_size=8, seed=seed, epoch=epoch)).tolist()
        for seed in (0, 1)
        for epoch in (0, 1)
    ]
    assert len({tuple(one) for one in drawn}) == 4


def test_sorting_by_length_saves_most_of_the_padding() -> None:
    lengths = np.random.default_rng(0).integers(5, 128, 2000)
    bucketed = padded_tokens(lengths, training_batches(lengths, batch_size=16, seed=0, epoch=0))
    plain = padded_tokens(lengths, np.array_split(np.arange(2000), 125))
    assert bucketed < 1.07 * lengths.sum() < 1.6 * lengths.sum() < plain


@settings(max_examples=60, deadline=None)
@given(lengths, st.integers(1, 500))
def test_prediction_batches_cover_every_row_within_the_budget(lengths: np.ndarray, budget: int) -> None:
    batches = prediction_batches(lengths, token_budget=budget)
    assert sorted(np.concatenate(batches).tolist()) == list(range(len(lengths)))
    assert all(len(batch) == 1 or len(batch) * lengths[batch].max() <= budget for batch in batches)


def test_nothing_to_predict_is_no_batch() -> None:
    assert prediction_batches(np.empty(0, dtype=int), token_budget=10) == []
    assert padded_tokens(np.empty(0, dtype=int), []) == 0


def test_an_empty_set_of_texts_has_no_tokens(tokenizer) -> None:
    assert len(tokenise([], tokenizer, 16)) == 0
    assert len(Tokens(np.empty(0, dtype=np.int32), np.array([0]), 0)) == 0
