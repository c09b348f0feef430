"""What each command of the terminal does: ask the other modules and show the answer."""

from collections.abc import Sequence
from dataclasses import asdict, fields
from pathlib import Path
from typing import Any

from closecall.analysis.formatting import ratio_text
from closecall.cli.arguments import column_roles, many_ratios, many_seeds, names, one_ratio
from closecall.cli.import_files import import_file, import_prediction_files, prediction_files
from closecall.cli.output import asset_progress, print_json, print_line, print_note
from closecall.cli.rows import asset_rows, builtin_rows, dataset_rows, experiment_rows
from closecall.cli.tables import (
    print_dataset,
    print_list,
    print_progress,
    print_queued,
    print_until_done,
    print_worker_note,
    write_or_print,
)
from closecall.data.datasets.builtin import builtin_dataset
from closecall.data.datasets.import_request import ImportRequest
from closecall.data.datasets.store import save_dataset
from closecall.data.exchange.tables import provenance
from closecall.data.experiments.runs import finished_run
from closecall.data.experiments.store import TrainingConfig, experiment_ids, load_experiment
from closecall.data.io.assets import fetch_assets
from closecall.data.predictions.columns import PredictionColumns
from closecall.data.predictions.importing import PredictionImportRequest
from closecall.models.queue import jobs
from closecall.models.queue.demo import DEMOS, queue_demo
from closecall.models.queue.sweeps import SweepRequest
from closecall.models.results.data_map_table import data_map_table
from closecall.models.results.error_table import errors_table
from closecall.models.training import checkpoint_retention


def demo(*, distant: bool, if_empty: bool, wait: bool, as_json: bool) -> None:
    """Queue the demo, unless there are experiments and it is wanted for an empty workspace only."""
    if if_empty and experiment_ids():
        print_note("The workspace holds experiments already; the demo was not queued.")
        return
    with asset_progress() as progress:
        config = queue_demo(DEMOS[int(distant)].name, progress=progress)
    print_queued(config.id, wait=wait, as_json=as_json)


def import_dataset(file: Path, request: ImportRequest, *, accept: bool, as_json: bool) -> None:
    """Import a file as a dataset."""
    print_dataset(import_file(file, request, accept=accept), as_json=as_json)


def import_builtin(name: str, *, as_json: bool) -> None:
    """Import a built-in dataset, or list them when none is named."""
    if not name:
        print_list(builtin_rows(), as_json=as_json)
        return
    with asset_progress() as progress:
        dataset = save_dataset(builtin_dataset(name, progress=progress))
    print_dataset(dataset, as_json=as_json)


def list_datasets(*, as_json: bool) -> None:
    """All datasets."""
    print_list(dataset_rows(), as_json=as_json, empty="There is no dataset yet: closecall import FILE.")


def list_experiments(*, as_json: bool) -> None:
    """All experiments, the newest first."""
    print_list(experiment_rows(), as_json=as_json, empty="There is no experiment yet: closecall sweep DATASET.")


def sweep(dataset: str, options: dict[str, Any], *, wait: bool, as_json: bool) -> None:
    """Queue a sweep. `options` are fields of a SweepRequest and of a TrainingConfig; None stands for the default."""
    given = {name: value for name, value in options.items() if value is not None}
    training = {item.name: given.pop(item.name) for item in fields(TrainingConfig) if item.name in given}
    for name, read in (("ratios", many_ratios), ("seeds", many_seeds), ("remedies", names)):
        if name in given:
            given[name] = read(given[name])
    config = jobs.queue_sweep(SweepRequest(dataset, training=TrainingConfig(**training), **given))
    print_queued(config.id, wait=wait, as_json=as_json)


def status(experiment: str, *, wait: bool, as_json: bool) -> None:
    """One experiment's runs, or every experiment in one line."""
    if not experiment:
        list_experiments(as_json=as_json)
        if not as_json:
            print_worker_note()
        return
    load_experiment(experiment)
    if wait:
        print_until_done(experiment, as_json=as_json)
    else:
        print_progress(experiment, as_json=as_json)


def cancel(experiment: str, run: str | None) -> None:
    """Stop an experiment or a run of it."""
    jobs.cancel(experiment, run)
    print_note(f"{run or experiment} stops within a few seconds. Go on later with: closecall resume {experiment}")


def resume(experiment: str, run: str | None, *, on: str, wait: bool, as_json: bool) -> None:
    """Go on with an experiment or a run of it."""
    jobs.resume(experiment, run, on)
    print_queued(experiment, wait=wait, as_json=as_json)


def keep(experiment: str, what: str, *, wait: bool, as_json: bool) -> None:
    """Keep the whole checkpoints of an experiment, or the heads alone."""
    kept = checkpoint_retention.keep(experiment, what)
    if as_json and not kept.again:
        print_json(asdict(kept))
        return
    if what == "head":
        print_note(
            f"{kept.freed / 1e6:,.0f} MB freed: {len(kept.lightened)} of {experiment}'s runs kept their head alone."
        )
        if kept.later:
            print_note(f"Still whole until they are done, or needed no more: {', '.join(kept.later)}.")
        return
    print_note(f"Runs of {experiment} keep their whole checkpoint.")
    if kept.again:
        jobs.ensure_worker()
        print_note(f"Trained again, because their weights were dropped: {', '.join(kept.again)}.")
        print_queued(experiment, wait=wait, as_json=as_json)


def predict(
    dataset: str,
    checkpoint: str,
    ratio: str,
    *,
    seed: int,
    experiment: str,
    max_tokens: int,
    title: str,
    wait: bool,
    as_json: bool,
) -> None:
    """Queue the predictions of a classifier that is fine-tuned already."""
    config = jobs.queue_checkpoint(
        dataset,
        checkpoint,
        title=title,
        ratio=one_ratio(ratio),
        seed=seed,
        training=TrainingConfig(max_tokens=max_tokens),
        experiment=experiment or None,
    )
    print_queued(config.id, wait=wait, as_json=as_json)


def prediction_request(
    files: Sequence[Path], columns: Sequence[str] | None, *, ratios: str, seeds: str
) -> PredictionImportRequest:
    """The files with their ratios and seeds, and their columns, read from the options of the command."""
    roles = column_roles(columns or (), [one.name for one in fields(PredictionColumns)])
    given = prediction_files(files, many_ratios(ratios) if ratios else (), many_seeds(seeds) if seeds else ())
    return PredictionImportRequest(given, PredictionColumns(**roles))


def import_predictions(request: PredictionImportRequest, *, accept: bool, as_json: bool) -> None:
    """Load predictions made elsewhere."""
    imported = import_prediction_files(request, accept=accept)
    for note in imported.notes:
        print_note(note)
    print_progress(imported.experiment.id, as_json=as_json)


def errors(
    experiment: str,
    ratio: str,
    outcome: str,
    *,
    seed: int | None,
    remedy: str,
    split: str,
    threshold: float,
    out: Path | None,
    as_json: bool,
) -> None:
    """List or write the examples of some outcomes in one run."""
    run = finished_run(experiment, ratio=one_ratio(ratio), seed=seed, remedy=remedy)
    own = run.config
    table = errors_table(
        experiment, ratio=own.ratio, seed=own.seed, remedy=remedy, outcome=outcome, split=split, threshold=threshold
    )
    what = f"{len(table):,} examples ({outcome})"
    print_note(f"{what} at {ratio_text(own.ratio)}, seed {own.seed}, threshold {threshold:g}, {split} split.")
    columns = ["id", "outcome", "pos_prob", "class_name", "text"]
    write_or_print(table, provenance(experiment, run=run.name, threshold=threshold), out, columns, as_json=as_json)


def data_map(experiment: str, ratio: str, *, seed: int | None, remedy: str, out: Path | None, as_json: bool) -> None:
    """List or write the data map of a run's training examples."""
    run = finished_run(experiment, ratio=one_ratio(ratio), seed=seed, remedy=remedy)
    table = data_map_table(run)
    own, positives = run.config, table[table["label"] == 1]
    never = int((positives["correctness"] == 0).sum())
    print_note(
        f"{len(table):,} training examples at {ratio_text(own.ratio)}, seed {own.seed}, {int(table['epochs'].max())} "
        f"epochs. Never right in training: {never:,} of {len(positives):,} positives."
    )
    columns = ["id", "label", "confidence", "variability", "correctness", "region", "text"]
    write_or_print(table, provenance(experiment, run=run.name), out, columns, as_json=as_json)


def verdict(experiment: str, *, as_json: bool) -> None:
    """Why recall was lost in an experiment."""
    from closecall.models.results.verdict import (  # here: scipy.stats takes a second to import
        verdict_content,
        verdict_on,
        verdict_words,
    )

    found = verdict_on(experiment)
    if as_json:
        print_json(verdict_content(experiment, found))
        return
    for line in verdict_words(found):
        print_line(line)


def counts(first: str, second: str, *, as_json: bool) -> None:
    """What four shares tell of a drop in recall."""
    from closecall.models.results.counts import counts_content, counts_text  # here, for the same reason

    content = counts_content(first, second)
    if as_json:
        print_json(content)
        return
    for line in counts_text(content):
        print_line(line)


def fetch(*, as_json: bool) -> None:
    """Fetch what is missing of the built-in encoder and texts."""
    with asset_progress() as progress:
        fetch_assets(progress)
    print_list(asset_rows(), as_json=as_json)
