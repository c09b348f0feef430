"""Bad input and broken files as one sentence, shown as written."""

from collections.abc import Iterator
from contextlib import contextmanager

import streamlit as st

from data.errors import UserError
from pages.shared.words import plain


def tell(error: UserError) -> None:
    """Show what a person can mend. The message may repeat file names and cells: it is never read as markup."""
    st.error(plain(str(error)), icon=":material/error:")


@contextmanager
def told() -> Iterator[None]:
    """What no page has caught is still told as one sentence: a broken file of one experiment, say."""
    try:
        yield
    except UserError as error:
        tell(error)
