"""The three experiments of the results page: queue them, resume them, and wait for their runs."""

from dataclasses import dataclass

from closecall.cli.output import print_note
from closecall.data.datasets.builtin import builtin_dataset
from closecall.data.datasets.store import dataset_names, save_dataset
from closecall.data.experiments.store import TrainingConfig, experiment_ids, load_experiment
from closecall.data.io.assets import encoder_folder
from closecall.data.io.errors import UserError
from closecall.data.io.workspace import slug
from closecall.models.queue.jobs import queue_remedies, queue_sweep, resume, watch
from closecall.models.queue.sweeps import SweepRequest

RATIOS = (1.0, 2.0, 3.0, 5.0, 10.0, 20.0)
SEEDS = (0, 1, 2)
REMEDY_RATIO = 10.0
"""The ratio of the motivating question, at which remedies are compared."""
QUEUED_REMEDIES = ("all",)
UNREACHED_RATIO = 50.0
"""A ratio that needs more training negatives than these datasets have."""
TEST_NEGATIVES = 1000
TRAINING = TrainingConfig(encoder="minilm", epochs=3, batch_size=8, learning_rate=1e-4, max_tokens=48)


@dataclass(frozen=True)
class Plan:
    """One experiment: its dataset, its name within a sentence, its title, and the number of training positives."""

    dataset: str
    short_name: str
    title: str
    positives: int

    @property
    def experiment(self) -> str:
        return slug(self.title)


CLOSE = Plan("newsgroups-close", "the close pair", "Results close", 120)
DISTANT = Plan("newsgroups-distant", "the distant pair", "Results distant", 120)
MOVIES = Plan("movie-reviews", "movie reviews", "Results movies", 100)
PLANS = (CLOSE, DISTANT, MOVIES)


def train_all() -> list[str]:
    """Train the unfinished runs of the three experiments, baseline runs before remedies; return the ids.

    Finished runs are kept. UserError when an experiment with the same id has other settings.
    """
    for plan in PLANS:
        _queue(plan)
    names = [plan.experiment for plan in PLANS]
    for name in names:
        _wait(name)
    for name in names:
        fresh = queue_remedies(name, QUEUED_REMEDIES, ratios=[REMEDY_RATIO])
        print_note(f"{name}: {len(fresh)} remedy runs are new.")
    for name in names:
        _wait(name)
    return names


def _queue(plan: Plan) -> None:
    if plan.experiment in experiment_ids():
        _check(plan)
        resume(plan.experiment)
        return
    if TRAINING.encoder == "minilm":
        encoder_folder()
    if plan.dataset not in dataset_names():
        print_note(f"Importing {plan.dataset}.")
        save_dataset(builtin_dataset(plan.dataset))
    queue_sweep(
        SweepRequest(
            plan.dataset,
            title=plan.title,
            ratios=RATIOS,
            seeds=SEEDS,
            training=TRAINING,
            positives=plan.positives,
            test_negatives_cap=TEST_NEGATIVES,
        )
    )


def _check(plan: Plan) -> None:
    """UserError unless the experiment that is there was made as experiments."""
    config = load_experiment(plan.experiment)
    made = config.dataset, config.ratios, config.seeds, config.positives, config.test_negatives_cap, config.training
    if made != (plan.dataset, RATIOS, SEEDS, plan.positives, TEST_NEGATIVES, TRAINING):
        raise UserError(
            f"There is an experiment {plan.experiment} with other settings. Name another workspace with "
            "CLOSECALL_HOME, or name the experiments to write about."
        )


def _wait(experiment: str) -> None:
    """Wait until no run is queued or running, and print a line for every run that ends."""
    seen = -1
    for progress in watch(experiment):
        ended = sum(progress.counts[state] for state in ("done", "failed", "cancelled", "interrupted"))
        if ended != seen:
            print_note(f"{experiment}: {progress.counts['done']} of {len(progress.runs)} runs done.")
            seen = ended
    if progress.counts["failed"]:
        print_note(f"{experiment}: {progress.counts['failed']} failed. closecall status {experiment} shows why.")
