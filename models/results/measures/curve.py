"""Recall by number of training positives: from the runs of a `fixed_negatives` sweep, else from a linear probe."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from closecall.analysis.ratio.changes import false_positive_contributions, matched_recall_contributions
from closecall.data.annotations.text_evidence import TextEvidence
from closecall.data.experiments.plans import FIXED_NEGATIVES, training_counts
from closecall.data.experiments.run_tables import RunTable
from closecall.data.experiments.store import load_experiment, load_plan
from closecall.models.explain.experiment.texts import curve_values

PROBE = "a linear probe on the frozen encoder"
RUNS = "the runs of this experiment"
FEWEST_SEEDS, FEWEST_COUNTS = 3, 3


def curve_of(
    experiment: str,
    test: RunTable,
    baselines: Mapping[float, np.ndarray],
    texts: TextEvidence | None,
    *,
    threshold: float,
) -> dict[str, Any] | None:
    """The numbers of the curve with their `source`, PROBE or RUNS; None where neither was measured.

    As `curve` of `TextEvidence`: points, now, doubled and gain (recall), answer, needed. `baselines`, `texts`: as in
    `Case`.
    """
    from_runs = _of_runs(experiment, test, baselines, threshold)
    if from_runs is not None:
        return from_runs
    stored = texts.curve if texts else None
    return None if stored is None else {"source": PROBE, **stored}


def _of_runs(
    experiment: str, test: RunTable, rows: Mapping[float, np.ndarray], threshold: float
) -> dict[str, Any] | None:
    """The curve through real runs, at the false-positive rate of those with most positives.

    None for other kinds of sweep, and with fewer seeds than FEWEST_SEEDS anywhere. All seeds have the same positives,
    so the interval does not include which positives were collected.
    """
    if len(rows) < FEWEST_COUNTS or min(map(len, rows.values())) < FEWEST_SEEDS:
        return None
    if load_experiment(experiment).sweep != FIXED_NEGATIVES:
        return None
    plan, positive = load_plan(experiment), test.labels == 1
    most = test.pos_probs[rows[min(rows)]]
    rate = float(false_positive_contributions(most, positive, threshold=threshold).values.mean())
    tables = []
    for ratio in sorted(rows, reverse=True):
        own = test.pos_probs[rows[ratio]]
        recall = matched_recall_contributions(own, positive, np.full(len(own), rate), None).values
        count, negatives = training_counts(plan, ratio=ratio, seed=int(test.seeds[rows[ratio][0]]))
        tables.append(pd.DataFrame({"positives": count, "error": 1 - recall}))
    values = curve_values(pd.concat(tables), positives=count, negatives=negatives, test_positives=int(positive.sum()))
    return {"source": RUNS, **values}
