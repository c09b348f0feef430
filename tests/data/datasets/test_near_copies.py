"""Near copies: every pair given is right, few are missed, families are chains, opposite labels are found."""

import time

import numpy as np
import pandas as pd
import pytest
from datasketch import MinHash, MinHashLSH
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.cluster.hierarchy import DisjointSet

from closecall.data.datasets.duplicates import normalised
from closecall.data.datasets.near_copies import (
    BANDS,
    ROWS,
    families,
    near_copies,
    near_copy_pairs,
    opposite_copies,
    shingles,
)

BASE = "the mouse of my powerbook stopped to work after the update of the system last week"


def shingle_set(text: str) -> set[str]:
    plain = normalised(text)
    return {plain[n : n + 5] for n in range(len(plain) - 4)} or {plain}


def brute_force(texts: list[str], threshold: float = 0.5) -> dict[tuple[int, int], float]:
    """All pairs, by sets of strings."""
    sets = [shingle_set(text) for text in texts]
    pairs = {}
    for second in range(len(sets)):
        for first in range(second):
            similarity = len(sets[first] & sets[second]) / len(sets[first] | sets[second])
            if similarity >= threshold:
                pairs[first, second] = similarity
    return pairs


def found(texts: list[str], threshold: float = 0.5) -> dict[tuple[int, int], float]:
    frame = near_copy_pairs(texts, threshold=threshold)
    return {(int(first), int(second)): jaccard for first, second, jaccard in frame.itertuples(index=False)}


def words(rng: np.random.Generator, count: int) -> list[str]:
    return ["".join(rng.choice(list("abcdefghijklmnopqrstuvwxyz"), rng.integers(2, 9))) for _ in range(count)]


def copies_of_every_degree(texts: int, seed: int = 0) -> list[str]:
    """Texts of 60 words, each followed by a copy in which a random share of words is replaced."""
    rng = np.random.default_rng(seed)
    result = []
    for _ in range(texts // 2):
        text = words(rng, 60)
        changed = rng.random(60) < rng.uniform(0, 0.4)
        result += [" ".join(text), " ".join(np.where(changed, words(rng, 60), text))]
    return result


def test_a_worked_number() -> None:
    """abcdefg has abcde, bcdef, cdefg; abcdefh shares two of these and adds one: 2 of 4."""
    assert found(["abcdefg", "abcdefh"]) == {(0, 1): 0.5}
    assert found(["abcdefg", "abcdefh"], threshold=0.51) == {}
    frame = near_copy_pairs(["x", "ABCDEFG", "abc defg", "abcdefg"])
    assert frame.to_dict("list") == {"first": [1], "second": [3], "jaccard": [1.0]}


def test_short_texts_are_one_shingle_and_scripts_without_spaces_work() -> None:
    chinese = "我的电脑昨天更新系统以后鼠标就不能正常使用了请问怎么办"
    texts = ["ok", "OK ", "no", chinese, chinese.replace("昨天", "今天"), "这本书讲的是中国古代的历史和文化非常有意思"]
    assert found(texts) == brute_force(texts)
    assert set(found(texts)) == {(0, 1), (3, 4)}


def test_nearly_all_true_pairs_are_found_and_each_similarity_is_exact() -> None:
    texts = copies_of_every_degree(200)
    true, ours = brute_force(texts), found(texts)
    assert len(true) > 50
    assert all(true[pair] == pytest.approx(jaccard, abs=1e-12) for pair, jaccard in ours.items())
    at_least_six = [pair for pair, jaccard in true.items() if jaccard >= 0.6]
    assert set(at_least_six) <= set(ours) and len(ours) >= 0.96 * len(true)


@settings(max_examples=20, deadline=None)
@given(st.lists(st.text(alphabet="ab \u4e2d\U0001f600", max_size=12), max_size=8))
def test_any_texts_give_only_true_pairs_and_all_equal_ones(texts: list[str]) -> None:
    true, ours = brute_force(texts), found(texts)
    assert all(true[pair] == pytest.approx(jaccard) for pair, jaccard in ours.items())
    assert {pair for pair, jaccard in true.items() if jaccard > 0.95} <= set(ours)
    frame = near_copy_pairs(texts)
    assert (frame["first"] < frame["second"]).all() and not frame.duplicated(["first", "second"]).any()


def test_the_pairs_are_those_that_the_index_of_datasketch_finds() -> None:
    """`MinHashLSH` with the same bands; what it proposes is kept when the pair is one by brute force."""
    texts = copies_of_every_degree(120, seed=1)
    index = MinHashLSH(num_perm=BANDS * ROWS, params=(BANDS, ROWS))
    proposed = set()
    for row, text in enumerate(texts):
        sketch = MinHash(num_perm=BANDS * ROWS, hashfunc=int)
        sketch.update_batch((shingles(text) & 0xFFFFFFFF).tolist())
        proposed |= {(other, row) for other in index.query(sketch)}
        index.insert(row, sketch)
    assert set(found(texts)) == proposed & set(brute_force(texts))


def test_thresholds_that_it_is_not_made_for_are_refused() -> None:
    for threshold in (0.0, 0.49, 1.01):
        with pytest.raises(ValueError, match="threshold"):
            near_copy_pairs(["a", "b"], threshold=threshold)


def test_no_texts_give_no_pairs() -> None:
    for texts in ([], ["one text only"]):
        frame = near_copy_pairs(texts)
        assert frame.empty and list(frame) == ["first", "second", "jaccard"]
        assert families(frame, len(texts)).tolist() == [0] * len(texts)


def test_progress_ends_at_one() -> None:
    shares: list[float] = []
    near_copy_pairs(copies_of_every_degree(20), progress=lambda _, share: shares.append(share))
    assert shares == sorted(shares) and shares[-1] == 1.0


@settings(max_examples=30, deadline=None)
@given(st.integers(1, 12), st.data())
def test_families_are_chains_of_pairs(n: int, data: st.DataObject) -> None:
    pairs = data.draw(st.lists(st.tuples(st.integers(0, n - 1), st.integers(0, n - 1)), max_size=10))
    numbers = families(pd.DataFrame(pairs, columns=["first", "second"]), n)
    reference = DisjointSet(range(n))
    for first, second in pairs:
        reference.merge(first, second)
    assert numbers.shape == (n,)
    assert all((numbers[a] == numbers[b]) == reference.connected(a, b) for a in range(n) for b in range(n))


def test_a_large_family_has_few_pairs_for_each_text_and_stays_one_family() -> None:
    rng = np.random.default_rng(0)
    texts = [f"{BASE} {' '.join(words(rng, 2))}" for _ in range(300)]
    started = time.process_time()
    pairs = near_copy_pairs(texts)
    assert len(pairs) <= 300 * 40 and time.process_time() - started < 5
    assert (families(pairs, 300) == 0).all()


def example_frame() -> pd.DataFrame:
    texts = [BASE, BASE + " or so", "another text that is about bicycles and cars", BASE.replace("week", "month")]
    return pd.DataFrame(
        {
            "id": list("abcd"),
            "text": texts,
            "label": [1, 0, 0, 1],
            "class_name": ["mac", "pc", "autos", "mac"],
            "split": ["train", "test", "train", "test"],
        }
    )


def test_near_copies_name_both_examples() -> None:
    frame = near_copies(example_frame())
    assert frame["jaccard"].is_monotonic_decreasing
    named = {tuple(sorted(pair)) for pair in frame[["id", "other_id"]].to_numpy()}
    assert named == {("a", "b"), ("a", "d"), ("b", "d")}
    row = frame[(frame["id"] == "a") & (frame["other_id"] == "b")].iloc[0]
    assert row[["class_name", "other_class_name", "split", "other_split"]].tolist() == ["mac", "pc", "train", "test"]


@settings(max_examples=30)
@given(st.lists(st.tuples(st.sampled_from([0, 1]), st.sampled_from(["train", "validation", "test"])), min_size=2))
def test_opposite_copies_are_the_pairs_with_two_labels(facts: list[tuple[int, str]]) -> None:
    n = len(facts)
    labels, splits = zip(*facts, strict=True)
    examples = pd.DataFrame({"id": [f"e{one}" for one in range(n)], "label": labels, "split": splits})
    rng = np.random.default_rng(n)
    first, second = np.triu_indices(n, 1)
    pairs = pd.DataFrame({"first": first, "second": second, "jaccard": rng.uniform(0.5, 1, len(first))})
    found = opposite_copies(examples, pairs)
    assert len(found) == sum(labels) * (n - sum(labels)) and found["jaccard"].is_monotonic_decreasing
    of = examples.set_index("id")
    known = {
        frozenset((f"e{a}", f"e{b}")): jaccard for a, b, jaccard in zip(first, second, pairs["jaccard"], strict=True)
    }
    for row in found.itertuples():
        one, other = of.loc[row.positive], of.loc[row.negative]
        assert (one["label"], other["label"]) == (1, 0)
        assert (row.positive_split, row.negative_split) == (one["split"], other["split"])
        assert row.jaccard == known[frozenset((row.positive, row.negative))]
