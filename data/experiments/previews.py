"""Previews: approximate results for the ratios of a sweep, before their runs are trained.

`preview/<kind>-r<ratio>/` in an experiment's folder holds status.json and, once made, predictions.parquet (a part of
the test split) and metrics.json. Only the parts of the app that show previews read them.
"""

import re
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from closecall.data.experiments.runs import Run, RunStatus, read_status, write_status
from closecall.data.experiments.store import ExperimentConfig, experiment_folder
from closecall.data.io.errors import UserError
from closecall.data.io.workspace import workspace_folder

LINEAR, CACHED = "linear", "prefix"
KINDS = (LINEAR, CACHED)
"""A logistic regression on the frozen encoder's embeddings; the last layer trained on cached hidden states."""
_NAME = re.compile(rf"preview-(?P<kind>{LINEAR}|{CACHED})-r(?P<ratio>[0-9.e+-]+)")


@dataclass(frozen=True)
class Preview:
    """The preview of one ratio, with its status, read at one moment."""

    kind: str
    ratio: float
    status: RunStatus
    folder: Path

    @property
    def has_predictions(self) -> bool:
        return (self.folder / "predictions.parquet").exists()


def preview_name(kind: str, ratio: float) -> str:
    """The name of a preview in the queue, such as `preview-prefix-r10`."""
    return f"preview-{kind}-r{ratio:g}"


def read_preview_name(name: str) -> tuple[str, float] | None:
    """The kind and the ratio of a preview's name; None for the name of anything else."""
    found = _NAME.fullmatch(name)
    return (found["kind"], float(found["ratio"])) if found else None


def preview_folder(experiment: str, name: str) -> Path:
    return experiment_folder(experiment) / "preview" / name.removeprefix("preview-")


def hidden_states_folder() -> Path:
    """The folder of the hidden states that previews share."""
    return workspace_folder() / "cache" / "prefix"


def drop_hidden_states() -> None:
    """Remove the hidden states that previews share: gigabytes that no run needs. No worker process may be running."""
    shutil.rmtree(hidden_states_folder(), ignore_errors=True)


def queue_previews(config: ExperimentConfig) -> None:
    """Queue both kinds of preview for every ratio of an experiment."""
    for kind in KINDS:
        for ratio in config.ratios:
            write_status(preview_folder(config.id, preview_name(kind, ratio)), RunStatus())


def preview_names(experiment: str) -> list[str]:
    """The names of an experiment's previews, the quick kind first, by ratio."""
    folders = (experiment_folder(experiment) / "preview").glob("*/status.json")
    found = {f"preview-{path.parent.name}": read_preview_name(f"preview-{path.parent.name}") for path in folders}
    return [name for name, one in sorted(found.items(), key=lambda item: item[1] or ("", 0.0)) if one]


def load_previews(experiment: str) -> list[Preview]:
    """All previews of an experiment."""
    found = []
    for name in preview_names(experiment):
        kind, ratio = read_preview_name(name) or ("", 0.0)
        folder = preview_folder(experiment, name)
        try:
            status = read_status(folder)
        except (UserError, TypeError):
            status = RunStatus(state="failed", message="Its status.json cannot be read.")
        found.append(Preview(kind, ratio, status, folder))
    return found


def best_previews(previews: Sequence[Preview], runs: Sequence[Run]) -> list[Preview]:
    """The previews shown in place of runs: for each ratio without a finished run the best preview, by ratio."""
    trained = {run.config.ratio for run in runs if run.config.remedy == "none" and run.has_predictions}
    best = {one.ratio: one for kind in KINDS for one in previews if one.kind == kind and one.has_predictions}
    return [best[ratio] for ratio in sorted(best) if ratio not in trained]
