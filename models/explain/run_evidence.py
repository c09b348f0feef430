"""Evidence on the causes of errors that depends on a run: neighbours after fine-tuning, scores of later windows.

Nothing here imports torch at the top, so that the app can import it.
"""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from closecall.analysis.causes.misses import NOT_READ, OVERLAP
from closecall.data.annotations.causes import RUN_COLUMNS, CauseEvidence, run_column
from closecall.data.experiments.run_tables import read_run_tables
from closecall.data.experiments.runs import Run, load_embeddings, load_runs
from closecall.data.experiments.store import load_plan
from closecall.data.io.errors import UserError
from closecall.models.encoders.checkpoints import checkpoint_of, only_head, only_head_sentence
from closecall.models.explain.example_evidence import NEIGHBOURS
from closecall.models.explain.frozen_space import balanced_pool, other_class_counts
from closecall.models.runtime.progress import Progress

if TYPE_CHECKING:
    from closecall.models.explain.window_scores import WindowScorer

WINDOW_ERRORS = 1_000
"""Misclassified cut texts whose later windows are scored, beside those of the random sample."""
Report = Callable[[Progress], None]


class Steps:
    """Counts the steps of the work and reports them."""

    def __init__(self, report: Report, steps: int) -> None:
        self._report, self._steps, self._step = report, steps, -1
        self._phase = "loading"

    def begin(self, phase: str) -> None:
        """Report that the next step has begun."""
        self._step += 1
        self._phase = phase
        self.within(0.0)

    def within(self, share: float) -> None:
        """Report the share of the step that is done, in hundredths of a step."""
        self._report(Progress(self._phase, step=int(100 * (self._step + share)), steps=100 * self._steps))


def run_columns(
    experiment: str,
    examples: pd.DataFrame,
    texts: pd.DataFrame,
    reused: CauseEvidence | None,
    kept: set[str],
    missing: dict[str, str],
    progress: Steps,
) -> pd.DataFrame:
    """The columns of runs.parquet. Adds to `missing` what a run does not allow."""
    runs = [run for run in load_runs(experiment) if run.has_predictions]
    table: dict[str, Any] = {"id": examples["id"].to_numpy(dtype=object)}
    windows = _Windows(examples, texts, _wrong_anywhere(experiment, runs))
    for run in runs:
        names = [run_column(name, run.name) for name in RUN_COLUMNS]
        if reused is not None and run.name in kept:
            table |= {name: reused.runs[name].array for name in names}
            continue
        progress.begin("reading later windows")
        tuned = _tuned_counts(experiment, run, examples, missing)
        high, low = windows.range(experiment, run, missing, progress.within)
        counts = pd.array(tuned, dtype="Float64").astype("Int8")
        table |= dict(zip(names, [counts, high.astype(np.float32), low.astype(np.float32)], strict=True))
    return pd.DataFrame(table)


def _wrong_anywhere(experiment: str, runs: list[Run]) -> np.ndarray:
    """Which test examples any run misclassifies at threshold 0.50. Shape (n,)."""
    test = read_run_tables(experiment, runs)["test"]
    return np.asarray(((test.pos_probs >= 0.5) != (test.labels == 1)).any(axis=0))


def _tuned_counts(experiment: str, run: Run, examples: pd.DataFrame, missing: dict[str, str]) -> np.ndarray:
    """How many of the 10 nearest training texts are of the other class in the space of a run; nan where unknown."""
    ids, labels = examples["id"].to_numpy(dtype=object), examples["label"].to_numpy()
    if not run.has_embeddings:
        missing[f"{OVERLAP}:{run.name}"] = f"{run.name} has no embeddings."
        return np.full(len(ids), np.nan)
    rows, embeddings = load_embeddings(run.folder)
    pool = balanced_pool(rows, load_plan(experiment), run.config.seed)
    if len(pool) <= NEIGHBOURS:
        missing[f"{OVERLAP}:{run.name}"] = f"{run.name} has at most {NEIGHBOURS} training texts with embeddings."
    return other_class_counts(ids, labels, rows, np.asarray(embeddings), pool, k=NEIGHBOURS)


class _Windows:
    """Later windows of the cut texts that a run misclassifies, and of those in the random sample."""

    def __init__(self, examples: pd.DataFrame, texts: pd.DataFrame, wrong: np.ndarray) -> None:
        self._n = len(examples)
        cut = (examples["tokens"] > examples["tokens_read"]).fillna(False).to_numpy(dtype=bool)
        errors = np.random.default_rng(0).permutation(np.flatnonzero(cut & wrong))[:WINDOW_ERRORS]
        sampled = np.flatnonzero(cut & examples["window_sample"].fillna(False).to_numpy(dtype=bool))
        self._rows = np.union1d(errors, sampled)
        own = texts.set_index("id")["text"].reindex(examples["id"].iloc[self._rows]).fillna("")
        self._texts = own.tolist()
        self._scorer: WindowScorer | None = None

    def range(
        self, experiment: str, run: Run, missing: dict[str, str], on_part: Callable[[float], None]
    ) -> tuple[np.ndarray, np.ndarray]:
        """The highest and the lowest probability of the later windows by a run, both (n,); nan where not scored."""
        high, low = np.full(self._n, np.nan), np.full(self._n, np.nan)
        checkpoint = checkpoint_of(run)
        if not len(self._rows):
            return high, low
        if checkpoint is None:
            why = (
                only_head_sentence(experiment, run.name) if only_head(run.folder) else f"{run.name} has no checkpoint."
            )
            missing[f"{NOT_READ}:{run.name}"] = why
            return high, low
        from closecall.models.explain.window_scores import WindowScorer  # imports torch

        self._scorer = self._scorer or WindowScorer(self._texts)
        encoder = run.config.checkpoint or run.config.training.encoder
        try:
            high[self._rows], low[self._rows] = self._scorer.range(checkpoint, encoder, on_part)
        except UserError as error:
            missing[f"{NOT_READ}:{run.name}"] = str(error)
        return high, low
