"""Unseen words: worked counts, plain loops, scripts without blanks, and planted and absent differences."""

from collections import Counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from closecall.analysis.causes.vocabulary import missing_mass, unseen_word_share, vocabulary, vocabulary_sparsity

SOME_TEXTS = st.lists(st.text(st.sampled_from("ab c中文字ไทย,"), max_size=12), max_size=6)
RANKS = np.arange(1, 3001)
NAMES = np.array([f"w{rank}" for rank in RANKS])


def texts(rng: np.random.Generator, n: int, *, exponent: float = 1.0) -> list[str]:
    """n texts of 30 words, the word of rank r drawn with a chance proportional to r^-exponent."""
    chances = RANKS**-exponent
    drawn = rng.choice(NAMES, size=(n, 30), p=chances / chances.sum())
    return [" ".join(row) for row in drawn]


def test_words_and_pairs_of_characters() -> None:
    assert vocabulary("The cat's mat") == ["the", "cat's", "mat"]
    assert vocabulary("我喜欢 BERT 模型 好") == ["bert", "我喜", "喜欢", "模型", "好"]
    assert vocabulary("ภาษา") == ["ภา", "าษ", "ษา"]
    assert vocabulary("한국어 문장") == ["한국어", "문장"]
    assert vocabulary("") == []


def test_the_worked_missing_mass() -> None:
    """Good 1953: seven words, of which b, c and d occur once."""
    assert missing_mass(["a b a", "a c d a"]) == pytest.approx(3 / 7)
    assert missing_mass(["a a", "a"]) == 0
    assert np.isnan(missing_mass([""]))


def test_the_worked_unseen_share() -> None:
    assert unseen_word_share(["a b z", "z a"], ["a b c"]) == pytest.approx(2 / 5)
    assert unseen_word_share(["a"], [""]) == 1
    assert np.isnan(unseen_word_share([""], ["a"]))


@given(SOME_TEXTS, SOME_TEXTS)
def test_both_agree_with_plain_counting(test: list[str], train: list[str]) -> None:
    known = Counter(word for text in train for word in vocabulary(text))
    asked = [word for text in test for word in vocabulary(text)]
    if known:
        assert missing_mass(train) == pytest.approx(sum(n == 1 for n in known.values()) / known.total())
    if asked:
        assert unseen_word_share(test, train) == pytest.approx(np.mean([word not in known for word in asked]))


def test_the_comparison_agrees_with_the_plain_functions() -> None:
    rng = np.random.default_rng(0)
    groups = texts(rng, 20), texts(rng, 80), texts(rng, 15), texts(rng, 30)
    found = vocabulary_sparsity(*groups)
    assert found.missing is not None and found.unseen is not None
    assert found.missing.positives == pytest.approx(missing_mass(groups[0]))
    assert found.unseen.positives == pytest.approx(unseen_word_share(groups[2], groups[0]))
    drawn = [rng.choice(80, 20, replace=False) for _ in range(60)]
    expected = np.mean([unseen_word_share(groups[3], [groups[1][row] for row in rows]) for rows in drawn])
    assert found.unseen.negatives.value == pytest.approx(expected, abs=0.01)
    assert found.unseen.difference.value == pytest.approx(found.unseen.positives - found.unseen.negatives.value)


def test_planted_and_absent_differences() -> None:
    """Positives with a flatter distribution of words leave more unseen; with the same one they do not."""
    answers = {exponent: Counter[str]() for exponent in (0.7, 1.0)}
    for exponent, counted in answers.items():
        for seed in range(8):
            rng = np.random.default_rng(seed)
            train, test = (texts(rng, n, exponent=exponent) for n in (120, 80))
            counted[vocabulary_sparsity(train, texts(rng, 400), test, texts(rng, 200), seed=seed).answer] += 1
    assert answers[0.7] == {"present": 8}
    assert answers[1.0]["present"] == 0 and answers[1.0]["absent"] >= 3


def test_the_interval_covers_no_difference() -> None:
    """Both classes alike, at 1:2.5: the interval of the missing mass includes 0 in about 95 % of the samples."""
    includes = []
    for seed in range(40):
        rng = np.random.default_rng(seed)
        found = vocabulary_sparsity(texts(rng, 40), texts(rng, 100), texts(rng, 10), texts(rng, 10), seed=seed)
        assert found.missing is not None
        includes.append(found.missing.difference.includes_zero)
    assert np.mean(includes) >= 0.87


def test_too_few_and_not_measurable() -> None:
    rng = np.random.default_rng(0)
    few = vocabulary_sparsity(texts(rng, 5), texts(rng, 20), texts(rng, 5), texts(rng, 5))
    assert (few.answer, few.needed_class) == ("too few", "positive") and few.needed is not None and few.needed > 5
    even = vocabulary_sparsity(texts(rng, 20), texts(rng, 30), texts(rng, 5), texts(rng, 5))
    assert (even.answer, even.needed, even.needed_class) == ("too few", 40, "negative")
    assert vocabulary_sparsity(["a"], ["b", "c"], ["", ""], ["d"]).answer == "not measurable"
    assert vocabulary_sparsity([], ["b", "c"], ["a"], ["d"]).answer == "not measurable"
