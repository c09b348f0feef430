"""Read the errors of one run: filters above, the queue on the left, the example on the right, all actions by key."""

import math
from functools import partial

import streamlit as st

from closecall.analysis.formatting import count_text, probability_text, ratio_text, share_text
from closecall.analysis.metrics.outcomes import OUTCOME_MARKS
from closecall.analysis.text import words
from closecall.charts.colours import OUTCOME_COLOURS
from closecall.data.experiments.runs import Run
from closecall.data.experiments.store import ExperimentConfig
from closecall.models.results.run_predictions import SPLIT_NAMES, TRAIN
from closecall.pages.errors.actions import action_buttons, annotation_buttons, bulk_actions
from closecall.pages.errors.causes import show_cause
from closecall.pages.errors.explanation import show_explanation
from closecall.pages.errors.filters import FILTERS, Filter, chips, clear, depends_on_annotations, filter_values, one_of
from closecall.pages.errors.metadata import show_metadata
from closecall.pages.errors.neighbours import show_label_conflicts, show_nearest_new_negatives
from closecall.pages.errors.notes import install_box_keys, note_and_tags, show_history
from closecall.pages.errors.queue import DEFAULT_ORDER, ORDERS, Queue, available_orders, current_queue
from closecall.pages.shared.case_list import choose_person, log_stamp
from closecall.pages.shared.escaping import escape_markdown
from closecall.pages.shared.examples import (
    Prediction,
    show_facts,
    show_nearest_training,
    show_probabilities,
    show_text,
)
from closecall.pages.shared.layout import headline, wide
from closecall.pages.shared.state import choose_run, choose_threshold, require_experiment
from closecall.pages.shared.url_filters import load_filters, save_filters

ROWS = 12  # examples on one page of the queue
DEFAULTS = {one.name: one.default for one in FILTERS} | {"sort": DEFAULT_ORDER, "example": ""}
PARSERS = {one.name: one.parse for one in FILTERS} | {"sort": one_of(*ORDERS)}
TRAINING_NOTE = (
    " These are training examples: each probability was recorded when the run last trained on the text, just before "
    "that step. It shows what training cannot fit, not how the classifier generalises."
)


def show() -> None:
    wide()
    config = require_experiment()
    run = choose_run(config)
    with st.sidebar:
        threshold = choose_threshold()
        choose_person()
        install_box_keys()
    filter_and_read(config, run, threshold)


@st.fragment
def filter_and_read(config: ExperimentConfig, run: Run, threshold: float) -> None:
    """Everything that a filter changes. A fragment, so that the sidebar is not run again."""
    is_first_run = load_filters(DEFAULTS, PARSERS, canary="text")
    queue = current_queue(config, run, threshold, filter_values(), st.session_state["sort"])
    headline(f"Errors of {escape_markdown(config.title)}", finding(queue), detail(queue))
    _style()
    outcome_row(queue)
    search_row(queue)
    for error in queue.errors:
        st.error(escape_markdown(error), icon=":material/error:")
    open_first_example(queue, is_first_run)
    save_filters(DEFAULTS)
    read(config, run, threshold, log_stamp(config.id))


@st.fragment
def read(config: ExperimentConfig, run: Run, threshold: float, counted_at: tuple[int, int]) -> None:
    """Everything that a key changes. The filters run again only when their counts depend on annotations.

    `counted_at` is the stamp of the annotations that the filters have counted.
    """
    values, example = filter_values(), st.session_state["example"]
    if depends_on_annotations(values) and log_stamp(config.id) != counted_at:
        st.rerun()
    queue = current_queue(config, run, threshold, values, st.session_state["sort"])
    left, right = st.columns([2, 3], gap="large")
    with left:
        show_list(queue, example)
        if example:
            note_and_tags(queue, config.id, example)
            show_history(config.id, example)
        if st.button("Bulk actions", key="bulk-actions", shortcut="B", type="tertiary", icon=":material/checklist:",
                     disabled=not len(queue.order)):  # fmt: skip
            bulk_actions(queue, config.id)
    with right:
        annotation_buttons(queue, config.id, example)
        action_buttons(queue, config.id, example)
        card(config, queue, example)
    if done := st.session_state.pop("toast", ""):
        st.toast(escape_markdown(done))
    save_filters({"example": DEFAULTS["example"]})


def finding(queue: Queue) -> str:
    """The number of false negatives, in one sentence."""
    outcomes, split = queue.examples.outcomes, SPLIT_NAMES[queue.examples.predictions.split]
    missed, positives = outcomes.count("fn"), outcomes.count("fn") + outcomes.count("tp")
    ratio = ratio_text(queue.examples.run.config.ratio)
    if not positives:
        return f"There is no {split} positive with a prediction at {ratio}."
    subject = f"{ratio} misses" if outcomes.seeds == 1 else f"Most of {outcomes.seeds} seeds at {ratio} miss"
    return f"{subject} {missed:,} of {count_text(positives, f'{split} positive')}."


def detail(queue: Queue) -> str:
    """Threshold, seed, recall and specificity."""
    outcomes, examples = queue.examples.outcomes, queue.examples
    tp, tn = outcomes.count("tp"), outcomes.count("tn")
    recall = share_text(tp, tp + outcomes.count("fn"))
    specificity = share_text(tn, tn + outcomes.count("fp"))
    seed = f"seed {examples.run.config.seed}" if outcomes.seeds == 1 else "mean probabilities over the seeds"
    text = f"Threshold {probability_text(examples.threshold)}, {seed}. Recall {recall}. Specificity {specificity}."
    return escape_markdown(text + (TRAINING_NOTE if examples.predictions.split == TRAIN else ""))


def outcome_row(queue: Queue) -> None:
    """The outcomes with their counts, then a chip for each filter that is set."""
    with st.container(horizontal=True, gap="small", vertical_alignment="center", key="outcomes"):
        for one in _in_section("outcomes"):
            _draw(one, queue)
        texts = chips(queue.examples, queue.values)
        for name, text in texts.items():
            st.button(
                escape_markdown(text),
                key=f"chip-{name}",
                icon=":material/close:",
                icon_position="right",
                help="Remove this filter",
                on_click=clear,
                args=(name,),
            )
        if len(texts) > 1:
            st.button("Clear all", key="chip-all", type="tertiary", on_click=clear)


def search_row(queue: Queue) -> None:
    """Search, further filters, and the order."""
    *searches, more, order = st.columns([5, 3, 3, 4], vertical_alignment="center")
    for column, one in zip(searches, _in_section("search"), strict=True):
        with column:
            _draw(one, queue)
    popover = more.popover("More filters", key="more", on_change="rerun", width="stretch")
    if popover.open:  # counting for every option takes time, so closed filters are not drawn
        with popover, st.container(key="more-body", gap="xsmall"):
            for one in _in_section("more"):
                _draw(one, queue)
    possible = available_orders(queue.examples, queue.values["picked"])
    if st.session_state["sort"] not in possible:
        st.session_state["sort"] = DEFAULT_ORDER
    order.selectbox("Order", possible, key="sort", format_func=ORDERS.__getitem__, label_visibility="collapsed")


def _in_section(section: str) -> list[Filter]:
    return [one for one in FILTERS if one.section == section and one.widget is not None]


def _draw(one: Filter, queue: Queue) -> None:
    if one.widget is not None:
        one.widget(queue.examples, queue.values, partial(queue.count, one))


def open_first_example(queue: Queue, is_first_run: bool) -> None:
    """Open the first of the queue when no example is open, or when a changed filter removed the open one."""
    key = (queue.examples.run.name, queue.examples.threshold, dict(queue.values), st.session_state["sort"])
    changed = st.session_state.get("opened-for") != key
    st.session_state["opened-for"] = key
    example = st.session_state["example"]
    if not example or (changed and not is_first_run and queue.position(example) < 0):
        st.session_state["example"] = queue.id_at(0)


def show_list(queue: Queue, example: str) -> None:
    """The page of the queue with the open example, and the way to the other pages."""
    total = len(queue.order)
    pages = max(1, math.ceil(total / ROWS))
    position = queue.position(example)
    page = position // ROWS + 1 if position >= 0 else min(st.session_state.get("page", 1), pages)
    shown = queue.order[(page - 1) * ROWS : page * ROWS]
    starts = queue.examples.texts.starts(queue.examples.predictions.ids[shown], length=70)
    with st.container(key="queue", gap=None, height=ROWS * 31 + 4, border=False):
        if not total:
            st.caption("No example matches these filters.")
        for number, (row, start) in enumerate(zip(shown, starts, strict=True)):
            _row(queue, int(row), number, start, example)
    with st.container(horizontal=True, vertical_alignment="center", horizontal_alignment="distribute"):
        # The key contains the page, so that the widget shows the page of the open example, not of the last click.
        key = f"page-{page}"
        st.pagination(pages, default=page, key=key, max_visible_pages=5, on_change=_open_page, args=(queue, key))
        st.caption(f"{position + 1:,} of {total:,}" if position >= 0 else f"{total:,} in the queue", width="content")
    st.session_state["page"] = page


def _row(queue: Queue, row: int, number: int, start: str, example: str) -> None:
    one, outcome = str(queue.examples.predictions.ids[row]), queue.examples.outcomes.outcome(row)
    probability = escape_markdown(probability_text(queue.examples.outcomes.probs[row]))
    listed = ":material/bookmark: " if queue.listed[row] else ""
    # Isolated, so that a right-to-left text does not reverse the row.
    label = f"{OUTCOME_MARKS[outcome]} **{probability}** {listed}\u2068{escape_markdown(start)}\u2069"
    st.button(
        label,
        key=f"row-{outcome}-{number}",
        type="secondary" if one == example else "tertiary",
        width="stretch",
        wrap=False,
        on_click=_open,
        args=(one,),
    )


def _open(example: str) -> None:
    st.session_state["example"] = example


def _open_page(queue: Queue, key: str) -> None:
    """Open the first example of the chosen page."""
    _open(queue.id_at((st.session_state[key] - 1) * ROWS))


def card(config: ExperimentConfig, queue: Queue, example: str) -> None:
    """The open example: facts, probabilities, label conflicts, explanation, text and nearest training examples."""
    examples = queue.examples
    row = examples.predictions.place(example)
    if row < 0:
        _nothing_to_read(example)
        return
    predictions, run, texts, threshold = examples.predictions, examples.run, examples.texts, examples.threshold
    if queue.position(example) < 0:
        st.info("This example is not in the queue: the filters exclude it.", icon=":material/filter_alt_off:")
    group = examples.groups.iloc[row] if examples.groups is not None else None
    name, string = ("", "") if group is None else (str(group["group"]), str(group["outcome_string"]))
    show_facts(predictions, run, row, texts, threshold=threshold, group=name, prediction=_prediction(queue, row))
    show_probabilities(predictions, run, row, threshold=threshold, outcome_string=string)
    show_metadata(config.dataset, example)
    show_cause(examples, row)
    show_label_conflicts(config.dataset, example)
    show_explanation(config, run, example, texts.text(example), threshold=threshold)
    show_text(texts.text(example), [] if queue.values["regex"] else words(queue.values["text"]))
    show_nearest_training(predictions, run, row, texts)
    show_nearest_new_negatives(config.id, predictions, run, row, texts, threshold=threshold)


def _prediction(queue: Queue, row: int) -> Prediction:
    outcomes = queue.examples.outcomes
    positive = outcomes.outcome(row) in ("tp", "fp")
    seeds = int(outcomes.seeds_positive[row]), int(outcomes.seeds_predicting[row])
    return Prediction(float(outcomes.probs[row]), positive, *seeds)


def _nothing_to_read(example: str) -> None:
    if example:
        st.info(f"There is no example {escape_markdown(example)} in this split.", icon=":material/search_off:")
    else:
        st.caption("Choose other filters to read examples here.")


def _style() -> None:
    """The colour of each outcome on its button and its rows; compact buttons; one line for each row and chip."""
    rules = [
        f"""[class*="st-key-pick-{outcome}"] button, [class*="st-key-row-{outcome}-"] button
        {{ border-left: 5px solid {colour}; }}"""
        for outcome, colour in OUTCOME_COLOURS.items()
    ]
    st.html(
        f"""<style>{" ".join(rules)}
        .st-key-queue button {{ justify-content: flex-start; min-height: 31px; height: 31px; padding: 0 0.6rem;
          border-radius: 0 6px 6px 0; }}
        .st-key-queue button > div, .st-key-queue button [data-testid="stMarkdownContainer"] {{ width: 100%;
          justify-content: flex-start; }}
        .st-key-queue button p {{ text-align: left; overflow: hidden; text-overflow: ellipsis; white-space: nowrap;
          width: 100%; }}
        .st-key-keys button {{ padding: 0 0.6rem; }}
        .st-key-decisions {{ gap: 0.25rem; }}
        .st-key-decisions button {{ min-height: 32px; padding: 0 0.4rem; }}
        .st-key-decisions button p {{ font-size: 0.8125rem; }}
        .st-key-more-body button {{ min-height: 30px; padding: 0 0.6rem; }}
        .st-key-more-body button p {{ font-size: 0.875rem; }}
        [class*="st-key-chip-"] button {{ border-radius: 1rem; min-height: 32px; padding: 0 0.7rem; max-width: 26rem; }}
        [class*="st-key-chip-"] button p {{ font-size: 0.875rem; overflow: hidden; text-overflow: ellipsis;
          white-space: nowrap; }}
        </style>"""
    )


show()
