"""Work that waits for someone: offered whenever the app or a list is opened."""

from data.experiments import experiment_ids, load_experiment
from models.console import say
from models.jobs import experiment_progress, is_attended


def unfinished_experiments() -> list[str]:
    """Experiments with interrupted runs, or with queued ones that no worker takes."""
    return [
        experiment
        for experiment in experiment_ids()
        if load_experiment(experiment).kind != "imported" and _is_stuck(experiment)
    ]


def _is_stuck(experiment: str) -> bool:
    stuck = ("interrupted",) if is_attended(experiment) else ("interrupted", "queued")
    return any(experiment_progress(experiment).counts[state] for state in stuck)


def say_unfinished() -> None:
    """Offer to go on with what was interrupted."""
    for experiment in unfinished_experiments():
        say(f"{experiment} is not finished. Go on with: closecall resume {experiment} (or on the Train page).")
