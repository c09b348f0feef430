"""The demo: the asker's picture on real posts, in minutes and without a GPU."""

from collections.abc import Callable
from dataclasses import dataclass

from filelock import FileLock

from closecall.data.datasets.builtin import builtin, builtin_dataset
from closecall.data.datasets.store import dataset_names, save_dataset
from closecall.data.experiments.store import ExperimentConfig, TrainingConfig, experiment_ids, load_experiment
from closecall.data.io.assets import encoder_folder
from closecall.data.io.errors import UserError
from closecall.data.io.workspace import workspace_folder
from closecall.models.queue.jobs import queue_sweep, resume
from closecall.models.queue.sweeps import SweepRequest
from closecall.models.runtime.extras import require_training

RATIOS = (1, 2, 3, 5, 10)
SEEDS = (0,)
POSITIVES = 160
NEGATIVES_CAP = 400
TRAINING = TrainingConfig(encoder="minilm", epochs=3, batch_size=8, learning_rate=1e-4, max_tokens=48)
"""Sized for two cores: the first run within two minutes, all five within eight."""
LOCK_SECONDS = 1800.0


@dataclass(frozen=True)
class Demo:
    """A demo: its name, which is its dataset's and the beginning of its experiment's, and what it shows."""

    name: str
    title: str
    experiment: str


DEMOS = (
    Demo("newsgroups-close", "Demo: newsgroups, close pair", "demo-newsgroups-close-pair"),
    Demo("newsgroups-distant", "Demo: newsgroups, distant pair", "demo-newsgroups-distant-pair"),
)


def queue_demo(
    which: str = DEMOS[0].name, *, progress: Callable[[str, float], None] | None = None, start: bool = True
) -> ExperimentConfig:
    """Queue a demo, or resume it when it is there already.

    Fetches the encoder and the texts when they are absent and imports the dataset; `progress` sees a sentence and the
    share done, from 0 to 1. UserError in one sentence when something cannot be had.
    """
    require_training()
    demo = find_demo(which)
    tell = progress or (lambda sentence, share: None)
    with FileLock(workspace_folder() / "demo.lock", timeout=LOCK_SECONDS):
        if demo.experiment in experiment_ids():
            if start:
                resume(demo.experiment)
            return load_experiment(demo.experiment)
        encoder_folder(lambda sentence, share: tell(sentence, 0.6 * share))
        _import(demo, lambda sentence, share: tell(sentence, 0.6 + 0.3 * share))
        tell("Queueing the runs", 0.95)
        config = _queue(demo, start)
        tell("The demo is queued", 1.0)
    return config


def find_demo(which: str) -> Demo:
    """The demo of this name; UserError that lists the known names."""
    for demo in DEMOS:
        if demo.name == which:
            return demo
    raise UserError(f"There is no demo named {which}. Demos are {', '.join(demo.name for demo in DEMOS)}.")


def _import(demo: Demo, tell: Callable[[str, float], None]) -> None:
    if demo.name not in dataset_names():
        title = builtin(demo.name).title
        tell(f"Importing {title}", 0.0)
        save_dataset(builtin_dataset(demo.name, progress=tell))
    tell("The texts are there", 1.0)


def _queue(demo: Demo, start: bool) -> ExperimentConfig:
    request = SweepRequest(
        demo.name,
        title=demo.title,
        ratios=RATIOS,
        seeds=SEEDS,
        training=TRAINING,
        positives=POSITIVES,
        test_negatives_cap=NEGATIVES_CAP,
    )
    return queue_sweep(request, start=start)
