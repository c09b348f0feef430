"""Text from data, shown as it was written: escaped for Markdown and HTML, with some words highlighted."""

import html
import re
from collections.abc import Collection, Iterable

from closecall.analysis.text import WORD
from closecall.charts.colours import POSITIVE_COLOUR

LONGEST_HIGHLIGHTED = 20_000
"""Characters. A longer text is shown whole, without highlighted words."""
# Markdown links bare addresses even when every character is escaped; an invisible word joiner prevents that.
_ADDRESS = re.compile(r"(?<=http:)(?=//)|(?<=https:)(?=//)|(?<=www)(?=\.)|(?=@)", re.IGNORECASE)
_MARKDOWN_CHARACTERS = frozenset("\\`*_{}[]<>()#+-.!|~$:^&")


def escape_markdown(text: str) -> str:
    """Escape text for Markdown, so that it is never read as markup or turned into a link."""
    text = _ADDRESS.sub("\u2060", text).replace("\x00", "\ufffd")
    return "".join("\\" + letter if letter in _MARKDOWN_CHARACTERS else letter for letter in text)


def escape_html(text: str) -> str:
    """Escape text for HTML. NUL, which HTML cannot hold, becomes the replacement character."""
    return html.escape(text.replace("\x00", "\ufffd"))


def highlight_words(text: str, words: Collection[str]) -> str:
    """Escape text for HTML and wrap each of `words` (lower case) in `<mark>`."""
    if not words or len(text) > LONGEST_HIGHLIGHTED:
        return escape_html(text)
    wanted, parts, end = set(words), [], 0
    for match in WORD.finditer(text):
        if match.group().lower() in wanted:
            parts += [escape_html(text[end : match.start()]), f"<mark>{escape_html(match.group())}</mark>"]
            end = match.end()
    return "".join(parts) + escape_html(text[end:])


def highlight_spans(text: str, spans: Iterable[tuple[int, int]]) -> str:
    """Escape text for HTML and wrap each span of characters (start, end), in order, in `<mark>`."""
    parts, end = [], 0
    for start, stop in spans:
        parts += [escape_html(text[end:start]), f"<mark>{escape_html(text[start:stop])}</mark>"]
        end = stop
    return "".join(parts) + escape_html(text[end:])


def reading_style() -> str:
    """The style sheet of texts: 17 px, at most 70 characters a line, line breaks kept, long texts scroll."""
    return f"""<style>
    .reading {{ font-size: 1.0625rem; line-height: 1.6; max-width: 70ch; white-space: pre-wrap; overflow-wrap: anywhere;
      unicode-bidi: plaintext; overflow-y: auto; }}
    .reading.whole {{ min-height: 7rem; max-height: 24rem; }}
    .reading.near {{ font-size: 1rem; line-height: 1.5; max-height: 13rem; }}
    .reading mark {{ background: color-mix(in srgb, {POSITIVE_COLOUR} 28%, transparent); color: inherit;
      border-radius: 3px; }}
    .quiet {{ opacity: 0.75; font-size: 0.875rem; }}
    .near-pair {{ display: grid; grid-template-columns: 1fr 1fr; gap: 1rem; }}
    .near-pair > div {{ min-width: 0; overflow-wrap: anywhere; }}
    .near-pair .quiet + .reading {{ margin-top: 0.4rem; }}
    .apart {{ margin-top: 0.3rem; overflow-wrap: anywhere; unicode-bidi: plaintext; }}
    </style>"""
