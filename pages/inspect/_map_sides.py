"""The maps that stand on the page: one, or two side by side laid over each other."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pandas as pd
import streamlit as st

from analysis.alignment import alignment, neighbours_kept
from data.experiments import ratio_label
from data.runs import Run
from pages.shared.evidence import evidence_of, groups_of
from pages.shared.load import finished_runs, frozen_folder, projection, stamp
from pages.shared.lookup import places_of

FINE_TUNED, FROZEN = "Fine-tuned", "Frozen"
ALONE = "One map alone"
BEFORE = "Before training (frozen)"
NEIGHBOURS = 10


@dataclass(frozen=True)
class Side:
    """One map. `points` has id, split, label, x, y, and of `run`: prob, outcome ("" in training) and group.

    `key` is the key of its chart, `layout` and `written` name the projection and when it was made.
    """

    key: str
    run: Run
    frozen: bool
    points: pd.DataFrame
    layout: str
    written: int

    @property
    def name(self) -> str:
        """`1:10`, or `before training`."""
        return "before training" if self.frozen else ratio_label(self.run.config.ratio)


@dataclass(frozen=True)
class Following:
    """How far texts can be followed from map to map: shares of neighbours kept, by the maps and by chance."""

    kept: float
    by_chance: float


def right_choices(run: Run, left: str) -> dict[str, Run]:
    """What may stand on the right beside the left map, by name: the run whose outcomes are drawn there."""
    config = run.config
    runs = [
        one
        for one in finished_runs(config.experiment)
        if one.has_projection and (one.config.seed, one.config.remedy) == (config.seed, config.remedy)
    ]
    others = {ratio_label(one.config.ratio): one for one in runs if left == FROZEN or one.name != run.name}
    before = {BEFORE: run} if left != FROZEN and projection(frozen_folder(config.experiment)) is not None else {}
    return before | others


def side(key: str, run: Run, *, frozen: bool, threshold: float) -> Side | None:
    """A map with the outcomes of a run; None when its projection is not there."""
    folder = frozen_folder(run.config.experiment) if frozen else run.folder
    layout = projection(folder)
    if layout is None:
        return None
    name = "frozen" if frozen else run.name
    return Side(key, run, frozen, with_outcomes(layout, run, threshold), name, stamp(_file(folder)))


def laid_over(left: Side, right: Side) -> tuple[Side, Following]:
    """The right map turned, scaled and shifted onto the left one by the test texts that both have."""
    places = places_of(pd.Index(right.points["id"]), left.points["id"])
    both = (places >= 0) & (left.points["split"] != "train").to_numpy()
    own, other = _places(left.points)[both], _places(right.points)[places[both]]
    if len(own) < 2:
        return right, Following(np.nan, np.nan)
    flat = alignment(other, own).moved(_places(right.points)).astype(np.float32)
    kept = _kept(own, other, left.run.config.experiment, (left.layout, left.written, right.layout, right.written))
    k = min(NEIGHBOURS, len(own) - 1)
    return replace(right, points=right.points.assign(x=flat[:, 0], y=flat[:, 1])), Following(kept, k / (len(own) - 1))


def common_ranges(sides: Sequence[Side]) -> tuple[tuple[float, float], tuple[float, float]]:
    """One window for all maps, so that a place on one is the same place on the other."""
    found = []
    for axis in ("x", "y"):
        values = np.concatenate([one.points[axis].to_numpy(dtype=np.float64) for one in sides])
        low, high = (float(values.min()), float(values.max())) if len(values) else (0.0, 1.0)
        margin = 0.04 * (high - low) or 1.0
        found.append((low - margin, high + margin))
    return found[0], found[1]


def with_outcomes(layout: pd.DataFrame, run: Run, threshold: float) -> pd.DataFrame:
    """The projection's rows of the test and training splits, with prob (nan in training), outcome and group."""
    evidence = evidence_of(run.config.experiment)
    layout = layout[layout["split"].isin(["train", evidence.split])].reset_index(drop=True)
    places = places_of(evidence.places, layout["id"])
    known = (places >= 0) & (layout["split"] != "train").to_numpy()
    probs = np.full(len(layout), np.nan)
    probs[known] = evidence.of(run)[places[known]]
    told = ~np.isnan(probs)
    names = np.full(len(layout), "", dtype=object)
    code = 2 * (layout["label"].to_numpy() == 1) + (np.nan_to_num(probs) >= threshold)
    names[told] = np.array(["tn", "fp", "fn", "tp"], dtype=object)[code[told]]
    group = np.full(len(layout), "", dtype=object)
    groups = groups_of(evidence, threshold=threshold, remedy=run.config.remedy)
    if groups is not None:
        group[known] = groups["group"].to_numpy(dtype=object)[places[known]]
    return layout.assign(prob=probs, outcome=names, group=group)


def _places(points: pd.DataFrame) -> np.ndarray:
    return points[["x", "y"]].to_numpy(dtype=np.float64)


def _file(folder: Path) -> Path:
    return folder / "projection.parquet"


@st.cache_data(max_entries=32, show_spinner=False)
def _kept(_own: np.ndarray, _other: np.ndarray, experiment: str, layouts: tuple[str, int, str, int]) -> float:
    return neighbours_kept(_own, _other, k=NEIGHBOURS)
