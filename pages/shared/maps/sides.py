"""The maps that stand on the page: one, or two side by side laid over each other."""

from collections.abc import Hashable, Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
import streamlit as st

from closecall.analysis.maps.alignment import alignment, neighbours_kept
from closecall.data.experiments.runs import Run
from closecall.data.experiments.store import ratio_label
from closecall.pages.shared.cached_io import finished_runs, frozen_folder, places_of, projection, stamp
from closecall.pages.shared.runs import outcome_groups_of, run_predictions

FINE_TUNED, FROZEN = "Fine-tuned", "Frozen"
ALONE = "One map alone"
BEFORE = "Before training (frozen)"
NEIGHBOURS = 10


@dataclass(frozen=True)
class MapView:
    """One map. `points` has id, split, label, x, y, and of `run`: prob, outcome ("" in training) and group.

    `key` is the key of its chart; `mark` changes when anything on disk that the points come from does.
    """

    key: str
    run: Run
    frozen: bool
    points: pd.DataFrame
    mark: tuple[Hashable, ...]

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


def side(key: str, run: Run, *, frozen: bool, threshold: float) -> MapView | None:
    """A map with the outcomes of a run; None when its projection is not there."""
    folder = frozen_folder(run.config.experiment) if frozen else run.folder
    layout = projection(folder)
    if layout is None:
        return None
    stamps = tuple(stamp(one.folder / "predictions.parquet") for one in finished_runs(run.config.experiment))
    mark = (run.config.experiment, run.name, folder.name, stamp(folder / "projection.parquet"), stamps)
    return MapView(key, run, frozen, _points(layout, run, mark, threshold), mark)


def laid_over(left: MapView, right: MapView) -> tuple[MapView, Following]:
    """The right map turned, scaled and shifted onto the left one by the test texts that both have."""
    flat, kept, by_chance = _laid_over(left.points, right.points, left.mark, right.mark)
    moved = right.points.assign(x=flat[:, 0], y=flat[:, 1])
    return replace(right, points=moved, mark=(*right.mark, *left.mark)), Following(kept, by_chance)


def common_ranges(sides: Sequence[MapView]) -> tuple[tuple[float, float], tuple[float, float]]:
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
    evidence = run_predictions(run.config.experiment)
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
    groups = outcome_groups_of(evidence, threshold=threshold, remedy=run.config.remedy)
    if groups is not None:
        group[known] = groups["group"].to_numpy(dtype=object)[places[known]]
    return layout.assign(prob=probs, outcome=names, group=group)


@st.cache_resource(max_entries=8, show_spinner=False)
def _points(_layout: pd.DataFrame, _run: Run, mark: tuple[Hashable, ...], threshold: float) -> pd.DataFrame:
    return with_outcomes(_layout, _run, threshold)


@st.cache_resource(max_entries=8, show_spinner=False)
def _laid_over(
    _left: pd.DataFrame, _right: pd.DataFrame, left_mark: tuple[Hashable, ...], right_mark: tuple[Hashable, ...]
) -> tuple[np.ndarray, float, float]:
    """Where the right map's points go (n x 2), the share of neighbours kept, and what chance would keep."""
    places = places_of(pd.Index(_right["id"]), _left["id"])
    both = (places >= 0) & (_left["split"] != "train").to_numpy()
    own, other = _coordinates(_left)[both], _coordinates(_right)[places[both]]
    if len(own) < 2:
        return _coordinates(_right), np.nan, np.nan
    flat = alignment(other, own).moved(_coordinates(_right)).astype(np.float32)
    k = min(NEIGHBOURS, len(own) - 1)
    return flat, neighbours_kept(own, other, k=k), k / (len(own) - 1)


def _coordinates(points: pd.DataFrame) -> np.ndarray:
    return points[["x", "y"]].to_numpy(dtype=np.float64)
