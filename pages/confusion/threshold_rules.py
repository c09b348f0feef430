"""Rules that choose a threshold on validation, with their results on test. Selecting a rule sets the threshold."""

from collections.abc import Hashable
from typing import Any

import numpy as np
import pandas as pd
import streamlit as st

from closecall.analysis.formatting import percent_text, prevalence_text, probability_text, share_text
from closecall.analysis.metrics.split_check import SplitCheck, check_splits, prevalence_sentences, scores_sentences
from closecall.analysis.metrics.thresholds import WITHOUT_VALIDATION, threshold_table
from closecall.data.experiments.runs import Run
from closecall.pages.shared.cached_io import predictions, stamp

_TITLES = {"one half": "0.50", "prior": "training prevalence", "balanced accuracy": "highest balanced accuracy"}


def threshold_rules(run: Run, q: float) -> pd.DataFrame | None:
    """The rules with their thresholds and test results; None without validation predictions.

    Only the rules that need no validation where its scores differ from those of test.
    """
    check = validation_check(run)
    if check is None:
        return None
    path = run.folder / "predictions.parquet"
    settings = {name: float(st.session_state.get(name, start)) for name, (start, *_) in _SETTINGS.items()}
    rules = _rules(run, str(path), stamp(path), q, **settings)
    return rules if check.usable else rules[rules["rule"].isin(WITHOUT_VALIDATION)].reset_index(drop=True)


def validation_check(run: Run) -> SplitCheck | None:
    """Whether the validation scores of a run resemble those of test; None without both classes in both splits."""
    path = run.folder / "predictions.parquet"
    return _check(run, str(path), stamp(path))


def show_threshold_rules(run: Run, rules: pd.DataFrame | None, q: float) -> None:
    """The settings of the rules, in which respects validation differs from test, and the table."""
    check = validation_check(run)
    if rules is None or check is None:
        st.info("These predictions have no validation split, so no threshold can be chosen.")
        return
    if differences := (*scores_sentences(check), *prevalence_sentences(check)):
        st.warning(" ".join(differences), icon=":material/compare_arrows:")
    with st.container(horizontal=True, gap="medium"):
        for name, (start, low, high, step, label) in _SETTINGS.items():
            st.number_input(label, low, high, start, step, key=name, persist_state="session", width=190)
    columns: dict[str, Any] = {
        "rule": "Rule",
        "threshold": "Threshold",
        "recall": st.column_config.TextColumn("Recall (95 % CI)"),
        "specificity": st.column_config.TextColumn("Specificity (95 % CI)"),
        "precision": st.column_config.TextColumn("Precision at q"),
        "predicted-positives": st.column_config.TextColumn(
            "Per 1,000", help="Predicted positives per 1,000 texts at prevalence q."
        ),
    }
    st.session_state["rule-thresholds"] = rules["threshold"].tolist()
    st.dataframe(_shown(rules), column_config=columns, hide_index=True, key="threshold-rules", on_select=_set_threshold,
                 selection_mode="single-row", alt="Threshold and test results of each rule")  # fmt: skip
    st.caption(
        f"Thresholds are chosen on validation and results are of the test set, at {prevalence_text(q)}. Select a "
        "rule to set its threshold. Least cost uses probabilities calibrated by a temperature."
    )


_SETTINGS = {
    "min-recall": (0.9, 0.01, 0.999, 0.05, "Minimum recall (0-1)"),
    "min-precision": (0.8, 0.01, 0.999, 0.05, "Minimum precision (0-1)"),
    "cost-fp": (1.0, 0.01, 1e6, 1.0, "Cost of a false positive"),
    "cost-fn": (1.0, 0.01, 1e6, 1.0, "Cost of a false negative"),
}


def _set_threshold() -> None:
    """Set the threshold to that of the selected rule."""
    rows = st.session_state["threshold-rules"]["selection"]["rows"]
    thresholds = st.session_state.get("rule-thresholds", [])
    if rows and rows[0] < len(thresholds) and np.isfinite(thresholds[rows[0]]):
        st.session_state["threshold"] = round(float(np.clip(thresholds[rows[0]], 0, 1)), 5)


def _shown(rules: pd.DataFrame) -> pd.DataFrame:
    reached = rules["threshold"].notna().to_numpy()
    rows = rules.to_dict("records")
    return pd.DataFrame(
        {
            "rule": [_TITLES.get(row["rule"], row["rule"]) for row in rows],
            "threshold": [
                probability_text(row["threshold"]) if there else "not reached"
                for row, there in zip(rows, reached, strict=True)
            ],
            "recall": [_share(row, "tp", "fn") if there else "" for row, there in zip(rows, reached, strict=True)],
            "specificity": [_share(row, "tn", "fp") if there else "" for row, there in zip(rows, reached, strict=True)],
            "precision": [
                percent_text(row["precision_at_q"]) if there else "" for row, there in zip(rows, reached, strict=True)
            ],
            "predicted-positives": [
                f"{1000 * row['predicted_positive_rate_at_q']:.1f}" if there else ""
                for row, there in zip(rows, reached, strict=True)
            ],
        }
    )


def _share(row: dict[Hashable, Any], right: str, wrong: str) -> str:
    return share_text(int(row[right]), int(row[right] + row[wrong]))


@st.cache_data(max_entries=64, show_spinner=False)
def _check(_run: Run, path: str, written: int) -> SplitCheck | None:
    validation, test = predictions(_run, "validation"), predictions(_run)
    if any(len(set(one.labels.tolist())) < 2 for one in (validation, test)):
        return None
    return check_splits(test.labels, test.pos_probs, validation.labels, validation.pos_probs)


@st.cache_data(max_entries=64, show_spinner=False)
def _rules(_run: Run, path: str, written: int, q: float, **settings: float) -> pd.DataFrame:
    validation, test = predictions(_run, "validation"), predictions(_run)
    return threshold_table(
        validation.labels,
        validation.pos_probs,
        test.labels,
        test.pos_probs,
        trained_at=1 / (1 + _run.config.ratio),
        q=q,
        min_recall=settings["min-recall"],
        min_precision=settings["min-precision"],
        cost_fp=settings["cost-fp"],
        cost_fn=settings["cost-fn"],
    )
