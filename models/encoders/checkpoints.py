"""Which classifier belongs to a run, and whether its weights are still there. Nothing here imports torch."""

from dataclasses import dataclass
from pathlib import Path

from closecall.data.experiments.runs import Run, load_metrics
from closecall.data.io.errors import UserError

WEIGHTS = "model.safetensors"
ADAPTER_WEIGHTS = "adapter_model.safetensors"
HEAD = "head"
"""The folder of a run whose checkpoint was replaced by its head: see `models.training.checkpoint_retention`."""
HEAD_WEIGHTS = "head.safetensors"


@dataclass(frozen=True)
class Checkpoint:
    """A classifier for inference: its folder or hub id, its maximum number of tokens, and its positive outputs.

    With `sigmoid` each output is a log-odds of its own, else a softmax runs over all; see `label_mapping`. `written` is
    when its weights were written (ns): a run that is trained again has other weights in the same folder.
    """

    source: str
    max_tokens: int
    positive: tuple[int, ...] = (1,)
    written: int = 0
    sigmoid: bool = False

    def __post_init__(self) -> None:
        object.__setattr__(self, "positive", tuple(self.positive))  # a list after a way through JSON


def checkpoint_of(run: Run) -> Checkpoint | None:
    """The classifier of a run, None when none was kept: predictions made elsewhere, or a folder that was removed."""
    max_tokens = run.config.training.max_tokens
    positive, sigmoid = _positive_outputs(run)
    if not run.config.checkpoint:
        written = _written(run.checkpoint)
        return Checkpoint(str(run.checkpoint), max_tokens, positive, written, sigmoid) if written else None
    source = Path(run.config.checkpoint).expanduser()
    if run.config.checkpoint.startswith(("/", ".", "~")) and not source.is_dir():
        return None
    return Checkpoint(run.config.checkpoint, max_tokens, positive, _written(source), sigmoid)


def output_assumption(run: Run) -> str:
    """What was assumed about the outputs of a loaded classifier; "" when nothing was, or it has not predicted yet."""
    try:
        return str(load_metrics(run).get("positive_output", {}).get("assumption", ""))
    except (UserError, AttributeError):
        return ""


def only_head(folder: Path) -> bool:
    """Whether the run of this folder kept its head alone. True for its `checkpoint` and `head` folders too."""
    run = folder.parent if folder.name in ("checkpoint", HEAD) else folder
    return (run / HEAD / HEAD_WEIGHTS).exists() and not (run / "checkpoint" / WEIGHTS).exists()


def only_head_sentence(experiment: str, name: str) -> str:
    """The error message when the whole classifier of such a run is needed: why it is missing and how to restore it."""
    return (
        f"Only the head of {name} was kept. To have the whole checkpoint again, it must be trained again: "
        f"closecall keep {experiment} checkpoint"
    )


def _written(folder: Path) -> int:
    weights = [one.stat().st_mtime_ns for name in (WEIGHTS, ADAPTER_WEIGHTS) if (one := folder / name).exists()]
    return max(weights, default=0)


def _positive_outputs(run: Run) -> tuple[tuple[int, ...], bool]:
    """Which outputs of a classifier trained elsewhere are positive, and whether each is a log-odds of its own."""
    try:
        kept = load_metrics(run).get("positive_output", {})
        indices = kept.get("indices") or [kept.get("index", 1)]
        return tuple(int(index) for index in indices), bool(kept.get("sigmoid", False))
    except (UserError, AttributeError, TypeError, ValueError):
        return (1,), False
