"""Which words pull the classifier's score: a linear stand-in, its faithfulness first."""

from typing import Any

import numpy as np
import pandas as pd
import streamlit as st

from closecall.analysis.errors.surrogate import r_squared, word_contributions
from closecall.analysis.formatting import percent_text, probability_text, ratio_text
from closecall.analysis.metrics.outcomes import OUTCOME_NAMES
from closecall.data.datasets.store import datasets_folder
from closecall.data.experiments.runs import Run
from closecall.data.experiments.store import ExperimentConfig
from closecall.data.io.errors import UserError
from closecall.models.explain.slices import ERROR_LABEL, RunSurrogate, run_surrogate
from closecall.models.results.slice_wording import CORRECT_OUTCOME
from closecall.pages.shared.cached_io import NO_TEXT, has_texts, stamp
from closecall.pages.shared.escaping import escape_markdown
from closecall.pages.shared.layout import show_user_error
from closecall.pages.shared.state import show_examples

LOW = 0.5
"""R squared under which the stand-in tells too little to be read without a warning."""
SHOWN = 15
_HEADS = {"fn": ("Misses", "Hits"), "fp": ("Alarms", "Rejected")}


def contributions_part(config: ExperimentConfig, run: Run, outcome: str, threshold: float) -> None:
    """How faithful the stand-in is, then its words."""
    if not has_texts(config.dataset):
        st.info(f"{NO_TEXT} There are no words to tell the score by.", icon=":material/info:")
        return
    try:
        found = _surrogate(run, config.id, run.name, _marks(config, run))
    except UserError as error:
        show_user_error(error)
        return
    except ValueError as error:
        st.info(escape_markdown(str(error)), icon=":material/info:")
        return
    own = found.labels == ERROR_LABEL[outcome]
    st.markdown(faithfulness(found, own, run, outcome))
    if not _r2(found) >= LOW:
        st.warning(
            "Less than half of the score is words by themselves: order, context and phrases decide the rest. Take the "
            "words below as hints, and read the examples.",
            icon=":material/warning:",
        )
    called = found.pos_probs >= threshold
    wrong = own & (~called if outcome == "fn" else called)
    pulls = word_contributions(found.fitted, wrong, own & ~wrong)
    _lists(config, run, pulls, outcome, threshold)


def faithfulness(found: RunSurrogate, own: np.ndarray, run: Run, outcome: str) -> str:
    """How much of the score the stand-in tells on texts it did not learn from, also within the class."""
    r2, folds = _r2(found), found.fitted.r2
    spread = f"{percent_text(float(np.nanmin(folds)))} to {percent_text(float(np.nanmax(folds)))}"
    name = {"fn": "positives", "fp": "negatives"}[outcome]
    within = _together(found.logits[own], found.fitted.predicted[own])
    alone = (
        f" Among the {name} alone the two go together with correlation {probability_text(within)}."
        if within > 0
        else ""
    )
    return escape_markdown(
        f"Word weights alone tell {percent_text(max(r2, 0.0))} of the variance of this classifier's log-odds at "
        f"{ratio_text(run.config.ratio)} on texts they were not fitted to (R²; over five folds {spread})."
        f"{alone if within == within else ''}"
    )


def _lists(config: ExperimentConfig, run: Run, pulls: pd.DataFrame, outcome: str, threshold: float) -> None:
    down, up = pulls[pulls["contribution"] < 0], pulls[pulls["contribution"] > 0].iloc[::-1]
    name = {"fn": "positives", "fp": "negatives"}[outcome]
    titles = (f"Words that pull {name} down, towards negative", f"Words that carry {name} up, towards positive")
    left, right = st.columns(2, gap="large")
    for place, title, table, side in ((left, titles[0], down, "down"), (right, titles[1], up, "up")):
        with place:
            st.markdown(f"**{title}**")
            chosen = _table(table.head(SHOWN), outcome, f"pulls-{side}-{outcome}", side)
            if chosen:
                show_examples(
                    experiment=config.id,
                    ratio=ratio_text(run.config.ratio),
                    seed=str(run.config.seed),
                    threshold=f"{threshold:g}",
                    outcome=outcome,
                    slice=f"word:{chosen}",
                )
    st.caption(
        "Pull: how many log-odds the word adds to a text that holds it, on average, by weights fitted without that "
        "text; 0.7 doubles the odds. It says what the stand-in reads, not what causes the score. Words in ten test "
        f"{name} or more. Tick a word to read the {OUTCOME_NAMES[outcome]} with it."
    )


def _table(table: pd.DataFrame, outcome: str, key: str, side: str) -> str:
    """The words of one direction; the one that was ticked, "" for none."""
    if table.empty:
        st.caption("No word does.")
        return ""
    config = st.column_config
    shown = pd.DataFrame(
        {"name": table["name"], "contribution": table["contribution"].abs(), "one": table["one"], "other": table["other"]}
    )
    event = st.dataframe(
        shown,
        key=key,
        hide_index=True,
        height=38 + 35 * min(len(shown), 10),
        on_select="rerun",
        selection_mode="single-row",
        column_config={
            "name": config.TextColumn("Word", width=140),
            "contribution": config.ProgressColumn(
                f"Pull {side}", format="%.2f", min_value=0, max_value=float(shown["contribution"].max()), width=120
            ),
            "one": config.NumberColumn(
                _HEADS[outcome][0], width=70, help=f"{OUTCOME_NAMES[outcome].capitalize()} with it"
            ),
            "other": config.NumberColumn(
                _HEADS[outcome][1], width=70, help=f"{OUTCOME_NAMES[CORRECT_OUTCOME[outcome]].capitalize()} with it"
            ),
        },
        alt=f"Words that pull {side}",
    )
    rows: list[int] = event["selection"]["rows"]
    return str(table["name"].iloc[rows[0]]) if rows and rows[0] < len(table) else ""


def _r2(found: RunSurrogate) -> float:
    return r_squared(found.logits, found.fitted.predicted)


def _together(true: np.ndarray, told: np.ndarray) -> float:
    if len(true) < 3 or not true.std() or not told.std():
        return float("nan")
    return float(np.corrcoef(true, told)[0, 1])


def _marks(config: ExperimentConfig, run: Run) -> tuple[Any, ...]:
    texts = datasets_folder() / config.dataset / "examples.parquet"
    return stamp(run.folder / "predictions.parquet"), stamp(texts)


@st.cache_resource(max_entries=8, show_spinner="Fitting word weights to the log-odds")
def _surrogate(_run: Run, experiment: str, name: str, marks: tuple[Any, ...]) -> RunSurrogate:
    return run_surrogate(experiment, _run)
