"""The list as files, made when they are asked for."""

from functools import partial

import streamlit as st

from data.experiments import ExperimentConfig
from data.labelling_tools import argilla_settings, label_studio_interface
from models.case_files import ENDINGS, FORMS, case_bytes

NAMES = {
    "csv": ("CSV", "text/csv"),
    "jsonl": ("JSONL", "application/x-ndjson"),
    "parquet": ("Parquet", "application/vnd.apache.parquet"),
    "hf": ("Hugging Face", "application/zip"),
    "label-studio": ("Label Studio", "application/json"),
    "argilla": ("Argilla", "application/json"),
}


def downloads(config: ExperimentConfig, cases: int, classes: list[str]) -> None:
    """A button for each form; what the files hold, and where formulas are defused."""
    with st.container(horizontal=True, vertical_alignment="center"):
        for form in FORMS:
            name, kind = NAMES[form]
            marked = f"-{form}" if form in ENDINGS else ""
            st.download_button(
                name,
                data=partial(case_bytes, config.id, form),
                file_name=f"{config.id}-hard-cases{marked}.{ENDINGS.get(form, form)}",
                mime=kind,
                icon=":material/download:",
                on_click="ignore",
                key=f"download-{form}",
            )
    st.caption(
        f"All {cases:,}, with text, reasons, decisions, evidence, every run's probability and provenance. In CSV, "
        "cells that a spreadsheet could take for a formula begin with an apostrophe.",
        help="Provenance: dataset and its hash, experiment, run, ratio, seed, threshold, versions, time of export. "
        "JSONL and Parquet hold every text unchanged. The Hugging Face folder comes as a zip: unpack it and call "
        "datasets.load_dataset on it. Label Studio and Argilla cannot store NUL: it becomes U+FFFD there.",
    )
    studio, argilla = st.columns(2)
    with studio.expander("The labelling interface for Label Studio"):
        st.code(label_studio_interface(classes), language="xml")
    with argilla.expander("The dataset for Argilla 2"):
        st.code(argilla_settings(classes), language="python")
