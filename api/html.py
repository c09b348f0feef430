"""HTML that notebooks show: escaped texts, small tables, links."""

import html
from collections.abc import Sequence


def escaped(text: str) -> str:
    """Text for HTML. NUL, which HTML cannot hold, becomes the replacement character."""
    return html.escape(text.replace("\x00", "\ufffd"))


def paragraph(text: str, *, strong: bool = False) -> str:
    """A paragraph of plain text."""
    return f"<p><strong>{escaped(text)}</strong></p>" if strong else f"<p>{escaped(text)}</p>"


def table(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A table of plain texts, left-aligned."""
    style = ' style="text-align:left"'
    head = "".join(f"<th{style}>{escaped(one)}</th>" for one in heads)
    lines = ["".join(f"<td{style}>{escaped(cell)}</td>" for cell in row) for row in rows]
    return f"<table><thead><tr>{head}</tr></thead><tbody>{''.join(f'<tr>{one}</tr>' for one in lines)}</tbody></table>"


def link(url: str, text: str) -> str:
    """A link that opens in a new tab."""
    return f'<a href="{escaped(url)}" target="_blank" rel="noopener">{escaped(text)}</a>'


def frame_of(url: str, *, title: str, height: int) -> str:
    """A page inside the notebook, as wide as the notebook, `height` in pixels."""
    return (
        f'<iframe src="{escaped(url)}" title="{escaped(title)}" width="100%" height="{height}" '
        'style="border:1px solid rgba(128,128,128,0.4)" allow="clipboard-read; clipboard-write"></iframe>'
    )
