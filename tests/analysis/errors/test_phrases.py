"""Phrases: the same words as a text is cut into, one after the other."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from closecall.analysis.errors.ngrams import holds_phrase
from closecall.analysis.text import words

TEXTS = st.text(alphabet="ab'’ \n.,_9äß\u05d0İΣ\U0001f600\x00-", max_size=30)


def test_whole_words_in_any_case_with_anything_between() -> None:
    texts = ["My SCSI-drive", "scsi\n\ndrive", "scsidrive", "scsi's drive", "drive scsi", "the Scsi drives", ""]
    assert holds_phrase(texts, "scsi drive").tolist() == [True, True, False, False, False, False, False]
    assert holds_phrase(texts, " SCSI! ").tolist() == [True, True, False, False, True, True, False]
    assert holds_phrase(["don't", "don t", "don''t"], "don't").tolist() == [True, False, False]
    assert holds_phrase(["rock'n'roll", "rock 'n' roll", "roll’n"], "n").tolist() == [False, True, False]
    assert holds_phrase([], "x").shape == (0,)
    with pytest.raises(ValueError, match="at least one"):
        holds_phrase(texts, "?!")


def test_signs_in_a_phrase_are_not_a_pattern() -> None:
    assert holds_phrase(["a.b", "axb", "a b"], "a.b").tolist() == [True, False, True]


@settings(max_examples=300)
@given(TEXTS, st.data())
def test_a_phrase_matches_exactly_where_the_split_words_contain_it(text: str, data: st.DataObject) -> None:
    found = words(text)
    pool = [*found, "a", "b", "ab", "a'b"]
    phrase = data.draw(st.lists(st.sampled_from(pool), min_size=1, max_size=3))
    here = any(found[i : i + len(phrase)] == phrase for i in range(len(found)))
    assert holds_phrase([text], " ".join(phrase)).tolist() == [here]
