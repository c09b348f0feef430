"""What to do first: which actions a verdict and causes support, in which order, with which numbers."""

from dataclasses import asdict

import numpy as np
import pandas as pd
import pytest

from benchmarks.diagnosis.edge_sets import RATIOS, SITUATIONS, make_edge_set
from closecall.analysis.causes.evidence import gather_evidence
from closecall.analysis.causes.experiment_overlap import Arm
from closecall.analysis.causes.miss_wording import CausesOfErrors
from closecall.analysis.causes.misses import NOT_READ, NOT_SIMILAR, OVERLAP, SEED, SUSPECT
from closecall.analysis.causes.verdict import Verdict, reach_verdict
from closecall.analysis.intervals import Estimate
from closecall.models.results.actions import next_actions
from closecall.models.results.measures.curve import PROBE, RUNS
from closecall.models.results.measures.measure import ANSWERS, Measure


def verdict_on(name: str, n: int = 350, seeds: int = 3) -> Verdict:
    made = make_edge_set(next(one for one in SITUATIONS if one.name == name), n, seeds, seed=3)
    return reach_verdict(
        gather_evidence(
            made.labels,
            made.pos_probs,
            np.repeat(RATIOS, seeds),
            made.seeds,
            val_labels=made.val_labels,
            val_pos_probs=made.val_pos_probs,
            draws=0,
        )
    )


def found(counts: dict[str, int], *, of: int = 100, reported: bool = True) -> CausesOfErrors:
    summary = pd.DataFrame(
        [
            {
                "cause": key,
                "title": key,
                "errors": n,
                "share": 0.1,
                "reported": reported,
                "p_holm": 0.5,
            }
            for key, n in counts.items()
        ]
    )
    examples = pd.DataFrame({"id": [str(one) for one in range(sum(counts.values()))]})
    return CausesOfErrors(
        outcome="fn", ratio=10.0, remedy="none", threshold=0.5, seeds=3, of=of, examples=examples, summary=summary,
        reference=None, not_measured=(),
    )  # fmt: skip


def test_a_moved_threshold_has_the_numbers_of_the_verdict() -> None:
    verdict = verdict_on("threshold")
    (action,) = next_actions(verdict, None)
    moved = verdict.evidence.comparison.moved
    assert action.key == "threshold" and action.page == "confusion"
    assert float(action.query["threshold"]) == pytest.approx(moved.threshold, abs=5e-4)
    assert action.gain == pytest.approx(moved.recall.value - verdict.evidence.comparison.recall_b.value)


def test_failed_runs_come_first() -> None:
    keys = [one.key for one in next_actions(verdict_on("collapsed seed"), found({SUSPECT: 30}))]
    assert keys[0] == "optimisation" and set(keys) >= {"threshold", SUSPECT}


def test_actions_are_ordered_by_gain_and_unknown_gains_come_last() -> None:
    actions = next_actions(None, found({SUSPECT: 4, NOT_READ: 20, NOT_SIMILAR: 9}))
    assert [one.key for one in actions] == [NOT_READ, SUSPECT, NOT_SIMILAR]
    assert actions[0].gain == pytest.approx(0.20)
    assert actions[1].gain == pytest.approx((1 - 29 / 96) - (1 - 33 / 100))
    assert actions[2].gain is None and actions[2].query["cause"] == NOT_SIMILAR


def test_a_cause_that_holds_as_often_for_correct_examples_promises_no_gain() -> None:
    assert [one.gain for one in next_actions(None, found({SUSPECT: 4}, reported=False))] == [None]


def test_an_undecided_verdict_names_what_is_missing() -> None:
    verdict = verdict_on("threshold", n=100, seeds=2)
    actions = {one.key: one for one in next_actions(verdict, None)}
    assert ("undecided" in actions) == bool(verdict.bottlenecks)


def test_false_positives_have_no_actions_of_missed_positives() -> None:
    table = found({SUSPECT: 4})
    assert next_actions(None, CausesOfErrors(**{**table.__dict__, "outcome": "fp"})) == []


def curve(answer: str, source: str = PROBE) -> Measure:
    values = {
        "source": source, "positives": 160, "doubled": [0.71, 0.65, 0.77], "gain": [0.05, 0.02, 0.08], "needed": None,
    }  # fmt: skip
    return Measure("positives", "Too few training positives", answer, "", values | {"answer": answer})


def overlap(answer: str, gain: Estimate) -> Measure:
    arm = Arm("focal loss", 0.9, gain)
    return Measure("overlap", "Overlap", answer, "", {"arms": (asdict(arm),), "ratio": 10.0})


def test_more_positives_have_the_effect_of_the_curve() -> None:
    actions = next_actions(None, found({NOT_READ: 3}), [curve("present")])
    assert [one.key for one in actions] == ["positives", NOT_READ, "measure positives"]
    assert actions[0].gain == 0.05
    assert "71.0 % (95 % CI 65.0-77.0)" in actions[0].effect and PROBE in actions[0].effect
    assert actions[2].page == "train" and actions[2].query == {"make": "Train a sweep", "fill": "positives"}
    assert "20, 40, 80 and 160" in actions[2].effect


def test_where_more_positives_would_not_help_it_is_said_last() -> None:
    actions = next_actions(None, found({NOT_READ: 3, NOT_SIMILAR: 2}), [curve("absent")])
    assert [one.key for one in actions] == [NOT_READ, NOT_SIMILAR, "positives"]
    assert actions[2].gain is None and actions[2].effect.startswith("More positives alone would not raise recall")
    (undecided, measure) = next_actions(None, found({}), [curve("too few")])
    assert undecided.gain is None and undecided.effect.startswith("The effect is not known")
    assert measure.key == "measure positives"


def test_real_runs_need_no_measuring() -> None:
    assert [one.key for one in next_actions(None, found({}), [curve("present", RUNS)])] == ["positives"]


def test_errors_are_accepted_only_where_no_method_separates_the_classes() -> None:
    for answer in ANSWERS:
        actions = next_actions(None, found({OVERLAP: 5}), [overlap(answer, Estimate(0.0, -0.01, 0.01))])
        assert ("accept" in [one.key for one in actions]) == (answer == "present")
        assert all("ccept" not in one.title for one in actions if one.key != "accept")


def test_another_method_is_named_only_with_a_difference_above_0() -> None:
    (action,) = next_actions(None, found({}), [overlap("absent", Estimate(0.03, 0.01, 0.05))])
    assert action.page == "remedies" and "+0.030 (95 % CI +0.010 to +0.050)" in action.effect
    assert next_actions(None, found({}), [overlap("too few", Estimate(0.03, -0.01, 0.05))]) == []


def test_every_action_without_a_known_effect_says_so() -> None:
    measures = [overlap("present", Estimate(0.0, -0.01, 0.01)), curve("too few")]
    causes = found(dict.fromkeys((SUSPECT, NOT_READ, NOT_SIMILAR, SEED, OVERLAP), 4))
    for one in next_actions(verdict_on("collapsed seed"), causes, measures):
        assert one.gain is not None or "not known" in one.effect or one.key in ("undecided", "measure positives")
