"""What is kept of a finished run's classifier: the whole checkpoint, or its head alone.

A checkpoint is as large as its encoder. Predictions, embeddings, dynamics and maps do not need it; explanations, new
texts and the re-trained head do. Nothing here imports torch.
"""

import math
import shutil
from collections import Counter
from dataclasses import dataclass, replace
from pathlib import Path

from closecall.data.experiments.runs import RunStatus, read_status
from closecall.data.experiments.store import (
    KEEP,
    experiments_lock,
    load_experiment,
    run_folder,
    run_names,
    save_experiment,
)
from closecall.data.experiments.task_folders import CANCEL, required_run
from closecall.data.io.assets import assets_folder
from closecall.data.io.errors import UserError
from closecall.data.io.files import write_folder
from closecall.models.encoders.checkpoints import HEAD, HEAD_WEIGHTS, WEIGHTS, only_head
from closecall.models.runtime.extras import require_training
from closecall.models.runtime.progress import write_status_if_possible

TRAIN_AGAIN = "train-again"
"""The file in a run's folder that asks for its training once more, since its weights were dropped."""


@dataclass(frozen=True)
class RetentionResult:
    """The result of `keep`: bytes freed, runs reduced to their head, runs that will be, runs to be trained again."""

    freed: int = 0
    lightened: tuple[str, ...] = ()
    later: tuple[str, ...] = ()
    again: tuple[str, ...] = ()


def keep(experiment: str, what: str) -> RetentionResult:
    """Keep "checkpoint" or "head" of an experiment's runs, finished and future.

    With "head" the checkpoints of finished runs are replaced now. With "checkpoint" runs that lost theirs are queued to
    be trained again; start a scheduler for them. UserError for runs that were not trained here.
    """
    if what not in KEEP:
        raise UserError(f"{what} cannot be kept. Name checkpoint or head.")
    if what == "checkpoint":
        require_training()  # runs that kept only their head are queued to be trained again
    with experiments_lock():
        config = load_experiment(experiment)
        if config.kind != "trained":
            raise UserError(f"{experiment} has predictions of classifiers made elsewhere: no checkpoint is kept here.")
        save_experiment(replace(config, keep=what))
    names = run_names(experiment)
    if what == "checkpoint":
        return RetentionResult(again=tuple(name for name in names if _train_again(run_folder(experiment, name))))
    freed = {name: apply_retention(experiment, name) for name in names if _done(experiment, name)}
    left = tuple(name for name in names if (run_folder(experiment, name) / "checkpoint" / WEIGHTS).exists())
    return RetentionResult(sum(freed.values()), tuple(name for name, size in freed.items() if size), left)


def apply_retention(experiment: str, name: str) -> int:
    """Reduce a finished run, and the run it started from, to the head if the experiment keeps heads; the bytes freed.

    A baseline run keeps its checkpoint until the re-trained head that starts from it is done.
    """
    if load_experiment(experiment).keep != HEAD:
        return 0
    start = required_run(name)
    mine = 0 if _awaited(experiment, name) else strip_to_head(run_folder(experiment, name))
    if start is None or not _done(experiment, start) or _awaited(experiment, start, but=name):
        return mine
    return mine + strip_to_head(run_folder(experiment, start))


def strip_to_head(folder: Path) -> int:
    """Replace a run's checkpoint by the weights of its head and its config: the bytes freed, 0 without a checkpoint."""
    checkpoint = folder / "checkpoint"
    if not (checkpoint / WEIGHTS).exists():
        return 0
    before = _size(checkpoint)
    write_folder(folder / HEAD, lambda fresh: _write_head(checkpoint, fresh))
    renamed = folder / ".checkpoint.gone"  # renamed first, so that no reader sees half a checkpoint
    shutil.rmtree(renamed, ignore_errors=True)
    checkpoint.rename(renamed)
    shutil.rmtree(renamed, ignore_errors=True)
    return before - _size(folder / HEAD)


def encoder_bytes(encoder: str) -> int | None:
    """The approximate size of a checkpoint with this encoder; None when it is not on this machine."""
    folder = assets_folder() / encoder if encoder == "minilm" else Path(encoder).expanduser()
    weights = folder / WEIGHTS
    return weights.stat().st_size if weights.exists() else None


def _train_again(folder: Path) -> bool:
    """Queue a run that kept only its head; whether it was queued."""
    if not only_head(folder) or read_status(folder).state in ("queued", "running"):
        return False
    (folder / TRAIN_AGAIN).touch()
    (folder / CANCEL).unlink(missing_ok=True)
    return write_status_if_possible(folder, RunStatus())


def _done(experiment: str, name: str) -> bool:
    return read_status(run_folder(experiment, name)).state == "done"


def _awaited(experiment: str, name: str, but: str = "") -> bool:
    """Whether an unfinished run other than `but` starts from this one."""
    waiting = (one for one in run_names(experiment) if one != but and required_run(one) == name)
    return any(not _done(experiment, one) for one in waiting)


def _write_head(checkpoint: Path, fresh: Path) -> None:
    from safetensors import safe_open
    from safetensors.numpy import save_file

    with safe_open(checkpoint / WEIGHTS, framework="numpy") as stored:
        sizes = {name: math.prod(stored.get_slice(name).get_shape()) for name in stored.keys()}  # noqa: SIM118
        encoder = _largest_part(sizes)
        kept = [name for name in sizes if not name.startswith(encoder + ".") or ".pooler." in name]
        save_file({name: stored.get_tensor(name) for name in kept}, fresh / HEAD_WEIGHTS, metadata={"format": "pt"})
    shutil.copyfile(checkpoint / "config.json", fresh / "config.json")


def _largest_part(sizes: dict[str, int]) -> str:
    """The first part of the weights' names that holds most of them: the encoder's."""
    parts: Counter[str] = Counter()
    for name, size in sizes.items():
        parts[name.partition(".")[0]] += size
    return parts.most_common(1)[0][0]


def _size(folder: Path) -> int:
    return sum(one.stat().st_size for one in folder.rglob("*") if one.is_file())
