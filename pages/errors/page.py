"""Read the errors: the queue on the left, the example on the right, everything by one key."""

from typing import Any

import streamlit as st

from closecall.analysis.formatting import count_text, probability_text, ratio_text, share_text
from closecall.analysis.text import words
from closecall.data.experiments.runs import Run
from closecall.data.experiments.store import ExperimentConfig
from closecall.models.results.run_predictions import SPLIT_NAMES, TRAIN
from closecall.pages.errors.actions import action_bar, decision_bar, note_and_tag_keys, note_and_tags
from closecall.pages.errors.bulk_actions import bulk_actions
from closecall.pages.errors.controls import desk_style, outcome_row, search_row
from closecall.pages.errors.explanation import why_part
from closecall.pages.errors.filters import READS, STARTS, Filters, current
from closecall.pages.errors.neighbours import show_label_conflicts, show_nearest_new_negatives
from closecall.pages.errors.queue import history, queue
from closecall.pages.errors.reading_state import ReadingState, reading_state
from closecall.pages.shared.case_list import choose_person, log_stamp
from closecall.pages.shared.escaping import escape_markdown
from closecall.pages.shared.examples import Prediction, show_facts, show_nearest_training, show_probabilities, show_text
from closecall.pages.shared.layout import headline, wide
from closecall.pages.shared.state import choose_run, choose_threshold, require_experiment
from closecall.pages.shared.url_filters import load_filters, save_filters

TRAINING_SAID = (
    " Training examples: each probability is what the run said when it last trained on the text, just before it "
    "learned from it. It tells what training cannot fit, not how well the classifier does."
)


def show() -> None:
    wide()
    config = require_experiment()
    run = choose_run(config)
    with st.sidebar:
        threshold = choose_threshold()
        choose_person()
        note_and_tag_keys()
    choose_and_read(config, run, threshold)


@st.fragment
def choose_and_read(config: ExperimentConfig, run: Run, threshold: float) -> None:
    """All that a filter changes, run again by itself: the side bar need not answer."""
    entering = load_filters(STARTS, READS, canary="text")
    desk = reading_state(config, run, threshold, st.session_state["split"], current())
    headline(f"Errors of {escape_markdown(config.title)}", finding(desk), detail(desk))
    desk_style()
    outcome_row(desk)
    search_row(desk)
    for refused in desk.refused:
        st.error(escape_markdown(refused), icon=":material/error:")
    settle_example(desk, entering)
    save_filters(STARTS)
    read(config, run, threshold, log_stamp(config.id))


@st.fragment
def read(config: ExperimentConfig, run: Run, threshold: float, counted_at: tuple[int, int]) -> None:
    """All that a key changes: the two halves of the desk. The filters above are drawn again only when they count
    what was said of examples.
    """
    filters, example = current(), st.session_state["example"]
    if counts_what_is_said(filters) and log_stamp(config.id) != counted_at:
        st.rerun()
    desk = reading_state(config, run, threshold, st.session_state["split"], filters)
    left, right = st.columns([2, 3], gap="large")
    with left:
        queue(desk, example)
        if example:
            note_and_tags(desk, config.id, example)
            history(config.id, example)
        if st.button("Several at once", key="several", shortcut="B", type="tertiary", icon=":material/checklist:",
                     disabled=not len(desk.order)):  # fmt: skip
            bulk_actions(desk, config.id)
    with right:
        action_bar(desk, config.id, example)
        decision_bar(desk, config.id, example)
        card(config, desk, example)
    if said := st.session_state.pop("said", ""):
        st.toast(escape_markdown(said))
    save_filters({"example": STARTS["example"]})


def counts_what_is_said(filters: Filters) -> bool:
    """Whether the queue depends on list, tags or actions."""
    return any(getattr(filters, name) != STARTS[name] for name in ("listed", "tag", "action"))


def finding(desk: ReadingState) -> str:
    """How many positives are missed."""
    misses = desk.judged.number("fn")
    positives = misses + desk.judged.number("tp")
    ratio, split = ratio_text(desk.run.config.ratio), SPLIT_NAMES[desk.evidence.split]
    kind = "positive" if desk.evidence.split == "test" else f"{split} positive"
    if not positives:
        return f"There is no {split} positive with a prediction at {ratio}."
    most = desk.judged.seeds > 1
    who = f"Most of {desk.judged.seeds} seeds at {ratio}" if most else ratio
    if not misses:
        return f"{who} {'find' if most else 'finds'} all {count_text(positives, kind)}."
    return f"{who} {'miss' if most else 'misses'} {count_text(misses, kind)} of {positives:,}."


def detail(desk: ReadingState) -> str:
    misses, alarms = desk.judged.number("fn"), desk.judged.number("fp")
    positives, negatives = misses + desk.judged.number("tp"), alarms + desk.judged.number("tn")
    seed = f"seed {desk.run.config.seed}" if desk.judged.seeds == 1 else "probabilities are means over the seeds"
    return (
        f"Cut at {escape_markdown(probability_text(desk.threshold))}, {seed}. "
        f"Missed: {escape_markdown(share_text(misses, positives))}. False alarms: {escape_markdown(share_text(alarms, negatives))}."
        + (TRAINING_SAID if desk.evidence.split == TRAIN else "")
    )


def settle_example(desk: ReadingState, entering: bool) -> None:
    """Read the first of the queue when nothing is chosen, or when a changed filter dropped what was read."""
    asked = (desk.run.name, desk.threshold, desk.evidence.split, desk.filters)
    changed = st.session_state.get("asked") != asked
    st.session_state["asked"] = asked
    example = st.session_state["example"]
    if not example or (changed and not entering and desk.position(example) < 0):
        st.session_state["example"] = desk.id_at(0)


def card(config: ExperimentConfig, desk: ReadingState, example: str) -> None:
    """The example read whole: what is said of it, its text, and what lies next to it."""
    row = desk.evidence.place(example)
    if row < 0:
        _nothing(example)
        return
    evidence, run, texts, threshold = desk.evidence, desk.run, desk.texts, desk.threshold
    if desk.position(example) < 0:
        st.info("This example is not in the queue: the filters leave it out.", icon=":material/filter_alt_off:")
    group = desk.known.groups.iloc[row] if desk.known.groups is not None else None
    named, string = ("", "") if group is None else (str(group["group"]), str(group["outcome_string"]))
    show_facts(evidence, run, row, texts, threshold=threshold, group=named, prediction=prediction_of(desk, row))
    show_probabilities(evidence, run, row, threshold=threshold, outcome_string=string)
    show_label_conflicts(config.dataset, example)
    why_part(config, run, example, texts.text(example), threshold=threshold)
    show_text(texts.text(example), [] if desk.filters.regex else words(desk.filters.text))
    show_nearest_training(evidence, run, row, texts)
    show_nearest_new_negatives(config.id, evidence, run, row, texts, threshold=threshold)


def prediction_of(desk: ReadingState, row: int) -> Prediction:
    judged: Any = desk.judged
    positive = judged.outcome(row) in ("tp", "fp")
    return Prediction(float(judged.probs[row]), positive, int(judged.called[row]), int(judged.told[row]))


def _nothing(example: str) -> None:
    if example:
        st.info(f"There is no example {escape_markdown(example)} in this split.", icon=":material/search_off:")
    else:
        st.caption("Choose other filters to read examples here.")


show()
