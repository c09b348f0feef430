"""The folders of tasks: runs, previews, and the embeddings of the frozen encoder."""

from pathlib import Path

from closecall.data.experiments.previews import preview_folder, read_preview_name
from closecall.data.experiments.remedies import NO_REMEDY
from closecall.data.experiments.store import experiment_folder, run_folder

FROZEN = "frozen"
"""The name of the task that embeds an experiment's texts with the pretrained encoder."""
CANCEL = "cancel"
"""The file in a task folder that requests its cancellation."""


def task_folder(experiment: str, name: str) -> Path:
    """The folder of a task: FROZEN, the name of a preview, or the name of a run."""
    if name == FROZEN:
        return experiment_folder(experiment) / FROZEN
    return preview_folder(experiment, name) if read_preview_name(name) else run_folder(experiment, name)


def required_run(name: str) -> str | None:
    """The run that must be done before this one: a re-trained head starts from the run without remedy."""
    stem, head, rest = name.rpartition("-retrained-head")
    return f"{stem}-{NO_REMEDY}" if head and not rest else None
