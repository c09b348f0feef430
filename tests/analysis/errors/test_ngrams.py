"""Phrases that many texts hold: against scikit-learn, a worked example, hostile texts."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.feature_extraction.text import CountVectorizer

from closecall.analysis.errors.ngrams import (
    LONGEST_WORD,
    Phrases,
    distinctive_words,
    frequent_phrases,
    holds_phrase,
    log_odds_scores,
)
from closecall.analysis.text import WORD
from tests.makers import HOSTILE

TEXTS = st.lists(st.text(alphabet="ab'’ .Äβ\u05d0\x00\n", max_size=20), max_size=12)


@settings(max_examples=150)
@given(TEXTS, st.integers(1, 3), st.integers(1, 3))
def test_it_is_what_a_count_vectorizer_counts(texts: list[str], longest: int, at_least: int) -> None:
    found = frequent_phrases(texts, longest=longest, at_least=at_least)
    ours = {str(name): found.holds[:, [j]].toarray().ravel().tolist() for j, name in enumerate(found.names)}
    vectorizer = CountVectorizer(token_pattern=WORD.pattern, ngram_range=(1, longest), binary=True)
    try:
        counted = vectorizer.fit_transform(texts).toarray()
    except ValueError:  # no words at all
        counted = np.zeros((len(texts), 0), dtype=int)
        assert not ours
        return
    theirs = {name: counted[:, j].tolist() for name, j in vectorizer.vocabulary_.items()}
    assert ours == {name: column for name, column in theirs.items() if sum(column) >= at_least}


def test_a_found_phrase_is_the_slice_of_that_phrase() -> None:
    texts = ["The SCSI drive", "scsi-drive!", "drive, scsi", *HOSTILE, "my scsi's drive"] * 2
    found = frequent_phrases(texts, at_least=2)
    assert {"scsi", "scsi drive", "script", "alert x"} <= set(found.names)
    for j, name in enumerate(found.names):
        assert (found.holds[:, [j]].toarray().ravel() == holds_phrase(texts, name)).all()


def test_phrases_do_not_run_over_from_text_to_text_and_endless_words_are_left_out() -> None:
    found = frequent_phrases(["a b", "c", "a", "b c", "x" * (LONGEST_WORD + 1)] * 2, at_least=2)
    assert set(found.names) == {"a", "b", "c", "a b", "b c"}
    empty = frequent_phrases(["", " \x00 "], at_least=1)
    assert empty.holds.shape == (2, 0)


def test_the_words_of_a_group_rank_first() -> None:
    rng = np.random.default_rng(0)
    groups = rng.integers(0, 3, 300)
    own = ["disk", "modem", "printer"]
    texts = [
        f"the of and {own[one] if rng.random() < 0.6 else own[rng.integers(3)]} {rng.integers(5)}" for one in groups
    ]
    assert distinctive_words(frequent_phrases(texts, longest=1, at_least=5), groups, top=1) == [(one,) for one in own]


def test_the_scores_follow_the_printed_formula() -> None:
    holds = np.array([[1, 1], [1, 0], [0, 1], [0, 1]])
    from scipy.sparse import csc_array

    scores = log_odds_scores(Phrases(np.array(["x", "y"], dtype=object), csc_array(holds)), np.array([0, 0, 1, 1]))
    y, other, prior = np.array([2.0, 1.0]), np.array([0.0, 2.0]), 1000 * np.array([2.0, 3.0]) / 5
    odds = [np.log(one + prior) - np.log(one.sum() + 1000 - one - prior) for one in (y, other)]
    assert np.allclose(scores[0], (odds[0] - odds[1]) / np.sqrt(1 / (y + prior) + 1 / (other + prior)))
    assert np.allclose(scores[0], -scores[1])
