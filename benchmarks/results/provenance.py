"""How the results were made, and what is missing in them."""

import os
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import fields
from importlib.metadata import version
from shlex import quote
from typing import Any

from benchmarks.results.experiments import PLANS, RATIOS, REMEDY_RATIO, SEEDS, UNREACHED_RATIO
from benchmarks.results.formatting import plain, some, table
from benchmarks.results.measures import Sweep
from closecall.analysis.formatting import listed_text, ratio_text, sentence_text
from closecall.data.experiments.plans import FIXED_POSITIVES, half_up
from closecall.data.experiments.remedies import NO_REMEDY, REMEDIES, remedy_title
from closecall.data.experiments.runs import Run, load_metrics
from closecall.data.experiments.store import TrainingConfig
from closecall.data.io.errors import UserError

ANALYSED_WITH = ("numpy", "scipy", "scikit-learn")


def provenance(sweeps: Sequence[Sweep], command: str) -> list[str]:
    """The section with commands, sizes, versions, machine and dates."""
    lines = ["## How it was made", "", f"    {command}", ""]
    lines += ["wrote this file. Without names it first trains the unfinished runs: baseline runs, then remedies."]
    lines += ["", "The same experiments by hand:", ""]
    lines += [f"    {one}" for sweep in sweeps if sweep.config.kind == "trained" for one in _commands(sweep)]
    lines += ["", *_sizes(sweeps)]
    lines += [f"- {one}" for one in (*_training(sweeps), *_machine(sweeps))]
    return [*lines, ""]


def missing(sweeps: Sequence[Sweep]) -> list[str]:
    """The section with the planned experiments, runs and ratios that do not exist."""
    shown = [
        f"{sentence_text(plan.short_name)}: no experiment on {plan.dataset} is among these."
        for plan in PLANS
        if all(one.config.dataset != plan.dataset for one in sweeps)
    ]
    for sweep in sweeps:
        shown += [f"{sentence_text(sweep.short_name)} ({sweep.config.id}): {one}" for one in _lacking(sweep)]
    return ["## What is missing", "", *(f"- {one}" for one in shown), ""]


def _commands(sweep: Sweep) -> list[str]:
    config, training = sweep.config, sweep.config.training
    options = {
        "ratios": ",".join(f"{one:g}" for one in config.ratios),
        "seeds": ",".join(map(str, config.seeds)),
        "positives": config.positives,
        "test-negatives": config.test_negatives_cap,
        "epochs": training.epochs,
        "batch-size": training.batch_size,
        "learning-rate": training.learning_rate,
        "max-tokens": training.max_tokens,
    }
    if config.sweep != FIXED_POSITIVES:
        options["sweep"] = config.sweep
    shown = " ".join(f"--{name} {value}" for name, value in options.items() if value is not None)
    sweep_command = f"closecall sweep {config.dataset} --title {quote(' '.join(config.title.split()))} {shown} --wait"
    known = [f"closecall builtin {plan.dataset}" for plan in PLANS if plan.dataset == config.dataset]
    remedies = sorted({run.config.remedy for run in sweep.runs if run.config.remedy != NO_REMEDY})
    named = "all" if len(remedies) == len(REMEDIES) else ",".join(remedies)
    add_remedies = (
        [f"closecall remedies {config.id} --add {named} --ratios {REMEDY_RATIO:g} --wait"] if remedies else []
    )
    return [*known, sweep_command, *add_remedies]


def _sizes(sweeps: Sequence[Sweep]) -> list[str]:
    """The examples of each experiment, as a table."""
    header = (
        "experiment",
        "examples",
        "training positives",
        "training negatives",
        "validation, positives / negatives",
        "test",
    )
    rows = []
    for sweep in sweeps:
        runs = [run.config for run in sweep.runs if run.config.remedy == NO_REMEDY and run.config.n_positives]
        rows.append((
            f"`{sweep.config.id}`",
            f"{sweep.n_examples:,}",
            _span([one.n_positives for one in runs]),
            _span([one.n_negatives for one in runs]),
            *(" / ".join(f"{one:,}" for one in sweep.counts[split]) for split in ("validation", "test")),
        ))  # fmt: skip
    return table(header, rows)


def _span(numbers: Sequence[int]) -> str:
    if not numbers:
        return "not known"
    least, most = min(numbers), max(numbers)
    return f"{least:,}" if least == most else f"{least:,} to {most:,}"


def _training(sweeps: Sequence[Sweep]) -> list[str]:
    """The training settings, and how examples are chosen."""
    shown = []
    for training in dict.fromkeys(one.config.training for one in sweeps):
        owners = [f"`{one.config.id}`" for one in sweeps if one.config.training == training]
        shown.append(f"{listed_text(owners)}: {_settings(training)}.")
    shown.append(
        "Within an experiment every run has the same validation and test examples, and the positives are the same at "
        "every ratio and seed. Negatives are nested: those of a smaller ratio are among those of a larger one."
        if all(one.config.sweep == FIXED_POSITIVES for one in sweeps)
        else "Within an experiment every run has the same validation and test examples."
    )
    shown.append("Equal epochs, so a larger ratio takes more steps: 1:10 has 5.5 times those of 1:1.")
    return shown if not any(one.config.training.equal_steps for one in sweeps) else shown[:-1]


def _settings(training: TrainingConfig) -> str:
    named = {one.name: getattr(training, one.name) for one in fields(training)}
    encoder = plain("MiniLM" if training.encoder == "minilm" else training.encoder)
    steps = "equal steps" if training.equal_steps else f"{training.epochs} epochs"
    frozen = "word embeddings frozen" if training.freeze_word_embeddings else "all weights trained"
    return (
        f"{encoder}, fine-tuned, {frozen}; {steps}, batches of {named['batch_size']}, learning rate "
        f"{named['learning_rate']:g}, first {named['max_tokens']} tokens of a text"
    )


def _machine(sweeps: Sequence[Sweep]) -> list[str]:
    """Versions, device and dates that the runs recorded."""
    runs = [run for sweep in sweeps for run in sweep.runs if run.has_predictions]
    made = [_record(run) for run in runs]
    devices = sorted({f"{one['device']}, {one['precision']}" for one in made if "device" in one and "precision" in one})
    versions = {f"{name} {number}" for one in made for name, number in one.get("versions", {}).items()}
    analysed = [f"{name} {version(name)}" for name in ANALYSED_WITH]
    ended = sorted(run.status.finished[:10] for run in runs if run.status.finished)
    shown = [f"Trained with {', '.join(sorted(versions))}."] if versions else []
    shown.append(f"Analysed with {', '.join(analysed)}, on a machine of {some(os.cpu_count() or 1, 'core')}.")
    if devices:
        shown.append(f"Device and precision of the training: {'; '.join(map(plain, devices))}.")
    if ended:
        span = ended[0] if ended[0] == ended[-1] else f"{ended[0]} to {ended[-1]}"
        shown.append(f"The runs ended on {span} (UTC).")
    return shown


def _record(run: Run) -> dict[str, Any]:
    with suppress(UserError):
        return load_metrics(run)
    return {}


def _lacking(sweep: Sweep) -> list[str]:
    """What one experiment lacks: ratios, seeds, runs, remedies, and UNREACHED_RATIO."""
    config, shown = sweep.config, []
    absent = [ratio_text(one) for one in RATIOS if one not in config.ratios]
    if absent:
        shown.append(f"not queued at {listed_text(absent)}.")
    if len(config.seeds) < len(SEEDS):
        shown.append(f"{some(len(config.seeds), 'seed')}, where at least {len(SEEDS)} were experiments.")
    waiting = [run for run in sweep.runs if not run.has_predictions]
    if waiting:
        shown.append(f"{some(len(waiting), 'run')} without predictions: {_states(waiting)}.")
    queued = {run.config.remedy for run in sweep.runs if run.config.ratio == REMEDY_RATIO}
    absent_remedies = [remedy_title(one.name) for one in REMEDIES if one.name not in queued]
    if absent_remedies:
        named = "any remedy" if len(absent_remedies) == len(REMEDIES) else listed_text(absent_remedies)
        shown.append(f"not queued at {ratio_text(REMEDY_RATIO)} with {named}.")
    return [*shown, *_beyond(sweep)]


def _states(runs: Sequence[Run]) -> str:
    """The names of the runs by state; six names at most, then a count."""
    states: dict[str, list[str]] = {}
    for run in runs:
        states.setdefault(run.status.state, []).append(run.name)
    return "; ".join(f"{state} {', '.join(names[:6])}{_more(len(names) - 6)}" for state, names in states.items())


def _more(number: int) -> str:
    return f" and {number} more" if number > 0 else ""


def _beyond(sweep: Sweep) -> list[str]:
    """Why UNREACHED_RATIO was not trained."""
    if UNREACHED_RATIO in sweep.config.ratios or sweep.config.kind != "trained":
        return []
    available = sweep.n_training_negatives
    positives = max(run.config.n_positives for run in sweep.runs)
    needed = half_up(UNREACHED_RATIO * positives)
    name = ratio_text(UNREACHED_RATIO)
    if available >= needed:
        return [f"{name} was not trained, though its {available:,} training negatives would be enough."]
    return [
        f"{name} is not possible: {positives:,} positives need {needed:,} training negatives, and there are "
        f"{available:,} (1:{available / positives:.1f} at most)."
    ]
