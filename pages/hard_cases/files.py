"""Export of the hard-case list as files, and import of a list with a preview of what it changes.

Files are made when their button is pressed. An import is written as one step, which Undo reverts.
"""

from functools import partial

import numpy as np
import pandas as pd
import streamlit as st

from closecall.analysis.formatting import count_text
from closecall.data.annotations.hard_cases import hard_cases_log
from closecall.data.exchange.annotation_export import argilla_settings, label_studio_interface
from closecall.data.exchange.export_formats import EXPORT_FORMATS
from closecall.data.exchange.list_changes import ListComparison, compare_list
from closecall.data.exchange.returned_lists import read_case_file
from closecall.data.experiments.store import ExperimentConfig
from closecall.data.io.errors import UserError
from closecall.models.results.hard_cases import case_bytes
from closecall.pages.shared import case_list
from closecall.pages.shared.cached_io import Texts, stamp
from closecall.pages.shared.escaping import escape_markdown
from closecall.pages.shared.layout import show_user_error
from closecall.pages.shared.sources import Chosen, choose_source


def downloads(config: ExperimentConfig, cases: int, classes: list[str]) -> None:
    """An export button for each format, and the settings that labelling tools need."""
    with st.container(horizontal=True, vertical_alignment="center"):
        for one in EXPORT_FORMATS:
            st.download_button(
                one.title,
                data=partial(case_bytes, config.id, one.name),
                file_name=one.file_name(f"{config.id}-hard-cases"),
                mime=one.mime,
                icon=":material/download:",
                help=one.help,
                on_click="ignore",
                key=f"download-{one.name}",
            )
    st.caption(
        f"Each file holds all {count_text(cases, 'case')}: text, reasons, decisions, evidence, the probability of each "
        "run, and provenance. In CSV, an apostrophe precedes cells that a spreadsheet would run as a formula.",
        help="Provenance: dataset with its hash, experiment, run, ratio, seed, threshold, versions and time of export. "
        "JSONL and Parquet hold every text unchanged. The Hugging Face dataset is a zip file: unpack it and call "
        "datasets.load_dataset on the folder. Label Studio and Argilla cannot store NUL: it becomes U+FFFD.",
    )
    studio, argilla = st.columns(2)
    with studio.expander("Labelling interface for Label Studio"):
        st.code(label_studio_interface(classes), language="xml")
    with argilla.expander("Dataset settings for Argilla 2"):
        st.code(argilla_settings(classes), language="python")


IMPORT_FORMATS = "CSV, JSONL or Parquet exported here, also edited in a spreadsheet; JSON from Label Studio or Argilla"


def import_panel(config: ExperimentConfig, texts: Texts) -> None:
    """Choose a file, preview its changes, import them."""
    if done := st.session_state.pop("import-done", ""):
        st.success(done, icon=":material/check:")
    source = choose_source("cases", IMPORT_FORMATS)
    if source is None:
        return
    try:
        comparison = _compared(source, config.id, source.key, stamp(hard_cases_log(config.id)))
    except UserError as error:
        show_user_error(error)
        return
    st.markdown(f"**{escape_markdown(finding(comparison))}**")
    for note in comparison.notes:
        st.caption(escape_markdown(note))
    if comparison.changes:
        _changes(comparison, texts)
    if len(comparison.problems):
        _problems(comparison.problems)
    _apply(config, comparison)


def finding(comparison: ListComparison) -> str:
    """The number of new, changed, unchanged and rejected rows, in one sentence."""
    new = sum("listed" in one.change for one in comparison.changes)
    changed = len(comparison.changes) - new
    parts = []
    if new:
        parts.append(f"{count_text(new, 'case')} new on the list")
    if changed:
        parts.append(f"{count_text(changed, 'case')} changed")
    parts.append(f"{comparison.unchanged:,} unchanged")
    if comparison.kept:
        parts.append(f"{comparison.kept:,} changed on the list since the export and kept")
    if len(comparison.problems):
        parts.append(f"{count_text(len(comparison.problems), 'row')} rejected")
    return f"{comparison.source}: {', '.join(parts)}."


def _changes(comparison: ListComparison, texts: Texts) -> None:
    frame = pd.DataFrame(
        {
            "row": [one.row for one in comparison.changes],
            "id": [one.id for one in comparison.changes],
            "change": [one.text for one in comparison.changes],
            "also": [", ".join(one.also_here) for one in comparison.changes],
            "text": texts.starts(np.array([one.id for one in comparison.changes], dtype=object)),
        }
    )
    columns = {
        "row": st.column_config.NumberColumn("Row", width=60),
        "id": st.column_config.TextColumn("Id", width=120),
        "change": st.column_config.TextColumn("What changes", width=420),
        "also": st.column_config.TextColumn("Also changed on the list", width=120),
        "text": st.column_config.TextColumn("Text", width=220),
    }
    shown = list(columns) if frame["also"].any() else ["row", "id", "change", "text"]
    st.dataframe(frame, column_config=columns, column_order=shown, hide_index=True, key="import-changes",
                 height=min(38 + 36 * len(frame), 280), alt="What the file changes")  # fmt: skip


def _problems(problems: pd.DataFrame) -> None:
    columns = {
        "row": st.column_config.NumberColumn("Row", width=60),
        "id": st.column_config.TextColumn("Id in the file", width=120),
        "reason": st.column_config.TextColumn("Why it is rejected, and how to fix it", width=640),
    }
    st.dataframe(problems, column_config=columns, hide_index=True, key="import-problems", row_height=58,
                 height=min(38 + 58 * len(problems), 270), alt="Rejected rows")  # fmt: skip


def _apply(config: ExperimentConfig, comparison: ListComparison) -> None:
    remove_missing = False
    if comparison.missing:
        remove_missing = st.checkbox(
            f"Remove {count_text(len(comparison.missing), 'case')} missing from the file",
            key="import-missing",
            help="Cases whose rows were deleted from the file, or whose ids could not be matched.",
        )
    number = len(comparison.records(remove_missing=remove_missing)[0])
    st.button(
        f"Import {count_text(number, 'change')}" if number else "Nothing to import",
        key="import-apply",
        type="primary",
        disabled=not number,
        on_click=_import,
        args=(config.id, comparison, remove_missing),
    )


def _import(experiment: str, comparison: ListComparison, remove_missing: bool) -> None:
    ids, changes = comparison.records(remove_missing=remove_missing)
    case_list.import_list(experiment, ids, changes, comparison.source)
    st.session_state["import-done"] = (
        f"{count_text(len(ids), 'change')} imported from {escape_markdown(comparison.source)}. Undo reverts them all."
    )


@st.cache_resource(max_entries=4, show_spinner="Comparing the file with the list")
def _compared(_source: Chosen, experiment: str, key: str, written: int) -> ListComparison:
    return compare_list(experiment, read_case_file(_source.content, _source.name))
