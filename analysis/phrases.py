"""Which texts hold a phrase: whole words one after the other, in upper or lower case."""

import re
from collections.abc import Iterable

import numpy as np

from analysis.checks import Bools
from analysis.text_lengths import words

_BEGINS, _ENDS = r"(?<!\w)(?<!\w['’])", r"(?!\w)(?!['’]\w)"
"""Where a word begins and ends, as `analysis.text_lengths.words` cuts a text."""


def holds_phrase(texts: Iterable[str], phrase: str) -> Bools:
    """Which texts hold the words of the phrase one after the other? Shape (n,).

    Words are those of `analysis.text_lengths.words`: letters, digits and inner apostrophes. What stands between two of
    them (blanks, signs, line breaks) does not matter. ValueError when the phrase has no word.
    """
    wanted = words(phrase)
    if not wanted:
        raise ValueError("A phrase needs at least one letter or digit.")
    inner = rf"{_ENDS}\W+".join(re.escape(word) for word in wanted)
    search, longest = re.compile(f"{_BEGINS}{inner}{_ENDS}").search, max(wanted, key=len)

    def holds(text: str) -> bool:
        low = text.lower()
        return longest in low and search(low) is not None  # the plain search first: it is far quicker

    return np.fromiter(map(holds, texts), dtype=np.bool_)
