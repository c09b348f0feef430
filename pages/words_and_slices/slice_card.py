"""One slice: its error rate against the rest, links to its examples, its name, and recall or specificity by ratio."""

from typing import Any

import numpy as np
import pandas as pd
import streamlit as st

from closecall.analysis.formatting import count_text, p_text, ratio_text
from closecall.analysis.intervals import wilson
from closecall.analysis.metrics.outcomes import OUTCOME_NAME
from closecall.charts.slices import slice_by_ratio_chart
from closecall.data.annotations.slice_rules import Rule, kind_of
from closecall.data.annotations.slices import save_slice
from closecall.data.experiments.runs import Run
from closecall.data.experiments.store import ExperimentConfig
from closecall.data.io.errors import UserError
from closecall.models.explain.slices import ERROR_LABEL
from closecall.models.results.slice_wording import CORRECT_OUTCOME, comparison_text, slice_title
from closecall.models.results.valid_runs import ValidRuns
from closecall.pages.shared.chart_view import current_theme, show_chart
from closecall.pages.shared.escaping import escape_markdown
from closecall.pages.shared.layout import show_user_error
from closecall.pages.shared.runs import valid_runs
from closecall.pages.shared.slices import CLUSTER, compare_with_rest, parse_slice, rule_members, saved_slices


def slice_card(
    config: ExperimentConfig, run: Run, table: pd.DataFrame, outcome: str, threshold: float, *, default: str
) -> None:
    """The slice whose rule is in the URL, or `default`. `table` has the tested slices."""
    written = st.session_state["rule"] or default
    parsed = parse_slice(config.id, written) if written else None
    if parsed is None:
        st.caption("Tick a row, or enter a word, to see a slice here.")
        return
    rule, name = parsed
    kind = "cluster" if written.startswith(CLUSTER) else kind_of(rule)
    row = compare_with_rest(config.id, run, rule, outcome=outcome, threshold=threshold)
    st.markdown(f"#### {escape_markdown(slice_title(kind, name, outcome))}")
    st.markdown(escape_markdown(comparison_text(row, outcome)))
    if row["n"]:
        st.caption(escape_markdown(_test_text(table, written, row)))
        _errors_links(config, run, rule, row, outcome, threshold)
    _name_form(config.id, rule, name)
    _chart_by_ratio(config, rule, outcome, threshold)


def right_by_ratio(test: ValidRuns, rows: np.ndarray, outcome: str, threshold: float) -> pd.DataFrame:
    """Recall (fn) or specificity (fp) of some test rows at each ratio: `ratio, n, right, share, low, high`.

    `right` is the mean over seeds; `low, high` is Wilson's 95 % interval.
    """
    records = []
    for ratio in test.levels:
        predicted = test.at(ratio)[:, rows] >= threshold
        right = (predicted if outcome == "fn" else ~predicted).sum(axis=1).mean()
        records.append({"ratio": ratio, "n": int(rows.sum()), "right": right})
    table = pd.DataFrame(records)
    low, high = wilson(table["right"].to_numpy(), table["n"].to_numpy())
    return table.assign(share=table["right"] / table["n"].where(table["n"] > 0), low=low, high=high)


def _test_text(table: pd.DataFrame, written: str, row: dict[str, Any]) -> str:
    """The significance of the difference: adjusted for a tested slice, unadjusted for any other."""
    tested = table[table["rule"] == written]
    if tested.empty:
        return (
            f"Fisher's exact test: p {p_text(row['p'])}, not adjusted. This slice was not among the tested ones; if "
            "you chose it after looking at these examples, confirm it on new ones."
        )
    one = tested.iloc[0]
    adjusted = f"p {p_text(float(one['p_bh']))} (Fisher's exact test, Benjamini-Hochberg over {len(table)} slices)"
    result = "Significant" if one["stands_out"] else "Not distinguishable from the rest with this test set"
    difference = float(one["validation_difference"])
    if np.isnan(difference):
        validation = "Validation texts have no embeddings, so all clusters are tested."
    else:
        n = count_text(int(one["validation_n"]), "example")
        validation = f"Difference on validation: {100 * difference:+.1f} points, {n} in the slice."
    return f"{result}: {adjusted}. {validation}"


def _errors_links(
    config: ExperimentConfig, run: Run, rule: Rule, row: dict[str, Any], outcome: str, threshold: float
) -> None:
    """Links to the errors and to the correct predictions of the slice on the Errors page."""
    query = {
        "experiment": config.id,
        "ratio": ratio_text(run.config.ratio),
        "seed": str(run.config.seed),
        "threshold": f"{threshold:g}",
        "slice": rule.written,
    }
    wrong = int(row["wrong"])
    with st.container(horizontal=True):
        for code, number in ((outcome, wrong), (CORRECT_OUTCOME[outcome], int(row["n"]) - wrong)):
            st.page_link(
                "pages/errors/page.py",
                label=f"Read {count_text(number, OUTCOME_NAME[code])}",
                icon=":material/menu_book:",
                query_params=query | {"outcome": code},
                disabled=not number,
            )


def _name_form(experiment: str, rule: Rule, name: str) -> None:
    """Save the slice under a name, or show the name it is saved under."""
    saved = [one.name for one in saved_slices(experiment) if one.rule == rule]
    if saved:
        st.caption(f"Saved as {', '.join(escape_markdown(one) for one in saved)}, a filter on the Errors page.")
        return
    with st.form("naming", border=False, enter_to_submit=True):
        box, button = st.columns([3, 2], vertical_alignment="bottom")
        chosen = box.text_input("Name of the slice", value=name.strip("“”")[:80], key=f"name-{rule.written}")
        if button.form_submit_button("Save as a slice", icon=":material/label:", width="stretch"):
            try:
                save_slice(experiment, chosen, rule)
            except UserError as error:
                show_user_error(error)
            else:
                st.rerun()


def _chart_by_ratio(config: ExperimentConfig, rule: Rule, outcome: str, threshold: float) -> None:
    """Recall or specificity of the slice and of the rest of its class, at every ratio."""
    test = valid_runs(config.id)[0]
    inside = rule_members(config.id, rule, test.ids)
    own = test.labels == ERROR_LABEL[outcome]
    if not (own & inside).any() or not len(test.ratios):
        return
    tables = [right_by_ratio(test, own & rows, outcome, threshold) for rows in (inside, ~inside)]
    seeds = max(len(test.at(ratio)) for ratio in test.levels)
    st.html("<style>.st-key-slice-by-ratio { margin-top: -0.5rem; }</style>")
    show_chart(slice_by_ratio_chart(tables[0], tables[1], outcome, seeds=seeds, theme=current_theme()))
