"""Which labels look wrong? Suspects to read, with the evidence, and what they would do to recall."""

import pandas as pd
import streamlit as st

from closecall.analysis.formatting import count_text, probability_text
from closecall.data.annotations.label_audits import AuditInfo
from closecall.data.experiments.store import ExperimentConfig
from closecall.pages.label_audit.audit_job import at_work, found_audit, invite
from closecall.pages.label_audit.effect import effect
from closecall.pages.label_audit.suspects import READS, STARTS, actions, chosen, controls, suspect_card, suspect_table
from closecall.pages.shared.cached_io import texts_of
from closecall.pages.shared.escaping import escape_markdown
from closecall.pages.shared.layout import headline, wide
from closecall.pages.shared.runs import valid_runs
from closecall.pages.shared.state import choose_threshold, require_experiment
from closecall.pages.shared.url_filters import load_filters, save_filters


def show() -> None:
    wide()
    config = require_experiment()
    if at_work(config):
        return
    audit = found_audit(config)
    if audit is None:
        invite(config)
        return
    with st.sidebar:
        threshold = choose_threshold()
    info, frame = audit
    suspects = frame[frame["flagged"]]
    headline(f"Label audit of {escape_markdown(config.title)}", finding(frame, suspects), detail(info))
    if suspects.empty:
        st.caption("No label contradicts the model strongly enough. That does not prove that every label is right.")
        return
    read(config, suspects)
    effect(valid_runs(config.id)[0], suspects, threshold)
    st.caption(how_made(info))


def finding(frame: pd.DataFrame, suspects: pd.DataFrame) -> str:
    """How many labels look wrong, of either class."""
    positives = int((suspects["label"] == 1).sum())
    if suspects.empty:
        return f"None of {len(frame):,} labels looks wrong."
    return (
        f"{len(suspects):,} of {len(frame):,} labels look wrong: "
        f"{count_text(positives, 'positive')} and {count_text(len(suspects) - positives, 'negative')}."
    )


def detail(info: AuditInfo) -> str:
    """By which rule they are suspected."""
    positive, negative = (
        escape_markdown(probability_text(one)) for one in (info.positive_threshold, info.negative_threshold)
    )
    return (
        "To a model that was not shown them they look like the other class, as much as that class does on average: a "
        f"negative is suspect when positive has a probability of {positive} or more, a positive when negative has "
        f"{negative} or more. Suspects are to be read, not to be believed."
    )


def how_made(info: AuditInfo) -> str:
    grouped = ", texts of one group always held out together" if info.grouped else ""
    return (
        f"Confident learning (cleanlab) on out-of-fold probabilities of a logistic regression on the frozen encoder's "
        f"embeddings, {info.folds} folds{grouped}. Classifiers fine-tuned {info.folds} times, each without a fifth of "
        f"the texts, would judge better; that is {info.folds} more trainings, which are not made here. Tried on labels "
        "of which 3 % were flipped on purpose, 49 % of the suspects were such errors among newsgroup posts and 13 % "
        "among single sentences of film reviews; of those with four of five neighbours against them 74 % and 20 %."
    )


@st.fragment
def read(config: ExperimentConfig, suspects: pd.DataFrame) -> None:
    """The suspects on the left, the one that is ticked on the right."""
    load_filters(STARTS, READS, canary="labelled")
    controls()
    save_filters(STARTS)
    texts = texts_of(config.dataset)
    shown = chosen(suspects)
    if shown.empty:
        st.info("No suspect is like that. Choose other filters.", icon=":material/filter_alt_off:")
        return
    left, right = st.columns([3, 2], gap="large")
    with left:
        bar = st.container()
        ticked = suspect_table(config, shown, texts)
        with bar:
            actions(config, shown, ticked)
    with right:
        if len(ticked):
            suspect_card(config, ticked.iloc[-1], texts)
        else:
            suspect_card(config, shown.iloc[0], texts)


show()
