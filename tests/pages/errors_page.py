"""How the tests of the Errors page open it and read its state."""

from streamlit.testing.v1 import AppTest

from tests.pages_driver import open_page


def open_errors(**query: str) -> AppTest:
    """The Errors page with these URL parameters."""
    return open_page("errors", **query)


def html_of(at: AppTest) -> str:
    """All HTML of the page."""
    return "\n".join(one.proto.body for one in at.get("html"))


def row_keys(at: AppTest) -> list[str]:
    """The keys of the rows of the queue: row-OUTCOME-NUMBER."""
    return [one.key for one in at.button if one.key and one.key.startswith("row-")]


def in_url(at: AppTest, name: str) -> str:
    """The value of a URL parameter."""
    value = at.query_params[name]
    return str(value if isinstance(value, str) else value[-1])


def example_of(at: AppTest) -> str:
    """The id of the open example."""
    return in_url(at, "example")


def count_on(at: AppTest, key: str) -> int:
    """The count on a button, written in bold."""
    return int(at.button(key=key).label.split("**")[1].replace(",", ""))
