"""Which labels are suspected errors? Suspects and near copies with opposite labels, and their effect on recall."""

import pandas as pd
import streamlit as st

from closecall.analysis.formatting import count_text, probability_text
from closecall.data.annotations.label_audits import AuditInfo
from closecall.data.experiments.store import ExperimentConfig
from closecall.pages.label_audit.audit_job import finished_audit, show_running_audit, show_start
from closecall.pages.label_audit.cards import item_card
from closecall.pages.label_audit.effect import effect
from closecall.pages.label_audit.suspects import READS, STARTS, actions, chosen, controls, queue_items, suspect_table
from closecall.pages.shared.cached_io import texts_of
from closecall.pages.shared.escaping import escape_markdown
from closecall.pages.shared.layout import headline, wide
from closecall.pages.shared.runs import valid_runs
from closecall.pages.shared.state import choose_threshold, require_experiment
from closecall.pages.shared.url_filters import load_filters, save_filters


def show() -> None:
    wide()
    config = require_experiment()
    if show_running_audit(config):
        return
    audit = finished_audit(config)
    if audit is None:
        show_start(config)
        return
    with st.sidebar:
        threshold = choose_threshold()
    info, frame, copies = audit
    suspects = frame[frame["flagged"]]
    headline(f"Label audit of {escape_markdown(config.title)}", finding(frame, suspects, copies), detail(info))
    if suspects.empty and copies.empty:
        st.caption("No label contradicts the model strongly enough. This does not prove that every label is right.")
        return
    suspects_part(config, queue_items(suspects, copies))
    if len(suspects):
        effect(valid_runs(config.id)[0], suspects, threshold)
    st.caption(method_note(info))


def finding(frame: pd.DataFrame, suspects: pd.DataFrame, copies: pd.DataFrame) -> str:
    """The number of suspected label errors in each class, and of near copies with opposite labels."""
    positives = int((suspects["label"] == 1).sum())
    text = f"None of {len(frame):,} labels is a suspected error."
    if len(suspects):
        text = (
            f"{len(suspects):,} of {len(frame):,} labels are suspected errors: "
            f"{count_text(positives, 'positive')} and {count_text(len(suspects) - positives, 'negative')}."
        )
    if copies.empty:
        return text
    pairs = count_text(len(copies), "pair of near copies has", "pairs of near copies have")
    return f"{text} {pairs} opposite labels."


def detail(info: AuditInfo) -> str:
    """The rule that makes a label a suspect, with the probabilities it uses."""
    positive, negative = (
        escape_markdown(probability_text(one)) for one in (info.positive_threshold, info.negative_threshold)
    )
    return (
        "The out-of-fold probability of the other class is at least as high as for an average example of that class. A "
        f"negative is a suspect from a probability of positive of {positive} on, a positive from a probability of "
        f"negative of {negative} on. Read a suspect before you change its label."
    )


def method_note(info: AuditInfo) -> str:
    """The method with its number of folds, and the share of true errors that it found in a benchmark."""
    grouped = ", each group in one fold" if info.grouped else ""
    return (
        "Method: confident learning (cleanlab) on out-of-fold probabilities of a logistic regression on the frozen "
        f"encoder's embeddings, {info.folds} folds{grouped}. Fine-tuned classifiers would be more accurate but need "
        f"{info.folds} more trainings. In a benchmark with 3 % flipped labels, 49 % of the suspects were true errors "
        "among newsgroup posts and 13 % among single sentences of film reviews. Among suspects with at least four of "
        "five neighbours of the other class, the shares were 74 % and 20 %."
    )


@st.fragment
def suspects_part(config: ExperimentConfig, items: pd.DataFrame) -> None:
    """The table of items on the left, the texts of the selected one on the right."""
    load_filters(STARTS, READS, canary="labelled")
    controls()
    save_filters(STARTS)
    texts = texts_of(config.dataset)
    shown = chosen(items)
    if shown.empty:
        st.info("No suspect matches these filters.", icon=":material/filter_alt_off:")
        return
    bar = st.container()
    left, right = st.columns(2, gap="large")
    with left:
        selected = suspect_table(config, shown, texts)
    with bar:
        actions(config, shown, selected)
    with right:
        item_card(config, (selected.iloc[-1] if len(selected) else shown.iloc[0]).to_dict(), texts)


show()
