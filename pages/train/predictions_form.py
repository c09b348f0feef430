"""The form that imports predictions: files of one run, or of several runs with ratio, seed and model columns."""

from dataclasses import asdict, replace

import streamlit as st

from closecall.data.datasets.store import dataset_names
from closecall.data.io.errors import UserError
from closecall.data.predictions.columns import ROLE_TITLES, SEVERAL, PredictionColumns
from closecall.data.predictions.files import PredictionFile
from closecall.data.predictions.importing import (
    PredictionImportRequest,
    import_predictions,
    preview_predictions,
)
from closecall.data.readers.formats import file_formats_text
from closecall.pages.shared.escaping import escape_markdown
from closecall.pages.shared.layout import show_user_error
from closecall.pages.shared.sources import choose_source
from closecall.pages.shared.state import go

NONE = "(none)"
FORMS = f"{file_formats_text()} with true classes and probabilities or logits"
BESIDE = "Scores in a second file, in the order of the rows (optional)"


def predictions_form(names: list[str]) -> None:
    """A file, its columns, and the dataset it belongs to. Pages that need no encoder then show the experiment."""
    left, right = st.columns(2, gap="large")
    with left:
        source = choose_source("predictions", FORMS)
        beside = choose_source("predictions-beside", BESIDE) if source else None
    if source is None:
        right.caption("All runs need the same examples and labels, so that ratios can be compared.")
        return
    file = PredictionFile(source.content, source.name)
    key = source.key
    if beside:
        file, key = replace(file, beside=beside.content, beside_name=beside.name), f"{source.key} {beside.key}"
    try:
        with right:
            columns = _choose_columns(file, key)
        with left:
            request = _request(names, file, columns)
        if st.button("Import the predictions", type="primary", key="predictions-go", icon=":material/input:"):
            _import(request)
    except UserError as error:
        show_user_error(error)


def _choose_columns(file: PredictionFile, key: str) -> PredictionColumns:
    """A box for each role, filled with the proposal. A role that is seldom used is below the others."""
    table, proposal = preview_predictions(file)
    names, proposed = table.frame.columns.tolist(), asdict(proposal)
    for note in table.notes:
        st.caption(escape_markdown(note))
    chosen: dict[str, str | list[str]] = {}
    seldom = [role for role, value in proposed.items() if not value and role not in ("id", "label", "text")]
    for role in [one for one in proposed if one not in seldom]:
        chosen[role] = _choose_column(role, names, proposed[role], key)
    with st.expander("Other ways to give scores, and runs", icon=":material/tune:"):
        for role in seldom:
            chosen[role] = _choose_column(role, names, proposed[role], key)
    return PredictionColumns.of(chosen)


def _choose_column(role: str, names: list[str], proposed: str | tuple[str, ...], key: str) -> str | list[str]:
    title, widget = ROLE_TITLES[role], f"predictions-{role}-{key}"
    if role in SEVERAL:
        return st.multiselect(title, names, default=list(proposed), key=widget, persist_state="session")
    options = [NONE, *names]
    index = options.index(str(proposed)) if proposed in options else 0
    picked = st.selectbox(title, options, index=index, key=widget, persist_state="session")
    return "" if picked == NONE else str(picked)


def _request(names: list[str], file: PredictionFile, columns: PredictionColumns) -> PredictionImportRequest:
    title = st.text_input("Title", key="predictions-title", max_chars=120, persist_state="session")
    dataset = st.selectbox(
        "Dataset with the texts",
        [NONE, *names],
        key="predictions-dataset",
        persist_state="session",
        help="Without a dataset, one is created from the ids and labels of the file.",
    )
    own = dataset != NONE
    in_order = own and st.checkbox(
        "Rows are the examples of the dataset in its order", key="predictions-in-order", persist_state="session"
    )
    positive = st.text_input("Positive class (several with commas; empty: 1, yes, true or pos)",
                             key="predictions-positive", persist_state="session")  # fmt: skip
    ratio = None
    if not columns.ratio and not columns.models:
        ratio = st.number_input("Ratio of this run (negatives per positive)", 0.1, 1000.0, 1.0,
                                key="predictions-ratio", persist_state="session")  # fmt: skip
    return PredictionImportRequest(
        (replace(file, ratio=ratio),),
        columns,
        title=title,
        dataset=dataset if own else "",
        positive=positive,
        in_order=in_order,
    )


def _import(request: PredictionImportRequest) -> None:
    if request.dataset and request.dataset not in dataset_names():
        raise UserError(f"The dataset {request.dataset} was deleted. Choose another.")
    with st.spinner("Reading and validating the predictions"):
        done = import_predictions(request)
    go("pages/overview/page.py", experiment=done.experiment.id)
