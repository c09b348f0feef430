"""The drop in recall from the smallest ratio to each larger one, decomposed over the seeds that both have."""

from dataclasses import fields

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from closecall.analysis.intervals import Estimate
from closecall.analysis.ratio.decomposition import Decomposition, Validation, decompose_drop, paired_runs


def decompose_ratios(
    labels: ArrayLike,
    pos_probs: ArrayLike,
    ratios: ArrayLike,
    seeds: ArrayLike,
    *,
    threshold: float = 0.5,
    val_labels: ArrayLike | None = None,
    val_pos_probs: ArrayLike | None = None,
    match_prevalence: float | None = None,
    draws: int = 500,
) -> dict[float, Decomposition]:
    """`decompose_drop` from the smallest ratio to each other one, over the seeds that the two share.

    `pos_probs` (runs, n) and `val_pos_probs` (runs, m) in the same order of runs; `ratios`, `seeds` (runs,). A ratio
    without a seed in common is left out. Leave collapsed runs out first.
    """
    test = np.atleast_2d(np.asarray(pos_probs))
    choosing = None if val_pos_probs is None else np.atleast_2d(np.asarray(val_pos_probs))
    if (choosing is None) != (val_labels is None) or (choosing is not None and len(choosing) != len(test)):
        raise ValueError("Give validation labels and probabilities together, one row for each run.")
    results = {}
    for ratio, (a, b) in paired_runs(ratios, seeds, runs=len(test)).items():
        validation = (
            None if val_labels is None or choosing is None else Validation(val_labels, choosing[a], choosing[b])
        )
        results[ratio] = decompose_drop(
            labels,
            test[a],
            test[b],
            threshold=threshold,
            validation=validation,
            match_prevalence=match_prevalence,
            draws=draws,
        )
    return results


def decomposition_table(decompositions: dict[float, Decomposition]) -> pd.DataFrame:
    """The decompositions one row for each ratio: `ratio, recall_a, recall_b, n_positives, n_seeds, false_positives_a,
    false_positives_b`, and for every part three columns such as `ranking, ranking_low, ranking_high`."""
    rows = []
    for ratio, parts in decompositions.items():
        row: dict[str, float] = {"ratio": ratio}
        for field in fields(parts):
            value = getattr(parts, field.name)
            if isinstance(value, Estimate):
                bounds = {field.name: value.value, f"{field.name}_low": value.low, f"{field.name}_high": value.high}
                row.update(bounds)
            else:
                row[field.name] = value
        rows.append(row)
    return pd.DataFrame(rows)
