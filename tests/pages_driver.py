"""How the page tests open a page with a URL and read what it shows."""

from pathlib import Path

import pandas as pd
from streamlit.testing.v1 import AppTest

APP = str(Path(__file__).resolve().parents[1] / "app.py")


def open_page(page: str, **query: str) -> AppTest:
    """Open a page with these URL parameters. Fails when the page ends in an exception."""
    at = AppTest.from_file(APP, default_timeout=30)
    at.run()
    at.switch_page(f"pages/{page}/page.py")
    for name, value in query.items():
        at.query_params[name] = value
    at.run()
    assert [one.message for one in at.exception] == []
    return at


def page_text(at: AppTest) -> str:
    """The text of all markdown, captions, messages and buttons of the page."""
    parts = [*at.markdown, *at.caption, *at.info, *at.warning, *at.error, *at.success, *at.button]
    return "\n".join(str(getattr(part, "value", "")) + str(getattr(part, "label", "")) for part in parts)


def headline_of(at: AppTest) -> str:
    """The finding of the page: its first level-3 heading, with plain spaces."""
    texts = (str(one.value).replace("\N{NO-BREAK SPACE}", " ") for one in at.markdown)
    return next(text for text in texts if text.startswith("### "))


def links(at: AppTest) -> list[tuple[str, str]]:
    """The label and the URL query of every link to a page."""
    return [(one.proto.label, one.proto.query_string) for one in at.get("page_link")]


def link_targets(at: AppTest) -> list[tuple[str, str]]:
    """The page and the URL query of every link to a page."""
    return [(one.proto.page, one.proto.query_string) for one in at.get("page_link")]


def table_with(at: AppTest, column: str) -> pd.DataFrame:
    """The first table that has this column."""
    return next(one.value for one in at.dataframe if column in one.value)


def keys_of(at: AppTest, kind: str) -> set[str]:
    """The keys of all elements of a kind, such as "button" or "download_button"."""
    return {one.key for one in at.get(kind) if one.key}
