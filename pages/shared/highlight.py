"""Text from data as HTML: escaped, line breaks kept, some words softly marked."""

import html
from collections.abc import Collection

from closecall.analysis.text import WORD
from closecall.charts.colours import POSITIVE_COLOUR

LONGEST_MARKED = 20_000
"""Characters: beyond these a text is shown whole but unmarked."""


def escaped(text: str) -> str:
    """Text as HTML that shows it as written; NUL, which HTML cannot hold, as the replacement character."""
    return html.escape(text.replace("\x00", "\ufffd"))


def highlighted(text: str, words: Collection[str]) -> str:
    """Escaped text in which the words (lower case) are marked."""
    if not words or len(text) > LONGEST_MARKED:
        return escaped(text)
    wanted, parts, end = set(words), [], 0
    for match in WORD.finditer(text):
        if match.group().lower() in wanted:
            parts += [escaped(text[end : match.start()]), f"<mark>{escaped(match.group())}</mark>"]
            end = match.end()
    return "".join(parts) + escaped(text[end:])


def reading_style() -> str:
    """How texts to be read look: 17 px, 70 characters a line, line breaks kept, scrolling when very long."""
    return f"""<style>
    .reading {{ font-size: 1.0625rem; line-height: 1.6; max-width: 70ch; white-space: pre-wrap; overflow-wrap: anywhere;
      unicode-bidi: plaintext; overflow-y: auto; }}
    .reading.whole {{ min-height: 7rem; max-height: 24rem; }}
    .reading.near {{ font-size: 1rem; line-height: 1.5; max-height: 13rem; }}
    .reading mark {{ background: color-mix(in srgb, {POSITIVE_COLOUR} 28%, transparent); color: inherit; border-radius: 3px; }}
    .quiet {{ opacity: 0.75; font-size: 0.875rem; }}
    .near-pair {{ display: grid; grid-template-columns: 1fr 1fr; gap: 1.25rem; }}
    .near-pair > div {{ min-width: 0; }}
    .apart {{ margin-top: 0.3rem; overflow-wrap: anywhere; unicode-bidi: plaintext; }}
    </style>"""
