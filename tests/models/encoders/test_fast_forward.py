"""The last layer for the first token alone against the usual forward pass, and dropout from fewer random numbers."""

import numpy as np
import pytest
import torch
from torch import nn
from transformers import (
    BertConfig,
    BertForSequenceClassification,
    DistilBertConfig,
    DistilBertForSequenceClassification,
    RobertaConfig,
    RobertaForSequenceClassification,
    XLMRobertaConfig,
    XLMRobertaForSequenceClassification,
)

from closecall.models.encoders.fast_forward import QuickDropout, first_token_only, quick_dropout

SIZES = {"vocab_size": 90, "hidden_size": 32, "num_hidden_layers": 3, "num_attention_heads": 4, "intermediate_size": 48}
NO_DROPOUT = {"hidden_dropout_prob": 0.0, "attention_probs_dropout_prob": 0.0}
KINDS = [
    (BertForSequenceClassification, BertConfig),
    (RobertaForSequenceClassification, RobertaConfig),
    (XLMRobertaForSequenceClassification, XLMRobertaConfig),
]


def make(kind, config, attention: str):
    torch.manual_seed(0)
    model = kind(config(**SIZES, **NO_DROPOUT, max_position_embeddings=40, pad_token_id=0))
    model.set_attn_implementation(attention)
    with torch.no_grad():
        for weight in model.parameters():
            if weight.ndim > 1:
                weight.mul_(5)
    return model.train()


def inputs(padded: bool) -> dict[str, torch.Tensor]:
    generator = torch.Generator().manual_seed(1)
    ids = torch.randint(5, 90, (6, 20), generator=generator)
    mask = torch.ones_like(ids)
    if padded:
        for row in range(6):
            mask[row, 4 + 3 * row :] = 0
        ids[mask == 0] = 0
    return {"input_ids": ids, "attention_mask": mask}


def gradients(model, batch: dict[str, torch.Tensor]) -> tuple[torch.Tensor, dict[str, torch.Tensor]]:
    model.zero_grad()
    logits = model(**batch).logits
    torch.nn.functional.cross_entropy(logits, torch.tensor([0, 1, 1, 0, 1, 0])).backward()
    return logits.detach(), {n: w.grad.clone() for n, w in model.named_parameters() if w.grad is not None}


@pytest.mark.parametrize("padded", [True, False])
@pytest.mark.parametrize("attention", ["sdpa", "eager"])
@pytest.mark.parametrize(("kind", "config"), KINDS)
def test_logits_and_gradients_equal_those_of_the_usual_forward_pass(kind, config, attention: str, padded: bool) -> None:
    model, batch = make(kind, config, attention), inputs(padded)
    plain_logits, plain = gradients(model, batch)
    with first_token_only(model) as short:
        logits, grads = gradients(model, batch)
        assert short
        assert model.base_model(**batch).last_hidden_state.shape == (6, 1, 32)
    torch.testing.assert_close(logits, plain_logits, rtol=1e-5, atol=1e-6)
    assert grads.keys() == plain.keys()
    for name, grad in grads.items():
        torch.testing.assert_close(grad, plain[name], rtol=1e-4, atol=1e-6, msg=name)
    assert torch.equal(model(**batch).logits, plain_logits)


def test_it_may_be_entered_twice() -> None:
    model, batch = make(*KINDS[0], "sdpa"), inputs(True)
    with first_token_only(model):
        expected = model(**batch).logits
        with first_token_only(model):
            pass
        assert torch.equal(model(**batch).logits, expected)
        assert model.base_model(**batch).last_hidden_state.shape[1] == 1
    assert model.base_model(**batch).last_hidden_state.shape[1] == 20


def test_dropout_is_as_strong_as_in_the_usual_forward_pass() -> None:
    model, batch = make(*KINDS[0], "sdpa"), inputs(True)
    for module in model.modules():
        if isinstance(module, torch.nn.Dropout):
            module.p = 0.3
    many = {name: rows.repeat(400, 1) for name, rows in batch.items()}
    torch.manual_seed(0)
    with torch.no_grad():
        plain = model(**many).logits.view(400, 6, 2)
        with first_token_only(model):
            short = model(**many).logits.view(400, 6, 2)
    torch.testing.assert_close(short.mean(0), plain.mean(0), rtol=0, atol=float(plain.std(0).max()) / 4)
    torch.testing.assert_close(short.std(0), plain.std(0), rtol=0.2, atol=0.02)


def test_other_models_are_left_as_they_are() -> None:
    model = DistilBertForSequenceClassification(DistilBertConfig(vocab_size=90, dim=32, n_layers=1, n_heads=2))
    with first_token_only(model) as short:
        assert not short
        assert model.base_model(**inputs(True)).last_hidden_state.shape[1] == 20


def test_a_failure_inside_the_context_restores_the_model() -> None:
    model = make(*KINDS[0], "sdpa")
    with pytest.raises(RuntimeError, match="on purpose"), first_token_only(model):
        raise RuntimeError("on purpose")
    assert "forward" not in vars(model.base_model.encoder.layer[-1])


@pytest.mark.parametrize("p", [0.1, 0.5, 0.9])
def test_the_share_and_the_scale_are_those_of_dropout(p: float) -> None:
    torch.manual_seed(0)
    out = quick_dropout(torch.ones(401, 997), p)
    n, dropped = out.numel(), float((out == 0).float().mean())
    assert abs(dropped - p) < 4 * np.sqrt(p * (1 - p) / n)
    assert sorted(set(out.unique().tolist())) == pytest.approx([0, 1 / (1 - p)], rel=1e-3)
    assert float(out.mean()) == pytest.approx(1, abs=0.02)


def test_elements_are_dropped_independently() -> None:
    """Neighbours share one draw of 64 bits: no lag may show."""
    torch.manual_seed(0)
    dropped = (quick_dropout(torch.ones(400_000), 0.3) == 0).double().numpy() - 0.3
    for lag in (1, 2, 3, 4, 5, 8):
        assert abs(np.mean(dropped[lag:] * dropped[:-lag])) < 4 * 0.21 / np.sqrt(400_000)
    for offset in range(4):
        assert abs(dropped[offset::4].mean()) < 4 * np.sqrt(0.21 / 100_000)


def test_gradients_pass_through_what_is_kept() -> None:
    values = torch.randn(7, 5, requires_grad=True)
    out = quick_dropout(values, 0.4)
    out.sum().backward()
    torch.testing.assert_close(values.grad * values, out)


def test_the_generator_decides() -> None:
    torch.manual_seed(3)
    state = torch.get_rng_state()
    first = quick_dropout(torch.ones(1000), 0.5)
    second = quick_dropout(torch.ones(1000), 0.5)
    torch.set_rng_state(state)
    assert torch.equal(quick_dropout(torch.ones(1000), 0.5), first)
    assert not torch.equal(first, second)


@pytest.mark.parametrize("shape", [(0,), (1,), (5,), (3, 0, 2)])
def test_odd_shapes(shape: tuple[int, ...]) -> None:
    assert quick_dropout(torch.ones(shape), 0.5).shape == shape


def test_nothing_is_dropped_outside_training_and_everything_at_one() -> None:
    ones = torch.ones(50)
    assert quick_dropout(ones, 0.5, training=False) is ones
    assert quick_dropout(ones, 0.0) is ones
    assert quick_dropout(ones, 1.0).sum() == 0


def test_inside_the_context_modules_and_functions_use_it() -> None:
    values, module = torch.ones(1000), nn.Dropout(0.5)
    torch.manual_seed(0)
    expected = quick_dropout(values, 0.5)
    with QuickDropout():
        for dropped in (module, lambda x: nn.functional.dropout(x, p=0.5, training=True)):
            torch.manual_seed(0)
            assert torch.equal(dropped(values), expected)
        assert torch.equal(module.eval()(values), values)
    torch.manual_seed(0)
    assert not torch.equal(module.train()(values), expected)
