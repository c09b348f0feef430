"""The rows of a check, against counts made by hand and planted embeddings."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from closecall.analysis.causes.separability import overlap, separability
from closecall.analysis.formatting import share_text
from closecall.models.explain.dataset_measures import (
    class_row,
    class_table,
    closeness_row,
    copies_row,
    curve_row,
    headline,
    length_row,
    purity_row,
    size_row,
    words_row,
)


def embedded(distance: float, *, per_class: int = 150, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Normal embeddings in ten dimensions, whose class centres are this far apart, and the labels."""
    labels = np.arange(2 * per_class) % 2
    embeddings = np.random.default_rng(seed).normal(size=(2 * per_class, 10))
    embeddings[:, 0] += distance * labels
    return embeddings, labels


@pytest.mark.parametrize(
    ("distance", "answer", "beginning"),
    [
        (0.0, "yes", "The classes are not distinguishable"),
        (1.5, "yes", "The classes are close: a linear probe reaches AUC 0.8"),
        (6.0, "no", "The classes are not closer than a far control"),
    ],
)
def test_closeness_is_judged_against_the_control(distance: float, answer: str, beginning: str) -> None:
    near, far = separability(*embedded(distance)), separability(*embedded(6.0, seed=1))
    found = overlap(near, far)
    row = closeness_row(near, far, found, "distant subjects")
    assert row.answer == answer and f"{near.probe.auc.value:.3f}" in row.number and "distant subjects: " in row.number
    assert row.values["auc"][0] == near.probe.auc.value and row.values["control_auc"][0] == far.probe.auc.value
    assert headline(near, far, found, "distant subjects").startswith(beginning)


def test_a_small_but_certain_difference_is_somewhat_closer() -> None:
    near, far = separability(*embedded(2.6, per_class=400)), separability(*embedded(6.0, seed=1))
    found = overlap(near, far)
    assert found.answer == "absent" and found.difference is not None and found.difference.low > 0
    assert closeness_row(near, far, found, "others").answer == "yes"
    assert headline(near, far, found, "others").startswith("The classes are somewhat closer than a far control")


def test_without_a_control_closeness_is_not_measurable() -> None:
    near = separability(*embedded(1.5))
    row = closeness_row(near, None, overlap(near, None), "")
    assert row.answer == "not measurable" and "AUC" in row.number and "control_auc" not in row.values
    assert "without a far control" in headline(near, None, overlap(near, None), "")
    assert closeness_row(None, None, None, "").answer == purity_row(None).answer == "too few"


def test_purity_compares_with_chance() -> None:
    answers = [purity_row(separability(*embedded(distance))).answer for distance in (0.0, 8.0)]
    assert answers == ["no", "yes"]


def test_the_nearest_negative_class_is_named() -> None:
    rng = np.random.default_rng(0)
    rows = pd.DataFrame({"label": [1] * 100 + [0] * 200, "class_name": ["mac"] * 100 + ["pc", "cars"] * 100})
    centres = {"mac": [1.0, 0, 0], "pc": [0.9, 0.4, 0], "cars": [0, 0, 1.0]}
    embeddings = np.array([centres[name] for name in rows["class_name"]]) + rng.normal(scale=0.05, size=(300, 3))
    table = class_table(rows, embeddings)
    assert table is not None and table.iloc[0][["class", "errors", "expected"]].tolist() == ["pc", 100, 0.5]
    row = class_row(table)
    assert row.answer == "yes" and row.values == {"nearest": ["pc"]}
    assert row.number == "pc: 100.0 % of the positives' nearest negatives, 50.0 % of the negatives."
    assert class_table(rows.assign(class_name="pc"), embeddings) is None and class_row(None).answer == "not measurable"


def test_classes_at_random_are_not_near() -> None:
    embeddings, labels = embedded(2.0)
    names = np.where(labels == 1, "mac", np.random.default_rng(3).choice(["pc", "cars", "guns"], len(labels)))
    assert class_row(class_table(pd.DataFrame({"label": labels, "class_name": names}), embeddings)).answer == "no"


def test_the_curve_needs_both_splits() -> None:
    embeddings, labels = embedded(2.0)
    embeddings = np.hstack([embeddings, np.random.default_rng(1).normal(size=(300, 100))])  # more to learn
    rows = pd.DataFrame({"label": labels, "split": np.where(np.arange(300) % 3 == 0, "test", "train")})
    row = curve_row(rows, embeddings, n_positives=100)
    assert row.values["positives"] == row.values["sampled"] == 100 and "sample" not in row.number
    assert "From 100 to 200 training positives" in row.number
    assert 0 < row.values["recall_now"] < 1 and row.values["gain"][1] <= row.values["gain"][0] <= row.values["gain"][2]
    more = curve_row(rows, embeddings, n_positives=1_000)
    assert "From 1,000 to 2,000" in more.number and "a sample of 100" in more.number
    assert more.values["gain"][0] < row.values["gain"][0] and "would decide" not in more.number
    assert curve_row(rows.assign(split="test"), embeddings, n_positives=0).answer == "too few"
    assert curve_row(rows[:0], np.empty((0, 1)), n_positives=0).answer == "too few"


@given(
    st.lists(st.tuples(st.sampled_from("ab"), st.sampled_from("cd")), max_size=6),
    st.lists(st.sampled_from(["train", "test"]), min_size=4, max_size=4),
)
def test_leaked_test_texts_are_those_with_a_partner_in_training(
    pairs: list[tuple[str, str]], splits: list[str]
) -> None:
    examples = pd.DataFrame({"id": list("abcd"), "label": [1, 0, 1, 0], "split": splits})
    split = dict(zip("abcd", splits, strict=True))
    frame = pd.DataFrame(
        [(one, other, split[one], split[other]) for one, other in pairs],
        columns=["id", "other_id", "split", "other_split"],
    )
    row = copies_row(examples, frame)
    if set(splits) != {"train", "test"}:
        assert row.answer == "not measurable"
        return
    both = {*pairs, *((other, one) for one, other in pairs)}
    leaked = {one for one, other in both if split[one] == "test" and split[other] == "train"}
    assert row.values == {"test_positives": len(leaked & {"a", "c"}), "test_negatives": len(leaked & {"b", "d"})}
    assert row.answer == ("yes" if leaked else "no")


def test_lengths_are_counted_for_each_class() -> None:
    labels, tokens = np.r_[np.ones(10), np.zeros(90)], np.r_[np.full(8, 100), 257, 400, np.full(90, 256)]
    row = length_row(labels, tokens)
    assert row.answer == "yes" and share_text(2, 10) in row.number and share_text(0, 90) in row.number
    assert row.values == {"long": 2, "of": 100, "budget": 257} and (tokens > 257).mean() <= 0.02
    assert length_row(labels, np.full(100, 256)).answer == "no"
    assert length_row(labels, None).answer == "not measurable"


def test_what_the_test_split_can_show() -> None:
    few, many = size_row(96), size_row(2_000)
    assert few.answer == "no" and "12 points" in few.number
    assert few.values["smallest_drop"] == pytest.approx(0.12, abs=0.002)
    assert many.answer == "yes" and many.number.startswith("2,000 test positives: the smallest drop")
    assert size_row(3).values["smallest_drop"] is None and size_row(3).answer == "no"


def test_unseen_words_are_compared_with_as_many_negatives() -> None:
    rng = np.random.default_rng(0)
    usual = [" ".join(rng.choice([f"w{n}" for n in range(50)], 12)) for _ in range(400)]
    rare = [" ".join(f"r{n}" for n in rng.integers(0, 3_000, 12)) for _ in range(100)]
    parts = [(rare[:60], "train", 1), (rare[60:], "test", 1), (usual[:300], "train", 0), (usual[300:], "test", 0)]
    frames = [pd.DataFrame({"text": texts, "split": split, "label": label}) for texts, split, label in parts]
    row = words_row(pd.concat(frames))
    assert row.answer == "yes" and row.values["positives"] > 0.5 > row.values["negatives"]
    few = words_row(pd.concat([*frames[:2], frames[2][:70], frames[3]]))
    assert few.answer == "too few" and "at least 120 training negatives" in few.number
    assert words_row(frames[0]).answer == "not measurable"
