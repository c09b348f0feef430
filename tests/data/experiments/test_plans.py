"""Ratio plans by property: nested, paired, disjoint from what is tested, the same each time; and refused in words."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from closecall.data.datasets.splits import assign_splits
from closecall.data.experiments.plans import (
    PLAN_COLUMNS,
    draw_evaluation,
    draw_plan,
    halved_counts,
    largest_ratio,
    positive_count_ratios,
    training_counts,
    training_ids,
)
from closecall.data.io.errors import UserError

RATIOS = st.lists(
    st.one_of(st.sampled_from([1, 1.5, 2, 3, 5, 10]), st.floats(0.3, 12).map(lambda x: round(x, 2))),
    min_size=1,
    max_size=5,
    unique=True,
)


def examples(positives: int = 60, negatives: int = 600, *, split: str = "") -> pd.DataFrame:
    size = positives + negatives
    frame = pd.DataFrame(
        {
            "id": [f"e{n:04d}" for n in range(size)],
            "text": [f"text {n}" for n in range(size)],
            "label": np.r_[np.ones(positives), np.zeros(negatives)].astype("int8"),
            "split": split,
            "group": "",
        }
    )
    return frame if split else assign_splits(frame, seed=0)


def train(positives: int, negatives: int) -> pd.DataFrame:
    return examples(positives, negatives, split="train")


FRAME = examples()
FOR_B = train(400, 300)


def ids(plan: pd.DataFrame, ratio: float, seed: int, label: int) -> list[str]:
    drawn = training_ids(plan, ratio=ratio, seed=seed)
    return drawn.loc[drawn["label"] == label, "id"].tolist()


@settings(max_examples=25, deadline=None)
@given(ratios=RATIOS, seeds=st.lists(st.integers(0, 9), min_size=1, max_size=3, unique=True), seed=st.integers(0, 3))
def test_sweep_a_nests_negatives_and_keeps_the_positives(ratios: list[float], seeds: list[int], seed: int) -> None:
    plan = draw_plan(FRAME, ratios=ratios, seeds=seeds, seed=seed)
    positives = ids(plan, ratios[0], seeds[0], 1)
    for one in seeds:
        before: list[str] = []
        for ratio in sorted(ratios):
            negatives = ids(plan, ratio, one, 0)
            assert ids(plan, ratio, one, 1) == positives
            assert negatives[: len(before)] == before
            assert len(negatives) == int(ratio * len(positives) + 0.5 + 1e-9)
            assert len(set(negatives)) == len(negatives)
            before = negatives


@settings(max_examples=25, deadline=None)
@given(ratios=RATIOS, seeds=st.lists(st.integers(0, 9), min_size=1, max_size=3, unique=True))
def test_sweep_b_nests_positives_and_keeps_the_negatives(ratios: list[float], seeds: list[int]) -> None:
    plan = draw_plan(FOR_B, sweep="B", ratios=ratios, seeds=seeds)
    for one in seeds:
        negatives = ids(plan, ratios[0], one, 0)
        before: list[str] = []
        for ratio in sorted(ratios, reverse=True):
            positives = ids(plan, ratio, one, 1)
            assert ids(plan, ratio, one, 0) == negatives
            assert positives[: len(before)] == before
            assert len(positives) == int(len(negatives) / ratio + 0.5 + 1e-9)
            assert positives == ids(plan, ratio, seeds[0], 1)
            before = positives


@settings(max_examples=25, deadline=None)
@given(sweep=st.sampled_from(["A", "B"]), ratios=RATIOS, seed=st.integers(0, 5), cap=st.integers(3, 100))
def test_training_never_contains_validation_or_test(sweep: str, ratios: list[float], seed: int, cap: int) -> None:
    frame = FRAME if sweep == "A" else examples(800, 600)
    plan = draw_plan(frame, sweep=sweep, ratios=ratios, seeds=[0, 1], seed=seed)
    evaluation = [draw_evaluation(frame, split=split, negatives_cap=cap, seed=seed) for split in ("validation", "test")]
    sets = [set(plan["id"]), *(set(one["id"]) for one in evaluation)]
    assert sum(map(len, sets)) == len(set.union(*sets))
    labels = frame.set_index("id")["label"]
    assert (labels[plan["id"]].to_numpy() == plan["label"].to_numpy()).all()


def test_the_same_seeds_draw_the_same_plan_whatever_the_order_of_rows() -> None:
    frame = FRAME
    one = draw_plan(frame, ratios=[1, 5], seeds=[0, 1], seed=7)
    pd.testing.assert_frame_equal(
        one, draw_plan(frame.sample(frac=1, random_state=3), ratios=[1, 5], seeds=[0, 1], seed=7)
    )
    assert not one["id"].equals(draw_plan(frame, ratios=[1, 5], seeds=[0, 1], seed=8)["id"])


def test_a_seed_s_negatives_do_not_depend_on_the_other_seeds_or_ratios() -> None:
    frame = FRAME
    one = draw_plan(frame, ratios=[1, 5], seeds=[0, 1], positives=20)
    other = draw_plan(frame, ratios=[1, 2, 10], seeds=[1, 4], positives=20)
    assert ids(one, 1, 1, 0) == ids(other, 1, 1, 0)
    assert ids(one, 1, 0, 0) != ids(one, 1, 1, 0)


def test_fewer_positives_are_the_first_of_more() -> None:
    frame = FRAME
    few, many = (draw_plan(frame, ratios=[1], seeds=[0], positives=count) for count in (10, 25))
    assert ids(many, 1, 0, 1)[:10] == ids(few, 1, 0, 1)


def test_a_plan_has_the_documented_columns() -> None:
    plan = draw_plan(train(10, 50), ratios=[1, 2.5], seeds=[3])
    assert tuple(plan.columns) == PLAN_COLUMNS
    assert [str(plan[name].dtype) for name in ("seed", "label", "rank")] == ["int64", "int8", "int64"]
    assert plan.groupby("label").size().to_dict() == {0: 25, 1: 10}
    drawn = training_ids(plan, ratio=2.5, seed=3)
    assert list(drawn.columns) == ["id", "label"] and len(drawn) == 35


def test_the_plan_of_the_motivating_question() -> None:
    plan = draw_plan(train(300, 3000), ratios=[1, 2, 3, 5, 10], seeds=[0])
    assert [training_counts(plan, ratio=ratio, seed=0) for ratio in (1, 2, 3, 5, 10)] == [
        (300, 300), (300, 600), (300, 900), (300, 1500), (300, 3000)]  # fmt: skip


def test_by_default_the_positives_are_as_many_as_the_largest_ratio_allows() -> None:
    assert training_counts(draw_plan(train(300, 1000), ratios=[1, 10], seeds=[0]), ratio=1, seed=0) == (100, 100)
    assert training_counts(draw_plan(train(50, 1000), ratios=[1, 10], seeds=[0]), ratio=10, seed=0) == (50, 500)


def test_a_cap_above_the_available_positives_has_no_effect() -> None:
    plan = draw_plan(train(50, 1000), ratios=[1, 10], seeds=[0], positives=300)
    assert training_counts(plan, ratio=10, seed=0) == (50, 500)


def test_halves_are_rounded_up_and_binary_fractions_do_not_matter() -> None:
    plan = draw_plan(train(5, 50), ratios=[0.5, 1.1, 1.5], seeds=[0])
    assert [training_counts(plan, ratio=ratio, seed=0)[1] for ratio in (0.5, 1.1, 1.5)] == [3, 6, 8]


def test_a_matched_pair_has_the_same_positives() -> None:
    plan = draw_plan(train(40, 400), sweep="C", ratios=[1, 8], seeds=[0])
    assert ids(plan, 1, 0, 1) == ids(plan, 8, 0, 1)
    for ratios in ([1, 2, 3], [2, 8], [1]):
        with pytest.raises(UserError, match="has two ratios, 1 and a larger one"):
            draw_plan(train(40, 400), sweep="C", ratios=ratios, seeds=[0])


def test_a_ratio_beyond_the_data_is_refused_with_what_is_possible() -> None:
    frame = train(481, 2437)
    with pytest.raises(UserError) as caught:
        draw_plan(frame, ratios=[1, 10], seeds=[0], positives=300)
    assert str(caught.value) == (
        "Ratio 1:10 with 300 training positives needs 3,000 training negatives; there are 2,437. "
        "The largest possible ratio is 1:8.1, or take at most 243 positives."
    )
    draw_plan(frame, ratios=[1, 10], seeds=[0], positives=243)
    with pytest.raises(UserError):
        draw_plan(frame, ratios=[1, 10], seeds=[0], positives=244)
    draw_plan(frame, ratios=[1, 8.1], seeds=[0], positives=300)
    assert largest_ratio(frame, 300) == pytest.approx(2437 / 300)
    assert largest_ratio(frame) == largest_ratio(frame, 9999) == pytest.approx(2437 / 481)


@pytest.mark.parametrize(
    ("sweep", "ratios", "positives", "sentence"),
    [
        ("A", [1, 1000], None, "largest possible ratio is 1:10"),
        ("A", [0.01], None, r"would leave too few training negatives \(1\)"),
        ("A", [], None, "different numbers above 0"),
        ("A", [1, 1], None, "different numbers above 0"),
        ("A", [0, 1], None, "different numbers above 0"),
        ("A", [1], 1, "At least 2 training positives"),
        ("D", [1], None, "not a kind of sweep"),
        ("B", [1, 100], None, r"would leave too few training positives \(1\)"),
        ("B", [20], 50, "largest possible ratio is 1:10, or take at most 25 positives"),
    ],
)
def test_plans_that_cannot_be_are_one_sentence(
    sweep: str, ratios: list[float], positives: int | None, sentence: str
) -> None:
    with pytest.raises(UserError, match=sentence):
        draw_plan(train(50, 500), sweep=sweep, ratios=ratios, seeds=[0], positives=positives)


def test_a_train_split_of_one_class_is_one_sentence() -> None:
    with pytest.raises(UserError, match="The train split has 0 positives"):
        draw_plan(train(0, 20), ratios=[1], seeds=[0])


def test_a_run_outside_the_plan_is_one_sentence() -> None:
    plan = draw_plan(train(10, 50), ratios=[1, 2], seeds=[0])
    with pytest.raises(UserError, match="does not reach 1:3"):
        training_ids(plan, ratio=3, seed=0)
    with pytest.raises(UserError, match="no seed 4"):
        training_ids(plan, ratio=1, seed=4)
    with pytest.raises(UserError, match=r"does not reach 1:0\.5"):
        training_ids(draw_plan(train(60, 50), sweep="B", ratios=[1, 2], seeds=[0]), ratio=0.5, seed=0)


def test_evaluation_takes_all_or_a_nested_sample_of_a_split() -> None:
    frame = FRAME
    whole = draw_evaluation(frame, split="test")
    assert whole["id"].tolist() == frame.loc[frame["split"] == "test", "id"].tolist()
    small, large = (draw_evaluation(frame, split="test", negatives_cap=cap, positives_cap=9) for cap in (20, 50))
    assert small.groupby("label").size().to_dict() == {0: 20, 1: 9}
    assert set(small["id"]) < set(large["id"]) and list(small.columns) == ["id", "label", "split"]
    assert small["id"].tolist() == sorted(small["id"])
    assert not small.equals(draw_evaluation(frame, split="test", negatives_cap=20, positives_cap=9, seed=1))
    assert len(draw_evaluation(frame, split="test", negatives_cap=10**9)) == len(whole)


@pytest.mark.parametrize("cap", [0, -5])
def test_evaluation_without_a_class_is_one_sentence(cap: int) -> None:
    with pytest.raises(UserError, match="needs at least one negative"):
        draw_evaluation(examples(), split="test", negatives_cap=cap)
    with pytest.raises(UserError, match="is not a split"):
        draw_evaluation(examples(), split="dev")


@settings(max_examples=15)
@given(st.integers(4, 60), st.sampled_from([1, 2.5, 5, 9.7]))
def test_a_sweep_over_the_number_of_positives_keeps_the_negatives(positives: int, ratio: float) -> None:
    frame = examples()
    plan = draw_plan(frame, ratios=[1, ratio] if ratio > 1 else [1], seeds=[0, 1], positives=min(positives, 40))
    n, ratios = positive_count_ratios(plan)
    negatives = int(((plan["label"] == 0) & (plan["seed"] == 0)).sum())
    drawn = draw_plan(frame, sweep="fixed_negatives", ratios=ratios, seeds=[0], positives=n)
    counts = [training_counts(drawn, ratio=one, seed=0) for one in ratios]
    assert counts == [(count, negatives) for count in reversed(halved_counts(n))]
    assert counts[0][0] == n


def test_the_points_of_the_curve_have_at_least_two_positives() -> None:
    assert halved_counts(160) == [20, 40, 80, 160] and halved_counts(9) == [2, 4, 9]
    with pytest.raises(UserError, match="no ratio plan"):
        positive_count_ratios(draw_plan(examples(), ratios=[1], seeds=[0])[:0])
