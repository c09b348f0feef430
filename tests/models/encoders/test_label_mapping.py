from types import SimpleNamespace

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from closecall.data.datasets.store import DatasetInfo
from closecall.data.io.errors import UserError
from closecall.data.predictions.classes import Classes, positive_outputs
from closecall.models.encoders.label_mapping import class_logits, log_odds, positive_output

INFO = DatasetInfo(
    "posts", "Posts", positive_classes=("comp.sys.mac",), negative_classes=("comp.sys.ibm", "sci.electronics")
)


@pytest.mark.parametrize(
    ("names", "index"),
    [
        ({0: "comp.sys.ibm", 1: "comp.sys.mac"}, 1),
        ({0: "Comp Sys-Mac", 1: "other"}, 0),
        ({0: "rest", 1: "comp.sys.mac"}, 1),
        ({0: "SCI.ELECTRONICS", 1: "rest"}, 1),
        ({0: "rest", 1: "comp.sys.ibm"}, 0),
        ({0: "NEGATIVE", 1: "POSITIVE"}, 1),
        ({0: "positive", 1: "negative"}, 0),
        ({"0": "pos", "1": "neg"}, 0),
    ],
)
def test_names_tell_the_positive_output(names: dict, index: int) -> None:
    side = positive_output(SimpleNamespace(id2label=names), INFO)
    assert (side.indices, side.outputs, side.sigmoid, side.assumption) == ((index,), 2, False, "")


@pytest.mark.parametrize(
    "names",
    [{0: "LABEL_0", 1: "LABEL_1"}, {0: "comp.sys.mac", 1: "comp.sys.mac"}, {0: "", 1: ""}, {0: "1", 1: "0"}, {}],
)
def test_otherwise_the_second_output_is_positive_with_a_note(names: dict) -> None:
    side = positive_output(SimpleNamespace(id2label=names), INFO)
    assert side.indices == (1,) and "second is taken as positive" in side.assumption


@pytest.mark.parametrize(("names", "index"), [(("Yes", "No"), 0), (("false", "TRUE"), 1), (("t", "f"), 0)])
def test_a_word_for_yes_is_positive_with_a_note_as_in_imported_predictions(names: tuple, index: int) -> None:
    side = positive_output(head(*names), INFO)
    assert side.indices == (index,) and f"{names[index]} is taken as positive" in side.assumption
    labels = Classes(positives=("mac",), negatives=("pc",))
    assert positive_outputs(names, labels).positive.tolist() == [i == index for i in (0, 1)]


def head(*names: str, problem_type: str | None = None) -> SimpleNamespace:
    return SimpleNamespace(id2label=dict(enumerate(names)), problem_type=problem_type)


def numbered(positive: str, *negative: str) -> DatasetInfo:
    return DatasetInfo("n", "N", positive_classes=(positive,), negative_classes=negative)


@pytest.mark.parametrize(
    ("info", "outputs", "index"),
    [
        (numbered("1", "0"), 2, 1),
        (numbered("0", "1"), 2, 0),
        (numbered("0.0", "1.0"), 2, 0),
        (numbered("3", "0", "1", "2", "4"), 5, 3),
    ],
)
def test_a_numbered_output_is_the_class_of_that_number(info: DatasetInfo, outputs: int, index: int) -> None:
    found = positive_output(head(*(f"LABEL_{i}" for i in range(outputs))), info)
    assert (found.indices, found.assumption) == ((index,), "")


def test_of_many_outputs_those_named_as_positive_count() -> None:
    info = DatasetInfo("p", "P", positive_classes=("mac", "amiga"), negative_classes=("pc", "unix"))
    found = positive_output(head("pc", "Amiga", "unix", "mac"), info)
    assert (found.indices, found.name, found.outputs, found.sigmoid) == ((1, 3), "Amiga + mac", 4, False)
    with pytest.raises(UserError, match=r"3 outputs \(a, b, c\).*--positive"):
        positive_output(head("a", "b", "c"), info)


def test_outputs_are_chosen_by_name_or_number() -> None:
    outputs = head("a", "b", "7", "d")
    assert positive_output(outputs, INFO, ["D", "0"]).indices == (0, 3)
    assert positive_output(outputs, INFO, ["7"]).indices == (2,)  # a name before a number
    assert positive_output(head("LABEL_0", "LABEL_1"), INFO, ["0"]).assumption == ""
    for chosen, sentence in ((["e"], "no output e"), (["4"], "no output 4"), (["a", "b", "7", "d"], "Every output")):
        with pytest.raises(UserError, match=sentence):
            positive_output(outputs, INFO, chosen)


def test_a_multi_label_head_is_read_by_one_label() -> None:
    many = head("pc", "comp.sys.mac", "unix", problem_type="multi_label_classification")
    assert (positive_output(many, INFO).indices, positive_output(many, INFO).sigmoid) == ((1,), True)
    assert positive_output(many, INFO, ["unix"]).indices == (2,)
    with pytest.raises(UserError, match="name one"):
        positive_output(many, INFO, ["pc", "unix"])
    # the label beside a negative class is not its complement
    with_negative = head("comp.sys.ibm", "other", problem_type="multi_label_classification")
    assert positive_output(with_negative, INFO).assumption != ""


def test_one_output_is_a_log_odds_unless_it_is_a_regression() -> None:
    found = positive_output(head("LABEL_0"), INFO)
    assert (found.indices, found.outputs, found.sigmoid) == ((0,), 1, True) and "log-odds" in found.assumption
    assert positive_output(head("LABEL_0"), INFO, ["0"]).indices == (0,)
    with pytest.raises(UserError, match="no output 1"):
        positive_output(head("LABEL_0"), INFO, ["1"])
    with pytest.raises(UserError, match="regression"):
        positive_output(head("LABEL_0", problem_type="regression"), INFO)


LOGITS = arrays(np.float32, (3, 4), elements=st.floats(-30, 30, width=32))


@settings(max_examples=25)
@given(LOGITS, st.sets(st.integers(0, 3), min_size=1, max_size=3))
def test_probabilities_of_the_positive_outputs_are_added(logits: np.ndarray, positive: set[int]) -> None:
    indices = tuple(sorted(positive))
    shares = torch.from_numpy(logits).double().softmax(1)[:, list(indices)].sum(1).numpy()
    pair = torch.from_numpy(class_logits(logits, indices)).double().softmax(1)[:, 1].numpy()
    np.testing.assert_allclose(pair, shares, atol=1e-5)
    np.testing.assert_allclose(1 / (1 + np.exp(-log_odds(logits, indices))), shares, atol=1e-5)


@settings(max_examples=25)
@given(LOGITS, st.integers(0, 3))
def test_a_sigmoid_head_is_read_output_by_output(logits: np.ndarray, index: int) -> None:
    expected = torch.from_numpy(logits[:, index]).double().sigmoid().numpy()
    np.testing.assert_allclose(1 / (1 + np.exp(-log_odds(logits, (index,), sigmoid=True))), expected, atol=1e-6)
    np.testing.assert_array_equal(log_odds(logits[:, [index]], (0,)), logits[:, index].astype(np.float64))


@settings(max_examples=25)
@given(LOGITS, st.integers(0, 1))
def test_two_outputs_under_a_softmax_stay_as_they_are(logits: np.ndarray, index: int) -> None:
    np.testing.assert_array_equal(class_logits(logits[:, :2], (index,)), logits[:, [1 - index, index]])


def test_a_worked_example() -> None:
    logits = np.log(np.array([[0.2, 0.5, 0.3]]))
    np.testing.assert_allclose(log_odds(logits, (0, 2)), 0.0, atol=1e-12)  # .2 + .3 against .5
    np.testing.assert_allclose(log_odds(np.array([[1.0, 3.0]]), (0,), sigmoid=True), 1.0)  # a softmax would say -2
