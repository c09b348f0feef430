"""Read the errors: the queue on the left, the example on the right, everything by one key."""

from dataclasses import replace

import streamlit as st

from analysis.text_lengths import words
from data.errors import UserError
from data.experiments import ExperimentConfig, ratio_label
from data.runs import Run
from data.selections import Selection, load_selection
from pages.inspect._actions import action_bar, decision_bar
from pages.inspect._controls import (
    READS,
    STARTS,
    clear,
    current,
    narrowed,
    outcome_buttons,
    picked_chip,
    search_row,
)
from pages.inspect._filters import Desk, Filters, complaint, lay_out, ranks_of
from pages.inspect._queue import queue, style_queue
from pages.shared.case_list import listed_ids
from pages.shared.culprits import culprits
from pages.shared.evidence import SPLIT_NAMES, TRAIN, evidence_of, groups_of
from pages.shared.example_card import beside, facts, over_ratios, whole_text
from pages.shared.headline import headline
from pages.shared.link import enter, settle
from pages.shared.state import choose_run, require_experiment
from pages.shared.texts import Texts, texts_of
from pages.shared.threshold import choose_threshold
from pages.shared.wide import wide
from pages.shared.words import counted, plain, probability, share

TRAINING_SAID = (
    " These are training examples: each probability is what the run said while it trained on the text for the last "
    "time, just before it learned from it. It tells what training cannot fit, not how well the classifier does."
)


def show() -> None:
    wide()
    config = require_experiment()
    run = choose_run(config)
    with st.sidebar:
        threshold = choose_threshold()
    read_on(config, run, threshold)


@st.fragment
def read_on(config: ExperimentConfig, run: Run, threshold: float) -> None:
    """All that a key changes, run again by itself: the side bar need not answer every key."""
    entering = enter(STARTS, READS, canary="text")
    texts = texts_of(config.dataset)
    picks, lost = picked(config.id)
    desk, refused = lay_out_desk(config, run, threshold, texts, picks)
    headline(f"Errors of {plain(config.title)}", finding(desk), detail(desk))
    outcome_buttons(desk.outcome_counts)
    search_row(desk.group_counts, desk.listed_counts, has_texts=texts.texts is not None)
    if picks:
        picked_chip(picks, int((ranks_of(desk.evidence, picks) < len(picks.ids)).sum()), desk.evidence.split)
    for complaint_made in filter(None, (lost, refused)):
        st.error(plain(complaint_made), icon=":material/error:")
    settle_example(desk, entering)
    settle(STARTS)
    read(config, desk, texts, st.session_state["example"])


def picked(experiment: str) -> tuple[Selection | None, str]:
    """The selection that the filters name, or why there is none; then the queue is not cut down."""
    key = st.session_state["picked"]
    try:
        return (load_selection(experiment, key) if key else None), ""
    except UserError as error:
        st.session_state["picked"] = ""
        return None, str(error)


def lay_out_desk(
    config: ExperimentConfig, run: Run, threshold: float, texts: Texts, picks: Selection | None
) -> tuple[Desk, str]:
    """The queue for the filters as they stand, and what is wrong with a search that cannot be read and is left out."""
    evidence = evidence_of(config.id, st.session_state["split"])
    groups = groups_of(evidence, threshold=threshold, remedy=run.config.remedy)
    filters, listed = current(), listed_ids(config.id)

    def under(these: Filters) -> Desk:
        return lay_out(evidence, run, threshold, these, groups=groups, listed_ids=listed, texts=texts, picks=picks)

    try:
        return under(filters), ""
    except UserError as error:
        return under(replace(filters, text="")), complaint(error)


def finding(desk: Desk) -> str:
    """How many positives this run misses, and how many false alarms it raises."""
    names, labels = desk.outcomes, desk.evidence.labels
    told = desk.probs == desk.probs
    misses, positives = int((names[told] == "fn").sum()), int((labels[told] == 1).sum())
    ratio = ratio_label(desk.run.config.ratio)
    kind = "positive" if desk.evidence.split == "test" else f"{SPLIT_NAMES[desk.evidence.split]} positive"
    if not positives:
        return f"There is no {SPLIT_NAMES[desk.evidence.split]} positive with a prediction at {ratio}."
    if not misses:
        return f"{ratio} finds all {counted(positives, kind)}."
    return f"{ratio} misses {counted(misses, kind)} of {positives:,}."


def detail(desk: Desk) -> str:
    names, labels = desk.outcomes, desk.evidence.labels
    told = desk.probs == desk.probs
    misses, positives = int((names[told] == "fn").sum()), int((labels[told] == 1).sum())
    alarms, negatives = int((names[told] == "fp").sum()), int((labels[told] == 0).sum())
    return (
        f"Cut at {plain(probability(desk.threshold))}, seed {desk.run.config.seed}. "
        f"Missed: {plain(share(misses, positives))}. False alarms: {plain(share(alarms, negatives))}."
        + (TRAINING_SAID if desk.evidence.split == TRAIN else "")
    )


def settle_example(desk: Desk, entering: bool) -> None:
    """Read the first of the queue when nothing is chosen, or when a changed filter dropped what was read."""
    asked = (desk.run.name, desk.threshold, desk.evidence.split, current())
    changed = st.session_state.get("asked") != asked
    st.session_state["asked"] = asked
    example = st.session_state["example"]
    if not example or (changed and not entering and desk.position(example) < 0):
        st.session_state["example"] = desk.id_at(0)


def read(config: ExperimentConfig, desk: Desk, texts: Texts, example: str) -> None:
    """The two halves of the desk."""
    style_queue()
    left, right = st.columns([2, 3], gap="large")
    with left:
        queue(desk, texts, example)
        if example:
            decision_bar(desk, config.id, example)
        if said := narrowed():
            st.button(f"Clear filters: {', '.join(plain(one) for one in said)}", on_click=clear, type="tertiary")
    with right:
        card(config, desk, texts, example)


def card(config: ExperimentConfig, desk: Desk, texts: Texts, example: str) -> None:
    action_bar(desk, config.id, example)
    row = desk.evidence.place(example)
    if row < 0:
        _nothing(example)
        return
    if desk.position(example) < 0:
        st.info("This example is not in the queue: the filters leave it out.", icon=":material/filter_alt_off:")
    group = desk.groups.iloc[row] if desk.groups is not None else None
    named = "" if group is None else str(group["group"])
    facts(desk.evidence, desk.run, row, texts, threshold=desk.threshold, group=named)
    filters = current()
    string = "" if group is None else str(group["outcome_string"])
    over_ratios(desk.evidence, desk.run, row, threshold=desk.threshold, outcome_string=string)
    whole_text(texts.text(example), [] if filters.regex else words(filters.text))
    beside(desk.evidence, desk.run, row, texts)
    culprits(config.id, desk.evidence, desk.run, row, texts, threshold=desk.threshold)


def _nothing(example: str) -> None:
    if example:
        st.info(f"There is no example {plain(example)} in this split.", icon=":material/search_off:")
    else:
        st.caption("Choose other filters to read examples here.")


show()
