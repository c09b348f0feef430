"""What was drawn around on the map: how many, what can be done with them, and their texts as a table to be read."""

from dataclasses import dataclass

import numpy as np
import pandas as pd
import streamlit as st

from closecall.analysis.formatting import count_text, share_text
from closecall.analysis.metrics.outcomes import OUTCOME_MARKS, OUTCOME_NAME
from closecall.data.annotations.hard_cases import Origin, error_reason
from closecall.data.annotations.slice_rules import Picked
from closecall.data.annotations.slices import save_slice
from closecall.data.experiments.runs import Run
from closecall.data.experiments.store import ExperimentConfig, ratio_label
from closecall.data.io.errors import UserError
from closecall.models.results.run_predictions import TRAIN, RunPredictions
from closecall.pages.shared import case_list
from closecall.pages.shared.cached_io import Texts
from closecall.pages.shared.escaping import escape_markdown
from closecall.pages.shared.examples import show_facts, show_nearest_training, show_probabilities, show_text
from closecall.pages.shared.maps.picks import PICKED, clear

SHOWN = 500


@dataclass(frozen=True)
class SelectionContext:
    """What the selection is read with."""

    config: ExperimentConfig
    run: Run
    evidence: RunPredictions
    texts: Texts
    threshold: float


def selection_part(desk: SelectionContext, points: pd.DataFrame) -> str:
    """The picked texts, misses first: what can be done with them, and a table. The id that was clicked, "" for none."""
    order = points["outcome"].map({"fn": 0, "fp": 1, "tp": 2, "tn": 3}).fillna(4)
    points = points.iloc[np.lexsort((points["prob"].to_numpy(), order.to_numpy()))]
    positives = points[(points["label"] == 1) & (points["outcome"] != "")]
    missed = int((positives["outcome"] == "fn").sum())
    said = f" Missed positives among them: {share_text(missed, len(positives))}." if len(positives) else ""
    st.markdown(f"**{count_text(len(points), 'text')} selected.**" + escape_markdown(said))
    _buttons(desk, points)
    chosen = _table(points, desk.texts, key=f"selected-{desk.run.name}-{st.session_state[PICKED]}")
    if said_once := st.session_state.pop("said", ""):
        st.toast(escape_markdown(said_once))
    return chosen or (str(points["id"].iloc[0]) if len(points) == 1 else "")


def card(desk: SelectionContext, one: str) -> None:
    """The example that was clicked, and the way to the reading desk; how to click when it is ""."""
    if not one:
        st.caption("Click a row to read it here.")
        return
    row = desk.evidence.place(one)
    if row < 0:
        st.markdown(f"Training text {escape_markdown(one)}")
        show_text(desk.texts.text(one))
        return
    errors_link("Read it in Errors", desk, example=one)
    show_facts(desk.evidence, desk.run, row, desk.texts, threshold=desk.threshold)
    show_text(desk.texts.text(one))
    show_probabilities(desk.evidence, desk.run, row, threshold=desk.threshold)
    with st.expander("Nearest training texts"):
        show_nearest_training(desk.evidence, desk.run, row, desk.texts)


def _buttons(desk: SelectionContext, points: pd.DataFrame) -> None:
    with st.container(horizontal=True, vertical_alignment="center"):
        _add_button(desk, points)
        if case_list.can_undo(desk.config.id):
            st.button("Undo", key="undo", shortcut="Z", on_click=case_list.undo_callback, args=(desk.config.id,))
        slice_popover(desk.config.id)
        st.button("Clear selection", key="clear-picked", icon=":material/close:", on_click=clear)
    with st.container(horizontal=True):
        test = int((points["split"] != TRAIN).sum())
        picked = st.session_state[PICKED]
        if test:
            errors_link(
                f"Read {'these' if test == len(points) else f'the {test:,} of test'} in Errors", desk, picked=picked
            )
        if test < len(points):
            number = f"{len(points) - test:,} training texts"
            errors_link(f"Read {'these' if not test else 'the'} {number} in Errors", desk, picked=picked, split=TRAIN)


def slice_popover(experiment: str) -> None:
    """Keep the selection under a name: a slice is a filter on the Errors page."""
    with st.popover("Save as slice", icon=":material/label:"):
        st.text_input("Name of the slice", key="slice-name", placeholder="Such as: monitors among the misses")
        st.button("Save", key="save-slice", on_click=_save_slice, args=(experiment, st.session_state[PICKED]))
        if refused := st.session_state.pop("slice-refused", ""):
            st.error(escape_markdown(refused), icon=":material/error:")


def _save_slice(experiment: str, picked: str) -> None:
    try:
        saved = save_slice(experiment, str(st.session_state["slice-name"]), Picked(picked))
    except UserError as error:
        st.session_state["slice-refused"] = str(error)
    else:
        st.session_state["slice-name"] = ""
        st.session_state["said"] = f"Saved as the slice {saved.name}. It is a filter on the Errors page."


def errors_link(label: str, desk: SelectionContext, **more: str) -> None:
    query = {
        "experiment": desk.config.id,
        "ratio": ratio_label(desk.run.config.ratio),
        "seed": str(desk.run.config.seed),
        "threshold": f"{desk.threshold:g}",
        "outcome": "all",
        **more,
    }
    st.page_link("pages/errors/page.py", label=label, icon=":material/menu_book:", query_params=query)


def _table(points: pd.DataFrame, texts: Texts, *, key: str) -> str:
    """The selected texts. The id of the row that was clicked, "" for none."""
    shown = points.head(SHOWN)
    table = pd.DataFrame(
        {
            "outcome": [
                f"{OUTCOME_MARKS.get(one, '')} {OUTCOME_NAME.get(one, 'training')}" for one in shown["outcome"]
            ],
            "probability": shown["prob"].to_numpy(),
            "text": texts.starts(shown["id"].to_numpy(dtype=object), length=120),
        }
    )
    event = st.dataframe(
        table,
        key=key,
        hide_index=True,
        height=290,
        on_select="rerun",
        selection_mode="single-cell",
        column_config={
            "outcome": st.column_config.TextColumn("Outcome", width=90),
            "probability": st.column_config.NumberColumn("Prob.", format="%.2f", width=60),
            "text": st.column_config.TextColumn("Text", width=600),
        },
        alt="The texts inside the lasso, with outcome and probability",
    )
    if len(points) > SHOWN:
        st.caption(f"The first {SHOWN:,} of {len(points):,}. Read all in Errors, or draw a smaller lasso.")
    cells = event["selection"].get("cells") or []
    chosen = int(cells[0][0]) if cells else -1
    return str(shown["id"].iloc[chosen]) if 0 <= chosen < len(shown) else ""


def _add_button(desk: SelectionContext, points: pd.DataFrame) -> None:
    """Put the selected test examples on the list, each with its outcome as its reason."""
    test = points[(points["split"] != TRAIN) & points["prob"].notna()]
    listed = case_list.listed_ids(desk.config.id)
    new = test[~test["id"].isin(list(listed))]
    st.button(
        f"Add {count_text(len(new), 'text')} to the hard-case list",
        key="add-selection",
        icon=":material/bookmark_add:",
        type="primary",
        disabled=new.empty,
        on_click=_add,
        args=(new, desk),
    )


def _add(new: pd.DataFrame, desk: SelectionContext) -> None:
    config = desk.run.config
    reasons = [
        f"{error_reason(label, prob, ratio=config.ratio, threshold=desk.threshold)}; chosen on the map"
        for label, prob in zip(new["label"], new["prob"], strict=True)
    ]
    origin = Origin(desk.run.name, config.ratio, config.seed, "test", desk.threshold)
    case_list.add(desk.config.id, [str(one) for one in new["id"]], reasons, origin)
    st.session_state["said"] = (
        f"{count_text(len(new), 'text')} added, from the map at {ratio_label(config.ratio)}. Undo takes them back."
    )
