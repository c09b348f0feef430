"""A text whose words are tinted by what they carry, as HTML: escaped, and never by colour alone."""

import numpy as np

from analysis.attribution import Attribution
from pages.shared.colours import NEGATIVE, POSITIVE
from pages.shared.marked import escaped

STRONGEST = 55
"""Percent of the class's colour behind the word that carries most; text stays readable in light and dark."""
FAINTEST = 0.08
"""Words that carry a smaller share than this of the strongest are left plain."""
SHOWN_REST = 1_500
"""Characters of the unread rest that are shown."""


def tinted(attribution: Attribution) -> str:
    """The text as read, its words on orange (for positive) or blue (for negative, underlined), the rest in grey."""
    tints = strengths(attribution)
    words = zip(attribution.pieces, tints, attribution.drops, strict=True)
    body = "".join(_word(piece, float(tint), float(drop)) for piece, tint, drop in words)
    rest = _rest(attribution.not_read)
    return f'{_STYLE}<div class="reading tinted" dir="auto" tabindex="0">{body}{rest}</div>'


def strengths(attribution: Attribution) -> np.ndarray:
    """What each word carries as a share of the strongest, -1 to 1; of one log-odds where none carries that much."""
    drops = attribution.drops
    return drops / max(1.0, float(np.abs(drops).max(initial=0.0)))


def _word(piece: str, tint: float, drop: float) -> str:
    if abs(tint) < FAINTEST:
        return escaped(piece)
    bare = piece.strip()
    start = piece.index(bare)
    kind = "for" if tint > 0 else "against"
    span = (
        f'<span class="{kind}" style="--part:{STRONGEST * abs(tint):.0f}%" title="{drop:+.2f}">{escaped(bare)}</span>'
    )
    return escaped(piece[:start]) + span + escaped(piece[start + len(bare) :])


def _rest(text: str) -> str:
    if not text.strip():
        return ""
    more = f" … and {len(text) - SHOWN_REST:,} characters more" if len(text) > SHOWN_REST else ""
    return f'<span class="unread" title="not read">{escaped(text[:SHOWN_REST])}{more}</span>'


_STYLE = f"""<style>
.reading.tinted {{ max-height: 24rem; }}
.tinted span.for, .tinted span.against {{ border-radius: 3px; padding: 0.05em 0.1em; }}
.tinted span.for {{ background: color-mix(in srgb, {POSITIVE} var(--part), transparent); }}
.tinted span.against {{ background: color-mix(in srgb, {NEGATIVE} var(--part), transparent);
  text-decoration: underline dotted; text-underline-offset: 0.25em; }}
.tinted .unread {{ opacity: 0.55; }}
</style>"""
