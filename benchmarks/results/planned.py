"""The three experiments of the table, and their training: queued, gone on with, waited for."""

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
RACED = 10.0
"""The ratio of the motivating question, at which remedies are compared."""
ARMS = ("all",)
WISHED = 50.0
"""A ratio that was wished for, and that needs more negatives than there may be."""
TEST_NEGATIVES = 1000
TRAINING = TrainingConfig(encoder="minilm", epochs=3, batch_size=8, learning_rate=1e-4, max_tokens=48)


@dataclass(frozen=True)
class Plan:
    """One experiment of the table: its dataset, how it is called in a sentence, its title and training positives."""

    dataset: str
    called: str
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
    """Train whatever of the three experiments is not finished, baseline runs before remedies; their ids.

    Goes on with what is there. UserError where an experiment of the same id was made otherwise.
    """
    for plan in PLANS:
        _queue(plan)
    names = [plan.experiment for plan in PLANS]
    for name in names:
        _wait(name)
    for name in names:
        fresh = queue_remedies(name, ARMS, ratios=[RACED])
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
    """UserError unless the experiment that is there was made as planned."""
    config = load_experiment(plan.experiment)
    made = config.dataset, config.ratios, config.seeds, config.positives, config.test_negatives_cap, config.training
    if made != (plan.dataset, RATIOS, SEEDS, plan.positives, TEST_NEGATIVES, TRAINING):
        raise UserError(
            f"There is an experiment {plan.experiment} that was made otherwise. Name another workspace by "
            "CLOSECALL_HOME, or name the experiments to write about."
        )


def _wait(experiment: str) -> None:
    """Until nothing of it is queued or running, with a line for each run that ends."""
    seen = -1
    for progress in watch(experiment):
        ended = sum(progress.counts[state] for state in ("done", "failed", "cancelled", "interrupted"))
        if ended != seen:
            print_note(f"{experiment}: {progress.counts['done']} of {len(progress.runs)} runs done.")
            seen = ended
    if progress.counts["failed"]:
        print_note(f"{experiment}: {progress.counts['failed']} failed. closecall status {experiment} tells why.")
