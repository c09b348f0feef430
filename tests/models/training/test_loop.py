from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from accelerate import Accelerator
from accelerate.state import AcceleratorState
from transformers import AutoModelForSequenceClassification, get_linear_schedule_with_warmup

from closecall.data.experiments.store import TrainingConfig
from closecall.models.encoders import loading
from closecall.models.encoders.tokenization import tokenise, training_batches
from closecall.models.runtime.devices import claim_accelerator
from closecall.models.runtime.progress import ProgressReporter
from closecall.models.training import steps
from closecall.models.training.loop import TrainingSpec, count_steps, train
from closecall.models.training.steps import rate_share
from tests.tiny_bert import WORDS, make_tiny_bert

CONFIG = TrainingConfig(
    epochs=3, batch_size=8, learning_rate=1e-3, max_tokens=16, freeze_word_embeddings=False, max_grad_norm=0.5
)


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    still = {"hidden_dropout_prob": 0.0, "attention_probs_dropout_prob": 0.0}
    return make_tiny_bert(tmp_path_factory.mktemp("tiny"), **still)


def make_spec(tiny: Path, config: TrainingConfig = CONFIG, n: int = 44, steps: int | None = None) -> TrainingSpec:
    rng = np.random.default_rng(0)
    labels = (np.arange(n) % 4 == 0).astype(np.int8)
    words = np.array(WORDS.split())
    texts = [" ".join(rng.choice(words, rng.integers(2, 12))) + (" mac apple" if one else "") for one in labels]
    tokens = tokenise(texts, loading.load_tokenizer(str(tiny)), config.max_tokens)
    return TrainingSpec(tokens, np.arange(n), labels, config, 0, steps or count_steps(n, config), "fingerprint")


@pytest.fixture
def exact() -> Iterator[Accelerator]:
    """fp32 whatever the processor can do: for comparisons digit by digit. Accelerate keeps one state per process."""
    AcceleratorState._reset_state(reset_partial_state=True)
    yield Accelerator(mixed_precision="no")
    AcceleratorState._reset_state(reset_partial_state=True)


def taught(tiny: Path, folder: Path, spec: TrainingSpec, accelerator: Accelerator | None = None, **more):
    model = loading.load_classifier(str(tiny), seed=0)
    reporter = ProgressReporter(lambda: False, lambda progress: None)
    accelerator = accelerator or claim_accelerator()
    return model, train(model, spec, folder=folder, accelerator=accelerator, reporter=reporter, **more)


def reference_loop(
    tiny: Path, spec: TrainingSpec, rates: list[float]
) -> tuple[torch.nn.Module, np.ndarray, list[float]]:
    """A usual fine-tuning loop: no Accelerate and no optimisations."""
    torch.manual_seed(0)
    model = AutoModelForSequenceClassification.from_pretrained(tiny, num_labels=2)
    model.load_state_dict(loading.load_classifier(str(tiny), seed=0).state_dict())
    model.train()
    vectors = [w for w in model.parameters() if w.ndim == 1]
    matrices = [w for w in model.parameters() if w.ndim > 1]
    optimizer = torch.optim.AdamW(
        [{"params": matrices, "weight_decay": 0.01}, {"params": vectors, "weight_decay": 0.0}], lr=1e-3, foreach=False
    )
    probs, losses = np.full((3, len(spec.places)), np.nan), []
    for epoch in range(3):
        for rows in training_batches(spec.tokens.lengths, batch_size=8, seed=0, epoch=epoch):
            for group in optimizer.param_groups:
                group["lr"] = rates[len(losses)]
            logits = model(**spec.tokens.batch(rows)).logits
            probs[epoch, rows] = logits.detach().softmax(1)[:, 1]
            loss = torch.nn.functional.cross_entropy(logits, torch.tensor(spec.labels[rows], dtype=torch.long))
            optimizer.zero_grad()
            loss.backward()
            torch.nn.utils.clip_grad_norm_(model.parameters(), 0.5)
            optimizer.step()
            losses.append(float(loss.detach()))
    return model, probs, losses


def test_it_trains_like_the_reference_loop(tiny: Path, tmp_path: Path, exact: Accelerator) -> None:
    spec = make_spec(tiny)
    losses: list[float] = []

    def noted(logits: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
        loss = torch.nn.functional.cross_entropy(logits, labels)
        losses.append(float(loss.detach()))
        return loss

    model, trained = taught(tiny, tmp_path, spec, exact, loss=noted)
    rates = [5e-4, 1e-3, *(1e-3 * (18 - step) / 16 for step in range(2, 18))]  # 18 steps, 2 of them warm-up
    reference, probs, reference_losses = reference_loop(tiny, spec, rates)
    np.testing.assert_allclose(losses, reference_losses, rtol=1e-4)
    np.testing.assert_allclose(trained.pos_probs, probs, atol=1e-4)
    for (name, ours), theirs in zip(model.named_parameters(), reference.parameters(), strict=True):
        torch.testing.assert_close(ours, theirs, rtol=1e-2, atol=2e-4, msg=name)


def test_a_batch_of_long_texts_goes_through_in_parts(
    tiny: Path, tmp_path: Path, exact: Accelerator, monkeypatch: pytest.MonkeyPatch
) -> None:
    spec = make_spec(tiny)
    whole, trained = taught(tiny, tmp_path / "whole", spec, exact)
    monkeypatch.setattr(steps, "STEP_TOKENS", 20)
    parts, trained_in_parts = taught(tiny, tmp_path / "parts", spec, exact)
    np.testing.assert_allclose(trained_in_parts.pos_probs, trained.pos_probs, atol=1e-4)
    for (name, ours), theirs in zip(parts.named_parameters(), whole.parameters(), strict=True):
        torch.testing.assert_close(ours, theirs, rtol=1e-2, atol=2e-4, msg=name)


def test_the_rate_rises_and_falls_linearly() -> None:
    weight = torch.nn.Parameter(torch.zeros(1))
    optimizer = torch.optim.SGD([weight], lr=1.0)
    schedule = get_linear_schedule_with_warmup(optimizer, 10, 100)
    usual = []
    for _ in range(100):
        usual.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        schedule.step()
    ours = [rate_share(step, 100, 0.1) for step in range(100)]
    np.testing.assert_allclose(ours[10:], usual[10:])
    np.testing.assert_allclose(ours[:10], usual[1:11])  # a step earlier: the usual first step does nothing
    assert rate_share(0, 1, 0.9) == 1.0 and rate_share(0, 5, 0.0) == 1.0


def test_the_dynamics_are_each_epochs_own_probabilities(tiny: Path, tmp_path: Path) -> None:
    spec = make_spec(tiny)
    _, trained = taught(
        tiny, tmp_path, spec, epoch_validation=lambda model: {"validation": {"training": model.training}}
    )
    assert trained.pos_probs.shape == (3, 44) and not np.isnan(trained.pos_probs).any()
    assert [record["epoch"] for record in trained.history] == [1, 2, 3]
    assert [record["step"] for record in trained.history] == [6, 12, 18]
    last = trained.history[-1]["train"]
    assert last["recall"] == np.mean(trained.pos_probs[2][spec.labels == 1] >= 0.5)
    assert last["nll_negatives"] == pytest.approx(-np.log(1 - trained.pos_probs[2][spec.labels == 0]).mean(), rel=1e-5)
    assert last["recall_at_prior"] == np.mean(trained.pos_probs[2][spec.labels == 1] >= 0.25)


def test_word_embeddings_stay_when_frozen(tiny: Path, tmp_path: Path) -> None:
    before = loading.load_encoder(str(tiny)).embeddings.word_embeddings.weight
    frozen, _ = taught(tiny, tmp_path / "a", make_spec(tiny, replace(CONFIG, freeze_word_embeddings=True)))
    free, _ = taught(tiny, tmp_path / "b", make_spec(tiny))
    assert torch.equal(frozen.bert.embeddings.word_embeddings.weight, before)
    assert not torch.equal(free.bert.embeddings.word_embeddings.weight, before)


def test_equal_steps_end_within_an_epoch(tiny: Path, tmp_path: Path) -> None:
    config = replace(CONFIG, equal_steps=True)
    assert count_steps(44, config, [16, 44]) == 6
    assert count_steps(44, CONFIG, [16, 44]) == 18
    assert count_steps(16, config, [16, 44]) == 6
    spec = make_spec(tiny, config, steps=8)
    _, trained = taught(tiny, tmp_path, spec)
    assert spec.epochs == 2 and trained.pos_probs.shape == (2, 44)
    assert trained.history[-1]["step"] == 8
    assert 0 < np.isnan(trained.pos_probs[1]).sum() < 44
    seen = trained.history[-1]["train"]
    assert seen["n_positives"] + seen["n_negatives"] == 44 - np.isnan(trained.pos_probs[1]).sum()


def test_padded_tokens_are_counted_by_step(tiny: Path) -> None:
    spec = make_spec(tiny)
    batches = [batch for epoch in range(3) for batch in spec.batches(epoch)]
    sizes = [spec.tokens.batch(spec.places[rows])["input_ids"].numel() for rows in batches]
    assert [spec.padded_tokens(steps) for steps in (0, 1, 7, 18)] == [sum(sizes[:n]) for n in (0, 1, 7, 18)]
