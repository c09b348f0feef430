"""What each remedy does, and what others have measured: for help texts."""

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

FAIR = (
    "A remedy that only moves the threshold finds more positives at .5 and raises more false alarms. So every arm is "
    "shown at .5, at its own threshold, and at the false alarms of the plain run; AUC needs no threshold at all."
)


def notes() -> None:
    """What each arm does, and what is known from elsewhere."""
    st.markdown(FAIR)
    rows = [{"Method": one.title, "What it does": one.help, "Published evidence": one.evidence} for one in METHODS]
    st.dataframe(rows, hide_index=True, key="remedy-notes", alt="What each method does and what others measured")


# The numbers of every arm: at three thresholds, and without any.


def cuts_table(
    race: RemedyComparison, measures: Sequence[Measures], gains: dict[str, Gain], *, q: float, rule: str
) -> None:
    """Both recalls of every arm at .5, at its own threshold and at the common false-alarm rate, and precision at q."""
    rows = [_cuts(one) for one in measures]
    rows.insert(1, {**_cuts(measures[0]), "arm": remedy_title(THRESHOLD), **dict.fromkeys(("half", "half-alone"), "")})
    columns: dict[str, Any] = {
        "arm": st.column_config.TextColumn("Arm", width=190),
        "half": st.column_config.TextColumn("Found at .5, %", help="Recall of positives, cut at .5."),
        "half-alone": st.column_config.TextColumn("Left alone, %", help="Recall of negatives, cut at .5."),
        "own": st.column_config.TextColumn(
            "Found, own cut, %", help=f"At its own threshold, chosen on validation: {rule}."
        ),
        "own-alone": st.column_config.TextColumn("Left alone, %", help="Recall of negatives at its own threshold."),
        "precision": st.column_config.TextColumn(
            "Precision, %", help=f"Share of right alerts at its own threshold, at prevalence q = {100 * q:.3g} %."
        ),
        "common": st.column_config.TextColumn(
            "At plain's alarms, %",
            help="Found when cut on validation to the false-alarm rate that plain has at .5 there.",
        ),
    }
    st.dataframe(pd.DataFrame(rows), column_config=columns, hide_index=True, key="remedy-cuts",
                 alt="Every arm at three thresholds")  # fmt: skip
    st.caption(f"Means over seeds with 95 % intervals over examples and seeds. {_base(race)}")
    _download(race, measures, gains)


def ranking_table(race: RemedyComparison, measures: Sequence[Measures], gains: dict[str, Gain], *, q: float) -> None:
    """What no threshold changes: ranking, its difference to plain, calibration, time."""
    rows = [_ranking(race, one, gains.get(one.name)) for one in measures]
    columns: dict[str, Any] = {
        "arm": st.column_config.TextColumn("Arm", width=190),
        "auc": st.column_config.TextColumn("AUC", help="How often a positive ranks above a negative. Chance: .5."),
        "less": st.column_config.TextColumn("AUC less plain's"),
        "p": st.column_config.TextColumn("p", help="After Holm over both differences of all arms."),
        "recall": st.column_config.TextColumn(
            "Recall less plain's", help="In points, both at the false-alarm rate that plain has at .5 on validation."
        ),
        "recall-p": st.column_config.TextColumn("p ", help="After Holm over both differences of all arms."),
        "ap": st.column_config.TextColumn(
            "AP", help=f"Average precision at prevalence q = {100 * q:.3g} %. A random order gives q."
        ),
        "ece": st.column_config.TextColumn(
            "ECE", help="How far probabilities are off on average, as they come, carried to the test set's own mix."
        ),
        "mended": st.column_config.TextColumn(
            "ECE mended", help="After one temperature on validation, or slope and intercept where the remedy moves the "
            "prior: all, then among those called positive and called negative."
        ),
        "time": st.column_config.TextColumn("Training", help="Mean of a run. A re-trained head comes on top of plain."),
    }  # fmt: skip
    st.dataframe(pd.DataFrame(rows), column_config=columns, hide_index=True, key="remedy-ranking",
                 alt="Ranking, calibration and time of every arm")  # fmt: skip
    st.caption(
        f"{_base(race)} Intervals of AUC by DeLong for one seed, else by a bootstrap over examples and seeds. "
        "One-class arms learn of negatives only on validation, where their scores become probabilities."
    )
    _download(race, measures, gains)


def _cuts(one: Measures) -> dict[str, str]:
    return {
        "arm": one.title,
        **_recalls("half", one.at_half),
        **_recalls("own", one.at_own),
        "precision": f"{100 * one.at_own.precision.value:.1f}",
        "common": _bounds(one.at_common.recall),
    }


def _recalls(name: str, point: OperatingPoint) -> dict[str, str]:
    return {name: _bounds(point.recall), f"{name}-alone": _bounds(point.specificity)}


def _ranking(race: RemedyComparison, one: Measures, gain: Gain | None) -> dict[str, str]:
    gone = race.collapsed[one.name]
    mended = [score_text(part) for part in (one.ece_calibrated.predicted_positive, one.ece_calibrated.predicted_negative)]
    return {
        "arm": one.title + (f" ({count_text(gone, 'run')} collapsed)" if gone else ""),
        "auc": f"{score_text(one.auc.value)} ({score_text(one.auc.low)} to {score_text(one.auc.high)})",
        "less": score_difference_cell(gain.auc) if gain else "",
        "p": p_text(gain.auc_p) if gain else "",
        "recall": points_cell(gain.recall) if gain else "",
        "recall-p": p_text(gain.recall_p) if gain else "",
        "ap": f"{score_text(one.average_precision.value)} ({score_text(one.average_precision.low)} to "
        f"{score_text(one.average_precision.high)})",
        "ece": score_text(one.ece.overall),
        "mended": f"{score_text(one.ece_calibrated.overall)} ({' and '.join(mended)})",
        "time": duration_text(race.seconds[one.name]),
    }


def _bounds(one: Estimate) -> str:
    return f"{100 * one.value:.1f} ({100 * one.low:.1f} to {100 * one.high:.1f})"


def _base(race: RemedyComparison) -> str:
    positives = int(np.sum(race.labels.test))
    return (
        f"{count_text(positives, 'test positive')}, {count_text(len(race.ids) - positives, 'test negative')}, "
        f"{count_text(len(race.plain.seeds), 'seed')} of plain; thresholds are chosen on validation."
    )


def _download(race: RemedyComparison, measures: Sequence[Measures], gains: dict[str, Gain]) -> None:
    def content() -> bytes:
        rows = [comparison_row(race, one, gains.get(one.name)) for one in measures]
        return pd.DataFrame(rows).to_csv(index=False).encode()

    st.download_button("Download as CSV", content, f"{race.experiment}-remedies.csv", "text/csv",
                       icon=":material/download:", on_click="ignore")  # fmt: skip
