"""Embed an experiment's examples with the encoder as it came, before any training.

The map of the frozen encoder shows how close the classes lie in meaning before a classifier pulls them apart.
"""

from collections.abc import Callable
from hashlib import sha256
from pathlib import Path
from typing import Any
from zipfile import BadZipFile

import numpy as np
import pandas as pd

from closecall.data.experiments.runs import save_embeddings
from closecall.data.experiments.store import experiment_folder, load_experiment
from closecall.data.io.files import write_arrays
from closecall.data.io.workspace import workspace_folder
from closecall.models.encoders.inference import forward_batches
from closecall.models.encoders.loading import load_encoder, weights_fingerprint
from closecall.models.encoders.tokenization import padded_tokens
from closecall.models.runtime.devices import claim_device
from closecall.models.runtime.locks import exclusive
from closecall.models.runtime.progress import Progress, ProgressReporter
from closecall.models.training.run_data import RunData, load_run_data
from closecall.models.training.stages import RunContext, has_embeddings, project_embeddings


def execute_frozen(experiment: str, *, should_stop: Callable[[], bool], report: Callable[[Progress], None]) -> None:
    """Write the `frozen` folder of an experiment: embeddings and projection of test and all training examples.

    Rows are test in the order of the evaluation, then training in the order of the plan. Embeddings are kept in the
    workspace by content, so that another experiment on the same texts does not compute them again. Raises Stopped when
    `should_stop` says so, and UserError for what a person can mend.
    """
    watch = ProgressReporter(should_stop, report)
    with watch.phase("loading"):
        config = load_experiment(experiment)
        device = claim_device().device
        material = load_run_data(experiment, config.training.encoder, config.training.max_tokens, watch.check)
    desk = RunContext(experiment_folder(experiment) / "frozen", material, watch)
    if not has_embeddings(desk):
        found = frozen_embeddings(desk, desk.map_rows, config.training.encoder, device.type)
        save_embeddings(desk.folder, desk.map_rows, found)
    project_embeddings(desk)


def frozen_embeddings(desk: RunContext, rows: pd.DataFrame, encoder: str, device_type: str) -> np.ndarray:
    """The encoder's own embeddings of `rows` (which have a place), taken from the cache as far as they are there.

    What is missing is embedded with all of its part of the experiment, whoever asks first: the last digits of an
    embedding depend on the texts beside it, and must not depend on which run came first, or on what was killed.
    """
    path = _cache_file(desk.material, encoder)
    with exclusive(path, desk.watch.check):
        places, kept = _cached(path)
        for part in _parts(desk.material):
            if np.isin(rows["place"], part["place"]).any() and not part["place"].isin(places).all():
                places, kept = _filled(desk, part, encoder, device_type, places, kept)
                write_arrays(path, {"places": places, "embeddings": kept})
    order = np.argsort(places)
    return kept[order[np.searchsorted(places, rows["place"].to_numpy(), sorter=order)]]


def _parts(material: RunData) -> list[pd.DataFrame]:
    """What is embedded in one go: the examples of the frozen map, and those of validation."""
    return [pd.concat([material.test, material.planned], ignore_index=True), material.validation]


def _filled(
    desk: RunContext, part: pd.DataFrame, encoder: str, device_type: str, places: np.ndarray, kept: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """The cache's places and embeddings with those of `part` added."""
    fresh = part[~part["place"].isin(places)]
    lengths = desk.material.tokens.lengths[fresh["place"].to_numpy()]
    batches = forward_batches(desk.material.tokens, fresh["place"].to_numpy(), device_type)
    desk.expect(forward=padded_tokens(lengths, batches))
    model: Any = load_encoder(encoder)
    found = desk.read(model.to(device_type), fresh, "embedding", score=False).embeddings
    assert found is not None
    if not len(places):
        return fresh["place"].to_numpy(), found
    return np.concatenate([places, fresh["place"].to_numpy()]), np.concatenate([kept, found])


def _cached(path: Path) -> tuple[np.ndarray, np.ndarray]:
    """Which of a dataset's texts are embedded already (n), and their embeddings (n x hidden)."""
    try:
        with np.load(path, allow_pickle=False) as stored:
            return stored["places"], stored["embeddings"]
    except (OSError, ValueError, KeyError, BadZipFile):
        return np.empty(0, dtype=np.int64), np.empty((0, 0), dtype=np.float32)


def _cache_file(material: RunData, encoder: str) -> Path:
    tokens = material.tokens
    digest = sha256(tokens.flat.tobytes() + tokens.starts.tobytes() + weights_fingerprint(encoder).encode())
    return workspace_folder() / "cache" / "embeddings" / f"{digest.hexdigest()[:32]}.npz"
