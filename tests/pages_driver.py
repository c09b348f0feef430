"""How the page tests open a page, with a URL, and read what it says."""

from pathlib import Path

from streamlit.testing.v1 import AppTest

APP = str(Path(__file__).resolve().parents[1] / "app.py")


def open_page(page: str, **query: str) -> AppTest:
    """The page as a visitor with this URL sees it. Fails when it ends in an exception."""
    at = AppTest.from_file(APP, default_timeout=30)
    at.run()
    at.switch_page(f"pages/{page}/page.py")
    for name, value in query.items():
        at.query_params[name] = value
    at.run()
    assert [one.message for one in at.exception] == []
    return at


def said(at: AppTest) -> str:
    """All that the page says in markdown, captions, messages and buttons."""
    parts = [*at.markdown, *at.caption, *at.info, *at.warning, *at.error, *at.success, *at.button]
    return "\n".join(str(getattr(part, "value", "")) + str(getattr(part, "label", "")) for part in parts)


def links(at: AppTest) -> list[tuple[str, str]]:
    """The label and the URL query of every link to a page."""
    found = []
    for one in at.get("page_link"):
        found.append((one.proto.label, one.proto.query_string))
    return found
