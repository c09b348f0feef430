"""The list as files, made when they are asked for."""

from functools import partial

import pandas as pd
import streamlit as st

from data.experiments import ExperimentConfig
from data.export import hard_case_table, provenance, table_bytes

FORMS = {
    "csv": ("CSV", "text/csv"),
    "jsonl": ("JSONL", "application/x-ndjson"),
    "parquet": ("Parquet", "application/vnd.apache.parquet"),
}


def downloads(config: ExperimentConfig, cases: pd.DataFrame) -> None:
    """A button for each form; what the files hold, and where formulas are defused."""
    with st.container(horizontal=True, vertical_alignment="center"):
        for form, (name, kind) in FORMS.items():
            st.download_button(
                f"Download {name}",
                data=partial(_content, config.id, form),
                file_name=f"{config.id}-hard-cases.{form}",
                mime=kind,
                icon=":material/download:",
                on_click="ignore",
                key=f"download-{form}",
            )
    st.caption(
        f"All {len(cases):,}, with text, reasons, note, action, every run's probability and provenance. "
        "In CSV, cells that a spreadsheet could take for a formula begin with an apostrophe.",
        help="Provenance: dataset and its hash, experiment, run, ratio, seed, threshold, versions, time of export. "
        "JSONL and Parquet hold every text unchanged.",
    )


def _content(experiment: str, form: str) -> bytes:
    return table_bytes(hard_case_table(experiment), form, provenance(experiment))
