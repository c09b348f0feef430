"""What the rarer colourings of the map need: confidence in training, tags, clusters."""

import numpy as np
import pandas as pd

from closecall.data.annotations.hard_cases import hard_cases_log
from closecall.pages.shared.cached_io import places_of
from closecall.pages.shared.case_list import annotations
from closecall.pages.shared.maps.points import CLUSTER, CONFIDENCE, TAG
from closecall.pages.shared.maps.sides import MapView
from closecall.pages.shared.slices import clusters
from closecall.pages.shared.training_dynamics import data_map_of


def coloured(points: pd.DataFrame, side: MapView, colouring: str) -> pd.DataFrame:
    """The points with `confidence` or `named`, when they are coloured by it."""
    if colouring == CONFIDENCE:
        found = data_map_of(side.run)
        known = pd.Series(dtype=np.float64) if found is None else found["confidence"]
        return points.assign(confidence=_looked_up(known, points["id"], np.nan).astype(np.float64))
    if colouring == TAG:
        return points.assign(named=_looked_up(_first_tags(side.run.config.experiment), points["id"], ""))
    if colouring == CLUSTER:
        return points.assign(named=_looked_up(_cluster_names(side.run.config.experiment), points["id"], ""))
    return points


def tags_mark(experiment: str, colouring: str) -> int:
    """Changes when tags may have, where the map is coloured by them: part of a cache key."""
    path = hard_cases_log(experiment)
    return path.stat().st_size if colouring == TAG and path.exists() else 0


def _first_tags(experiment: str) -> pd.Series:
    """The commonest tag of each tagged example, by id."""
    tags = annotations(experiment)["tags"]
    tags = tags[tags != ""].str.split("; ").explode()
    if tags.empty:
        return tags
    counts = tags.value_counts()
    return (
        tags.loc[tags.map(counts).sort_values(ascending=False, kind="stable").index.unique()].groupby(level=0).first()
    )


def _cluster_names(experiment: str) -> pd.Series:
    """The name of each text's cluster, by id."""
    found = clusters(experiment)
    if found is None:
        return pd.Series(dtype=object)
    names = [f"{number + 1}: {name}" for number, name in enumerate(found.names)]
    return pd.Series(np.array(names, dtype=object)[found.numbers], index=pd.Index(found.ids))


def _looked_up(known: pd.Series, ids: pd.Series, other: float | str) -> np.ndarray:
    """What is known of each id, `other` for nothing."""
    values = np.full(len(ids), other, dtype=object)
    if len(known):
        places = places_of(known.index, ids)
        values[places >= 0] = known.to_numpy(dtype=object)[places[places >= 0]]
    return values
