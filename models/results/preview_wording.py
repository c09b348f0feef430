"""What a preview is and how it differs from a finished run, as sentences. Nothing here imports torch."""

from collections.abc import Sequence

from closecall.analysis.formatting import ratio_text
from closecall.data.experiments.previews import CACHED, LINEAR, Preview
from closecall.data.io.files import read_json

COSTS = {LINEAR: "8 to 13 points less", CACHED: "0 to 7 points less"}
"""Average precision of each kind against finished runs, in three experiments; see docs/measured.md."""
REPLACED = "Each preview is replaced when its run finishes. No other page uses it."


def preview_text(previews: Sequence[Preview]) -> str:
    """Which ratios are previews, how they were computed and how much they differ; empty when there are none."""
    parts = []
    for kind in dict.fromkeys(one.kind for one in previews):
        same = [one for one in previews if one.kind == kind]
        ratios = ", ".join(ratio_text(one.ratio) for one in same)
        cost = f"Such previews had {COSTS[kind]} average precision than finished runs."
        parts.append(f"Preview at {ratios}: {_method(same[0])} {cost}")
    return " ".join([*parts, REPLACED]) if parts else ""


def _method(preview: Preview) -> str:
    metrics = read_json(preview.folder / "metrics.json")
    limit = metrics.get("cut_at")
    truncated = f" Texts are truncated to {limit} tokens to fit in memory." if limit else ""
    if preview.kind == LINEAR:
        return f"a logistic regression on the embeddings of the frozen encoder, first seed only.{truncated}"
    return f"{metrics['frozen_layers']} of {metrics['layers']} layers are frozen, first seed only.{truncated}"
