"""Bad input and broken files as one sentence, shown as written."""

from collections.abc import Iterator
from contextlib import contextmanager

import streamlit as st

from closecall.data.io.errors import UserError
from closecall.pages.shared.escaping import escape_markdown


def show_user_error(error: UserError) -> None:
    """Show what a person can mend. The message may repeat file names and cells: it is never read as markup."""
    st.error(escape_markdown(str(error)), icon=":material/error:")


@contextmanager
def show_user_errors() -> Iterator[None]:
    """What no page has caught is still told as one sentence: a broken file of one experiment, say."""
    try:
        yield
    except UserError as error:
        show_user_error(error)
