"""Beside the open example: the cause of its error, and the evidence of all causes that hold."""

import streamlit as st

from closecall.analysis.causes.miss_wording import evidence_sentences
from closecall.analysis.causes.misses import MISS_CAUSE_BY_KEY
from closecall.pages.errors.filter_masks import SplitExamples
from closecall.pages.shared.causes import causes_of
from closecall.pages.shared.escaping import escape_markdown


def show_cause(examples: SplitExamples, row: int) -> None:
    """Nothing for examples that most seeds classify correctly, and outside the test split."""
    predictions, config = examples.predictions, examples.run.config
    if predictions.split != "test":
        return
    outcome = "fn" if predictions.labels[row] == 1 else "fp"
    found = causes_of(
        predictions.experiment, ratio=config.ratio, outcome=outcome, threshold=examples.threshold, remedy=config.remedy
    )
    example = str(predictions.ids[row])
    if found is None or example not in set(found.examples["id"]):
        return
    cause = str(found.examples.set_index("id").at[example, "cause"])
    st.markdown(f"**Cause: {MISS_CAUSE_BY_KEY[cause].title.lower()}**", help=MISS_CAUSE_BY_KEY[cause].help)
    for key, sentence in evidence_sentences(found, example):
        st.caption(escape_markdown(f"{MISS_CAUSE_BY_KEY[key].title}: {sentence}"))
