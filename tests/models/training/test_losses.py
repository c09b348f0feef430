"""Losses against closed forms, independent implementations and finite differences."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from closecall.data.experiments.remedies import REMEDIES
from closecall.models.training.losses import (
    class_balanced,
    dice,
    focal,
    inverse_frequencies,
    logit_adjusted,
    loss_of,
    weighted,
)
from closecall.models.training.steps import cross_entropy

LABELS = np.r_[np.ones(3), np.zeros(30)].astype(np.int8)
CHANGED = [one.name for one in REMEDIES if one.kind == "loss"]
NOT_MONOTONE: tuple[str, ...] = ()
"""Losses that by design rise again for very confident correct predictions, such as label smoothing."""
batches = st.integers(1, 12).flatmap(
    lambda n: st.tuples(
        st.lists(st.tuples(st.floats(-9, 9), st.floats(-9, 9)), min_size=n, max_size=n),
        st.lists(st.integers(0, 1), min_size=n, max_size=n),
    )
)


def tensors(batch) -> tuple[torch.Tensor, torch.Tensor]:
    return torch.tensor(batch[0], dtype=torch.float64), torch.tensor(batch[1])


def probs(logits: torch.Tensor) -> np.ndarray:
    exps = np.exp(logits.numpy() - logits.numpy().max(axis=1, keepdims=True))
    return exps / exps.sum(axis=1, keepdims=True)


@pytest.mark.parametrize("remedy", CHANGED)
def test_gradients_are_those_of_finite_differences(remedy: str) -> None:
    torch.manual_seed(0)
    logits = (3 * torch.randn(7, 2, dtype=torch.float64)).requires_grad_()
    labels = torch.tensor([0, 1, 0, 0, 1, 0, 1])
    loss = loss_of(remedy, LABELS)
    assert torch.autograd.gradcheck(lambda z: loss(z, labels), (logits,))


@pytest.mark.parametrize("remedy", CHANGED)
def test_sure_answers_give_finite_losses_and_gradients(remedy: str) -> None:
    """Float32 as in training: a logit of 80 is a probability of exactly 0 or 1."""
    logits = torch.tensor([[80.0, -80.0], [-80.0, 80.0], [80.0, -80.0], [-80.0, 80.0]], requires_grad=True)
    loss = loss_of(remedy, LABELS)(logits, torch.tensor([0, 1, 1, 0]))
    loss.backward()
    assert torch.isfinite(loss) and torch.isfinite(logits.grad).all()


@pytest.mark.parametrize("remedy", CHANGED)
def test_a_mean_over_examples_may_be_taken_in_parts(remedy: str) -> None:
    torch.manual_seed(1)
    logits, labels = torch.randn(10, 2, dtype=torch.float64), torch.arange(10) % 3 == 0
    loss, labels = loss_of(remedy, LABELS), labels.long()
    parts = [loss(logits[rows], labels[rows]) * len(rows) / 10 for rows in torch.arange(10).split(4)]
    assert float(sum(parts)) == pytest.approx(float(loss(logits, labels)))


@pytest.mark.parametrize("remedy", [one for one in CHANGED if one not in NOT_MONOTONE])
def test_every_loss_decreases_as_the_true_class_becomes_likelier(remedy: str) -> None:
    loss = loss_of(remedy, LABELS)
    for label in (0, 1):
        sure = [[z, -z] if label == 0 else [-z, z] for z in (-3.0, -1.0, 0.0, 1.0, 3.0)]
        values = [float(loss(torch.tensor([one]), torch.tensor([label]))) for one in sure]
        assert values == sorted(values, reverse=True)


@settings(deadline=None, max_examples=60)
@given(batches)
def test_weighted_is_torchs_own_but_for_the_divisor(batch) -> None:
    logits, labels = tensors(batch)
    weights = torch.tensor([0.55, 5.5], dtype=torch.float64)
    theirs = torch.nn.functional.cross_entropy(logits, labels, weight=weights, reduction="sum") / len(labels)
    torch.testing.assert_close(weighted(weights.numpy())(logits, labels), theirs)


@settings(deadline=None, max_examples=60)
@given(batches, st.floats(0, 5))
def test_focal_is_its_closed_form_and_at_zero_cross_entropy(batch, gamma: float) -> None:
    logits, labels = tensors(batch)
    right = probs(logits)[np.arange(len(labels)), labels.numpy()]
    expected = np.mean((1 - right) ** gamma * -np.log(right))
    assert float(focal(gamma)(logits, labels)) == pytest.approx(expected, rel=1e-6, abs=1e-12)
    torch.testing.assert_close(focal(0.0)(logits, labels), cross_entropy(logits, labels))


@settings(deadline=None, max_examples=60)
@given(batches)
def test_focal_is_the_sigmoid_form_of_the_detection_libraries(batch) -> None:
    """torchvision's sigmoid_focal_loss without alpha, on the log-odds, written out."""
    logits, labels = tensors(batch)
    odds, truth = logits[:, 1] - logits[:, 0], labels.double()
    p = torch.sigmoid(odds)
    ce = torch.nn.functional.binary_cross_entropy_with_logits(odds, truth, reduction="none")
    p_t = p * truth + (1 - p) * (1 - truth)
    torch.testing.assert_close(focal()(logits, labels), (ce * (1 - p_t) ** 2).mean(), rtol=1e-6, atol=1e-12)


@settings(deadline=None, max_examples=60)
@given(batches, st.floats(0.01, 0.99))
def test_logit_adjusted_is_the_softmax_with_priors(batch, share: float) -> None:
    logits, labels = tensors(batch)
    shares = np.array([1 - share, share])
    scaled = probs(logits) * shares
    expected = -np.log((scaled / scaled.sum(axis=1, keepdims=True))[np.arange(len(labels)), labels.numpy()]).mean()
    assert float(logit_adjusted(shares)(logits, labels)) == pytest.approx(expected)
    torch.testing.assert_close(logit_adjusted(shares, tau=0.0)(logits, labels), cross_entropy(logits, labels))


@settings(deadline=None, max_examples=60)
@given(batches)
def test_dice_is_its_closed_form_between_0_and_1(batch) -> None:
    logits, labels = tensors(batch)
    p, y = probs(logits)[:, 1], labels.numpy()
    damped = (1 - p) ** 0.01 * p
    expected = np.mean(1 - (2 * damped * y + 1) / (damped + y + 1))
    assert float(dice()(logits, labels)) == pytest.approx(expected, rel=1e-6, abs=1e-9)
    assert 0 <= float(dice()(logits, labels)) < 1


def test_weights_on_worked_numbers() -> None:
    counts = np.array([1000.0, 100.0])
    np.testing.assert_allclose(inverse_frequencies(counts), [0.55, 5.5])
    effective = (1 - 0.999**counts) / 0.001  # 632.3 and 95.2 effective examples
    np.testing.assert_allclose(effective, [632.3, 95.2], atol=0.05)
    np.testing.assert_allclose(class_balanced(counts), 2 * (1 / effective) / (1 / effective).sum())
    assert class_balanced(counts).mean() == pytest.approx(1) and class_balanced(counts)[1] > class_balanced(counts)[0]


@given(st.integers(1, 10**6), st.integers(1, 10**6))
def test_weights_by_property(negatives: int, positives: int) -> None:
    counts = np.array([negatives, positives], dtype=np.float64)
    own = inverse_frequencies(counts)
    assert own @ counts == pytest.approx(counts.sum())  # the mean loss keeps its size
    np.testing.assert_allclose(own * counts, counts.sum() / 2)  # both classes weigh the same
    np.testing.assert_allclose(class_balanced(counts, beta=0.0), [1, 1])  # no overlap of examples: no weights
    nearly = class_balanced(counts, beta=1 - 1e-9)
    np.testing.assert_allclose(nearly / nearly.sum(), own / own.sum(), rtol=1e-2)  # none ever saturates: inverse counts


def test_what_changes_no_loss_is_cross_entropy() -> None:
    assert {loss_of(one, LABELS) for one in ("none", "over-sampling", "under-sampling")} == {cross_entropy}
    assert all(loss_of(one, LABELS) is not cross_entropy for one in CHANGED) and "focal" in CHANGED
