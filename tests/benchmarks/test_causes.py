"""The planted bench of causes: each planting changes what it says and nothing else, and answers are judged."""

import numpy as np
import pandas as pd
import pytest

from benchmarks.causes.answers import ANSWERS, Record, by_experiment, per_cause
from benchmarks.causes.plantings import FEW, PLANTINGS, Sizes, draw, neutral_words, plant
from benchmarks.causes.pools import Pool

SIZES = Sizes(train=(60, 120), validation=(10, 20), test=(40, 60))
SHARED = ("the", "of", "and", "with", "from", "this", "that", "have", "been", "here", "there", "when", "what", "then")


@pytest.fixture(scope="module")
def pool() -> Pool:
    rng = np.random.default_rng(0)

    def texts(kind: str, n: int) -> np.ndarray:
        words = [*SHARED, *(f"{kind}{number}" for number in range(40))]
        return np.array([" ".join(rng.choice(words, 12)) + f" {kind}only{row}" for row in range(n)], dtype=object)

    return Pool("made", texts("pos", 120), texts("neg", 220), {"far": texts("far", 60)})


def base(pool: Pool) -> pd.DataFrame:
    return plant("nothing", pool, 3, SIZES).examples


def test_texts_are_drawn_once_and_the_same_for_every_planting(pool: Pool) -> None:
    examples = draw(pool, np.random.default_rng(3), SIZES)
    assert not examples["text"].duplicated().any()
    counts = examples.groupby(["split", "label"]).size().to_dict()
    assert counts == {
        ("test", 0): 60, ("test", 1): 40, ("train", 0): 120, ("train", 1): 60,
        ("validation", 0): 20, ("validation", 1): 10,
    }  # fmt: skip
    assert base(pool)["text"].tolist() == examples["text"].tolist()


def test_flipped_labels_are_those_of_the_planted_negatives_and_as_large_a_share_of_positives(pool: Pool) -> None:
    planted, before = plant("flipped labels", pool, 3, SIZES), base(pool)
    changed = planted.examples["label"] != before["label"]
    assert (planted.examples.loc[changed, "split"] == "test").all()
    assert set(planted.examples.loc[changed & (before["label"] == 0), "id"]) == set(planted.planted)
    assert before.loc[changed, "label"].value_counts().to_dict() == {0: 3, 1: 2}


def test_hidden_evidence_is_behind_200_neutral_words_in_both_classes(pool: Pool) -> None:
    planted, before = plant("hidden evidence", pool, 3, SIZES), base(pool)
    changed = planted.examples["text"] != before["text"]
    assert before.loc[changed, "label"].value_counts().to_dict() == {1: 4, 0: 6}
    for now, text in zip(planted.examples.loc[changed, "text"], before.loc[changed, "text"], strict=True):
        words = now.split()
        assert " ".join(words[200:]) == text
        assert set(words[:200]) <= set(SHARED)
    own = before[before["id"].isin(planted.planted)]
    assert planted.before == dict(zip(own["id"], own["text"], strict=True)) and (own["label"] == 1).all()


def test_neutral_words_are_as_frequent_in_both_classes(pool: Pool) -> None:
    words = neutral_words(base(pool))
    assert len(words) >= 5
    assert set(words) <= set(SHARED)


def test_the_second_kind_is_in_test_only(pool: Pool) -> None:
    planted = plant("second kind", pool, 3, SIZES).examples
    other = planted["text"].str.contains("far")
    assert other.sum() == 8
    assert (planted.loc[other, ["label", "split"]] == [1, "test"]).all().all()


def test_mixed_texts_have_words_of_both_classes_and_either_label(pool: Pool) -> None:
    planted, before = plant("half of each class", pool, 3, SIZES), base(pool)
    changed = planted.examples["text"] != before["text"]
    assert before[changed].groupby(["split", "label"]).size().to_dict() == {
        ("test", 0): 12, ("test", 1): 8, ("train", 0): 24, ("train", 1): 12, ("validation", 0): 4, ("validation", 1): 2,
    }  # fmt: skip
    words = planted.examples.loc[changed, "text"].str.split().map(len)
    assert (words == 14).all()
    assert len(planted.planted) == 8


def test_copies_in_training_differ_by_one_word_and_keep_the_label(pool: Pool) -> None:
    planted, before = plant("copied into training", pool, 3, SIZES), base(pool)
    changed = planted.examples["text"] != before["text"]
    assert (before.loc[changed, "split"] == "train").all()
    assert changed.sum() == len(planted.planted) == 10
    tests = before[before["id"].isin(planted.planted)]
    for _, copy in planted.examples[changed].iterrows():
        words = copy["text"].split()
        same = [sum(a == b for a, b in zip(words, text.split(), strict=True)) for text in tests["text"]]
        assert max(same) >= len(words) - 1
        assert tests["label"].iloc[int(np.argmax(same))] == copy["label"]


def test_few_positives_leave_all_else(pool: Pool) -> None:
    planted, before = plant("30 positives", pool, 3, SIZES).examples, base(pool)
    assert ((planted["split"] == "train") & (planted["label"] == 1)).sum() == FEW
    assert len(before) - len(planted) == 60 - FEW


def record(kind: str, reported: dict[str, float], **counts: int) -> Record:
    names = ("planted", "caused", *(f"{start}{one}" for one in ("first", "aside", "holds") for start in STARTS))
    cause = PLANTINGS[kind][0]
    return Record("made", kind, 0, cause, 100, 40, reported, dict.fromkeys(names, 0) | counts, {}, (0, 0, 0), "")


STARTS = ("", "planted_", "caused_")


@pytest.mark.parametrize(
    ("kind", "reported", "answer"),
    [
        ("flipped labels", {"suspect label": 0.01, "overlap": 1e-9}, "right"),
        ("flipped labels", {}, "too few"),
        ("flipped labels", {"overlap": 0.01}, "wrong"),
        ("flipped labels", {"overlap": 0.001}, "confidently wrong"),
        ("nothing", {}, "right"),
        ("nothing", {"overlap": 0.01}, "wrong"),
    ],
)
def test_an_answer_is_judged_by_the_causes_that_are_reported(kind: str, reported: dict, answer: str) -> None:
    assert answer in ANSWERS
    assert record(kind, reported).answer == answer


def test_precision_and_recall_are_over_all_experiments_and_over_those_that_report_the_cause() -> None:
    told = record(
        "second kind", {"no similar example": 0.01}, planted=10, caused=8, aside=9, planted_aside=8, caused_aside=6
    )
    silent = record("second kind", {}, planted=10, caused=8, aside=3, planted_aside=1, caused_aside=1)
    row = per_cause([told, silent]).iloc[0]
    assert (row["precision"], row["where reported"], row["recall"]) == pytest.approx((9 / 12, 8 / 9, 7 / 16))
    table = by_experiment([told, silent]).iloc[0]
    assert (table["right"], table["too few"], table["recall"]) == (1, 1, pytest.approx(0.6))
