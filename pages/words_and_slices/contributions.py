"""Word contributions of a linear surrogate of the classifier: its R² first, then the words."""

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
from closecall.models.results.slice_wording import CLASS_NAMES, CORRECT_OUTCOME
from closecall.pages.shared.cached_io import NO_TEXT, has_texts, stamp
from closecall.pages.shared.escaping import escape_markdown
from closecall.pages.shared.layout import show_user_error
from closecall.pages.shared.state import show_examples

LOW_R2 = 0.5
"""Below this R² the page warns that words explain too little of the score."""
SHOWN = 15
_CONTRIBUTION_HELP = (
    "The log-odds that the word adds to a text that contains it, on average. Weights come from folds that did not "
    "include the text. 0.7 doubles the odds."
)


def contributions_part(config: ExperimentConfig, run: Run, outcome: str, threshold: float) -> None:
    """The R² of the surrogate, a warning when it is low, and the words that lower or raise the score."""
    if not has_texts(config.dataset):
        st.info(f"{NO_TEXT} Word contributions need texts.", icon=":material/info:")
        return
    texts = datasets_folder() / config.dataset / "examples.parquet"
    try:
        surrogate = _surrogate(run, config.id, run.name, (stamp(run.folder / "predictions.parquet"), stamp(texts)))
    except UserError as error:
        show_user_error(error)
        return
    except ValueError as error:
        st.info(escape_markdown(str(error)), icon=":material/info:")
        return
    own = surrogate.labels == ERROR_LABEL[outcome]
    st.markdown(escape_markdown(fidelity_text(surrogate, own, run, outcome)))
    if not _r2(surrogate) >= LOW_R2:
        st.warning(
            "Words by themselves explain less than half of the variance of the score; order and context explain the "
            "rest. Use the words below as hints only, and read the examples.",
            icon=":material/warning:",
        )
    predicted = surrogate.pos_probs >= threshold
    wrong = own & (~predicted if outcome == "fn" else predicted)
    _word_lists(config, run, word_contributions(surrogate.fitted, wrong, own & ~wrong), outcome, threshold)


def fidelity_text(surrogate: RunSurrogate, own: np.ndarray, run: Run, outcome: str) -> str:
    """R² of the surrogate on held-out texts with its range over the folds, and the correlation within the class.

    `own` (n booleans) marks the texts of the class.
    """
    r2, folds = _r2(surrogate), surrogate.fitted.r2
    low, high = (probability_text(float(one)) for one in (np.nanmin(folds), np.nanmax(folds)))
    within = _correlation(surrogate.logits[own], surrogate.fitted.predicted[own])
    correlation = (
        f" Among the {CLASS_NAMES[outcome][1]} alone, its predictions correlate with the log-odds at "
        f"{probability_text(within)}."
        if within > 0
        else ""
    )
    return (
        f"R² {probability_text(r2)} ({low} to {high} over {len(folds)} folds): a linear surrogate, a weight for each "
        f"word, explains {percent_text(max(r2, 0.0))} of the variance of this classifier's log-odds at "
        f"{ratio_text(run.config.ratio)} on held-out texts.{correlation}"
    )


def _word_lists(
    config: ExperimentConfig, run: Run, contributions: pd.DataFrame, outcome: str, threshold: float
) -> None:
    """The words that lower the score beside those that raise it; ticking one opens its errors on the Errors page."""
    values = contributions["contribution"]
    name = CLASS_NAMES[outcome][1]
    lists = (
        ("down", f"Words that lower the score of {name}", contributions[values < 0]),
        ("up", f"Words that raise the score of {name}", contributions[values > 0].iloc[::-1]),
    )
    for column, (direction, title, table) in zip(st.columns(2, gap="large"), lists, strict=True):
        with column:
            st.markdown(f"**{title}**")
            word = _word_table(table.head(SHOWN), outcome, key=f"pulls-{direction}-{outcome}", alt=title)
            if word:
                show_examples(
                    experiment=config.id,
                    ratio=ratio_text(run.config.ratio),
                    seed=str(run.config.seed),
                    threshold=f"{threshold:g}",
                    outcome=outcome,
                    slice=f"word:{word}",
                )
    st.caption(
        "Contributions describe the surrogate, not what causes the score. Listed are words in at least ten test "
        f"{name}. Tick a word to read the {OUTCOME_NAMES[outcome]} that contain it."
    )


def _word_table(table: pd.DataFrame, outcome: str, *, key: str, alt: str) -> str:
    """The words of one direction. The one that was ticked, "" for none."""
    if table.empty:
        st.caption("There are no such words.")
        return ""
    shown = table[["name", "contribution", "one", "other"]].assign(contribution=table["contribution"].abs())
    correct, column = CORRECT_OUTCOME[outcome], st.column_config
    sign = "-" if float(table["contribution"].iloc[0]) < 0 else "+"
    event = st.dataframe(
        shown,
        key=key,
        hide_index=True,
        height=38 + 35 * min(len(shown), 10),
        on_select="rerun",
        selection_mode="single-row",
        column_config={
            "name": column.TextColumn("Word", width=140),
            "contribution": column.ProgressColumn(
                "Contribution (log-odds)",
                format=f"{sign}%.2f",
                min_value=0,
                max_value=float(shown["contribution"].max()),
                width=150,
                help=_CONTRIBUTION_HELP,
            ),
            "one": column.NumberColumn(
                outcome.upper(), width=60, help=f"{OUTCOME_NAMES[outcome].capitalize()} that contain the word."
            ),
            "other": column.NumberColumn(
                correct.upper(), width=60, help=f"{OUTCOME_NAMES[correct].capitalize()} that contain the word."
            ),
        },
        alt=alt,
    )
    rows: list[int] = event["selection"]["rows"]
    return str(table["name"].iloc[rows[0]]) if rows and rows[0] < len(table) else ""


def _r2(surrogate: RunSurrogate) -> float:
    return r_squared(surrogate.logits, surrogate.fitted.predicted)


def _correlation(true: np.ndarray, predicted: np.ndarray) -> float:
    """Pearson's correlation; nan for fewer than three values or without variance."""
    if len(true) < 3 or not true.std() or not predicted.std():
        return float("nan")
    return float(np.corrcoef(true, predicted)[0, 1])


@st.cache_resource(max_entries=8, show_spinner="Fitting word weights to the log-odds")
def _surrogate(_run: Run, experiment: str, name: str, stamps: tuple[int, int]) -> RunSurrogate:
    return run_surrogate(experiment, _run)
