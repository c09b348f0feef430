"""Experiments and their runs as tables and as JSON: states, progress, recall and specificity."""

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from closecall.analysis.formatting import ratio_text
from closecall.analysis.metrics.metric import TERMINAL, Scores, metrics_in, run_text, run_value
from closecall.analysis.metrics.outcomes import Confusion, confusion
from closecall.analysis.metrics.prevalence import DEFAULT_PREVALENCE
from closecall.cli.output import print_json, print_note, print_rows, printable
from closecall.data.experiments.previews import Preview, best_previews
from closecall.data.experiments.remedies import NO_REMEDY
from closecall.data.experiments.runs import Run, RunStatus, load_predictions
from closecall.data.experiments.store import experiment_ids, load_experiment
from closecall.models.queue.jobs import experiment_progress
from closecall.models.queue.progress import ExperimentProgress, run_share
from closecall.models.results.findings import preview_text


def print_progress(experiment: str, *, as_json: bool) -> None:
    """The runs of an experiment with their progress, recall and specificity."""
    progress = experiment_progress(experiment)
    if as_json:
        print_json(progress_content(progress))
        return
    previews = best_previews(progress.previews, progress.runs)
    print_rows(
        [*preview_rows(previews), *run_rows(progress.runs)],
        title=f"{load_experiment(experiment).title} ({experiment})",
    )
    if any(one.status.state != "done" for one in progress.previews):
        states = [one.status.state for one in progress.previews]
        print_note("Previews: " + ", ".join(f"{states.count(one)} {one}" for one in dict.fromkeys(states)) + ".")
    if text := preview_text(previews):
        print_note(text)
    if progress.frozen is not None and progress.frozen.state != "done":
        print_note(task_text("Frozen encoder", progress.frozen))
    if any(run.has_predictions for run in progress.runs):
        print_note("Recall and specificity: test split, threshold 0.50, with 95 % confidence intervals.")


def experiment_rows() -> list[dict[str, Any]]:
    """Every experiment, the newest first, with the states of its runs."""
    rows = []
    for experiment in experiment_ids():
        config, progress = load_experiment(experiment), experiment_progress(experiment)
        rows.append(
            {
                "experiment": experiment,
                "title": config.title,
                "dataset": config.dataset,
                "kind": config.kind,
                "ratios": ", ".join(ratio_text(ratio) for ratio in config.ratios),
                "seeds": ", ".join(map(str, config.seeds)),
                "state": state_text(progress),
            }
        )
    return rows


def state_text(progress: ExperimentProgress) -> str:
    """The number of runs in each state, such as `3 done, 1 running, 1 queued`."""
    counted = [f"{count} {state}" for state, count in progress.counts.items() if count]
    return ", ".join(sorted(counted, key=lambda text: not text.endswith("done"))) or "no runs"


def run_rows(runs: Sequence[Run]) -> list[dict[str, Any]]:
    """One row for each run: its state, and recall and specificity on the test split at threshold 0.50."""
    return [
        {
            "run": run.name,
            "ratio": ratio_text(run.config.ratio),
            "seed": run.config.seed,
            "remedy": "" if run.config.remedy == NO_REMEDY else run.config.remedy,
            "state": run.status.state,
            "done": f"{100 * run_share(run.status):.0f} %" if run.status.state != "done" else "",
            **_metrics(run),
            "message": run.status.message,
        }
        for run in runs
    ]


def preview_rows(previews: Sequence[Preview]) -> list[dict[str, Any]]:
    """Rows like those of `run_rows` for the previews of unfinished runs."""
    return [
        {
            "run": f"preview of {ratio_text(one.ratio)}",
            "ratio": ratio_text(one.ratio),
            "seed": "",
            "remedy": "",
            "state": "preview",
            "done": "",
            **_metrics(one),
            "message": "",
        }
        for one in previews
    ]


def progress_content(progress: ExperimentProgress) -> dict[str, Any]:
    """The progress of an experiment for scripts. `test_at_half` counts outcomes on the test split at threshold 0.50;
    `metrics` holds the values of the terminal's table at `prevalence`."""
    config = load_experiment(progress.experiment)
    return {
        "experiment": config.id,
        "title": config.title,
        "dataset": config.dataset,
        "kind": config.kind,
        "active": progress.active,
        "done_share": progress.done_share,
        "eta_seconds": progress.eta_seconds,
        "counts": progress.counts,
        "prevalence": DEFAULT_PREVALENCE,
        "runs": [_run_content(run) for run in progress.runs],
        "previews": [_preview_content(one) for one in progress.previews],
    }


def task_text(name: str, status: RunStatus) -> str:
    """What a run is doing: `1:10 seed 0: training, epoch 2 of 3`."""
    doing = status.phase if status.state == "running" and status.phase else status.state
    epoch = f", epoch {status.epoch} of {status.epochs}" if doing == "training" and status.epoch else ""
    message = f" ({status.message})" if status.message else ""
    return printable(f"{name}: {doing}{epoch}{message}")


def all_done(progress: ExperimentProgress) -> bool:
    """Whether every run, and the embeddings of the frozen encoder, are done."""
    return progress.counts["done"] == len(progress.runs) and (
        progress.frozen is None or progress.frozen.state == "done"
    )


def _run_content(run: Run) -> dict[str, Any]:
    status = run.status
    return {
        "run": run.name,
        "ratio": run.config.ratio,
        "seed": run.config.seed,
        "remedy": run.config.remedy,
        "training_positives": run.config.n_positives,
        "training_negatives": run.config.n_negatives,
        "state": status.state,
        "phase": status.phase,
        "epoch": status.epoch,
        "epochs": status.epochs,
        "step": status.step,
        "steps": status.steps,
        "done_share": run_share(status),
        "message": status.message,
        "test_at_half": asdict(_confusion(run)) if run.has_predictions else {},
        "metrics": _metric_values(run),
    }


def _preview_content(preview: Preview) -> dict[str, Any]:
    return {
        "kind": preview.kind,
        "ratio": preview.ratio,
        "state": preview.status.state,
        "message": preview.status.message,
        "test_at_half": asdict(_confusion(preview)) if preview.has_predictions else {},
        "metrics": _metric_values(preview),
    }


def _metrics(run: Run | Preview) -> dict[str, str]:
    """The metrics that the terminal shows, on the test split at DEFAULT_PREVALENCE; empty without predictions."""
    if not run.has_predictions:
        return {metric.title.lower(): "" for metric in metrics_in(TERMINAL)}
    counts, scores = _confusion(run), _scores(run)
    return {
        metric.title.lower(): run_text(metric, counts, scores, q=DEFAULT_PREVALENCE) for metric in metrics_in(TERMINAL)
    }


def _metric_values(run: Run | Preview) -> dict[str, float]:
    """The same metrics as numbers, by name."""
    if not run.has_predictions:
        return {}
    counts, scores = _confusion(run), _scores(run)
    return {metric.name: run_value(metric, counts, scores, q=DEFAULT_PREVALENCE) for metric in metrics_in(TERMINAL)}


def _scores(run: Run | Preview) -> Scores:
    predictions = load_predictions(run)
    return Scores(predictions.labels == 1, predictions.pos_probs)


def _confusion(run: Run | Preview) -> Confusion:
    predictions = load_predictions(run)
    return confusion(predictions.labels, predictions.pos_probs)
