"""The positive class by name or number, and the log-odds of K outputs."""

from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy.special import log_softmax, softmax

from closecall.data.io.errors import UserError
from closecall.models.integrations.classes import Classes, find_classes
from closecall.models.integrations.splits import Split


def split(labels: list[object], names: tuple[str, ...] = ()) -> Split:
    ids = [str(row) for row in range(len(labels))]
    return Split("test", [], ids, ids, labels, pd.DataFrame(), names)


def config(names: dict[int, str] | None = None, **more: object) -> SimpleNamespace:
    own = names or {0: "LABEL_0", 1: "LABEL_1"}
    return SimpleNamespace(id2label=own, label2id={name: key for key, name in own.items()}, **more)


NAMED = config({0: "negative", 1: "positive"})


@pytest.mark.parametrize(
    ("labels", "names", "model", "positive", "value", "found"),
    [
        ([0, 1], ("ham", "spam"), config(), "spam", 1, "spam"),
        ([0, 1], ("ham", "spam"), config(), "SPAM", 1, "spam"),
        ([0, 1], ("ham", "spam"), config(), 0, 0, "ham"),
        ([0, 1], (), NAMED, "positive", 1, "positive"),
        ([0, 1], (), config(), "1", 1, "1"),
        ([0.0, 1.0], (), config(), 1, 1, "1"),
        (["ham", "spam"], (), config({0: "spam", 1: "ham"}), "spam", "spam", "spam"),
        ([0, 2, 3], ("a", "b", "c", "d"), config(), "c", 2, "c"),
    ],
)
def test_the_positive_class(labels, names, model, positive, value, found) -> None:
    classes = find_classes([split(labels, names)], model, 4, positive)
    assert (classes.positive, classes.positive_name) == (value, found)
    assert classes.output == (model.label2id[value] if isinstance(value, str) else value)


@pytest.mark.parametrize(
    ("labels", "model", "outputs", "positive", "words"),
    [
        ([0, 1], config(), 2, "spam", "classes are 0, 1"),
        (["ham", "spam"], config(), 2, "spam", "label2id"),
        ([0, 5], config(), 2, 5, "2 outputs"),
        ([0.5, 1], config(), 2, 1, "whole numbers"),
        ([0, None], config(), 2, 0, "no label"),
        ([0, 1], config(problem_type="multi_label_classification"), 2, 1, "problem_type"),
    ],
)
def test_what_does_not_fit_is_refused(labels, model, outputs, positive, words) -> None:
    with pytest.raises(UserError, match=words):
        find_classes([split(labels)], model, outputs, positive)


FINITE = st.floats(-30, 30, width=32)


@given(arrays(np.float32, (5, 4), elements=FINITE), st.integers(0, 3))
def test_the_log_odds_of_k_outputs_are_those_of_the_softmax(logits: np.ndarray, positive: int) -> None:
    classes = Classes({value: str(value) for value in range(4)}, positive, positive, 4)
    two = classes.two_logits(logits)
    own = logits.astype(float)
    np.testing.assert_allclose(softmax(two, axis=1)[:, 1], softmax(own, axis=1)[:, positive], rtol=1e-9)
    np.testing.assert_allclose(log_softmax(two, axis=1)[:, 1], log_softmax(own, axis=1)[:, positive], atol=1e-12)


@given(arrays(np.float32, (5, 2), elements=FINITE))
def test_two_outputs_stay_as_they_are(logits: np.ndarray) -> None:
    for positive in (0, 1):
        classes = Classes({0: "a", 1: "b"}, positive, positive, 2)
        assert np.array_equal(classes.two_logits(logits).astype(np.float32), logits[:, [1 - positive, positive]])


def test_one_output_is_a_log_odds() -> None:
    logits = np.array([[2.0], [-1.0]])
    for positive, sign in ((1, 1), (0, -1)):
        two = Classes({0: "a", 1: "b"}, positive, positive, 1).two_logits(logits)
        assert (two[:, 1] - two[:, 0]).tolist() == [2.0 * sign, -1.0 * sign]
