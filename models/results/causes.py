"""Why each example is misclassified: the cause of every error at one ratio, from predictions and stored evidence.

Nothing here imports torch. Without stored evidence only the threshold and the seeds can be judged.
"""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from closecall.analysis.causes.misses import (
    LEVEL,
    MISS_CAUSE_BY_KEY,
    NOT_READ,
    NOT_SIMILAR,
    OVERLAP,
    SEED,
    SUSPECT,
    THRESHOLD,
    assign,
    null_rates,
)
from closecall.analysis.formatting import ratio_text
from closecall.analysis.metrics.ranking import threshold_at_fpr
from closecall.analysis.validation import Bools, Floats
from closecall.data.annotations.causes import COLUMNS, CauseEvidence, load_evidence, run_column
from closecall.data.experiments.remedies import NO_REMEDY
from closecall.data.experiments.run_tables import RunTable
from closecall.data.experiments.store import load_experiment
from closecall.data.io.errors import UserError
from closecall.models.results.run_predictions import read_run_predictions
from closecall.models.results.valid_runs import complete_rows, valid_rows

OUTCOMES = ("fn", "fp")
FEWEST_SEEDS = 3
"""Fewer seeds cannot show that an error depends on the seed."""
NEIGHBOURS = 10
NO_EVIDENCE = "The evidence on single examples has not been computed. Run: closecall causes {experiment}"


@dataclass(frozen=True)
class ReferenceThreshold:
    """The thresholds at which a ratio has the error rate of the reference ratio, both on validation.

    `rate`: the false-positive rate of the smallest ratio for false negatives, the false-negative rate of the largest for
    false positives; mean over its seeds, 0 to 1. `thresholds` (seeds,).
    """

    ratio: float
    rate: float
    thresholds: Floats


@dataclass(frozen=True)
class CausesOfErrors:
    """The errors of most seeds at one ratio, and their causes.

    `examples`: one row for each error, the most confident first: `id`, `cause` (key), `causes` (keys of all that hold,
    in order), `pos_prob` (mean over seeds), `wrong_seeds`, `read_correctly` (seeds that classify a later part correctly),
    `tuned_others` (median over seeds of its 10 nearest that are of the other class; nan), and the columns of the stored
    evidence. `summary`: `null_rates`, with `title`. `of`: test examples of the class. `reference`: None if there is none.
    `not_measured`: pairs of cause key and reason.
    """

    outcome: str
    ratio: float
    remedy: str
    threshold: float
    seeds: int
    of: int
    examples: pd.DataFrame
    summary: pd.DataFrame
    reference: ReferenceThreshold | None
    not_measured: tuple[tuple[str, str], ...]


def causes_of(
    experiment: str, *, ratio: float, outcome: str = "fn", threshold: float = 0.5, remedy: str = NO_REMEDY
) -> CausesOfErrors:
    """The causes of the errors of an experiment of this workspace. UserError without finished runs at the ratio."""
    load_experiment(experiment)
    tables = read_run_predictions(experiment)
    test, validation = tables["test"], tables["validation"]
    chosen = _run_rows(test, ratio, remedy, threshold)
    if not len(chosen):
        known = sorted({ratio_text(one) for one in test.ratios[test.remedies == remedy].tolist()})
        raise UserError(
            f"{experiment} has no finished run at {ratio_text(ratio)} with remedy {remedy}. "
            f"It has runs at: {', '.join(known) or 'no ratio'}."
        )
    evidence = load_evidence(experiment, runs=[test.runs[row] for row in chosen])
    return decide_causes(
        test, validation, evidence, ratio=ratio, outcome=outcome, threshold=threshold, remedy=remedy
    )


def decide_causes(
    test: RunTable,
    validation: RunTable,
    evidence: CauseEvidence | None,
    *,
    ratio: float,
    outcome: str = "fn",
    threshold: float = 0.5,
    remedy: str = NO_REMEDY,
) -> CausesOfErrors:
    """As `causes_of`, from tables of predictions and evidence. ValueError without a run at the ratio.

    An example is an error when more than half of the seeds misclassify it at `threshold`. Collapsed runs are left out
    unless all runs of the ratio collapsed.
    """
    if outcome not in OUTCOMES:
        raise UserError(f"{outcome!r} is not an outcome with causes. Choose fn (false negatives) or fp (false positives).")
    rows = _run_rows(test, ratio, remedy, threshold)
    if not len(rows):
        raise ValueError(f"There is no run at {ratio_text(ratio)} with remedy {remedy}.")
    case = _Case(test, rows, outcome == "fn", threshold, remedy)
    columns, missing = _Columns.of(case, evidence), dict[str, str]()
    reference = _reference(case, validation, ratio, missing)
    holds = _holds(case, columns, reference, missing)
    errors = case.own & case.wrong
    other_correct = ~case.own & ~case.wrong
    summary = null_rates(
        holds, errors, case.own & ~case.wrong, controls={NOT_READ: other_correct & columns.sampled}
    )
    summary.insert(1, "title", [MISS_CAUSE_BY_KEY[key].title for key in summary["cause"]])
    missing = {**columns.missing(case), **missing}
    return CausesOfErrors(
        outcome,
        ratio,
        remedy,
        threshold,
        len(rows),
        int(case.own.sum()),
        _error_rows(case, columns, holds, errors),
        summary,
        reference,
        tuple((key, missing[key]) for key in MISS_CAUSE_BY_KEY if key in missing),
    )


@dataclass(frozen=True)
class _Case:
    """The runs of one ratio (`rows` of the table), and which examples they misclassify at the threshold."""

    test: RunTable
    rows: np.ndarray
    positive: bool
    threshold: float
    remedy: str

    @property
    def own(self) -> Bools:
        """Which examples are of the class whose errors are explained. Shape (n,)."""
        return np.asarray(self.test.labels == (1 if self.positive else 0))

    @property
    def probs(self) -> Floats:
        """Shape (seeds, n)."""
        return self.test.pos_probs[self.rows]

    @property
    def runs(self) -> list[str]:
        return [self.test.runs[row] for row in self.rows]

    @property
    def wrong_seeds(self) -> np.ndarray:
        """How many seeds misclassify each example. Shape (n,)."""
        return self.wrong_in(self.rows)

    @property
    def wrong(self) -> Bools:
        return _most(self.wrong_seeds, len(self.rows))

    def wrong_in(self, rows: np.ndarray) -> np.ndarray:
        predicted = self.test.pos_probs[rows] >= self.threshold
        return np.asarray((predicted != (self.test.labels == 1)).sum(axis=0))

    def says_own(self, scores: Floats, thresholds: Floats | float) -> Bools:
        """Where scores predict the class whose errors are explained."""
        return scores >= thresholds if self.positive else scores < thresholds


@dataclass(frozen=True)
class _Columns:
    """The stored evidence aligned with the test examples: examples' columns, and (seeds, n) of the runs."""

    frame: pd.DataFrame
    tuned: Floats
    windows: Floats
    sampled: Bools
    evidence: CauseEvidence | None

    @classmethod
    def of(cls, case: _Case, evidence: CauseEvidence | None) -> "_Columns":
        n, ids = len(case.test.ids), pd.Index(case.test.ids)
        shape = len(case.rows), n
        if evidence is None:
            empty = pd.DataFrame({name: pd.Series(pd.NA, index=range(n)) for name in COLUMNS})
            none = np.full(shape, np.nan)
            return cls(empty, none, none, np.zeros(n, dtype=bool), None)
        places = pd.Index(evidence.examples["id"]).get_indexer(ids)
        frame = evidence.examples.iloc[places].reset_index(drop=True)
        window = "window_high" if case.positive else "window_low"

        def of_runs(name: str) -> Floats:
            columns = [run_column(name, run) for run in case.runs]
            stored = [_floats(evidence.runs[one])[places] if one in evidence.runs else np.full(n, np.nan) for one in columns]
            return np.array(stored).reshape(shape)

        sampled = frame["window_sample"].fillna(False).to_numpy(dtype=bool)
        return cls(frame, of_runs("tuned_other_of_10"), of_runs(window), sampled, evidence)

    def number(self, name: str) -> Floats:
        """A column as floats, nan where missing. Shape (n,)."""
        return _floats(self.frame[name])

    def missing(self, case: _Case) -> dict[str, str]:
        """What the stored evidence lacks for these runs, by cause, and why."""
        if self.evidence is None:
            why = NO_EVIDENCE.format(experiment=getattr(case.test, "experiment", "EXPERIMENT"))
            return dict.fromkeys((SUSPECT, NOT_READ, NOT_SIMILAR, OVERLAP), why)
        stored, found = self.evidence.info.not_measured, dict[str, str]()
        for key in (SUSPECT, NOT_READ, NOT_SIMILAR, OVERLAP):
            suffixes = ("positive" if case.positive else "negative", *case.runs)
            reasons = [stored.get(key, ""), *(stored.get(f"{key}:{suffix}", "") for suffix in suffixes)]
            unknown = [run for run in case.runs if run not in self.evidence.info.runs]
            if unknown and key in (NOT_READ, OVERLAP):
                reasons.append(f"The evidence was computed before {', '.join(unknown)} finished.")
            if any(reasons):
                found[key] = " ".join(reason for reason in reasons if reason)
        return found


def _holds(
    case: _Case, columns: _Columns, reference: ReferenceThreshold | None, missing: dict[str, str]
) -> dict[str, Bools]:
    """Where each measured cause holds, (n,). For correctly classified examples: where it would, were they errors."""
    seeds = len(case.rows)
    holds: dict[str, Bools] = {}
    if reference is not None:
        holds[THRESHOLD] = _most(case.says_own(case.probs, reference.thresholds[:, None]).sum(axis=0), seeds)
    if columns.evidence is not None:
        holds |= _stored_holds(case, columns)
    if seeds < FEWEST_SEEDS:
        missing[SEED] = f"This needs {FEWEST_SEEDS} seeds; {ratio_text(case.test.ratios[case.rows[0]])} has {seeds}."
    else:
        right = seeds - case.wrong_seeds
        holds[SEED] = (5 * right >= seeds) & (5 * right <= 4 * seeds)
    if not holds:
        holds[SEED] = np.zeros(len(case.test.ids), dtype=bool)
    return holds


def _stored_holds(case: _Case, columns: _Columns) -> dict[str, Bools]:
    """Where the causes hold that need the stored evidence, without those that were not measured at all."""
    labels, copy = columns.number("label"), columns.number("near_copy_label")
    suspect, p = columns.number("suspect"), columns.number("p_positive" if case.positive else "p_negative")
    frozen, holds = columns.number("frozen_other_of_10"), dict[str, Bools]()
    if not np.isnan(suspect).all() or not np.isnan(copy).all():
        holds[SUSPECT] = (suspect == 1) | (~np.isnan(copy) & (copy != labels))
    scored = ~np.isnan(columns.windows)
    if not np.isnan(columns.number("tokens")).all() and (scored.any() or not _cut(columns).any()):
        correct = case.says_own(np.where(scored, columns.windows, 0.0), case.threshold) & scored
        holds[NOT_READ] = _cut(columns) & _most(correct.sum(axis=0), len(case.rows))
    if not np.isnan(p).all():
        holds[NOT_SIMILAR] = p <= LEVEL
    if not np.isnan(frozen).all() and not np.isnan(columns.tuned).all():
        tuned = _most((columns.tuned > NEIGHBOURS / 2).sum(axis=0), (~np.isnan(columns.tuned)).sum(axis=0))
        # The outcomes are asked of errors only: a correct example cannot be misclassified at every ratio.
        holds[OVERLAP] = (frozen > NEIGHBOURS / 2) & tuned & (_wrong_everywhere(case) | ~case.wrong)
    return holds


def _wrong_everywhere(case: _Case) -> Bools:
    """Which examples most seeds misclassify at every ratio of this remedy. Shape (n,)."""
    wrong = np.ones(len(case.test.ids), dtype=bool)
    for ratio in sorted(set(case.test.ratios[case.test.remedies == case.remedy].tolist())):
        rows = _run_rows(case.test, ratio, case.remedy, case.threshold)
        if len(rows):
            wrong &= _most(case.wrong_in(rows), len(rows))
    return wrong


def _reference(
    case: _Case, validation: RunTable, ratio: float, missing: dict[str, str]
) -> ReferenceThreshold | None:
    """The thresholds of the reference rate; None at the reference ratio, or where validation does not allow it."""
    positive = validation.labels == 1
    if not len(positive) or positive.all() or not positive.any():
        missing[THRESHOLD] = "There are no validation examples of both classes to choose a threshold on."
        return None
    baselines = sorted(set(case.test.ratios[complete_rows(case.test)].tolist()))
    if not baselines:
        missing[THRESHOLD] = "There is no finished baseline run, whose error rate is the reference."
        return None
    reference = baselines[0 if case.positive else -1]
    rate_name = "false-positive" if case.positive else "false-negative"
    if reference == ratio and case.remedy == NO_REMEDY:
        missing[THRESHOLD] = f"The {rate_name} rate of {ratio_text(ratio)} is the reference itself."
        return None
    rows = _run_rows(case.test, reference, NO_REMEDY, case.threshold)
    predicted = validation.pos_probs[rows] >= case.threshold
    rate = float(predicted[:, ~positive].mean() if case.positive else (~predicted[:, positive]).mean())
    probs = validation.pos_probs[case.rows]
    if np.isnan(probs).any() or np.isnan(validation.pos_probs[rows]).any():
        missing[THRESHOLD] = "A run has no predictions for some validation examples."
        return None
    if case.positive:
        thresholds = [threshold_at_fpr(positive, one, fpr=rate) for one in probs]
    else:
        thresholds = [-threshold_at_fpr(~positive, -one, fpr=rate) for one in probs]
    return ReferenceThreshold(reference, rate, np.array(thresholds))


def _error_rows(case: _Case, columns: _Columns, holds: dict[str, Bools], errors: Bools) -> pd.DataFrame:
    """One row for each error, the most confident first."""
    places = np.flatnonzero(errors)
    mean = case.probs.mean(axis=0)[places]
    places = places[np.argsort(mean if case.positive else -mean, kind="stable")]
    keys = np.array(list(holds), dtype=object)
    order = [key for key in MISS_CAUSE_BY_KEY if key in holds]
    held = np.array([holds[key][places] for key in order]).reshape(len(order), len(places))
    causes = [tuple(key for key, here in zip(order, column, strict=True) if here) for column in held.T]
    scored = ~np.isnan(columns.windows[:, places])
    windows = np.where(scored, columns.windows[:, places], 0.0)
    tuned = columns.tuned[:, places]
    frame = pd.DataFrame(
        {
            "id": case.test.ids[places],
            "cause": assign({key: holds[key] for key in keys})[places],
            "causes": causes,
            "pos_prob": case.probs.mean(axis=0)[places],
            "wrong_seeds": case.wrong_seeds[places],
            "read_correctly": (case.says_own(windows, case.threshold) & scored).sum(axis=0),
            "tuned_others": np.nanmedian(tuned, axis=0) if tuned.size and not np.isnan(tuned).all() else np.nan,
        }
    )
    own = columns.frame.iloc[places].drop(columns="id").reset_index(drop=True)
    return pd.concat([frame, own], axis=1)


def _run_rows(table: RunTable, ratio: float, remedy: str, threshold: float) -> np.ndarray:
    """The runs of a ratio: those that did not collapse, or all complete ones where all did."""
    at = table.ratios == ratio
    valid = valid_rows(table, remedy=remedy, threshold=threshold) & at
    return np.flatnonzero(valid if valid.any() else complete_rows(table, remedy=remedy) & at)


def _cut(columns: _Columns) -> Bools:
    return np.asarray(columns.number("tokens") > columns.number("tokens_read"))


def _most(count: np.ndarray, of: np.ndarray | int) -> Bools:
    """Where a count is more than half."""
    return np.asarray(2 * count > of)


def _floats(column: pd.Series) -> Floats:
    return np.asarray(column.astype("Float64").to_numpy(dtype=np.float64, na_value=np.nan))
