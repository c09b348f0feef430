"""What to do first: which actions a verdict and causes support, in which order, with which numbers."""

import numpy as np
import pandas as pd
import pytest

from benchmarks.diagnosis.edge_sets import RATIOS, SITUATIONS, make_edge_set
from closecall.analysis.causes.evidence import gather_evidence
from closecall.analysis.causes.miss_wording import CausesOfErrors
from closecall.analysis.causes.misses import NOT_READ, NOT_SIMILAR, SUSPECT
from closecall.analysis.causes.verdict import Verdict, reach_verdict
from closecall.models.results.actions import next_actions


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
