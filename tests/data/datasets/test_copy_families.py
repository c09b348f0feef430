"""Near copies at import: families stay in one drawn split, given splits are reported, giants are let go."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from closecall.data.datasets import copy_families
from closecall.data.datasets.copy_families import find_pairs, join_to_test, joined_families, leaked_note
from closecall.data.datasets.import_request import ImportRequest
from closecall.data.datasets.near_copies import families, near_copy_pairs
from closecall.data.datasets.preparation import build_dataset
from closecall.data.datasets.store import Dataset
from closecall.data.readers.columns import ColumnRoles
from closecall.data.readers.read import read_table

ALPHABET = list("abcdefghijklmnopqrstuvwxyz")


def sentence(rng: np.random.Generator, count: int = 20) -> str:
    return " ".join("".join(rng.choice(ALPHABET, 6)) for _ in range(count))


def posts(positives: list[int], negatives: list[int], seed: int = 0) -> pd.DataFrame:
    """Texts with labels; each number is the size of a family of near copies, which differ in the last word."""
    rng = np.random.default_rng(seed)
    rows = []
    for label, sizes in (("pos", positives), ("neg", negatives)):
        for size in sizes:
            base = sentence(rng)
            rows += [(f"{base} {sentence(rng, 1)}", label) for _ in range(size)]
    return pd.DataFrame(rows, columns=["text", "label"])


def imported(frame: pd.DataFrame, join_copies: bool = False, **columns: str) -> Dataset:
    table = read_table(frame.to_csv(index=False).encode(), "posts.csv")
    roles = ColumnRoles(text="text", label="label", **columns)
    return build_dataset(table, ImportRequest(roles, ("pos",), name="posts", title="Posts", join_copies=join_copies))


def crossing(examples: pd.DataFrame) -> int:
    pairs = near_copy_pairs(examples["text"])
    splits = examples["split"].to_numpy()
    return int((splits[pairs["first"]] != splits[pairs["second"]]).sum())


def with_copies_across(tests: int = 3) -> pd.DataFrame:
    """Families of two, the first of each in train and the second in test, and enough other rows."""
    frame = posts([2] * tests + [1] * 20, [1] * 40)
    splits = np.resize(["train", "train", "test", "validation"], len(frame)).astype(object)
    splits[: 2 * tests : 2], splits[1 : 2 * tests : 2] = "train", "test"
    return frame.assign(part=splits)


def test_families_stay_in_one_split_and_the_report_counts_them() -> None:
    dataset = imported(posts([3] * 5 + [1] * 35, [2] * 30 + [1] * 100))
    assert crossing(dataset.examples) == 0
    assert dataset.info.notes == (
        "Near copies (texts that share at least half of their 5-character sequences): 75 texts in 35 families; "
        "the largest has 3.",
    )


@settings(max_examples=10, deadline=None)
@given(
    st.lists(st.sampled_from([1, 1, 2, 3]), min_size=20, max_size=40),
    st.lists(st.sampled_from([1, 1, 2, 4]), min_size=25, max_size=60),
)
def test_any_small_families_stay_together_and_both_labels_keep_their_shares(
    positives: list[int], negatives: list[int]
) -> None:
    examples = imported(posts(positives, negatives)).examples
    assert crossing(examples) == 0
    for label in (0, 1):
        tested = (examples.loc[examples["label"] == label, "split"] == "test").mean()
        assert tested == pytest.approx(0.35, abs=0.1)


def test_without_near_copies_nothing_is_said() -> None:
    assert imported(posts([1] * 20, [1] * 40)).info.notes == ()


def test_given_splits_stay_and_test_texts_with_a_near_copy_in_training_are_counted() -> None:
    frame = with_copies_across()
    dataset = imported(frame, split="part")
    assert dataset.examples["split"].tolist() == frame["part"].tolist()
    tested = (frame["part"] == "test").sum()
    assert dataset.info.notes[-1].startswith(f"Test texts with a near copy in training: 3 of {tested}.")


def test_a_split_that_is_drawn_beside_given_ones_keeps_families_together() -> None:
    frame = posts([2] * 10 + [1] * 20, [3] * 20 + [1] * 40)
    frame["part"] = np.where(np.arange(len(frame)) % 7 == 0, "test", "train")
    examples = imported(frame, split="part").examples
    pairs = near_copy_pairs(examples["text"])
    ends = examples["split"].to_numpy(dtype=object)[pairs[["first", "second"]].to_numpy()]
    splits = [set(pair) for pair in ends]
    assert splits and {"train", "validation"} not in splits


def test_training_texts_move_to_the_test_split_of_their_near_copies_on_request() -> None:
    dataset = imported(with_copies_across(), join_copies=True, split="part")
    assert crossing(dataset.examples) == 0
    assert dataset.examples["split"].head(6).tolist() == ["test"] * 6
    assert "Texts moved to test or validation because a near copy is there: 3." in dataset.info.notes
    assert not any("Test texts with a near copy" in note for note in dataset.info.notes)


def test_what_is_strongest_wins_and_other_rows_stay() -> None:
    frame = pd.DataFrame({"split": ["train", "validation", "test", "train", "validation", "train", ""]})
    pairs = pd.DataFrame({"first": [0, 1, 3], "second": [1, 2, 4], "jaccard": 0.9})
    moved, notes = join_to_test(frame, pairs)
    assert moved["split"].tolist() == ["test", "test", "test", "validation", "validation", "train", ""]
    assert notes == ["Texts moved to test or validation because a near copy is there: 3."]
    assert join_to_test(frame, pairs.head(0)) == (frame, [])


@pytest.mark.parametrize("positives", [[30] + [1] * 10, [40], [2, 2]])
def test_a_family_too_large_for_the_splits_is_let_go_and_the_report_says_so(positives: list[int]) -> None:
    dataset = imported(posts(positives, [1] * 60))
    assert set(dataset.examples.loc[dataset.examples["label"] == 1, "split"]) == {"train", "validation", "test"}
    assert any("not kept in one split" in note for note in dataset.info.notes)
    if sum(positives) > 4:
        assert any(note.startswith("Test texts with a near copy in training") for note in dataset.info.notes)


def test_groups_that_families_would_chain_into_a_giant_are_let_go() -> None:
    frame = posts([10] + [1] * 30, [1] * 60)
    frame["group"] = [f"g{n // 4}" if n >= 10 else f"g{n + 3}" for n in range(len(frame))]
    examples = frame.assign(label=(frame["label"] == "pos").astype(int))
    names, notes = joined_families(examples, near_copy_pairs(frame["text"]))
    assert (names == "").all() and notes[0].startswith("10 near copies were not kept in one split")
    alone, none = joined_families(examples.assign(group=""), near_copy_pairs(frame["text"]).head(2))
    assert (alone != "").sum() >= 3 and none == []


def test_too_many_texts_are_not_compared_and_the_report_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(copy_families, "MOST_TEXTS", 59)
    dataset = imported(posts([2] * 10, [1] * 40))
    assert dataset.info.notes == (
        "Near copies were not looked for: 60 texts are more than 59. Some may be in both training and test.",
    )


def test_the_leak_counts_each_test_text_once() -> None:
    examples = pd.DataFrame({"split": ["test", "train", "train", "test", "validation"]})
    pairs = pd.DataFrame({"first": [0, 0, 3], "second": [1, 2, 4], "jaccard": 0.9})
    assert leaked_note(examples, pairs)[0].startswith("Test texts with a near copy in training: 1 of 2.")
    assert leaked_note(examples, pairs.tail(1)) == []


def test_one_family_is_singular() -> None:
    pairs, notes = find_pairs(posts([2], [1] * 3))
    assert families(pairs, 5).max() == 3 and "2 texts in 1 family; the largest has 2." in notes[0]
