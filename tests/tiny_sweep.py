"""A real sweep small enough to be trained in a test: made posts, a tiny BERT, queued runs."""

from pathlib import Path

from closecall.data.experiments.store import ExperimentConfig, RunConfig, TrainingConfig, load_run_config, run_names
from closecall.models.queue.sweeps import SweepRequest, make_sweep
from closecall.models.runtime.progress import Progress
from tests.makers import make_dataset
from tests.tiny_bert import make_tiny_bert

LEARNABLE = {"learning_rate": 3e-3, "batch_size": 8, "freeze_word_embeddings": False}


def make_tiny_sweep(workspace: Path, *, title: str = "tiny", ratios: tuple[float, ...] = (2,), **training: object):
    """An experiment on 80 positives and 400 negatives, queued; its dataset and encoder are made when absent."""
    if not (workspace / "datasets" / "posts").exists():
        make_dataset()
        make_tiny_bert(workspace / "tiny-bert")
    chosen = {"encoder": str(workspace / "tiny-bert"), "max_tokens": 24, "epochs": 2, **training}
    config: ExperimentConfig = make_sweep(
        SweepRequest("posts", title=title, ratios=ratios, training=TrainingConfig(**chosen))
    )
    return config, runs_of(config)


def runs_of(config: ExperimentConfig) -> list[RunConfig]:
    return [load_run_config(config.id, name) for name in run_names(config.id)]


def never() -> bool:
    return False


def ignore(progress: Progress) -> None:
    return None
