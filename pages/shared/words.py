"""Numbers and names as people read them, the same on every page."""

import math
import re

from analysis.wording import percent_text as percent
from analysis.wording import share_text as share

__all__ = ["counted", "duration", "percent", "plain", "probability", "share"]
OUTCOME = {"fn": "miss", "fp": "false alarm", "tp": "hit", "tn": "correct rejection"}
OUTCOME_PLURAL = {"fn": "misses", "fp": "false alarms", "tp": "hits", "tn": "correct rejections"}


def probability(value: float) -> str:
    """A probability with the digits a reader needs: `.12`, `.004`, `>.999`, `<.001`."""
    if math.isnan(value):
        return "none"
    if value > 0.9995:
        return ">.999"
    if 0 < value < 0.0005:
        return "<.001"
    text = f"{value:.3f}" if value < 0.01 or value > 0.99 else f"{value:.2f}"
    return text.lstrip("0") if value < 1 else text


def duration(seconds: float | None) -> str:
    """A length of time: `40 s`, `6 min`, `1 h 20 min`."""
    if seconds is None or math.isnan(seconds):
        return "not known yet"
    if seconds < 90:
        return f"{max(1, round(seconds))} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 90 else f"{minutes // 60} h {minutes % 60} min"


def counted(number: int, noun: str, plural: str = "") -> str:
    """`1 run`, `2 runs`, `1,204 misses`."""
    return f"{number:,} {noun if number == 1 else plural or noun + 's'}"


# Markdown makes links of bare addresses even where every character is escaped: an invisible word joiner parts them.
_ADDRESS = re.compile(r"(?<=http:)(?=//)|(?<=https:)(?=//)|(?<=www)(?=\.)|(?=@)", re.IGNORECASE)


def plain(text: str) -> str:
    """Text from data made harmless inside Markdown: shown as written, never as markup or as a link."""
    text = _ADDRESS.sub("\u2060", text)
    marks = set("\\`*_{}[]<>()#+-.!|~$:^&")
    return "".join("\\" + letter if letter in marks else letter for letter in text.replace("\x00", "\ufffd"))
