"""The form that imports a file of texts: its columns, its classes and the shares of its splits."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import streamlit as st

from closecall.data.datasets.import_request import ImportRequest
from closecall.data.datasets.preparation import build_dataset
from closecall.data.datasets.store import dataset_names, save_dataset
from closecall.data.io.errors import UserError
from closecall.data.io.workspace import slug
from closecall.data.readers.columns import ColumnRoles, guess_columns
from closecall.data.readers.formats import file_formats_text
from closecall.data.readers.table import RawTable
from closecall.pages.data.builtin_cards import open_dataset
from closecall.pages.shared.escaping import escape_markdown
from closecall.pages.shared.layout import show_user_error
from closecall.pages.shared.sources import Chosen, choose_source, classes_of, preview, read_all

NONE = "(none)"
NEEDED = (
    "The file needs a column of texts and a column of labels. Optional: ids, groups that must stay in one split "
    "(authors, threads), and predefined splits."
)


def import_form() -> None:
    """The form; columns are proposed from the first rows. Input is kept when the import fails."""
    left, right = st.columns(2, gap="large")
    with left:
        source = choose_source("import", file_formats_text())
    if source is None:
        right.caption(NEEDED)
        return
    try:
        table = preview(source)
        with left:
            roles = _choose_columns(source, table)
            positive, negative = _choose_classes(source, roles)
        with right:
            _show_rows(table, roles)
            request = _choose_rest(source, roles)
        if st.button("Import", type="primary", disabled=not positive, key="import-go", icon=":material/input:"):
            _import(source, replace(request, positive_classes=positive, negative_classes=negative))
    except UserError as error:
        show_user_error(error)


def _choose_columns(source: Chosen, table: RawTable) -> ColumnRoles:
    guess = guess_columns(table)
    names = list(table.frame.columns)
    text, label = st.columns(2)
    chosen = {
        "text": _pick(text, "Text column", names, guess.text, source, optional=False),
        "label": _pick(label, "Label column", names, guess.label, source, optional=False),
    }
    with st.expander("Ids, groups and splits (optional)", expanded=bool(guess.id or guess.group or guess.split)):
        for role, title in (("id", "Id column"), ("group", "Group column"), ("split", "Split column")):
            chosen[role] = _pick(st, title, names, getattr(guess, role), source, optional=True)
    for note in table.notes:
        st.caption(escape_markdown(note))
    return ColumnRoles(**chosen)


def _pick(place: Any, title: str, names: list[str], proposal: str, source: Chosen, *, optional: bool) -> str:
    """A select box for a column. The key contains the file, so that another file gets its own proposals."""
    options = [NONE, *names] if optional else names
    index = options.index(proposal) if proposal in options else 0
    chosen = place.selectbox(title, options, index=index, key=f"import-{title}-{source.key}", persist_state="session")
    return "" if chosen == NONE else str(chosen)


def _choose_classes(source: Chosen, roles: ColumnRoles) -> tuple[tuple[str, ...], tuple[str, ...] | None]:
    """The positive and the negative classes; None as negative classes means all others."""
    counts = classes_of(source, roles.label)
    key = f"{roles.label}-{source.key}"
    classes = [str(name) for name in counts.index]

    def shown(name: str) -> str:
        return f"{name} ({counts[name]:,})"

    positive = st.multiselect("Positive classes (the rare ones)", classes, key=f"import-positive-{key}",
                              format_func=shown, persist_state="session", placeholder="At least one")  # fmt: skip
    others = [name for name in classes if name not in positive]
    every = st.toggle("All other classes are negative", value=True, key=f"import-every-{key}", persist_state="session")
    if every:
        return tuple(positive), None
    negative = st.multiselect("Negative classes", others, key=f"import-negative-{key}", format_func=shown,
                              persist_state="session")  # fmt: skip
    return tuple(positive), tuple(negative)


def _show_rows(table: RawTable, roles: ColumnRoles) -> None:
    st.markdown("**The first rows**")
    columns = [one for one in (roles.label, roles.id, roles.group, roles.split, roles.text) if one]
    shown = table.frame[list(dict.fromkeys(columns))].head(5).map(lambda cell: str(cell or "")[:600])
    wide = {roles.text: st.column_config.TextColumn(escape_markdown(roles.text), width="large")}
    st.dataframe(
        shown, column_config=wide, hide_index=True, key="import-rows", row_height=56, alt="The first five rows"
    )


def _choose_rest(source: Chosen, roles: ColumnRoles) -> ImportRequest:
    """The request without its classes."""
    stem = Path(source.name).stem
    title = st.text_input("Title", stem, key=f"import-title-{source.key}", persist_state="session", max_chars=120)
    name = slug(title or stem)
    if name in dataset_names():
        st.caption(f"A dataset named {name} already exists. Choose another title.")
    columns = st.columns(3)
    kept = " Splits in the file are kept; missing ones are drawn." if roles.split else ""
    test = columns[0].number_input("Test (%)", 5, 80, 35, key="import-test", persist_state="session",
                                   help=f"Share of each class in the test split.{kept}")  # fmt: skip
    validation = columns[1].number_input("Validation (%)", 5, 80, 15, key="import-validation", persist_state="session",
                                         help="Share of each class in the validation split. Thresholds are chosen on "
                                         "it.")  # fmt: skip
    seed = columns[2].number_input("Seed", 0, 10**6, 0, key="import-seed", persist_state="session",
                                   help="The same seed draws the same splits.")  # fmt: skip
    return ImportRequest(
        columns=roles,
        title=title or stem,
        name=name,
        test_share=test / 100,
        validation_share=validation / 100,
        seed=int(seed),
        origin="Imported in the app",
    )


def _import(source: Chosen, request: ImportRequest) -> None:
    bar = st.progress(0.0, text="Reading and checking the rows")

    def show(sentence: str, share: float) -> None:
        bar.progress(share, text=sentence)

    with st.spinner("Reading, checking and splitting the rows"):
        dataset = build_dataset(read_all(source), request, progress=show)
        save_dataset(dataset)
    open_dataset(dataset.name, "Datasets")
