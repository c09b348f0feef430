"""A later version of a dataset by a hard-case list, and the ratio plan carried over to it."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from closecall.data.datasets.store import Dataset, load_dataset, save_dataset
from closecall.data.datasets.versions import decide_relabelling, next_version, relabelled_dataset
from closecall.data.experiments.plans import adapted_plan, draw_plan, training_counts, training_ids
from closecall.data.io.errors import UserError
from tests.makers import make_dataset


def cases(*rows: tuple[str, str, str]) -> pd.DataFrame:
    return pd.DataFrame(rows, columns=["id", "action", "new_label"])


@pytest.fixture
def posts(workspace: Path) -> Dataset:
    """Positives are post-00000 to post-00079; of six in a row three are training, two test, one validation."""
    return make_dataset()


def version(posts: Dataset, *rows: tuple[str, str, str], training_only: bool = False) -> Dataset:
    return relabelled_dataset(
        posts, decide_relabelling(posts, cases(*rows), training_only=training_only), source="list"
    )


def test_labels_change_and_examples_go_and_splits_stay(posts: Dataset) -> None:
    fresh = save_dataset(
        version(posts, ("post-00000", "relabel", "pc"), ("post-00003", "duplicate", ""),
                ("post-00100", "relabel", "mac"),
                ("post-00101", "not our class", "mac"), ("post-00005", "ambiguous", "pc"))
    )  # fmt: skip
    new, old = fresh.examples.set_index("id"), posts.examples.set_index("id")
    assert set(old.index) - set(new.index) == {"post-00003", "post-00101"}
    assert new.loc["post-00000", ["label", "class_name"]].tolist() == [0, "pc"]
    assert new.loc["post-00100", ["label", "class_name"]].tolist() == [1, "mac"]
    same = new.index.difference(["post-00000", "post-00100"])
    pd.testing.assert_frame_equal(new.loc[same], old.loc[same])
    assert (new["split"] == old["split"].loc[new.index]).all() and new["label"].dtype == np.int8
    assert fresh.set_aside["reason"].tolist()[-2:] == ["duplicate, by the list", "not our class, by the list"]


def test_the_version_names_its_origin_and_the_old_one_is_unchanged(posts: Dataset) -> None:
    fresh = save_dataset(version(posts, ("post-00000", "relabel", "pc")))
    assert (fresh.name, fresh.info.parent, fresh.info.parent_sha256) == ("posts-v2", "posts", posts.info.content_sha256)
    assert fresh.info.origin.startswith("posts (labels changed: 1, examples taken out: 0, by the list).")
    assert fresh.info.content_sha256 != posts.info.content_sha256
    assert load_dataset("posts").info == posts.info
    assert next_version("posts") == next_version("posts-v2") == "posts-v3"
    again = version(fresh, ("post-00000", "relabel", "mac"))
    assert again.name == "posts-v3" and again.info.title == "Mac posts among PC posts, version 3"


def test_only_training_examples_on_request(posts: Dataset) -> None:
    rows = [("post-00000", "relabel", "pc"), ("post-00003", "relabel", "pc"), ("post-00004", "duplicate", "")]
    decided = decide_relabelling(posts, cases(*rows), training_only=True)
    assert decided.changes["id"].tolist() == ["post-00000"] and decided.outside_train == ("post-00003", "post-00004")
    whole = decide_relabelling(posts, cases(*rows))
    assert (whole.relabelled(), whole.relabelled("test"), whole.dropped("test", "validation")) == (2, 1, 1)


def test_without_a_name_the_only_other_class_is_meant(posts: Dataset) -> None:
    decided = decide_relabelling(posts, cases(("post-00000", "relabel", ""), ("post-00100", "relabel", "")))
    assert decided.changes["new_label"].tolist() == ["pc", "mac"] and decided.undecided == ()


def test_what_is_undecided_unknown_or_the_same(posts: Dataset) -> None:
    several = Dataset(
        replace(posts.info, negative_classes=("pc", "amiga")), posts.examples, posts.set_aside, posts.conflicts
    )
    decided = decide_relabelling(
        several, cases(("post-00000", "relabel", ""), ("gone", "duplicate", ""), ("post-00001", "relabel", "mac"))
    )
    assert (decided.undecided, decided.unknown, len(decided.changes)) == (("post-00000",), ("gone",), 0)
    with pytest.raises(UserError, match="changes no label"):
        relabelled_dataset(posts, decided, source="list")
    with pytest.raises(UserError, match="'atari' is not a class of posts"):
        decide_relabelling(posts, cases(("post-00000", "relabel", "atari")))
    lost = [(one, "duplicate", "") for one in posts.examples.query("label == 1 and split == 'test'")["id"]]
    with pytest.raises(UserError, match="The test split would have no positive left"):
        version(posts, *lost)


def test_a_conflict_settled_by_a_new_label_is_no_conflict(posts: Dataset) -> None:
    examples = posts.examples.copy()
    examples.loc[100, "text"] = examples.loc[10, "text"]
    both = Dataset(posts.info, examples, posts.set_aside, posts.conflicts)
    assert len(version(both, ("post-00000", "relabel", "pc")).conflicts) == 2
    assert version(both, ("post-00100", "relabel", "mac")).conflicts.empty


def test_the_worked_plan() -> None:
    """Positives a b c and negatives p..u in this order; b turns negative, q turns positive, p is taken out."""
    rows = [("A", 0, 1, one, rank) for rank, one in enumerate("abc")]
    rows += [("A", 0, 0, one, rank) for rank, one in enumerate("pqrstu")]
    plan = pd.DataFrame(rows, columns=["sweep", "seed", "label", "id", "rank"])
    labels = dict.fromkeys("acq", 1) | dict.fromkeys("brstuvw", 0)
    examples = pd.DataFrame({"id": list(labels), "label": list(labels.values()), "split": "train"})
    fresh = adapted_plan(plan, examples, ratios=[1, 2])
    assert fresh.loc[fresh["label"] == 1, "id"].tolist() == ["q", "a", "c"]
    negatives = fresh.loc[fresh["label"] == 0, "id"].tolist()
    assert negatives[:5] == ["b", "r", "s", "t", "u"] and negatives[5] in ("v", "w") and len(negatives) == 6


@given(st.sampled_from("ABC"), st.integers(0, 999), st.integers(0, 12), st.integers(0, 12), st.integers(0, 12))
@settings(max_examples=60, deadline=None)
def test_carried_plans_stay_nested_and_keep_what_stays(sweep: str, draw: int, gone: int, up: int, down: int) -> None:
    rng = np.random.default_rng(draw)
    examples = pd.DataFrame({"id": [f"e{n}" for n in range(300)], "label": [1] * 40 + [0] * 260, "split": "train"})
    ratios = {"A": [1, 2, 5], "B": [2, 5], "C": [1, 5]}[sweep]
    plan = draw_plan(examples, sweep=sweep, ratios=ratios, seeds=[0, 3], positives=None if sweep != "B" else 30)
    rows = rng.permutation(300)
    after = examples.drop(rows[:gone])
    after.loc[after.index.intersection(rows[gone : gone + up]), "label"] = 1
    after.loc[after.index.intersection(rows[gone + up : gone + up + down]), "label"] = 0
    fresh = adapted_plan(plan, after, ratios=ratios)
    label_of = after.set_index("id")["label"]
    assert (label_of.loc[fresh["id"]].to_numpy() == fresh["label"].to_numpy()).all()
    for seed in (0, 3):
        own, old = fresh[fresh["seed"] == seed], plan[plan["seed"] == seed]
        for label in (0, 1):
            ids = own.loc[own["label"] == label, "id"].tolist()
            assert len(set(ids)) == len(ids)
            stayed = [one for one in old.loc[old["label"] == label, "id"] if label_of.get(one) == label]
            assert [one for one in ids if one in set(stayed)] == stayed[
                : len([one for one in ids if one in set(stayed)])
            ]
        seen: set[str] = set()
        for ratio in ratios:
            ids = set(training_ids(fresh, ratio=ratio, seed=seed).query("label == 0")["id"])
            assert sweep == "B" or seen <= ids
            seen = ids
            n_positives, n_negatives = training_counts(fresh, ratio=ratio, seed=seed)
            assert n_positives >= 1 and n_negatives >= 1
    first = [fresh[(fresh["seed"] == seed) & (fresh["label"] == 1)]["id"].tolist() for seed in (0, 3)]
    assert first[0] == first[1] or first[0][: len(first[1])] == first[1] or first[1][: len(first[0])] == first[0]


def test_unchanged_examples_give_the_same_plan(posts: Dataset) -> None:
    plan = draw_plan(posts.examples, ratios=[1, 2, 5], seeds=[0, 1])
    pd.testing.assert_frame_equal(adapted_plan(plan, posts.examples, ratios=[1, 2, 5]), plan)


def test_too_few_left(posts: Dataset) -> None:
    plan = draw_plan(posts.examples, ratios=[1, 5], seeds=[0], positives=10)
    few = posts.examples[posts.examples["label"] == 1].head(1)
    with pytest.raises(UserError, match="Too few training examples would be left for 1:5"):
        adapted_plan(plan, pd.concat([few, posts.examples[posts.examples["label"] == 0]]), ratios=[1, 5])
