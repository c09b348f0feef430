"""Text from data made harmless in Markdown."""

import re

# Markdown makes links of bare addresses even where every character is escaped: an invisible word joiner parts them.
_ADDRESS = re.compile(r"(?<=http:)(?=//)|(?<=https:)(?=//)|(?<=www)(?=\.)|(?=@)", re.IGNORECASE)


def escape_markdown(text: str) -> str:
    """Text from data made harmless inside Markdown: shown as written, never as markup or as a link."""
    text = _ADDRESS.sub("\u2060", text)
    marks = set("\\`*_{}[]<>()#+-.!|~$:^&")
    return "".join("\\" + letter if letter in marks else letter for letter in text.replace("\x00", "\ufffd"))
