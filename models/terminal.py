"""What each command of the terminal does: ask the other modules and show the answer."""

from collections.abc import Sequence
from dataclasses import asdict, fields
from pathlib import Path

from data.assets import fetch_assets
from data.builtin import builtin_dataset
from data.datasets import save_dataset
from data.experiments import TrainingConfig, experiment_ids, load_experiment, ratio_label
from data.export import errors_table, finished_run, provenance
from data.prediction_columns import PredictionColumns
from data.readers import ColumnGuess
from models import jobs, keeping
from models.answers import (
    say_worker,
    show_dataset,
    show_export,
    show_list,
    show_progress,
    show_queued,
    show_until_done,
)
from models.arguments import column_roles, many_ratios, many_seeds, names, one_ratio
from models.console import asset_progress, say, show_json, show_line
from models.demo import DEMOS, queue_demo
from models.intake import ImportChoice, import_file, import_prediction_files
from models.reports import (
    asset_rows,
    builtin_rows,
    dataset_rows,
    experiment_rows,
)
from models.training_map import data_map_table


def demo(*, distant: bool, if_empty: bool, wait: bool, as_json: bool) -> None:
    """Queue the demo, unless there are experiments and it is wanted for an empty workspace only."""
    if if_empty and experiment_ids():
        say("The workspace holds experiments already; the demo was not queued.")
        return
    with asset_progress() as progress:
        config = queue_demo(DEMOS[int(distant)].name, progress=progress)
    show_queued(config.id, wait=wait, as_json=as_json)


def import_dataset(
    file: Path,
    columns: Sequence[str],
    positive: Sequence[str] | None,
    negative: Sequence[str] | None,
    *,
    name: str,
    title: str,
    shares: tuple[float, float],
    seed: int,
    accept: bool,
    as_json: bool,
) -> None:
    """Import a file; `columns` are text, label, id, group and split."""
    classes = tuple(positive or ()), tuple(negative or ())
    choice = ImportChoice(ColumnGuess(*columns), *classes, name, title, *shares, seed)
    show_dataset(import_file(file, choice, accept=accept), as_json=as_json)


def import_builtin(name: str, *, as_json: bool) -> None:
    """Import a built-in dataset, or list them when none is named."""
    if not name:
        show_list(builtin_rows(), as_json=as_json)
        return
    with asset_progress() as progress:
        dataset = save_dataset(builtin_dataset(name, progress=progress))
    show_dataset(dataset, as_json=as_json)


def list_datasets(*, as_json: bool) -> None:
    """All datasets."""
    show_list(dataset_rows(), as_json=as_json, empty="There is no dataset yet: closecall import FILE.")


def list_experiments(*, as_json: bool) -> None:
    """All experiments, the newest first."""
    show_list(experiment_rows(), as_json=as_json, empty="There is no experiment yet: closecall sweep DATASET.")


def sweep(
    dataset: str,
    ratios: str,
    seeds: str,
    training: dict[str, object],
    *,
    positives: int | None,
    kind: str,
    test_negatives: int | None,
    remedies: str,
    keep: str,
    on: str,
    preview: bool,
    title: str,
    wait: bool,
    as_json: bool,
) -> None:
    """Queue a sweep."""
    config = jobs.queue_sweep(
        dataset,
        title=title,
        ratios=many_ratios(ratios),
        seeds=many_seeds(seeds),
        training=TrainingConfig(**training),  # type: ignore[arg-type]
        positives=positives,
        sweep=kind.upper(),
        test_negatives_cap=test_negatives,
        remedies=names(remedies),
        keep=keep,
        on=on,
        preview=preview,
    )
    show_queued(config.id, wait=wait, as_json=as_json)


def status(experiment: str, *, wait: bool, as_json: bool) -> None:
    """One experiment's runs, or every experiment in one line."""
    if not experiment:
        list_experiments(as_json=as_json)
        if not as_json:
            say_worker()
        return
    load_experiment(experiment)
    if wait:
        show_until_done(experiment, as_json=as_json)
    else:
        show_progress(experiment, as_json=as_json)


def cancel(experiment: str, run: str | None) -> None:
    """Stop an experiment or a run of it."""
    jobs.cancel(experiment, run)
    say(f"{run or experiment} stops within a few seconds. Go on later with: closecall resume {experiment}")


def resume(experiment: str, run: str | None, *, on: str, wait: bool, as_json: bool) -> None:
    """Go on with an experiment or a run of it."""
    jobs.resume(experiment, run, on)
    show_queued(experiment, wait=wait, as_json=as_json)


def keep(experiment: str, what: str, *, wait: bool, as_json: bool) -> None:
    """Keep the whole checkpoints of an experiment, or the heads alone."""
    kept = keeping.keep(experiment, what)
    if as_json and not kept.again:
        show_json(asdict(kept))
        return
    if what == "head":
        say(f"{kept.freed / 1e6:,.0f} MB freed: {len(kept.lightened)} of {experiment}'s runs kept their head alone.")
        if kept.later:
            say(f"Still whole until they are done, or needed no more: {', '.join(kept.later)}.")
        return
    say(f"Runs of {experiment} keep their whole checkpoint.")
    if kept.again:
        jobs.ensure_worker()
        say(f"Trained again, because their weights were dropped: {', '.join(kept.again)}.")
        show_queued(experiment, wait=wait, as_json=as_json)


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
    show_queued(config.id, wait=wait, as_json=as_json)


def import_predictions(
    files: Sequence[Path],
    columns: Sequence[str] | None,
    *,
    ratios: str,
    seeds: str,
    positive: str,
    dataset: str,
    common_only: bool,
    title: str,
    accept: bool,
    as_json: bool,
) -> None:
    """Load predictions made elsewhere."""
    imported = import_prediction_files(
        files,
        PredictionColumns(**column_roles(columns or (), [one.name for one in fields(PredictionColumns)])),
        ratios=many_ratios(ratios) if ratios else (),
        seeds=many_seeds(seeds) if seeds else (),
        title=title,
        dataset=dataset,
        positive=positive,
        common_only=common_only,
        accept=accept,
    )
    for note in imported.notes:
        say(note)
    show_progress(imported.experiment.id, as_json=as_json)


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
    say(f"{what} at {ratio_label(own.ratio)}, seed {own.seed}, threshold {threshold:g}, {split} split.")
    columns = ["id", "outcome", "pos_prob", "class_name", "text"]
    show_export(table, provenance(experiment, run=run.name, threshold=threshold), out, columns, as_json=as_json)


def data_map(experiment: str, ratio: str, *, seed: int | None, remedy: str, out: Path | None, as_json: bool) -> None:
    """List or write the data map of a run's training examples."""
    run = finished_run(experiment, ratio=one_ratio(ratio), seed=seed, remedy=remedy)
    table = data_map_table(run)
    own, positives = run.config, table[table["label"] == 1]
    never = int((positives["correctness"] == 0).sum())
    say(
        f"{len(table):,} training examples at {ratio_label(own.ratio)}, seed {own.seed}, {int(table['epochs'].max())} "
        f"epochs. Never right in training: {never:,} of {len(positives):,} positives."
    )
    columns = ["id", "label", "confidence", "variability", "correctness", "region", "text"]
    show_export(table, provenance(experiment, run=run.name), out, columns, as_json=as_json)


def verdict(experiment: str, *, as_json: bool) -> None:
    """Why recall was lost in an experiment."""
    from models.verdict import verdict_content, verdict_on, verdict_words  # here: scipy.stats takes a second to import

    found = verdict_on(experiment)
    if as_json:
        show_json(verdict_content(experiment, found))
        return
    for line in verdict_words(found):
        show_line(line)


def counts(first: str, second: str, *, as_json: bool) -> None:
    """What four shares tell of a drop in recall."""
    from models.counts import counts_content, counts_words  # here, for the same reason

    content = counts_content(first, second)
    if as_json:
        show_json(content)
        return
    for line in counts_words(content):
        show_line(line)


def fetch(*, as_json: bool) -> None:
    """Fetch what is missing of the built-in encoder and texts."""
    with asset_progress() as progress:
        fetch_assets(progress)
    show_list(asset_rows(), as_json=as_json)
