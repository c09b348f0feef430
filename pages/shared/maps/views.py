"""Map views: the projections shown on a page, with the outcomes of a run, and a second one aligned with the first."""

from collections.abc import Hashable, Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
import streamlit as st

from closecall.analysis.formatting import ratio_text
from closecall.analysis.maps.alignment import alignment, neighbourhood_preservation
from closecall.analysis.metrics.outcomes import OUTCOMES
from closecall.data.experiments.runs import Run
from closecall.pages.shared.cached_io import finished_runs, frozen_folder, places_of, projection, stamp
from closecall.pages.shared.runs import outcome_groups_of, run_predictions

FINE_TUNED, FROZEN = "Fine-tuned", "Frozen"
NO_SECOND_MAP = "None"
FROZEN_MAP = "Frozen encoder"
NEIGHBOURS = 10


@dataclass(frozen=True)
class MapView:
    """One map. `points` has id, split, label, x, y, and of `run`: prob, outcome ("" in training) and group.

    `key` is the key of its chart. `stamps` identifies the files that the points come from, for caches.
    """

    key: str
    run: Run
    frozen: bool
    points: pd.DataFrame
    stamps: tuple[Hashable, ...]

    @property
    def name(self) -> str:
        """Whose embeddings are projected: the ratio of a fine-tuned encoder, or the frozen one."""
        return "the frozen encoder" if self.frozen else ratio_text(self.run.config.ratio)


@dataclass(frozen=True)
class NeighbourAgreement:
    """Which share of a text's nearest neighbours is the same on two maps; nan when they have no common texts."""

    observed: float
    by_chance: float


def second_map_choices(run: Run, encoder: str) -> dict[str, Run]:
    """What can be shown beside the map of `run` by this encoder: the names and the runs whose outcomes are drawn."""
    config = run.config
    runs = [
        one
        for one in finished_runs(config.experiment)
        if one.has_projection and (one.config.seed, one.config.remedy) == (config.seed, config.remedy)
    ]
    others = {ratio_text(one.config.ratio): one for one in runs if encoder == FROZEN or one.name != run.name}
    has_frozen = encoder != FROZEN and projection(frozen_folder(config.experiment)) is not None
    return ({FROZEN_MAP: run} if has_frozen else {}) | others


def map_view(key: str, run: Run, *, frozen: bool, threshold: float) -> MapView | None:
    """The projection of an encoder with the outcomes of a run; None when it has not been computed."""
    folder = frozen_folder(run.config.experiment) if frozen else run.folder
    projected = projection(folder)
    if projected is None:
        return None
    written = tuple(stamp(one.folder / "predictions.parquet") for one in finished_runs(run.config.experiment))
    stamps = (run.config.experiment, run.name, folder.name, stamp(folder / "projection.parquet"), written)
    return MapView(key, run, frozen, _with_outcomes(projected, run, stamps, threshold), stamps)


def aligned(first: MapView, second: MapView) -> tuple[MapView, NeighbourAgreement]:
    """The second map rotated, scaled and shifted to match the first by their common test texts (Procrustes)."""
    moved, observed, by_chance = _aligned(first.points, second.points, first.stamps, second.stamps)
    points = second.points.assign(x=moved[:, 0], y=moved[:, 1])
    return replace(second, points=points, stamps=(*second.stamps, *first.stamps)), NeighbourAgreement(
        observed, by_chance
    )


def common_ranges(views: Sequence[MapView]) -> tuple[tuple[float, float], tuple[float, float]]:
    """The same axis ranges for all maps, so that positions can be compared."""
    ranges = []
    for axis in ("x", "y"):
        values = np.concatenate([view.points[axis].to_numpy(dtype=np.float64) for view in views])
        low, high = (float(values.min()), float(values.max())) if len(values) else (0.0, 1.0)
        margin = 0.04 * (high - low) or 1.0
        ranges.append((low - margin, high + margin))
    return ranges[0], ranges[1]


@st.cache_resource(max_entries=8, show_spinner=False)
def _with_outcomes(_projected: pd.DataFrame, _run: Run, stamps: tuple[Hashable, ...], threshold: float) -> pd.DataFrame:
    """The test and training rows of a projection with prob (nan in training), outcome and outcome group of a run."""
    predictions = run_predictions(_run.config.experiment)
    points = _projected[_projected["split"].isin(["train", predictions.split])].reset_index(drop=True)
    places = places_of(predictions.places, points["id"])
    in_test = (places >= 0) & (points["split"] != "train").to_numpy()
    probs = np.full(len(points), np.nan)
    probs[in_test] = predictions.of(_run)[places[in_test]]
    predicted = ~np.isnan(probs)
    outcome = np.full(len(points), "", dtype=object)
    code = 2 * (points["label"].to_numpy() == 1) + (np.nan_to_num(probs) >= threshold)
    outcome[predicted] = np.array(OUTCOMES, dtype=object)[code[predicted]]
    group = np.full(len(points), "", dtype=object)
    groups = outcome_groups_of(predictions, threshold=threshold, remedy=_run.config.remedy)
    if groups is not None:
        group[in_test] = groups["group"].to_numpy(dtype=object)[places[in_test]]
    return points.assign(prob=probs, outcome=outcome, group=group)


@st.cache_resource(max_entries=8, show_spinner=False)
def _aligned(
    _first: pd.DataFrame, _second: pd.DataFrame, first_stamps: tuple[Hashable, ...], second_stamps: tuple[Hashable, ...]
) -> tuple[np.ndarray, float, float]:
    """The aligned positions of the second map (n x 2), and the observed and chance share of common neighbours."""
    places = places_of(pd.Index(_second["id"]), _first["id"])
    both = (places >= 0) & (_first["split"] != "train").to_numpy()
    onto, moving = _coordinates(_first)[both], _coordinates(_second)[places[both]]
    if len(onto) < 2:
        return _coordinates(_second), np.nan, np.nan
    moved = alignment(moving, onto).transform(_coordinates(_second)).astype(np.float32)
    k = min(NEIGHBOURS, len(onto) - 1)
    return moved, neighbourhood_preservation(onto, moving, k=k), k / (len(onto) - 1)


def _coordinates(points: pd.DataFrame) -> np.ndarray:
    return points[["x", "y"]].to_numpy(dtype=np.float64)
