"""Read the errors: the queue on the left, the example on the right, everything by one key."""

from typing import Any

import streamlit as st

from analysis.text_lengths import words
from data.experiments import ExperimentConfig, ratio_label
from data.runs import Run
from pages.inspect._actions import action_bar, decision_bar
from pages.inspect._boxes import box_keys, boxes
from pages.inspect._controls import desk_style, outcome_row, search_row
from pages.inspect._desk import Desk, lay_out
from pages.inspect._filters import READS, STARTS, Filters, current
from pages.inspect._history import history
from pages.inspect._queue import queue
from pages.inspect._several import several
from pages.shared.case_list import log_mark
from pages.shared.culprits import culprits
from pages.shared.evidence import SPLIT_NAMES, TRAIN
from pages.shared.example_card import Verdict, beside, facts, over_ratios, whole_text
from pages.shared.headline import headline
from pages.shared.link import enter, settle
from pages.shared.person import choose_person
from pages.shared.state import choose_run, require_experiment
from pages.shared.threshold import choose_threshold
from pages.shared.twins import show_twins
from pages.shared.why import why_part
from pages.shared.wide import wide
from pages.shared.words import counted, plain, probability, share

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
        box_keys()
    choose_and_read(config, run, threshold)


@st.fragment
def choose_and_read(config: ExperimentConfig, run: Run, threshold: float) -> None:
    """All that a filter changes, run again by itself: the side bar need not answer."""
    entering = enter(STARTS, READS, canary="text")
    desk = lay_out(config, run, threshold, st.session_state["split"], current())
    headline(f"Errors of {plain(config.title)}", finding(desk), detail(desk))
    desk_style()
    outcome_row(desk)
    search_row(desk)
    for refused in desk.refused:
        st.error(plain(refused), icon=":material/error:")
    settle_example(desk, entering)
    settle(STARTS)
    read(config, run, threshold, log_mark(config.id))


@st.fragment
def read(config: ExperimentConfig, run: Run, threshold: float, counted_at: tuple[int, int]) -> None:
    """All that a key changes: the two halves of the desk. The filters above are drawn again only when they count
    what was said of examples.
    """
    filters, example = current(), st.session_state["example"]
    if counts_what_is_said(filters) and log_mark(config.id) != counted_at:
        st.rerun()
    desk = lay_out(config, run, threshold, st.session_state["split"], filters)
    left, right = st.columns([2, 3], gap="large")
    with left:
        queue(desk, example)
        if example:
            boxes(desk, config.id, example)
            history(config.id, example)
        if st.button("Several at once", key="several", shortcut="B", type="tertiary", icon=":material/checklist:",
                     disabled=not len(desk.order)):  # fmt: skip
            several(desk, config.id)
    with right:
        action_bar(desk, config.id, example)
        decision_bar(desk, config.id, example)
        card(config, desk, example)
    if said := st.session_state.pop("said", ""):
        st.toast(plain(said))
    settle({"example": STARTS["example"]})


def counts_what_is_said(filters: Filters) -> bool:
    """Whether the queue depends on list, tags or actions."""
    return any(getattr(filters, name) != STARTS[name] for name in ("listed", "tag", "action"))


def finding(desk: Desk) -> str:
    """How many positives are missed."""
    misses = desk.judged.number("fn")
    positives = misses + desk.judged.number("tp")
    ratio, split = ratio_label(desk.run.config.ratio), SPLIT_NAMES[desk.evidence.split]
    kind = "positive" if desk.evidence.split == "test" else f"{split} positive"
    if not positives:
        return f"There is no {split} positive with a prediction at {ratio}."
    most = desk.judged.seeds > 1
    who = f"Most of {desk.judged.seeds} seeds at {ratio}" if most else ratio
    if not misses:
        return f"{who} {'find' if most else 'finds'} all {counted(positives, kind)}."
    return f"{who} {'miss' if most else 'misses'} {counted(misses, kind)} of {positives:,}."


def detail(desk: Desk) -> str:
    misses, alarms = desk.judged.number("fn"), desk.judged.number("fp")
    positives, negatives = misses + desk.judged.number("tp"), alarms + desk.judged.number("tn")
    seed = f"seed {desk.run.config.seed}" if desk.judged.seeds == 1 else "probabilities are means over the seeds"
    return (
        f"Cut at {plain(probability(desk.threshold))}, {seed}. "
        f"Missed: {plain(share(misses, positives))}. False alarms: {plain(share(alarms, negatives))}."
        + (TRAINING_SAID if desk.evidence.split == TRAIN else "")
    )


def settle_example(desk: Desk, entering: bool) -> None:
    """Read the first of the queue when nothing is chosen, or when a changed filter dropped what was read."""
    asked = (desk.run.name, desk.threshold, desk.evidence.split, desk.filters)
    changed = st.session_state.get("asked") != asked
    st.session_state["asked"] = asked
    example = st.session_state["example"]
    if not example or (changed and not entering and desk.position(example) < 0):
        st.session_state["example"] = desk.id_at(0)


def card(config: ExperimentConfig, desk: Desk, example: str) -> None:
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
    facts(evidence, run, row, texts, threshold=threshold, group=named, verdict=verdict_of(desk, row))
    over_ratios(evidence, run, row, threshold=threshold, outcome_string=string)
    show_twins(config.dataset, example)
    why_part(config, run, example, texts.text(example), threshold=threshold)
    whole_text(texts.text(example), [] if desk.filters.regex else words(desk.filters.text))
    beside(evidence, run, row, texts)
    culprits(config.id, evidence, run, row, texts, threshold=threshold)


def verdict_of(desk: Desk, row: int) -> Verdict:
    judged: Any = desk.judged
    positive = judged.outcome(row) in ("tp", "fp")
    return Verdict(float(judged.probs[row]), positive, int(judged.called[row]), int(judged.told[row]))


def _nothing(example: str) -> None:
    if example:
        st.info(f"There is no example {plain(example)} in this split.", icon=":material/search_off:")
    else:
        st.caption("Choose other filters to read examples here.")


show()
