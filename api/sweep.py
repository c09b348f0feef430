"""`closecall.sweep`: train a classifier at several ratios and seeds on a dataset or a frame."""

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import asdict, replace
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np

from closecall.api.experiment import Experiment, Ratio
from closecall.api.frames import as_frame, metadata_names, read_ratio, read_seed
from closecall.api.truth import Positive, class_texts
from closecall.data.datasets.import_request import ImportRequest
from closecall.data.datasets.preparation import build_dataset
from closecall.data.datasets.store import dataset_of_source, fresh_dataset_name, load_info, save_dataset
from closecall.data.experiments.remedies import NO_REMEDY, trained_remedies
from closecall.data.experiments.store import TrainingConfig, experiment_ids, load_experiment
from closecall.data.io.errors import UserError
from closecall.data.io.workspace import slug
from closecall.data.readers.columns import ColumnRoles
from closecall.data.readers.read import read_table
from closecall.models.queue.jobs import ENDED_EARLY, experiment_progress, queue_sweep, resume
from closecall.models.queue.sweeps import SweepRequest, with_located_encoder
from closecall.models.runtime.extras import require_training


def sweep(
    data: Any,
    *,
    text: str | None = None,
    label: str | None = None,
    positive: Positive = None,
    id: str | None = None,
    group: str | None = None,
    split: str | None = None,
    metadata: Sequence[str] | str | None = None,
    ratios: Sequence[Ratio] = SweepRequest.ratios,
    seeds: int | Sequence[int] = 1,
    encoder: str | Path = TrainingConfig.encoder,
    epochs: int = TrainingConfig.epochs,
    batch_size: int = TrainingConfig.batch_size,
    learning_rate: float = TrainingConfig.learning_rate,
    max_tokens: int = TrainingConfig.max_tokens,
    positives: int | None = None,
    remedies: Sequence[str] = (),
    title: str | None = None,
    on: str = "",
) -> Experiment:
    """Train the same classifier at several ratios of negatives to positives, in the background.

    `data` is the name of a dataset of the workspace, a DataFrame, or a Hugging Face Dataset or DatasetDict. `text`,
    `label`, `id`, `group`, `split` and `metadata` name its columns; a dataset of the workspace needs none of them.
    Without `split`, 35 % of each class is test and 15 % validation, drawn once. `seeds`: how many, or which.
    `encoder`: "minilm" (built in), a local folder or a hub id. `positives` caps the training positives.

    The same sweep is trained once: called again, it returns the experiment, and resumes runs that ended early. Needs
    `pip install "closecall[train]"`. UserError for input that does not fit, in a sentence.
    """
    require_training()
    training = TrainingConfig(
        encoder=str(encoder), epochs=epochs, batch_size=batch_size, learning_rate=learning_rate, max_tokens=max_tokens
    )
    columns = ColumnRoles(*(str(one) if one is not None else "" for one in (text, label, id, group, split)))
    request = SweepRequest(
        dataset=_dataset(data, columns, positive, metadata, title),
        ratios=tuple(sorted(read_ratio(one) for one in ratios)),
        seeds=_seeds(seeds),
        title=title or "",
        training=with_located_encoder(training),
        positives=positives,
        remedies=tuple(trained_remedies(tuple(remedies))),
        on=on,
    )
    return Experiment(_queued(request))


def _seeds(seeds: int | Sequence[int]) -> tuple[int, ...]:
    """The seeds 0 to n - 1, or those named."""
    if isinstance(seeds, int | np.integer):
        return tuple(range(int(seeds)))
    return tuple(sorted(read_seed(one) for one in seeds))


def _queued(request: SweepRequest) -> str:
    """The experiment of this sweep, queued now or before; runs of an earlier one that ended early are resumed."""
    found = _same_sweep(request)
    if found is None:
        return queue_sweep(request).id
    if any(run.status.state in ENDED_EARLY for run in experiment_progress(found).runs):
        resume(found, on=request.on)
    return found


def _dataset(
    data: Any, columns: ColumnRoles, positive: Positive, metadata: Sequence[str] | str | None, title: str | None
) -> str:
    """The name of the dataset; a frame is imported unless the same was imported before with the same choices."""
    if isinstance(data, str):
        return load_info(data).name
    if not (columns.text and columns.label and positive is not None):
        raise UserError("Name the columns of texts and labels and the positive class: text=, label=, positive=.")
    frame = as_frame(data)
    roles = [one for one in asdict(columns).values() if one]
    kept = metadata_names(frame, metadata, roles)
    table = read_table(frame, columns=list(dict.fromkeys([*roles, *kept])))
    positives = class_texts(positive)
    digest = sha256(f"{table.sha256} {columns} {sorted(positives)}".encode()).hexdigest()
    known = dataset_of_source(digest)
    if known is not None:
        return known
    name = title or "DataFrame"
    request = ImportRequest(
        columns, positives, name=fresh_dataset_name(slug(name)), title=name, origin="A DataFrame in Python"
    )
    return save_dataset(build_dataset(replace(table, sha256=digest), request)).name


def _same_sweep(request: SweepRequest) -> str | None:
    """The experiment that was queued with the same request, if any."""
    of_data = ("trained", request.dataset, request.ratios, request.seeds)
    wanted = (*of_data, request.training, request.positives, request.sweep)
    remedies = {NO_REMEDY, *request.remedies}
    for name in experiment_ids():
        with suppress(UserError):  # a broken experiment is not the same
            one = load_experiment(name)
            known = (one.kind, one.dataset, one.ratios, one.seeds, one.training, one.positives, one.sweep)
            is_same = known == wanted and one.test_negatives_cap is None and remedies <= set(one.remedies)
            if is_same and request.title in ("", one.title):
                return name
    return None
