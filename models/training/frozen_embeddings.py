"""Embed an experiment's examples with the pretrained encoder, before any fine-tuning.

The map of the frozen encoder shows how close the classes are in meaning before a classifier separates them.
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

    Rows are test in the order of the evaluation, then training in the order of the plan. Embeddings are cached in the
    workspace by content, so that another experiment on the same texts does not compute them again. Raises Cancelled
    when `should_stop` returns True, and UserError for problems that the user can fix.
    """
    project_embeddings(embed_frozen(experiment, should_stop=should_stop, report=report))


def embed_frozen(experiment: str, *, should_stop: Callable[[], bool], report: Callable[[Progress], None]) -> RunContext:
    """Write the embeddings of the `frozen` folder, unless they are there, without a projection; as `execute_frozen`."""
    reporter = ProgressReporter(should_stop, report)
    with reporter.phase("loading"):
        config = load_experiment(experiment)
        device = claim_device()
        data = load_run_data(experiment, config.training.encoder, config.training.max_tokens, reporter.check)
    context = RunContext(experiment_folder(experiment) / "frozen", data, reporter)
    if not has_embeddings(context):
        embeddings = frozen_embeddings(context, context.map_rows, config.training.encoder, device.type)
        save_embeddings(context.folder, context.map_rows, embeddings)
    return context


def frozen_embeddings(context: RunContext, rows: pd.DataFrame, encoder: str, device_type: str) -> np.ndarray:
    """The pretrained encoder's embeddings (n x hidden) of `rows`, which have a place; from the cache where possible.

    Missing embeddings are computed together with their whole part of the experiment, whichever task needs them first.
    The last digits of an embedding depend on the other texts of its batch; they must not depend on which task ran
    first or was killed.
    """
    path = _cache_file(context.data, encoder)
    with exclusive(path, context.reporter.check):
        places, cached = _read_cache(path)
        for part in _parts(context.data):
            if np.isin(rows["place"], part["place"]).any() and not part["place"].isin(places).all():
                places, cached = _with_part(context, part, encoder, device_type, places, cached)
                write_arrays(path, {"places": places, "embeddings": cached})
    order = np.argsort(places)
    return cached[order[np.searchsorted(places, rows["place"].to_numpy(), sorter=order)]]


def _parts(data: RunData) -> list[pd.DataFrame]:
    """The rows that are embedded together: those of the frozen map, and those of validation."""
    return [pd.concat([data.test, data.planned], ignore_index=True), data.validation]


def _with_part(
    context: RunContext, part: pd.DataFrame, encoder: str, device_type: str, places: np.ndarray, cached: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """The cache's places and embeddings with those of `part` added."""
    missing = part[~part["place"].isin(places)]
    lengths = context.data.tokens.lengths[missing["place"].to_numpy()]
    batches = forward_batches(context.data.tokens, missing["place"].to_numpy(), device_type)
    context.expect(forward=padded_tokens(lengths, batches))
    model: Any = load_encoder(encoder)
    embeddings = context.read(model.to(device_type), missing, "embedding", score=False).embeddings
    assert embeddings is not None
    if not len(places):
        return missing["place"].to_numpy(), embeddings
    return np.concatenate([places, missing["place"].to_numpy()]), np.concatenate([cached, embeddings])


def _read_cache(path: Path) -> tuple[np.ndarray, np.ndarray]:
    """The places of the dataset's texts that are embedded already (n), and their embeddings (n x hidden)."""
    try:
        with np.load(path, allow_pickle=False) as stored:
            return stored["places"], stored["embeddings"]
    except (OSError, ValueError, KeyError, BadZipFile):
        return np.empty(0, dtype=np.int64), np.empty((0, 0), dtype=np.float32)


def _cache_file(data: RunData, encoder: str) -> Path:
    tokens = data.tokens
    digest = sha256(tokens.flat.tobytes() + tokens.starts.tobytes() + weights_fingerprint(encoder).encode())
    return workspace_folder() / "cache" / "embeddings" / f"{digest.hexdigest()[:32]}.npz"
