"""One slice, seen whole: its numbers, the way to its examples, its name, and how it fares at every ratio."""

from typing import Any

import pandas as pd
import streamlit as st

from closecall.analysis.formatting import p_text, ratio_text
from closecall.analysis.metrics.outcomes import OUTCOME_NAMES
from closecall.data.annotations.slices import Rule, kind_of, save_slice
from closecall.data.experiments.runs import Run
from closecall.data.experiments.store import ExperimentConfig
from closecall.data.io.errors import UserError
from closecall.models.results.slice_wording import CORRECT_OUTCOME, comparison_text, slice_title
from closecall.pages.shared.escaping import escape_markdown
from closecall.pages.shared.layout import show_user_error
from closecall.pages.shared.slices import opened_rule, rule_row, saved_slices
from closecall.pages.words_and_slices.slice_chart import by_ratio_chart


def slice_card(
    config: ExperimentConfig, run: Run, table: pd.DataFrame, outcome: str, threshold: float, *, start: str
) -> None:
    """The slice in `rule` of the URL, or `start` when none is named there. `table`: the slices that were tested."""
    written = st.session_state["rule"] or start
    opened = opened_rule(config.id, written) if written else None
    if opened is None:
        st.caption("Tick a row, or type a word, to see a slice here.")
        return
    rule, said = opened
    kind = "cluster" if written.startswith("cluster:") else kind_of(rule)
    row = rule_row(config.id, run, rule, outcome=outcome, threshold=threshold)
    st.markdown(f"#### {escape_markdown(slice_title(kind, said, outcome))}")
    st.markdown(escape_markdown(comparison_text(row, outcome)))
    if row["n"]:
        st.caption(_evidence(table, written, row))
        _links(config, run, rule, row, outcome, threshold)
    _naming(config.id, rule, said)
    by_ratio_chart(config, rule, outcome, threshold)


def _evidence(table: pd.DataFrame, written: str, row: dict[str, Any]) -> str:
    """How sure that is: tested in the table, or one question asked by hand."""
    tested = table[table["rule"] == written]
    if tested.empty:
        return (
            f"p {escape_markdown(p_text(row['p']))} by Fisher's exact test, as if this were the only question asked: a slice "
            "that was chosen after looking needs fresh examples to be believed."
        )
    one = tested.iloc[0]
    p = escape_markdown(p_text(float(one["p_bh"])))
    before = float(one["validation_difference"])
    known = "Validation texts have no embeddings; all clusters are tested."
    if before == before:
        points = escape_markdown(f"{100 * before:.1f}")
        known = f"On validation the difference was {points} points ({int(one['validation_n'])} in it)."
    verdict = "It stands out" if one["stands_out"] else "It could be chance"
    return f"{verdict}: p {p} after Benjamini-Hochberg over {len(table)} slices. {known}"


def _links(config: ExperimentConfig, run: Run, rule: Rule, row: dict[str, Any], outcome: str, threshold: float) -> None:
    """The way to its examples on the Errors page, the right ones too."""
    query = {
        "experiment": config.id,
        "ratio": ratio_text(run.config.ratio),
        "seed": str(run.config.seed),
        "threshold": f"{threshold:g}",
        "slice": rule.written,
    }
    other = CORRECT_OUTCOME[outcome]
    wrong = int(row["wrong"])
    numbers = {outcome: (wrong, OUTCOME_NAMES[outcome]), other: (int(row["n"]) - wrong, OUTCOME_NAMES[other])}
    with st.container(horizontal=True):
        for one, (number, words) in numbers.items():
            st.page_link(
                "pages/errors/page.py",
                label=f"Read its {number:,} {words}",
                icon=":material/menu_book:",
                query_params=query | {"outcome": one},
                disabled=not number,
            )


def _naming(experiment: str, rule: Rule, said: str) -> None:
    """Save the slice under a name, or say that it is saved."""
    saved = [one.name for one in saved_slices(experiment) if one.rule == rule]
    if saved:
        st.caption(f"Saved as {', '.join(escape_markdown(name) for name in saved)}: a filter on Errors.")
        return
    with st.form("naming", border=False, enter_to_submit=True):
        name, button = st.columns([3, 2], vertical_alignment="bottom")
        wanted = name.text_input("Name of the slice", value=said.strip("“”")[:80], key=f"name-{rule.written}")
        if button.form_submit_button("Save as a slice", icon=":material/label:", width="stretch"):
            try:
                save_slice(experiment, wanted, rule)
            except UserError as error:
                show_user_error(error)
            else:
                st.rerun()
