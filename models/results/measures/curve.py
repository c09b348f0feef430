"""Recall by number of training positives: from the runs of a `fixed_negatives` sweep, else from a linear probe."""

from typing import Any

import numpy as np

from closecall.analysis.causes.sparsity import fit_power_law, more_positives
from closecall.analysis.intervals import Estimate
from closecall.analysis.ratio.changes import false_positive_contributions, matched_recall_contributions
from closecall.data.experiments.plans import FIXED_NEGATIVES, training_counts
from closecall.data.experiments.store import load_experiment, load_plan
from closecall.models.results.measures.measure import Case

PROBE = "a linear probe on the frozen encoder"
RUNS = "the runs of this experiment"
FEWEST_SEEDS, FEWEST_COUNTS = 3, 3


def curve_of(case: Case) -> dict[str, Any] | None:
    """The numbers of the curve with their `source`, PROBE or RUNS; None where neither was measured.

    As `curve` of `TextEvidence`: points, now, doubled and gain (recall), answer, needed.
    """
    from_runs = _of_runs(case)
    if from_runs is not None:
        return from_runs
    stored = case.texts.curve if case.texts else None
    return None if stored is None else {"source": PROBE, **stored}


def _of_runs(case: Case) -> dict[str, Any] | None:
    """The curve through real runs, at the false-positive rate of those with most positives.

    None for other kinds of sweep, and with fewer seeds than FEWEST_SEEDS anywhere. All seeds have the same positives,
    so the interval does not include which positives were collected.
    """
    rows = case.baselines
    if len(rows) < FEWEST_COUNTS or min(map(len, rows.values())) < FEWEST_SEEDS:
        return None
    if load_experiment(case.experiment).sweep != FIXED_NEGATIVES:
        return None
    plan, test = load_plan(case.experiment), case.test
    positive, most = test.labels == 1, test.pos_probs[rows[min(rows)]]
    rate = float(false_positive_contributions(most, positive, threshold=case.threshold).values.mean())
    points, errors = [], []
    for ratio in sorted(rows, reverse=True):
        own = test.pos_probs[rows[ratio]]
        recall = matched_recall_contributions(own, positive, np.full(len(own), rate), None).values
        count, negatives = training_counts(plan, ratio=ratio, seed=int(test.seeds[rows[ratio][0]]))
        points.append({"positives": count, "recall": float(recall.mean()), "lowest": float(recall.min()),
                       "highest": float(recall.max())})  # fmt: skip
        errors += [(count, 1 - float(one)) for one in recall]
    n, fitted = points[-1]["positives"], fit_power_law(*np.array(errors).T)
    found = more_positives(fitted, int(n), test_positives=int(positive.sum()))
    return {
        "source": RUNS, "points": points, "positives": int(n), "sampled": int(n), "negatives": negatives,
        "test_positives": int(positive.sum()), "now": _recall(found.now), "doubled": _recall(found.doubled),
        "gain": [found.gain.value, found.gain.low, found.gain.high], "answer": found.answer, "needed": found.needed,
    }  # fmt: skip


def _recall(error: Estimate) -> list[float]:
    return [1 - error.value, 1 - error.high, 1 - error.low]
