"""The columns that some colourings of the map need: confidence in training, tags, clusters."""

import numpy as np
import pandas as pd

from closecall.charts.point_groups import CLUSTER, CONFIDENCE, TAG
from closecall.data.annotations.hard_cases import hard_cases_log
from closecall.pages.shared.cached_io import places_of
from closecall.pages.shared.case_list import annotations
from closecall.pages.shared.maps.training_dynamics import data_map_of
from closecall.pages.shared.maps.views import MapView
from closecall.pages.shared.slices import clusters


def with_colouring(points: pd.DataFrame, view: MapView, colouring: str) -> pd.DataFrame:
    """The points with `confidence` or `named`, when they are coloured by it."""
    experiment = view.run.config.experiment
    if colouring == CONFIDENCE:
        dynamics = data_map_of(view.run)
        confidence = pd.Series(dtype=np.float64) if dynamics is None else dynamics["confidence"]
        return points.assign(confidence=_by_id(confidence, points["id"], np.nan).astype(np.float64))
    if colouring == TAG:
        return points.assign(named=_by_id(_most_used_tags(experiment), points["id"], ""))
    if colouring == CLUSTER:
        return points.assign(named=_by_id(_cluster_names(experiment), points["id"], ""))
    return points


def tags_stamp(experiment: str, colouring: str) -> tuple[int, int]:
    """Part of a cache key that changes with the tags: time and size of the log; (0, 0) for other colourings."""
    path = hard_cases_log(experiment)
    if colouring != TAG or not path.exists():
        return 0, 0
    written = path.stat()
    return written.st_mtime_ns, written.st_size


def _most_used_tags(experiment: str) -> pd.Series:
    """For each tagged example, by id, the one of its tags that most examples have."""
    tags = annotations(experiment)["tags"]
    tags = tags[tags != ""].str.split("; ").explode()
    if tags.empty:
        return tags
    counts = tags.value_counts()
    return (
        tags.loc[tags.map(counts).sort_values(ascending=False, kind="stable").index.unique()].groupby(level=0).first()
    )


def _cluster_names(experiment: str) -> pd.Series:
    """The number and name of each text's cluster, by id."""
    found = clusters(experiment)
    if found is None:
        return pd.Series(dtype=object)
    names = [f"{number + 1}: {name}" for number, name in enumerate(found.names)]
    return pd.Series(np.array(names, dtype=object)[found.numbers], index=pd.Index(found.ids))


def _by_id(known: pd.Series, ids: pd.Series, default: float | str) -> np.ndarray:
    """The values of these ids (n), `default` where there is none."""
    values = np.full(len(ids), default, dtype=object)
    if len(known):
        places = places_of(known.index, ids)
        values[places >= 0] = known.to_numpy(dtype=object)[places[places >= 0]]
    return values
