"""Which texts are copies, and which rows hang together."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from closecall.data.datasets.duplicates import clusters, normalised, text_key, text_keys


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Hello  World", "hello world"),
        ("hello\n\tworld ", " hello world"),
        ("STRASSE", "straße"),
        ("ﬁne", "fine"),
        ("caf\u00e9", "cafe\u0301"),
        ("no\u00a0break", "no break"),
        ("ＦＵＬＬ width", "full width"),
    ],
)
def test_case_width_and_spacing_do_not_make_texts_differ(one: str, other: str) -> None:
    assert normalised(one) == normalised(other) and text_key(one) == text_key(other)


@pytest.mark.parametrize(("one", "other"), [("a b", "ab"), ("cafe", "café"), ("a.", "a"), ("1 2", "12"), ("", ".")])
def test_other_differences_count(one: str, other: str) -> None:
    assert text_key(one) != text_key(other)


@settings(max_examples=300)
@given(st.text())
def test_normalising_twice_changes_nothing(text: str) -> None:
    assert normalised(normalised(text)) == normalised(text)


def test_keys_are_aligned_with_texts_and_take_broken_characters() -> None:
    keys = text_keys(["a", "b", "A", "\ud800", "x" * 100_000])
    assert keys.shape == (5,) and keys[0] == keys[2] and len(set(keys)) == 4
    assert all(len(key) == 32 for key in keys)


def test_chains_of_shared_values_form_one_cluster() -> None:
    found = clusters(["a", "a", "b", "c", "d"], ["", "g", "g", "", ""])
    assert found[0] == found[1] == found[2]
    assert len({found[0], found[3], found[4]}) == 3


@settings(max_examples=200)
@given(
    st.lists(st.tuples(st.sampled_from("abcdefgh"), st.sampled_from(["", "1", "2", "3", "4"])), min_size=1, max_size=20)
)
def test_clusters_are_the_closure_of_shared_values(pairs: list[tuple[str, str]]) -> None:
    keys, groups = zip(*pairs, strict=True)
    found = clusters(keys, groups)
    reached = np.eye(len(pairs), dtype=bool)
    for i, (key, group) in enumerate(pairs):
        for j, (other_key, other_group) in enumerate(pairs):
            reached[i, j] |= key == other_key or (group != "" and group == other_group)
    for _ in pairs:
        reached = reached | (reached.astype(int) @ reached.astype(int) > 0)
    assert (reached == (found[:, None] == found[None, :])).all()
