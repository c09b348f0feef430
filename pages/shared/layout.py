"""What all pages share in their layout: the icon of the browser tab, the headline, the width, and error messages."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import streamlit as st

from closecall.data.io.errors import UserError
from closecall.pages.shared.escaping import escape_markdown

# A file of the package: Streamlit would fetch its own icons from another host.
ICON = str(Path(__file__).with_name("icon.svg"))


def headline(page: str, sentence: str, detail: str = "") -> None:
    """The page's name (small), its finding in one sentence (large), and a detail. Escape texts of data before."""
    st.caption(page)
    st.markdown(f"### {unbroken(sentence)}")
    if detail:
        st.markdown(detail)


def unbroken(text: str) -> str:
    """The text with spaces before percent signs at which no line ends."""
    return text.replace(" %", "\N{NO-BREAK SPACE}%")


def wide() -> None:
    """Reduce the margins of a page that shows tables or examples side by side."""
    st.html("<style>.stMainBlockContainer { padding: 3.75rem 3rem 2rem; }</style>")


def wrap_links() -> None:
    """Let the labels of links take several lines in a narrow column; Streamlit cuts them off."""
    st.html('<style>.stPageLink :is([data-testid="stMarkdownContainer"], p) { white-space: normal; }</style>')


def show_user_error(error: UserError) -> None:
    """Show an error that the user can fix. Escaped, because the message may repeat file names and cells."""
    st.error(escape_markdown(str(error)), icon=":material/error:")


@contextmanager
def show_user_errors() -> Iterator[None]:
    """Show a `UserError` that a page did not handle, such as a broken file of one experiment, as one sentence."""
    try:
        yield
    except UserError as error:
        show_user_error(error)
