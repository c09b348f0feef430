"""The differences between two texts: rebuilt, worked, and by property."""

import re

from hypothesis import given, settings
from hypothesis import strategies as st

from closecall.analysis.text import differing_spans


def parts(text: str, spans: list[tuple[int, int]]) -> list[str]:
    return [text[start:end] for start, end in spans]


def without(text: str, spans: list[tuple[int, int]]) -> list[str]:
    """The words and signs outside the spans, lower case."""
    kept = "".join(" " if any(a <= place < b for a, b in spans) else letter for place, letter in enumerate(text))
    return re.findall(r"\w+|[^\w\s]", kept.lower())


def test_changed_added_and_missing_words_are_marked() -> None:
    one, other = "My mac, a Quadra 700, is dead since Monday.", "my  MAC is quite dead since Friday."
    ours, theirs = differing_spans(one, other)
    assert parts(one, ours) == [", a Quadra 700,", "Monday"] and parts(other, theirs) == ["quite", "Friday"]
    assert differing_spans("a b", "A  b") == ([], [])
    assert differing_spans("", "a b") == ([], [(0, 3)])


@settings(max_examples=30)
@given(*[st.lists(st.sampled_from(["mac", "Disk", "is", "dead", ",", "\n"]), max_size=25).map(" ".join)] * 2)
def test_what_is_not_marked_is_the_same(one: str, other: str) -> None:
    ours, theirs = differing_spans(one, other)
    assert without(one, ours) == without(other, theirs)
    for text, spans in ((one, ours), (other, theirs)):
        assert all(0 <= start < end <= len(text) for start, end in spans)
        assert spans == sorted(spans)
