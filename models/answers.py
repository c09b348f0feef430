"""The answers of the terminal: an experiment's progress, a dataset, a list, a table of examples.

Results go to standard output, remarks to standard error; with `as_json` standard output holds JSON and nothing else.
"""

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from data.datasets import Dataset
from data.experiments import load_experiment
from data.export import Provenance, table_bytes, write_table
from data.previews import standing_in
from models import jobs
from models.console import say, show_frame, show_json, show_rows
from models.engines import DriverStatus, driver_status
from models.following import follow, task_words
from models.preview_words import preview_words
from models.reports import dataset_content, ended_well, preview_rows, progress_content, run_rows, split_counts
from models.unfinished import say_unfinished

SHOWN_ROWS = 20
"""Rows of a long table that are shown."""


def show_queued(experiment: str, *, wait: bool, as_json: bool) -> None:
    """Say what was queued, and wait for it when that is wished."""
    driver = driver_status(experiment)
    if driver.alive:
        say(_cluster_words(driver))
    say(f"Queued as {experiment}." + ("" if wait else f" To see how far it is: closecall status {experiment} --wait"))
    if wait:
        show_until_done(experiment, as_json=as_json)
    elif as_json:
        show_json(progress_content(jobs.experiment_progress(experiment)))


def _cluster_words(driver: DriverStatus) -> str:
    """What takes the runs: `On Ray: 2 machines, 4 runs side by side.`"""
    if not driver.lanes:
        return f"On Ray no machine is there yet that takes a run; the runs wait for one. {driver.message}".strip()
    machines = "1 machine" if driver.nodes == 1 else f"{driver.nodes:,} machines"
    runs = "1 run at a time" if driver.lanes == 1 else f"{driver.lanes:,} runs side by side"
    return " ".join(["On Ray:", machines + ",", runs + ".", driver.message]).strip()


def show_until_done(experiment: str, *, as_json: bool) -> None:
    """Wait for an experiment; exit code 1 unless every run is done, 130 after Ctrl-C."""
    try:
        progress = follow(experiment)
    except KeyboardInterrupt:
        say(f"The runs go on. To see them: closecall status {experiment}; to stop them: closecall cancel {experiment}")
        raise
    show_progress(experiment, as_json=as_json)
    if not ended_well(progress):
        say(f"Not everything is done. Go on with: closecall resume {experiment}")
        sys.exit(1)


def show_progress(experiment: str, *, as_json: bool) -> None:
    """An experiment's runs: how far they are and what they get right."""
    progress = jobs.experiment_progress(experiment)
    if as_json:
        show_json(progress_content(progress))
        return
    show_rows(
        [*preview_rows(standing_in(progress.previews, progress.runs)), *run_rows(progress.runs)],
        title=f"{load_experiment(experiment).title} ({experiment})",
    )
    if any(one.status.state != "done" for one in progress.previews):
        states = [one.status.state for one in progress.previews]
        say("The preview: " + ", ".join(f"{states.count(one)} {one}" for one in dict.fromkeys(states)) + ".")
    if words := preview_words(standing_in(progress.previews, progress.runs)):
        say(words)
    if progress.frozen is not None and progress.frozen.state != "done":
        say(task_words("The encoder as it came", progress.frozen))
    if any(run.has_predictions for run in progress.runs):
        say("Positives found and negatives left alone: on the test split, at the threshold .5, with 95 % intervals.")


def say_worker() -> None:
    """Whether a worker is at it, and what waits for someone."""
    worker = jobs.worker_status()
    if worker.alive:
        say(f"A worker is at it: {worker.busy} of {worker.lanes} lanes busy.")
    say_unfinished()


def show_dataset(dataset: Dataset, *, as_json: bool) -> None:
    """A dataset just made: what was set aside, its splits, what to do next."""
    if as_json:
        show_json(dataset_content(dataset))
        return
    for note in dataset.info.notes:
        say(note)
    if len(dataset.set_aside):
        say(f"{len(dataset.set_aside):,} rows were set aside:")
        show_frame(dataset.set_aside[["source_row", "id", "reason"]].head(SHOWN_ROWS))
    if len(dataset.conflicts):
        say(f"{len(dataset.conflicts):,} examples have a text that carries both labels; see the Data page.")
    show_rows([{"dataset": dataset.name, **split_counts(dataset.name)}], title="Positives / negatives")
    say(f"Next: closecall sweep {dataset.name} --ratios 1,2,3,5,10")


def show_list(rows: Sequence[dict[str, Any]], *, as_json: bool, empty: str = "") -> None:
    """A list of things, or what to do when there are none."""
    if as_json:
        show_json(rows)
    elif rows:
        show_rows(rows)
    else:
        say(empty)


def show_export(
    table: pd.DataFrame, origin: Provenance, out: Path | None, columns: list[str], *, as_json: bool
) -> None:
    """Write a table where it is wished, else show some `columns` of its first rows; as JSON one object a line."""
    if out is not None:
        write_table(table, out, origin)
        say(f"Written to {out}.")
    if as_json:
        sys.stdout.write(table_bytes(table, "jsonl", origin).decode())
    elif out is None:
        show_frame(table[columns].head(SHOWN_ROWS))
        if len(table) > SHOWN_ROWS:
            say(f"These are the first {SHOWN_ROWS}. Write all to a file with --out FILE.")
