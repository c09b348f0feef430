"""The answers of the terminal: an experiment's progress, a dataset, a list, a table of examples.

Results go to standard output, remarks to standard error; with `as_json` standard output holds JSON and nothing else."""

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from closecall.cli.output import print_frame, print_json, print_note, print_rows
from closecall.cli.progress import follow, print_unfinished, task_words
from closecall.cli.rows import dataset_content, ended_well, preview_rows, progress_content, run_rows, split_counts
from closecall.data.datasets.store import Dataset
from closecall.data.exchange.table_files import table_bytes, write_table
from closecall.data.exchange.tables import Provenance
from closecall.data.experiments.previews import standing_in
from closecall.data.experiments.store import load_experiment
from closecall.models.queue import jobs
from closecall.models.queue.backends import DriverStatus, driver_status
from closecall.models.results.preview_wording import preview_text

SHOWN_ROWS = 20
"""Rows of a long table that are shown."""


def print_queued(experiment: str, *, wait: bool, as_json: bool) -> None:
    """Say what was queued, and wait for it when that is wished."""
    driver = driver_status(experiment)
    if driver.alive:
        print_note(_cluster_words(driver))
    print_note(
        f"Queued as {experiment}." + ("" if wait else f" To see how far it is: closecall status {experiment} --wait")
    )
    if wait:
        print_until_done(experiment, as_json=as_json)
    elif as_json:
        print_json(progress_content(jobs.experiment_progress(experiment)))


def _cluster_words(driver: DriverStatus) -> str:
    """What takes the runs: `On Ray: 2 machines, 4 runs side by side.`"""
    if not driver.lanes:
        return f"On Ray no machine is there yet that takes a run; the runs wait for one. {driver.message}".strip()
    machines = "1 machine" if driver.nodes == 1 else f"{driver.nodes:,} machines"
    runs = "1 run at a time" if driver.lanes == 1 else f"{driver.lanes:,} runs side by side"
    return " ".join(["On Ray:", machines + ",", runs + ".", driver.message]).strip()


def print_until_done(experiment: str, *, as_json: bool) -> None:
    """Wait for an experiment; exit code 1 unless every run is done, 130 after Ctrl-C."""
    try:
        progress = follow(experiment)
    except KeyboardInterrupt:
        print_note(
            f"The runs go on. To see them: closecall status {experiment}; to stop them: closecall cancel {experiment}"
        )
        raise
    print_progress(experiment, as_json=as_json)
    if not ended_well(progress):
        print_note(f"Not everything is done. Go on with: closecall resume {experiment}")
        sys.exit(1)


def print_progress(experiment: str, *, as_json: bool) -> None:
    """An experiment's runs: how far they are and what they get right."""
    progress = jobs.experiment_progress(experiment)
    if as_json:
        print_json(progress_content(progress))
        return
    print_rows(
        [*preview_rows(standing_in(progress.previews, progress.runs)), *run_rows(progress.runs)],
        title=f"{load_experiment(experiment).title} ({experiment})",
    )
    if any(one.status.state != "done" for one in progress.previews):
        states = [one.status.state for one in progress.previews]
        print_note("The preview: " + ", ".join(f"{states.count(one)} {one}" for one in dict.fromkeys(states)) + ".")
    if words := preview_text(standing_in(progress.previews, progress.runs)):
        print_note(words)
    if progress.frozen is not None and progress.frozen.state != "done":
        print_note(task_words("The encoder as it came", progress.frozen))
    if any(run.has_predictions for run in progress.runs):
        print_note(
            "Positives found and negatives left alone: on the test split, at the threshold .5, with 95 % intervals."
        )


def print_worker_note() -> None:
    """Whether a worker is at it, and what waits for someone."""
    worker = jobs.worker_status()
    if worker.alive:
        print_note(f"A worker is at it: {worker.busy} of {worker.lanes} lanes busy.")
    print_unfinished()


def print_dataset(dataset: Dataset, *, as_json: bool) -> None:
    """A dataset just made: what was set aside, its splits, what to do next."""
    if as_json:
        print_json(dataset_content(dataset))
        return
    for note in dataset.info.notes:
        print_note(note)
    if len(dataset.set_aside):
        print_note(f"{len(dataset.set_aside):,} rows were set aside:")
        print_frame(dataset.set_aside[["source_row", "id", "reason"]].head(SHOWN_ROWS))
    if len(dataset.conflicts):
        print_note(f"{len(dataset.conflicts):,} examples have a text that carries both labels; see the Data page.")
    print_rows([{"dataset": dataset.name, **split_counts(dataset.name)}], title="Positives / negatives")
    print_note(f"Next: closecall sweep {dataset.name} --ratios 1,2,3,5,10")


def print_list(rows: Sequence[dict[str, Any]], *, as_json: bool, empty: str = "") -> None:
    """A list of things, or what to do when there are none."""
    if as_json:
        print_json(rows)
    elif rows:
        print_rows(rows)
    else:
        print_note(empty)


def write_or_print(
    table: pd.DataFrame, origin: Provenance, out: Path | None, columns: list[str], *, as_json: bool
) -> None:
    """Write a table where it is wished, else show some `columns` of its first rows; as JSON one object a line."""
    if out is not None:
        write_table(table, out, origin)
        print_note(f"Written to {out}.")
    if as_json:
        sys.stdout.write(table_bytes(table, "jsonl", origin).decode())
    elif out is None:
        print_frame(table[columns].head(SHOWN_ROWS))
        if len(table) > SHOWN_ROWS:
            print_note(f"These are the first {SHOWN_ROWS}. Write all to a file with --out FILE.")
