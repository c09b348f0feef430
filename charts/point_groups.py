"""The groups of points on a map: the entries of its legend, each with its rows, colour and symbol."""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from closecall.analysis.metrics.outcomes import OUTCOME_NAMES
from closecall.charts.colours import CATEGORIES, CLASS_COLOURS, OUTCOME_COLOURS, UNSELECTED, Theme

COLOURINGS = ("Outcome", "Label", "Outcome group", "Confidence in training", "Tag", "Cluster")
CONFIDENCE, TAG, CLUSTER = COLOURINGS[3:]
MOST_NAMES = len(CATEGORIES)
OUTCOME_SYMBOLS = {"fn": "x", "fp": "triangle-up", "tp": "diamond", "tn": "circle"}
_CATEGORY_SYMBOLS = ("circle", "square", "diamond", "cross", "triangle-up", "star", "pentagon", "triangle-down", "x",
                     "hexagram")  # fmt: skip
_CONFIDENCE_SYMBOLS = ("x", "cross", "square", "diamond", "circle")
_OUTCOME_GROUPS = {
    "always true positive": (OUTCOME_COLOURS["tp"], "diamond"),
    "gained": (OUTCOME_COLOURS["tp"], "triangle-down"),
    "unstable": (OUTCOME_COLOURS["fp"], "star"),
    "wavering": (OUTCOME_COLOURS["fp"], "cross"),
    "lost": (CLASS_COLOURS[1], "square"),
    "always missed": (OUTCOME_COLOURS["fn"], "x"),
}
"""Colour and symbol of each outcome group of the positives, by the beginning of its name, in drawing order."""


@dataclass(frozen=True)
class PointGroup:
    """One entry of the legend: name, rows of its points, colour and symbol. `faded` points are small and pale."""

    name: str
    rows: np.ndarray
    colour: str
    symbol: str
    faded: bool = False


def point_groups(points: pd.DataFrame, colouring: str, *, theme: Theme) -> list[PointGroup]:
    """The non-empty groups of a map in drawing order: the last ones, drawn on top, are the rare ones.

    `points` has label, split, outcome and group; `confidence` (nan: not trained on) when coloured by confidence, and
    `named` (tag or cluster, "" for none) when coloured by tag or cluster.
    """
    test = (points["split"] != "train").to_numpy()
    if colouring == CONFIDENCE:
        groups = _by_confidence(points, test, theme)
    elif colouring in (TAG, CLUSTER):
        groups = _by_name(points, test, "Untagged" if colouring == TAG else "In no cluster")
    else:
        by = {"Outcome group": _by_outcome_group, "Label": _by_label}.get(colouring, _by_outcome)
        groups = _training(points, test) + by(points, test)
    return [group for group in groups if len(group.rows)]


def _training(points: pd.DataFrame, test: np.ndarray) -> list[PointGroup]:
    labels = points["label"].to_numpy()
    return [
        PointGroup(f"Training {name}s", np.flatnonzero(~test & (labels == label)), CLASS_COLOURS[label], "square", True)
        for label, name in ((0, "negative"), (1, "positive"))
    ]


def _by_label(points: pd.DataFrame, test: np.ndarray) -> list[PointGroup]:
    labels = points["label"].to_numpy()
    return [
        PointGroup(f"{name}s", np.flatnonzero(test & (labels == label)), CLASS_COLOURS[label], symbol)
        for label, name, symbol in ((0, "Negative", "circle"), (1, "Positive", "diamond"))
    ]


def _by_outcome(points: pd.DataFrame, test: np.ndarray) -> list[PointGroup]:
    outcome = points["outcome"].to_numpy()
    return [
        PointGroup(
            OUTCOME_NAMES[code].capitalize(),
            np.flatnonzero(test & (outcome == code)),
            OUTCOME_COLOURS[code],
            OUTCOME_SYMBOLS[code],
        )
        for code in ("tn", "tp", "fp", "fn")
    ]


def _by_outcome_group(points: pd.DataFrame, test: np.ndarray) -> list[PointGroup]:
    labels, group = points["label"].to_numpy(), points["group"].to_numpy(dtype=object).astype(str)
    negatives = np.flatnonzero(test & (labels == 0))
    groups = [PointGroup("Negatives", negatives, OUTCOME_COLOURS["tn"], OUTCOME_SYMBOLS["tn"])]
    for name, (colour, symbol) in _OUTCOME_GROUPS.items():
        rows = np.flatnonzero(test & (labels == 1) & np.char.startswith(group, name))
        groups.append(PointGroup(name.capitalize(), rows, colour, symbol))
    return groups


def _by_confidence(points: pd.DataFrame, test: np.ndarray, theme: Theme) -> list[PointGroup]:
    """Fifths of the confidence, the lowest on top; test texts and unused training texts in grey."""
    confidence = points["confidence"].to_numpy(dtype=np.float64)
    fifth = np.where(np.isnan(confidence), -1, np.clip(confidence * 5, 0, 4)).astype(int)
    groups = [
        PointGroup("Test texts", np.flatnonzero(test), UNSELECTED, "circle", True),
        PointGroup("Not trained on at this ratio", np.flatnonzero(~test & (fifth < 0)), UNSELECTED, "square", True),
    ]
    looks = list(zip(theme.confidence_colours, _CONFIDENCE_SYMBOLS, strict=True))
    for number in range(4, -1, -1):
        name = f"Confidence {number / 5:.1f} to {(number + 1) / 5:.1f}"
        groups.append(PointGroup(name, np.flatnonzero(fifth == number), *looks[number]))
    return groups


def _by_name(points: pd.DataFrame, test: np.ndarray, unnamed: str) -> list[PointGroup]:
    """The most frequent names, each with its own colour and symbol; points without a name in grey."""
    named = points["named"].to_numpy(dtype=object).astype(str)
    common = pd.Series(named[named != ""]).value_counts(sort=True)
    shown = list(common.index[:MOST_NAMES])
    unused = f"Training, {unnamed.lower()}"
    groups = [
        PointGroup(unused, np.flatnonzero(~test & (named == "")), UNSELECTED, "square", True),
        PointGroup(unnamed, np.flatnonzero(test & (named == "")), UNSELECTED, "circle", True),
        PointGroup("Other", np.flatnonzero((named != "") & ~np.isin(named, shown)), UNSELECTED, "x"),
    ]
    looks = zip(shown, CATEGORIES, _CATEGORY_SYMBOLS, strict=False)
    return groups + [PointGroup(name, np.flatnonzero(named == name), colour, symbol) for name, colour, symbol in looks]
