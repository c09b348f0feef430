"""The points of a data map: training texts by class and region."""

import numpy as np
import pandas as pd

from closecall.analysis.errors.data_map import REGIONS
from closecall.analysis.formatting import share_text
from closecall.charts.colours import CLASS_COLOURS
from closecall.pages.shared.maps.points import Kind

_SYMBOLS = dict(zip(REGIONS, ("x", "triangle-up", "circle"), strict=True))
_NAMES = {0: "Negatives", 1: "Positives"}


def data_map_points(found: pd.DataFrame, chosen: str) -> pd.DataFrame:
    """As the map's points: id, split, label, x (variability), y (confidence), outcome (""), region.

    `chosen` is Positives, Negatives, or anything else for both. Texts never seen in training have no place.
    """
    rows = found[found["confidence"].notna()]
    wanted = [label for label, name in _NAMES.items() if name == chosen] or list(_NAMES)
    rows = rows[rows["label"].isin(wanted)]
    return pd.DataFrame({
        "id": rows.index.to_numpy(dtype=object), "split": "train", "label": rows["label"].to_numpy(),
        "x": rows["variability"].to_numpy(), "y": rows["confidence"].to_numpy(), "outcome": "",
        "region": rows["region"].to_numpy(dtype=object),
    })  # fmt: skip


def data_map_kinds(points: pd.DataFrame) -> list[Kind]:
    """Each class by region, negatives first: the rare class lies on top."""
    labels, region = points["label"].to_numpy(), points["region"].to_numpy(dtype=object)
    found = []
    for label, name in _NAMES.items():
        own = labels == label
        between = np.flatnonzero(own & (region == ""))
        found.append(Kind(f"{name} between", between, CLASS_COLOURS[label], "circle", faded=True))
        found += [
            Kind(f"{name}, {one}", np.flatnonzero(own & (region == one)), CLASS_COLOURS[label], _SYMBOLS[one])
            for one in reversed(REGIONS)
        ]
    return [kind for kind in found if len(kind.rows)]


def class_title(points: pd.DataFrame, ratio: str) -> str:
    """How many of each class are mostly doubted in training."""
    said = []
    for label in (1, 0):
        own = points[points["label"] == label]
        if len(own):
            doubted = int((own["y"] < 0.5).sum())
            said.append(f"{doubted:,} of {len(own):,} {_NAMES[label].lower()}")
    return f"{ratio}: confidence below .5 for {' and '.join(said)}" if said else f"{ratio}: no texts"


def doubted_share(confidence: np.ndarray) -> str:
    """`35.0 % (27.1 to 43.9), 42 of 120` with a confidence below one half."""
    return share_text(int((confidence < 0.5).sum()), len(confidence))
