"""Load predictions made elsewhere: one file of one run, or of several with ratio and seed columns."""

from dataclasses import asdict

import streamlit as st

from closecall.data.datasets.store import dataset_names
from closecall.data.io.errors import UserError
from closecall.data.predictions.columns import PredictionColumns
from closecall.data.predictions.importing import (
    PredictionFile,
    PredictionImportRequest,
    import_predictions,
    preview_predictions,
)
from closecall.pages.shared.escaping import escape_markdown
from closecall.pages.shared.layout import show_user_error
from closecall.pages.shared.sources import Chosen, choose_source
from closecall.pages.shared.state import go

NONE = "(none)"
FORMS = "CSV, TSV, JSON Lines or Parquet with id, label and probability or logits"
TITLES = {
    "id": "Id",
    "label": "Label",
    "probability": "Probability of the positive class",
    "logit": "Log-odds",
    "logit_negative": "Logit of the negative class",
    "logit_positive": "Logit of the positive class",
    "text": "Text (optional)",
    "ratio": "Ratio (optional)",
    "seed": "Seed (optional)",
    "split": "Split (optional)",
}


def predictions_form(names: list[str]) -> None:
    """A file, what its columns hold, and what it belongs to. Every page that needs no encoder then works."""
    left, right = st.columns(2, gap="large")
    with left:
        source = choose_source("predictions", FORMS)
    if source is None:
        right.caption("Ids and labels must be the same in every run, so that ratios can be compared.")
        return
    file = PredictionFile(source.content, source.name)
    try:
        with right:
            columns = _choose_columns(file, source)
        with left:
            settings = _settings(names, columns)
        if st.button("Load the predictions", type="primary", key="predictions-go", icon=":material/input:"):
            _load(file, columns, settings)
    except UserError as error:
        show_user_error(error)


def _choose_columns(file: PredictionFile, source: Chosen) -> PredictionColumns:
    table, proposal = preview_predictions(file)
    options = [NONE, *table.frame.columns]
    chosen = {}
    for role, proposed in asdict(proposal).items():
        index = options.index(proposed) if proposed in options else 0
        picked = st.selectbox(TITLES[role], options, index=index, key=f"predictions-{role}-{source.key}",
                              persist_state="session")  # fmt: skip
        chosen[role] = "" if picked == NONE else str(picked)
    for note in table.notes:
        st.caption(escape_markdown(note))
    return PredictionColumns(**chosen)


def _settings(names: list[str], columns: PredictionColumns) -> dict[str, str | float | None]:
    title = st.text_input("Title", key="predictions-title", max_chars=120, persist_state="session")
    dataset = st.selectbox(
        "Dataset with their texts",
        [NONE, *names],
        key="predictions-dataset",
        persist_state="session",
        help="Without one, a dataset is made of the file's ids and labels.",
    )
    positive = st.text_input("Label of the positive class (empty: told from the file)", key="predictions-positive",
                             persist_state="session")  # fmt: skip
    ratio = None
    if not columns.ratio:
        ratio = st.number_input("Ratio of this run (negatives for each positive)", 0.1, 1000.0, 1.0,
                                key="predictions-ratio", persist_state="session")  # fmt: skip
    return {"title": title, "dataset": "" if dataset == NONE else dataset, "positive": positive, "ratio": ratio}


def _load(file: PredictionFile, columns: PredictionColumns, settings: dict[str, str | float | None]) -> None:
    ratio = settings["ratio"]
    source = PredictionFile(file.content, file.name, ratio=None if ratio is None else float(ratio))
    if settings["dataset"] and settings["dataset"] not in dataset_names():
        raise UserError(f"There is no dataset named {settings['dataset']} any more. Choose another.")
    with st.spinner("Reading and checking the predictions"):
        done = import_predictions(
            PredictionImportRequest(
                (source,),
                columns,
                title=str(settings["title"]),
                dataset=str(settings["dataset"]),
                positive=str(settings["positive"]),
            )
        )
    go("pages/overview/page.py", experiment=done.experiment.id)
