"""The kinds of points on a map, as its legend names them, and which points are drawn when there are very many."""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from closecall.analysis.metrics.outcomes import OUTCOME_NAMES
from closecall.charts.colours import CATEGORIES, CLASS_COLOURS, OUTCOME_COLOURS, UNSELECTED
from closecall.pages.shared.chart_view import current_theme

COLOURINGS = ("Outcome", "Label", "Outcome group", "Confidence in training", "Tag", "Cluster")
CONFIDENCE, TAG, CLUSTER = COLOURINGS[3:]
DRAWN = 8_000
"""More marks than these are a blot to the eye, and each costs a processor that draws without a GPU."""
MOST_NAMES = len(CATEGORIES)
SYMBOLS = {"fn": "x", "fp": "triangle-up", "tp": "diamond", "tn": "circle"}
_CATEGORY_SYMBOLS = ("circle", "square", "diamond", "cross", "triangle-up", "star", "pentagon", "triangle-down", "x",
                     "hexagram")  # fmt: skip
_CONFIDENCE_SYMBOLS = ("x", "cross", "square", "diamond", "circle")
_GROUP_ORDER = ("always missed", "lost", "wavering", "unstable", "gained", "always hit")
_GROUP_LOOK = {
    "always missed": (OUTCOME_COLOURS["fn"], "x"),
    "lost": (CLASS_COLOURS[1], "square"),
    "gained": (OUTCOME_COLOURS["tp"], "triangle-down"),
    "unstable": (OUTCOME_COLOURS["fp"], "star"),
    "wavering": (OUTCOME_COLOURS["fp"], "cross"),
    "always hit": (OUTCOME_COLOURS["tp"], "diamond"),
    "negative": (OUTCOME_COLOURS["tn"], "circle"),
}


@dataclass(frozen=True)
class Kind:
    """One entry of the legend: its name, the rows it has, colour and mark."""

    name: str
    rows: np.ndarray
    colour: str
    symbol: str
    faded: bool = False


def kinds(points: pd.DataFrame, colouring: str) -> list[Kind]:
    """The legend, commonest first, so that the rare kinds lie on top.

    `points` has label, split, outcome, group; `confidence` (nan: not trained on), and `named` (the tag or cluster, ""
    for none) where it is coloured by these.
    """
    test = (points["split"] != "train").to_numpy()
    if colouring == CONFIDENCE:
        found = _confidences(points, test)
    elif colouring in (TAG, CLUSTER):
        found = _names(points, test, "Untagged" if colouring == TAG else "In no cluster")
    elif colouring == "Outcome group":
        found = _training(points, test) + _groups(points, test)
    elif colouring == "Label":
        found = _training(points, test) + _labels(points, test)
    else:
        found = _training(points, test) + _outcomes(points, test)
    return [kind for kind in found if len(kind.rows)]


def drawn(points: pd.DataFrame, always: np.ndarray, *, errors_only: bool = False, limit: int = DRAWN) -> np.ndarray:
    """Which rows get a mark: all of them up to `limit`; beyond, every miss and `always` (rows), then a fair sample.

    False alarms get at most half of what room is left, the others the rest. The order follows the ids alone, so the
    same texts are drawn on every map. `errors_only`: misses, false alarms and `always`, nothing else.
    """
    if len(points) <= limit and not errors_only:
        return np.ones(len(points), dtype=bool)
    outcome = points["outcome"].to_numpy(dtype=object)
    kept = outcome == "fn"
    kept[always[:limit]] = True
    alarms = (outcome == "fp") & ~kept
    crowds = [(alarms, 1)] if errors_only else [(alarms, 2), (~kept & ~alarms, 1)]
    order = pd.util.hash_array(points["id"].to_numpy(dtype=object))
    for crowd, part in crowds:
        room = max(0, limit - int(kept.sum())) // part
        rows = np.flatnonzero(crowd)
        kept[rows[np.argsort(order[rows], kind="stable")[:room]]] = True
    return kept


def _training(points: pd.DataFrame, test: np.ndarray) -> list[Kind]:
    labels = points["label"].to_numpy()
    return [
        Kind(f"Training {name}s", np.flatnonzero(~test & (labels == label)), CLASS_COLOURS[label], "square", faded=True)
        for label, name in ((0, "negative"), (1, "positive"))
    ]


def _labels(points: pd.DataFrame, test: np.ndarray) -> list[Kind]:
    labels = points["label"].to_numpy()
    return [
        Kind(f"{name}s", np.flatnonzero(test & (labels == label)), CLASS_COLOURS[label], symbol)
        for label, name, symbol in ((0, "Negative", "circle"), (1, "Positive", "diamond"))
    ]


def _outcomes(points: pd.DataFrame, test: np.ndarray) -> list[Kind]:
    outcome = points["outcome"].to_numpy()
    return [
        Kind(
            OUTCOME_NAMES[one].capitalize(), np.flatnonzero(test & (outcome == one)), OUTCOME_COLOURS[one], SYMBOLS[one]
        )
        for one in ("tn", "tp", "fp", "fn")
    ]


def _groups(points: pd.DataFrame, test: np.ndarray) -> list[Kind]:
    labels, group = points["label"].to_numpy(), points["group"].to_numpy(dtype=object).astype(str)
    found = [Kind("Negatives", np.flatnonzero(test & (labels == 0)), *_GROUP_LOOK["negative"])]
    for name in reversed(_GROUP_ORDER):
        rows = np.flatnonzero(test & (labels == 1) & np.char.startswith(group, name))
        found.append(Kind(name.capitalize(), rows, *_GROUP_LOOK[name]))
    return found


def _confidences(points: pd.DataFrame, test: np.ndarray) -> list[Kind]:
    """Fifths of the confidence, the lowest on top; test texts, which have none, in grey."""
    confidence = points["confidence"].to_numpy(dtype=np.float64)
    fifth = np.where(np.isnan(confidence), -1, np.clip(confidence * 5, 0, 4)).astype(int)
    found = [
        Kind("Test texts", np.flatnonzero(test), UNSELECTED, "circle", faded=True),
        Kind("Not trained on at this ratio", np.flatnonzero(~test & (fifth < 0)), UNSELECTED, "square", faded=True),
    ]
    looks = list(zip(current_theme().confidence_colours, _CONFIDENCE_SYMBOLS, strict=True))
    for number in range(4, -1, -1):
        name = f"Confidence {number / 5:.1f} to {(number + 1) / 5:.1f}".replace("0.", ".")
        found.append(Kind(name, np.flatnonzero(fifth == number), *looks[number]))
    return found


def _names(points: pd.DataFrame, test: np.ndarray, unnamed: str) -> list[Kind]:
    """The commonest names, each with its colour and mark; what has no name, in grey."""
    named = points["named"].to_numpy(dtype=object).astype(str)
    common = pd.Series(named[named != ""]).value_counts(sort=True)
    shown = list(common.index[:MOST_NAMES])
    found = [
        Kind(f"Training, {unnamed.lower()}", np.flatnonzero(~test & (named == "")), UNSELECTED, "square", faded=True),
        Kind(unnamed, np.flatnonzero(test & (named == "")), UNSELECTED, "circle", faded=True),
        Kind("Other", np.flatnonzero((named != "") & ~np.isin(named, shown)), UNSELECTED, "x"),
    ]
    looks = zip(shown, CATEGORIES, _CATEGORY_SYMBOLS, strict=False)
    return found + [Kind(name, np.flatnonzero(named == name), colour, symbol) for name, colour, symbol in looks]
