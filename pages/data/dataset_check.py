"""Can these texts carry the question? What they show before any training: the job, its progress and its result."""

from functools import partial
from typing import Any

import pandas as pd
import streamlit as st

from closecall.analysis.formatting import duration_text, percent_text, points_cell
from closecall.analysis.intervals import Estimate
from closecall.data.datasets.checks import ANSWERS, DatasetCheck, load_check
from closecall.data.io.errors import UserError
from closecall.models.explain.dataset_check import check_status, current_check, start_check, stop_check
from closecall.pages.shared.escaping import escape_markdown
from closecall.pages.shared.layout import show_user_error, unbroken
from closecall.pages.shared.run_progress import job_failure, job_panel


def show_check(name: str) -> None:
    """The stored check, the progress of a running one, and the button that starts one where none is current."""
    st.markdown("**Can these texts carry the question?**")
    if job_panel(partial(check_status, name), partial(stop_check, name), key="stop-check"):
        return
    check = load_check(name)
    if check is not None:
        _result(check)
    if check is None or current_check(name) is None:
        _start(name, again=check is not None)


def _result(check: DatasetCheck) -> None:
    st.markdown(unbroken(escape_markdown(check.headline)))
    # A static table, because its cells wrap: the numbers are sentences.
    table = pd.DataFrame(
        {
            "Question": [row.question for row in check.rows],
            "Answer": [ANSWERS[row.answer] for row in check.rows],
            "Numbers": [unbroken(escape_markdown(row.number)) for row in check.rows],
        }
    )
    st.table(table.set_index("Question"), alt="What the texts show before training")
    _classes(check)
    for note in check.notes:
        st.caption(escape_markdown(note))
    st.caption(
        "A linear probe is a logistic regression on the embeddings, out of fold. AUC 1 separates the classes, 0.5 is "
        f"chance. Fine-tuning can separate more. This took {duration_text(check.seconds)}."
    )


def _classes(check: DatasetCheck) -> None:
    """The negative classes by how often they are the nearest to a positive."""
    if not check.classes:
        return
    with st.expander("Negative classes near the positives", icon=":material/category:"):
        table = pd.DataFrame(
            {
                "class": [str(row["class"]) for row in check.classes],
                "nearest": [percent_text(row["share"]) for row in check.classes],
                "expected": [percent_text(row["expected"]) for row in check.classes],
                "difference": [
                    points_cell(Estimate(row["difference"], row["low"], row["high"])) for row in check.classes
                ],
            }
        )
        columns: dict[str, Any] = {
            "class": "Negative class",
            "nearest": st.column_config.TextColumn(
                "Share of nearest negatives", alignment="right", help="Of the negative nearest to each positive."
            ),
            "expected": st.column_config.TextColumn("Share of negatives", alignment="right"),
            "difference": st.column_config.TextColumn("Difference in points (95 % CI)", alignment="right"),
        }
        st.dataframe(table, column_config=columns, hide_index=True, key="check-classes",
                     alt="Negative classes by their share of the negatives nearest to the positives")  # fmt: skip


def _start(name: str, *, again: bool) -> None:
    job_failure(check_status(name))
    if again:
        st.caption("The texts, the encoder or the far control have changed since this check.")
    else:
        st.markdown(
            "Before you train: how close the classes are, whether positives are too few or leaked, whether texts are "
            "cut, and what the test split can show."
        )
    st.button("Check again" if again else "Check these texts", key="check-dataset", icon=":material/fact_check:",
              on_click=_begin, args=(name,), help="About half a minute for 5,000 texts.")  # fmt: skip
    if problem := st.session_state.pop("check-problem", ""):
        show_user_error(UserError(problem))


def _begin(name: str) -> None:
    try:
        start_check(name)
    except (UserError, OSError) as error:
        st.session_state["check-problem"] = str(error)
