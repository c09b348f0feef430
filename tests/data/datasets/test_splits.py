"""Splits: groups and duplicates never straddle, both classes keep their shares, the same seed draws the same."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from closecall.data.datasets.duplicates import clusters, text_keys
from closecall.data.datasets.splits import assign_splits
from closecall.data.io.errors import UserError
from closecall.data.readers.columns import SYNONYMS, split_name, split_names


def examples(
    positives: int = 40, negatives: int = 160, *, groups: int = 0, copies: int = 0, seed: int = 0
) -> pd.DataFrame:
    """Examples without splits; `copies` of the first negatives repeat the first positives' texts."""
    rng = np.random.default_rng(seed)
    size = positives + negatives
    texts = [f"text {n}" for n in range(size)]
    for n in range(copies):
        texts[positives + n] = texts[n].upper()
    return pd.DataFrame(
        {
            "id": [f"e{n:04d}" for n in range(size)],
            "text": texts,
            "label": np.r_[np.ones(positives), np.zeros(negatives)].astype("int8"),
            "split": "",
            "group": [f"g{one}" for one in rng.integers(0, groups, size)] if groups else "",
        }
    )


def shares(frame: pd.DataFrame, label: int) -> dict[str, float]:
    return frame.loc[frame["label"] == label, "split"].value_counts(normalize=True).to_dict()


def test_both_labels_get_the_requested_shares() -> None:
    drawn = assign_splits(examples(), seed=0)
    for label in (0, 1):
        assert shares(drawn, label) == {"test": 0.35, "validation": 0.15, "train": 0.5}


def test_other_valid_shares_can_be_requested() -> None:
    assert shares(assign_splits(examples(), seed=0, test_share=0.2, validation_share=0.1), 1)["train"] == 0.7
    for test, validation in ((0, 0.1), (0.5, 0), (0.8, 0.2), (1.2, 0.1), (-0.1, 0.1)):
        with pytest.raises(UserError, match="too little to train on"):
            assign_splits(examples(), seed=0, test_share=test, validation_share=validation)


def test_the_seed_alone_decides() -> None:
    frame = examples(groups=60)
    shuffled = frame.sample(frac=1, random_state=1)
    drawn = assign_splits(frame, seed=5).set_index("id")["split"]
    assert drawn.equals(assign_splits(shuffled, seed=5).set_index("id")["split"].reindex(drawn.index))
    assert not drawn.equals(assign_splits(frame, seed=6).set_index("id")["split"])


def test_the_same_positives_are_tested_beside_other_negatives() -> None:
    one, other = examples(40, 160), examples(40, 300)
    splits = [assign_splits(frame, seed=0).query("label == 1").set_index("id")["split"] for frame in (one, other)]
    assert splits[0].equals(splits[1])


def test_nothing_else_is_changed() -> None:
    frame = examples()
    before = frame.copy()
    drawn = assign_splits(frame, seed=0)
    pd.testing.assert_frame_equal(frame, before)
    pd.testing.assert_frame_equal(drawn.drop(columns="split"), frame.drop(columns="split"))


@settings(max_examples=25, deadline=None)
@given(
    positives=st.integers(15, 60),
    negatives=st.integers(15, 200),
    groups=st.sampled_from([0, 40, 80, 200]),
    copies=st.integers(0, 10),
    seed=st.integers(0, 5),
)
def test_groups_and_duplicates_stay_in_one_split(
    positives: int, negatives: int, groups: int, copies: int, seed: int
) -> None:
    frame = examples(positives, negatives, groups=groups, copies=copies, seed=seed)
    drawn = assign_splits(frame, seed=seed)
    tied = clusters(text_keys(frame["text"]), frame["group"])
    assert drawn.groupby(tied)["split"].nunique().max() == 1
    assert set(drawn["split"]) == {"train", "validation", "test"}
    assert (drawn.groupby("split")["label"].nunique() == 2).all()


def test_groups_of_even_size_come_near_to_the_shares() -> None:
    drawn = assign_splits(examples(200, 800, groups=300), seed=0)
    for label in (0, 1):
        for split, share in {"test": 0.35, "validation": 0.15, "train": 0.5}.items():
            assert shares(drawn, label)[split] == pytest.approx(share, abs=0.04)


def test_given_splits_are_kept() -> None:
    frame = examples().assign(split=np.resize(["train", "test", "validation"], 200))
    pd.testing.assert_frame_equal(assign_splits(frame, seed=0), frame)


@pytest.mark.parametrize(("given", "carved", "share"), [("test", "validation", 0.15), ("validation", "test", 0.35)])
def test_a_missing_split_is_carved_from_train(given: str, carved: str, share: float) -> None:
    frame = examples().assign(split=np.resize(["train", "train", "train", given], 200))
    drawn = assign_splits(frame, seed=0)
    assert (drawn.loc[frame["split"] == given, "split"] == given).all()
    assert (drawn["split"] == carved).sum() == pytest.approx(150 * share, abs=1)


def test_given_splits_without_train_are_refused() -> None:
    with pytest.raises(UserError, match="names no row as train"):
        assign_splits(examples().assign(split="test"), seed=0)


def test_a_given_split_that_lacks_a_class_is_refused() -> None:
    frame = examples()
    frame["split"] = np.where(frame["label"] == 1, "train", np.resize(["train", "test"], len(frame)))
    with pytest.raises(UserError, match="The test split has no positives"):
        assign_splits(frame, seed=0)


@pytest.mark.parametrize(("positives", "negatives", "kind"), [(3, 50, "3 positives"), (50, 2, "2 negatives")])
def test_too_few_to_split_is_one_sentence(positives: int, negatives: int, kind: str) -> None:
    with pytest.raises(UserError, match=f"There are {kind} to split, too few: at least 4"):
        assign_splits(examples(positives, negatives), seed=0)


def test_four_of_a_class_are_enough_for_a_split() -> None:
    assert set(assign_splits(examples(4, 4), seed=0)["split"]) == {"train", "validation", "test"}


def test_groups_that_cannot_be_spread_are_one_sentence() -> None:
    frame = examples().assign(group=np.where(examples()["label"] == 1, "all", ""))
    with pytest.raises(UserError, match=r"split has no positives.*too few groups"):
        assign_splits(frame, seed=0)


def test_usual_names_of_splits_are_known() -> None:
    assert all(split_name(f" {one.upper()} ") == split for split, names in SYNONYMS.items() for one in names)
    assert split_name("unsupervised") == split_name("") == ""
    assert split_names(pd.Series(["Dev", "TRAIN"]), "part").tolist() == ["validation", "train"]
    many = pd.Series([f"fold {n}" for n in range(20)])
    with pytest.raises(UserError, match=r"'fold 0', 'fold 1'.* and 12 more\. Rename them"):
        split_names(many, "part")
