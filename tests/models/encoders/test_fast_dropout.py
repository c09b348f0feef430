import numpy as np
import pytest
import torch
from torch import nn

from closecall.models.encoders.fast_dropout import QuickDropout, quick_dropout


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


def test_within_the_mode_modules_and_functions_use_it() -> None:
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
