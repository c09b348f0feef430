"""The threshold desk: each rule's choice on validation, told on test; ticking one moves the slider there."""

from typing import Any

import numpy as np
import pandas as pd
import streamlit as st

from closecall.analysis.formatting import prevalence_text, probability_text
from closecall.analysis.metrics.thresholds import threshold_table
from closecall.data.experiments.runs import Run
from closecall.pages.shared.cached_io import predictions, stamp

_SAID = {
    "one half": "one half",
    "prior": "share of positives in training",
    "balanced accuracy": "best mean of both recalls",
    "least cost": "least cost",
}


def threshold_rules(run: Run, q: float) -> pd.DataFrame | None:
    """The rules with their thresholds and what they give on test; None without validation predictions."""
    validation = predictions(run, "validation")
    if len(set(validation.labels.tolist())) < 2:
        return None
    path = run.folder / "predictions.parquet"
    wishes = {name: float(st.session_state.get(name, start)) for name, (start, *_) in _WISHES.items()}
    return _rules(run, str(path), stamp(path), q, **wishes)


def show_threshold_rules(rules: pd.DataFrame | None, q: float) -> None:
    """The wishes, and the table; a tick moves the threshold."""
    if rules is None:
        st.info("These predictions have no validation part: there is nothing to choose a threshold on.")
        return
    with st.container(horizontal=True, gap="medium"):
        for name, (start, low, high, step, label) in _WISHES.items():
            st.number_input(label, low, high, start, step, key=name, persist_state="session", width=190)
    columns: dict[str, Any] = {
        "rule": "Rule",
        "threshold": "Threshold",
        "found": st.column_config.NumberColumn("Found (recall)", format="%.1f %%"),
        "from": st.column_config.NumberColumn("from", format="%.1f"),
        "to": st.column_config.NumberColumn("to", format="%.1f"),
        "alone": st.column_config.NumberColumn("Left alone", format="%.1f %%"),
        "precision": st.column_config.NumberColumn("Precision at q", format="%.1f %%"),
        "alerts": st.column_config.NumberColumn("Alerts per 1,000", format="%.1f"),
    }
    st.session_state["desk-thresholds"] = rules["threshold"].tolist()
    st.dataframe(_shown(rules), column_config=columns, hide_index=True, key="desk", on_select=_take,
                 selection_mode="single-row", alt="What each rule for a threshold gives")  # fmt: skip
    st.caption(
        f"Thresholds are chosen on validation; the figures are of the test set, with 95 % intervals, at {prevalence_text(q)}. "
        "Tick a rule to move the slider there. Least cost cuts the probabilities as one temperature calibrates them."
    )


_WISHES = {
    "min-recall": (0.9, 0.01, 0.999, 0.05, "Find at least (share)"),
    "min-precision": (0.8, 0.01, 0.999, 0.05, "Right alerts at least (share)"),
    "cost-fp": (1.0, 0.01, 1e6, 1.0, "Cost of a false alarm"),
    "cost-fn": (1.0, 0.01, 1e6, 1.0, "Cost of a miss"),
}


def _take() -> None:
    """Move the slider to the ticked rule."""
    rows = st.session_state["desk"]["selection"]["rows"]
    thresholds = st.session_state.get("desk-thresholds", [])
    if rows and rows[0] < len(thresholds) and np.isfinite(thresholds[rows[0]]):
        st.session_state["threshold"] = round(float(np.clip(thresholds[rows[0]], 0, 1)), 5)


def _shown(rules: pd.DataFrame) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "rule": [_SAID.get(rule, rule) for rule in rules["rule"]],
            "threshold": ["never reached" if np.isnan(one) else probability_text(one) for one in rules["threshold"]],
            "found": 100 * rules["recall"],
            "from": 100 * rules["recall_low"],
            "to": 100 * rules["recall_high"],
            "alone": 100 * rules["true_negative_rate"],
            "precision": 100 * rules["precision_at_q"],
            "alerts": 1000 * rules["predicted_positive_rate_at_q"],
        }
    )


@st.cache_data(max_entries=64, show_spinner=False)
def _rules(_run: Run, path: str, written: int, q: float, **wishes: float) -> pd.DataFrame:
    validation, test = predictions(_run, "validation"), predictions(_run)
    return threshold_table(
        validation.labels,
        validation.pos_probs,
        test.labels,
        test.pos_probs,
        trained_at=1 / (1 + _run.config.ratio),
        q=q,
        min_recall=wishes["min-recall"],
        min_precision=wishes["min-precision"],
        cost_fp=wishes["cost-fp"],
        cost_fn=wishes["cost-fn"],
    )
