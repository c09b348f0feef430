"""An experiment in Python: its verdict, causes, metrics, errors and hard cases, as the pages show them."""

import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import pandas as pd

from closecall.analysis.formatting import duration_text, listed_text, ratio_text
from closecall.analysis.metrics.prevalence import DEFAULT_PREVALENCE
from closecall.api.app_process import running_app
from closecall.api.evidence import ensure_evidence
from closecall.api.frames import read_ratio
from closecall.api.html import link, paragraph
from closecall.api.opened import OpenedPage, open_page, page_url
from closecall.api.results import ShownCauses, ShownVerdict, shown_causes, shown_verdict
from closecall.data.experiments.remedies import NO_REMEDY
from closecall.data.experiments.runs import load_metrics
from closecall.data.experiments.store import ExperimentConfig, experiment_ids, load_experiment
from closecall.data.io.errors import UserError
from closecall.models.queue.jobs import experiment_progress, watch
from closecall.models.queue.progress import ExperimentProgress, run_share
from closecall.models.results.causes import causes_of
from closecall.models.results.example_tables import errors_table
from closecall.models.results.hard_cases import case_table
from closecall.models.results.ratio_table import ratio_table, run_scores, run_table
from closecall.models.results.run_predictions import finished_runs, read_run_predictions
from closecall.models.results.valid_runs import outcomes_by_run
from closecall.models.results.verdict import verdict_on

Ratio = str | float
"""Training negatives for each training positive: 10 or "1:10"."""


@dataclass(frozen=True, repr=False)
class Experiment:
    """One dataset and its runs at several ratios and seeds. Every result is read from the workspace when asked for.

    Methods raise UserError, with a sentence, where runs or inputs are missing.
    """

    id: str

    @property
    def config(self) -> ExperimentConfig:
        """Everything that is stored about the experiment: dataset, training settings, remedies and more."""
        return load_experiment(self.id)

    @property
    def title(self) -> str:
        return self.config.title

    @property
    def ratios(self) -> tuple[float, ...]:
        """Training negatives for each training positive, rising."""
        return tuple(int(one) if float(one).is_integer() else one for one in self.config.ratios)

    @property
    def seeds(self) -> tuple[int, ...]:
        return self.config.seeds

    @property
    def notes(self) -> list[str]:
        """What was found and assumed when predictions were imported, as sentences."""
        found = [load_metrics(run).get("notes", []) for run in finished_runs(self.id)]
        return list(dict.fromkeys(str(note) for notes in found for note in notes))

    @property
    def url(self) -> str | None:
        """The link to the experiment in the app that this process has opened; None while none is open."""
        app = running_app()
        return None if app is None else page_url(app, self.id, "overview")

    def show(
        self,
        page: str = "overview",
        *,
        ratio: Ratio | None = None,
        port: int | None = None,
        open_browser: bool = False,
    ) -> OpenedPage:
        """Open a page of the app on this experiment, such as "overview", "ratios", "errors" or "hard_cases"."""
        query = {} if ratio is None else {"ratio": ratio_text(read_ratio(ratio))}
        return open_page(self, page, port=port, open_browser=open_browser, **query)

    def verdict(self) -> ShownVerdict:
        """Why recall falls between the ratios: a headline, and findings with their confidence and evidence."""
        return shown_verdict(verdict_on(self.id))

    def causes(
        self,
        outcome: str = "fn",
        ratio: Ratio | None = None,
        *,
        threshold: float = 0.5,
        remedy: str = NO_REMEDY,
        collect: bool = True,
    ) -> ShownCauses:
        """Why each false negative (or, with "fp", false positive) at a ratio was misclassified; None: the largest.

        `collect`: first collect the evidence on single examples where it is missing, in another process; that takes
        seconds to minutes. Without it, only the causes with stored evidence can hold.
        """
        known = partial(causes_of, self.id, outcome=outcome, threshold=threshold, remedy=remedy)
        at = self._ratio(ratio)
        known(ratio=at)  # errors before the work
        if collect:
            ensure_evidence(self.id)
        return shown_causes(known(ratio=at))

    def metrics(self, *, prevalence: float = DEFAULT_PREVALENCE, by_run: bool = False) -> pd.DataFrame:
        """Recall, specificity, precision, F1, average precision and AUC on the test split at threshold 0.50.

        One row for each ratio, with 95 % intervals over examples and seeds, or for each run. Precision, F1 and average
        precision are for the given share of positives.
        """
        if not 0 < prevalence < 1:
            raise UserError(f"The prevalence is {prevalence:g}; it must be a share between 0 and 1.")
        test = read_run_predictions(self.id)["test"]
        runs = outcomes_by_run(test)
        if runs.empty:
            raise UserError(f"No run of {self.id} has finished yet. See e.progress().")
        build = run_table if by_run else ratio_table
        return build(runs, partial(run_scores, test), q=prevalence)

    def errors(
        self,
        outcome: str | Sequence[str] = "fn",
        ratio: Ratio | None = None,
        *,
        seed: int | None = None,
        remedy: str = NO_REMEDY,
        split: str = "test",
        threshold: float = 0.5,
    ) -> pd.DataFrame:
        """The false negatives ("fn"), "fp", "tp" or "tn" of one run with texts, the most confident errors first.

        Ratio None: the largest; seed None: the first.
        """
        return errors_table(
            self.id,
            ratio=self._ratio(ratio),
            seed=seed,
            remedy=remedy,
            outcome=outcome,
            split=split,
            threshold=threshold,
        )

    def hard_cases(self) -> pd.DataFrame:
        """The list of hard cases with reasons, notes, actions, causes and the probability of every run."""
        load_experiment(self.id)
        return case_table(self.id)

    def progress(self) -> pd.DataFrame:
        """One row for each run: its state, phase, epoch and the share that is done."""
        columns = ["run", "ratio", "seed", "remedy", "state", "phase", "epoch", "epochs", "done", "message"]
        rows = [
            (
                run.name,
                run.config.ratio,
                run.config.seed,
                run.config.remedy,
                run.status.state,
                run.status.phase,
                run.status.epoch,
                run.status.epochs,
                run_share(run.status),
                run.status.message,
            )
            for run in experiment_progress(load_experiment(self.id).id).runs
        ]
        return pd.DataFrame(rows, columns=columns)

    def wait(self, timeout: float | None = None) -> "Experiment":
        """Wait until nothing of the experiment is queued or running, with a line whenever a run ends.

        TimeoutError after `timeout` seconds; the runs continue. UserError when a run failed.
        """
        deadline, done = None if timeout is None else time.monotonic() + timeout, -1
        for progress in watch(load_experiment(self.id).id):
            if progress.counts["done"] != done:
                done = progress.counts["done"]
                print(_progress_text(progress), file=sys.stderr, flush=True)
            if progress.active and deadline is not None and time.monotonic() > deadline:
                raise TimeoutError(f"{self.id} is not done after {timeout:g} seconds; its runs continue.")
        if progress.counts["done"] < len(progress.runs):
            left = [run for run in progress.runs if run.status.state != "done"]
            listed = ", ".join(f"{run.name} ({run.status.state})" for run in left)
            reason = next((run.status.message for run in left if run.status.message), "See e.progress().")
            raise UserError(f"{self.id} has runs that are not done: {listed}. {reason}")
        return self

    def __repr__(self) -> str:
        return f"Experiment({self.id!r}): {self._facts()}"

    def _repr_html_(self) -> str:
        opened = f"<p>{link(self.url, 'Open in the app')}</p>" if self.url else ""
        notes = "".join(map(paragraph, self.notes))
        return paragraph(self.title, strong=True) + paragraph(self._facts()) + notes + opened

    def _facts(self) -> str:
        config = self.config
        seeds = f"seed{'s' if len(config.seeds) > 1 else ''} {listed_text([str(one) for one in config.seeds])}"
        runs = experiment_progress(self.id).counts
        states = ", ".join(f"{count} {state}" for state, count in runs.items() if count) or "no runs"
        ratios = listed_text([ratio_text(one) for one in config.ratios])
        return f"dataset {config.dataset}, {ratios}, {seeds}; runs: {states}"

    def _ratio(self, ratio: Ratio | None) -> float:
        """The named ratio, else the largest with a finished run, else the largest."""
        if ratio is not None:
            return read_ratio(ratio)
        config = load_experiment(self.id)
        return max((run.config.ratio for run in finished_runs(self.id)), default=max(config.ratios))


def load(experiment: str) -> Experiment:
    """The experiment with this id. UserError that lists the known ids."""
    return Experiment(load_experiment(experiment).id)


def experiments() -> pd.DataFrame:
    """All experiments of the workspace, the newest first: id, title, dataset, kind, ratios, seeds, runs, done."""
    columns = ["id", "title", "dataset", "kind", "ratios", "seeds", "runs", "done", "created"]
    return pd.DataFrame([_row(name) for name in experiment_ids()], columns=columns)


def _row(name: str) -> list[Any]:
    one, counts = Experiment(name), experiment_progress(name).counts
    config = one.config
    return [
        name,
        config.title,
        config.dataset,
        config.kind,
        one.ratios,
        config.seeds,
        sum(counts.values()),
        counts["done"],
        config.created,
    ]


def _progress_text(progress: ExperimentProgress) -> str:
    left = f", about {duration_text(progress.eta_seconds)} left" if progress.eta_seconds else ""
    return f"{progress.experiment}: {progress.counts['done']} of {len(progress.runs)} runs done{left}"
