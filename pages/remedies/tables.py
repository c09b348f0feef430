"""The tables of the comparison: three thresholds; ranking, calibration and time; what each method does."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
import streamlit as st

from closecall.analysis.formatting import (
    count_text,
    duration_text,
    p_text,
    points_cell,
    score_difference_cell,
    score_text,
)
from closecall.analysis.intervals import Estimate
from closecall.analysis.remedies.gains import Gain
from closecall.analysis.remedies.methods import Measures, OperatingPoint
from closecall.data.experiments.remedies import METHODS, THRESHOLD, remedy_title
from closecall.models.results.remedy_comparison import RemedyComparison, comparison_row

HOW_COMPARED = (
    "A remedy that only moves the threshold raises recall at 0.50 and adds false positives. Each method is therefore "
    "compared with the baseline at threshold 0.50, at its own validation threshold, and at the baseline's "
    "false-positive rate. AUC does not depend on the threshold."
)


def notes() -> None:
    """What each method does, and what others measured."""
    st.markdown(HOW_COMPARED)
    rows = [{"Method": one.title, "What it does": one.help, "Published evidence": one.evidence} for one in METHODS]
    st.dataframe(rows, hide_index=True, key="remedy-notes", alt="What each method does and what others measured")


def thresholds_table(
    comparison: RemedyComparison, measures: Sequence[Measures], gains: dict[str, Gain], *, q: float, rule: str
) -> None:
    """Recall and specificity of each method at threshold 0.50, at its own and at the common false-positive rate."""
    rows = [_threshold_row(one) for one in measures]
    without_half = {"method": remedy_title(THRESHOLD), "half": "", "half-specificity": ""}
    rows.insert(1, _threshold_row(measures[0]) | without_half)
    columns: dict[str, Any] = {
        "method": st.column_config.TextColumn("Method", width=190),
        "half": st.column_config.TextColumn("Recall, %", help="At threshold 0.50."),
        "half-specificity": st.column_config.TextColumn("Specificity, %", help="At threshold 0.50."),
        "own": st.column_config.TextColumn(
            "Recall (own), %", help=f"At its own threshold, chosen on validation: {rule}."
        ),
        "own-specificity": st.column_config.TextColumn("Specificity (own), %"),
        "precision": st.column_config.TextColumn("Precision (own), %", help=f"At prevalence q = {100 * q:.3g} %."),
        "common": st.column_config.TextColumn(
            "Recall (FPR), %",
            help="At the threshold with the false-positive rate that the baseline has at 0.50, both on validation.",
        ),
    }
    st.dataframe(pd.DataFrame(rows), column_config=columns, hide_index=True, key="remedy-thresholds",
                 alt="Each method at three thresholds")  # fmt: skip
    st.caption(f"Means over seeds with 95 % intervals over examples and seeds. {_base(comparison)}")
    _download(comparison, measures, gains)


def ranking_table(
    comparison: RemedyComparison, measures: Sequence[Measures], gains: dict[str, Gain], *, q: float
) -> None:
    """Metrics that do not depend on the threshold: ranking and its gain, calibration, training time."""
    rows = [_ranking(comparison, one, gains.get(one.name)) for one in measures]
    columns: dict[str, Any] = {
        "method": st.column_config.TextColumn("Method", width=190),
        "auc": st.column_config.TextColumn(
            "AUC", help="Probability that a positive ranks above a negative. Chance: 0.50."
        ),
        "auc-gain": st.column_config.TextColumn("AUC minus baseline"),
        "auc-gain-p": st.column_config.TextColumn("p", help="After Holm, over both differences of all methods."),
        "recall-gain": st.column_config.TextColumn(
            "Recall minus baseline",
            help="In points, at the false-positive rate that the baseline has at 0.50 on validation.",
        ),
        "recall-gain-p": st.column_config.TextColumn("p ", help="After Holm, over both differences of all methods."),
        "ap": st.column_config.TextColumn(
            "AP", help=f"Average precision at prevalence q = {100 * q:.3g} %. A random ranking has q."
        ),
        "ece": st.column_config.TextColumn(
            "ECE", help="Expected calibration error of the probabilities, shifted to the prevalence of the test set."
        ),
        "ece-calibrated": st.column_config.TextColumn(
            "ECE, calibrated",
            help="After a temperature fitted on validation, or slope and intercept if the method moves the prior: "
            "overall, then for predicted positives and predicted negatives.",
        ),
        "time": st.column_config.TextColumn(
            "Training", help="Mean of one run. A re-trained head adds to the baseline."
        ),
    }
    st.dataframe(pd.DataFrame(rows), column_config=columns, hide_index=True, key="remedy-ranking",
                 alt="Ranking, calibration and time of each method")  # fmt: skip
    st.caption(
        f"{_base(comparison)} Intervals of AUC by DeLong for one seed, else by a bootstrap over examples and seeds. "
        "One-class methods use negatives on validation only, where their scores become probabilities."
    )
    _download(comparison, measures, gains)


def _threshold_row(one: Measures) -> dict[str, str]:
    return {
        "method": one.title,
        **_recalls("half", one.at_half),
        **_recalls("own", one.at_own),
        "precision": f"{100 * one.at_own.precision.value:.1f}",
        "common": _bounds(one.at_common.recall),
    }


def _recalls(name: str, point: OperatingPoint) -> dict[str, str]:
    return {name: _bounds(point.recall), f"{name}-specificity": _bounds(point.specificity)}


def _ranking(comparison: RemedyComparison, one: Measures, gain: Gain | None) -> dict[str, str]:
    collapsed = comparison.collapsed[one.name]
    by_prediction = [
        score_text(part) for part in (one.ece_calibrated.predicted_positive, one.ece_calibrated.predicted_negative)
    ]
    return {
        "method": one.title + (f" ({count_text(collapsed, 'run')} collapsed)" if collapsed else ""),
        "auc": f"{score_text(one.auc.value)} ({score_text(one.auc.low)} to {score_text(one.auc.high)})",
        "auc-gain": score_difference_cell(gain.auc) if gain else "",
        "auc-gain-p": p_text(gain.auc_p) if gain else "",
        "recall-gain": points_cell(gain.recall) if gain else "",
        "recall-gain-p": p_text(gain.recall_p) if gain else "",
        "ap": f"{score_text(one.average_precision.value)} ({score_text(one.average_precision.low)} to "
        f"{score_text(one.average_precision.high)})",
        "ece": score_text(one.ece.overall),
        "ece-calibrated": f"{score_text(one.ece_calibrated.overall)} ({' and '.join(by_prediction)})",
        "time": duration_text(comparison.seconds[one.name]),
    }


def _bounds(one: Estimate) -> str:
    return f"{100 * one.value:.1f} ({100 * one.low:.1f} to {100 * one.high:.1f})"


def _base(comparison: RemedyComparison) -> str:
    positives = int(np.sum(comparison.labels.test))
    return (
        f"{count_text(positives, 'test positive')}, {count_text(len(comparison.ids) - positives, 'test negative')}, "
        f"{count_text(len(comparison.baseline.seeds), 'seed')} of the baseline. Thresholds are chosen on validation."
    )


def _download(comparison: RemedyComparison, measures: Sequence[Measures], gains: dict[str, Gain]) -> None:
    def content() -> bytes:
        rows = [comparison_row(comparison, one, gains.get(one.name)) for one in measures]
        return pd.DataFrame(rows).to_csv(index=False).encode()

    st.download_button("Export as CSV", content, f"{comparison.experiment}-remedies.csv", "text/csv",
                       icon=":material/download:", on_click="ignore")  # fmt: skip
