"""Rows about datasets, experiments and runs, as the terminal shows them and as scripts read them."""

from collections.abc import Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from closecall.analysis.formatting import ratio_text
from closecall.data.datasets.builtin import BUILTINS
from closecall.data.datasets.preparation import split_sizes
from closecall.data.datasets.store import Dataset, dataset_names, load_examples, load_info
from closecall.data.experiments.previews import Preview
from closecall.data.experiments.remedies import PLAIN
from closecall.data.experiments.runs import Run, load_predictions
from closecall.data.experiments.store import experiment_ids, load_experiment
from closecall.data.io.assets import assets_status
from closecall.models.queue.jobs import experiment_progress
from closecall.models.queue.progress import ExperimentProgress, run_share

if TYPE_CHECKING:
    from closecall.analysis.metrics.outcomes import Confusion


def dataset_rows() -> list[dict[str, Any]]:
    """Every dataset with its title and the number of positives and negatives in each split."""
    return [{"dataset": name, "title": load_info(name).title, **split_counts(name)} for name in dataset_names()]


def split_counts(dataset: str) -> dict[str, str]:
    """Positives and negatives of each split, such as `{"train": "240 / 2,400"}`."""
    sizes = split_sizes(load_examples(dataset, ["label", "split"]))
    return {str(row["split"]): f"{row['positives']:,} / {row['negatives']:,}" for row in sizes.to_dict("records")}


def dataset_content(dataset: Dataset) -> dict[str, Any]:
    """A dataset's description and sizes as plain values, for scripts."""
    sizes = split_sizes(dataset.examples).to_dict("records")
    counts = {"set_aside": len(dataset.set_aside), "conflicts": len(dataset.conflicts)}
    return {"dataset": dataset.name, **asdict(dataset.info), "splits": sizes, **counts}


def builtin_rows() -> list[dict[str, Any]]:
    """The built-in datasets, what they show, where they come from and under which licence."""
    kept = ("name", "description", "origin", "licence")
    return [{name: getattr(one, name) for name in kept} for one in BUILTINS]


def asset_rows() -> list[dict[str, Any]]:
    """The built-in encoder and texts: whether they are there, and where."""
    return [
        {"asset": one.name, "what": one.title, "there": one.present, "folder": str(one.folder)}
        for one in assets_status()
    ]


def experiment_rows() -> list[dict[str, Any]]:
    """Every experiment, the newest first, with how far it is."""
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
                "state": state_words(progress),
            }
        )
    return rows


def state_words(progress: ExperimentProgress) -> str:
    """The runs' states in words, such as `3 done, 1 running, 1 queued`."""
    counted = [f"{count} {state}" for state, count in progress.counts.items() if count]
    return ", ".join(sorted(counted, key=lambda words: not words.endswith("done"))) or "no runs"


def run_rows(runs: Sequence[Run]) -> list[dict[str, Any]]:
    """Every run: how far it is, and what it gets right on the test split at the threshold .5."""
    return [
        {
            "run": run.name,
            "ratio": ratio_text(run.config.ratio),
            "seed": run.config.seed,
            "remedy": "" if run.config.remedy == PLAIN else run.config.remedy,
            "state": run.status.state,
            "done": f"{100 * run_share(run.status):.0f} %" if run.status.state != "done" else "",
            **_rights(run),
            "message": run.status.message,
        }
        for run in runs
    ]


def preview_rows(previews: Sequence[Preview]) -> list[dict[str, Any]]:
    """The previews that stand in for runs, as rows beside those of `run_rows`."""
    return [
        {
            "run": f"preview of {ratio_text(one.ratio)}",
            "ratio": ratio_text(one.ratio),
            "seed": "",
            "remedy": "",
            "state": "preview",
            "done": "",
            **_rights(one),
            "message": "",
        }
        for one in previews
    ]


def progress_content(progress: ExperimentProgress) -> dict[str, Any]:
    """An experiment's progress as plain values, for scripts."""
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
        "runs": [_run_content(run) for run in progress.runs],
        "previews": [_preview_content(one) for one in progress.previews],
    }


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
    }


def _preview_content(preview: Preview) -> dict[str, Any]:
    return {
        "kind": preview.kind,
        "ratio": preview.ratio,
        "state": preview.status.state,
        "message": preview.status.message,
        "test_at_half": asdict(_confusion(preview)) if preview.has_predictions else {},
    }


def _rights(run: Run | Preview) -> dict[str, str]:
    """Positives found and negatives left alone on the test split, with Wilson's interval; empty without predictions."""
    if not run.has_predictions:
        return {"positives found": "", "negatives left alone": ""}
    met = _confusion(run)
    return {"positives found": _share(met.tp, met.n_positives), "negatives left alone": _share(met.tn, met.n_negatives)}


def _confusion(run: Run | Preview) -> "Confusion":
    from closecall.analysis.metrics.outcomes import (
        confusion,  # here, since scipy.stats behind it takes a second to import
    )

    predictions = load_predictions(run)
    return confusion(predictions.labels, predictions.pos_probs)


def _share(count: int, total: int) -> str:
    from closecall.analysis.formatting import share_text  # here, for the same reason

    return share_text(count, total)


def ended_well(progress: ExperimentProgress) -> bool:
    """Whether every run, and the frozen encoder's embeddings, are done."""
    return progress.counts["done"] == len(progress.runs) and (
        progress.frozen is None or progress.frozen.state == "done"
    )
