"""What a preview is and what it costs, in the words of screen and terminal. Nothing here imports torch."""

from collections.abc import Sequence

from closecall.data.experiments.previews import LINEAR, PREFIX, Preview
from closecall.data.experiments.store import ratio_label
from closecall.data.io.files import read_json

COSTS = {LINEAR: "8 to 13 points less", PREFIX: "0 to 7 points less"}
"""Average precision of each kind against finished runs, in three experiments; see docs/measured.md."""
REPLACED = "It is replaced run by run as they finish, and nothing else on any page uses it."


def preview_words(previews: Sequence[Preview]) -> str:
    """Which ratios are previews, how they were made and what they cost; empty when there are none."""
    parts = []
    for kind in dict.fromkeys(one.kind for one in previews):
        same = [one for one in previews if one.kind == kind]
        ratios = ", ".join(ratio_label(one.ratio) for one in same)
        cost = f"Such previews found {COSTS[kind]} average precision than real runs."
        parts.append(f"Preview at {ratios}: {_made(same[0])} {cost}")
    return " ".join([*parts, REPLACED]) if parts else ""


def _made(preview: Preview) -> str:
    made = read_json(preview.folder / "metrics.json")
    cut = f" Texts are cut at {made['cut_at']} tokens, for want of room." if made.get("cut_at") else ""
    if preview.kind == LINEAR:
        return f"a logistic regression on the embeddings of the encoder as it came, first seed only.{cut}"
    return f"{made['frozen_layers']} of {made['layers']} layers are frozen, first seed only.{cut}"
