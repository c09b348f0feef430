"""Why each example is misclassified: the cause of every error at one ratio, from predictions and stored evidence.

Nothing here imports torch. Without stored evidence only the threshold and the seeds can be judged.
"""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from closecall.analysis.causes.miss_wording import CausesOfErrors, ReferenceThreshold
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
    have_suspect_label,
    null_rates,
    reference_thresholds,
)
from closecall.analysis.formatting import ratio_text
from closecall.analysis.metrics.split_check import check_splits, scores_sentences
from closecall.analysis.validation import Bools, Floats
from closecall.data.annotations.causes import AlignedEvidence, CauseEvidence, align, load_evidence
from closecall.data.experiments.remedies import NO_REMEDY
from closecall.data.experiments.run_tables import RunTable
from closecall.data.experiments.store import load_experiment
from closecall.data.io.errors import UserError
from closecall.models.results.run_predictions import RunPredictions, read_run_predictions
from closecall.models.results.valid_runs import complete_rows, valid_rows

OUTCOMES = ("fn", "fp")
FEWEST_SEEDS = 3
"""Fewer seeds cannot show that an error depends on the seed."""
NEIGHBOURS = 10
NO_EVIDENCE = "The evidence on single examples has not been computed. Run: closecall causes {experiment}"


def causes_of(
    experiment: str, *, ratio: float, outcome: str = "fn", threshold: float = 0.5, remedy: str = NO_REMEDY
) -> CausesOfErrors:
    """The causes of the errors of an experiment of this workspace. UserError without finished runs at the ratio."""
    load_experiment(experiment)
    tables = read_run_predictions(experiment)
    test = tables["test"]
    at = (test.ratios == ratio) & (test.remedies == remedy)
    evidence = load_evidence(experiment, runs=[test.runs[row] for row in np.flatnonzero(at)])
    return decide_causes(
        test, tables["validation"], evidence, ratio=ratio, outcome=outcome, threshold=threshold, remedy=remedy
    )


def decide_causes(
    test: RunPredictions,
    validation: RunTable,
    evidence: CauseEvidence | None,
    *,
    ratio: float,
    outcome: str = "fn",
    threshold: float = 0.5,
    remedy: str = NO_REMEDY,
) -> CausesOfErrors:
    """As `causes_of`, from tables of predictions and evidence. UserError as there, or for an unknown outcome.

    An example is an error when more than half of the seeds misclassify it at `threshold`. Collapsed runs are left out
    unless all runs of the ratio collapsed.
    """
    case = _case(test, ratio, outcome, threshold, remedy)
    found, missing = align(evidence, test.ids, case.runs), dict[str, str]()
    reference = _reference(case, validation, missing)
    holds = _holds(case, found, reference, missing)
    errors, correct = case.own & case.wrong, case.own & ~case.wrong
    controls = {NOT_READ: ~case.own & ~case.wrong & found.sampled}
    info, name = found.info, "positive" if case.positive else "negative"
    summary = null_rates(
        holds,
        errors,
        correct,
        controls=controls,
        training_suspects=info.training_suspects.get(name) if info else None,
        calibration=info.calibration.get(name) if info else None,
    )
    summary.insert(1, "title", [MISS_CAUSE_BY_KEY[key].title for key in summary["cause"]])
    missing = _missing(case, found) | missing
    return CausesOfErrors(
        outcome=outcome,
        ratio=ratio,
        remedy=remedy,
        threshold=threshold,
        seeds=len(case.rows),
        of=int(case.own.sum()),
        examples=_error_rows(case, found, holds, errors),
        summary=summary,
        reference=reference,
        not_measured=tuple((key, missing[key]) for key in MISS_CAUSE_BY_KEY if key in missing),
    )


@dataclass(frozen=True)
class _Case:
    """The runs of one ratio (`rows` of the table), and the class whose errors are explained.

    `ratios`: the rows of each ratio of the remedy.
    """

    test: RunPredictions
    ratio: float
    positive: bool
    threshold: float
    remedy: str
    ratios: dict[float, np.ndarray]

    @property
    def rows(self) -> np.ndarray:
        return self.ratios[self.ratio]

    @property
    def runs(self) -> list[str]:
        return [self.test.runs[row] for row in self.rows]

    @property
    def own(self) -> Bools:
        """Which examples are of the class. Shape (n,)."""
        return np.asarray(self.test.labels == (1 if self.positive else 0))

    @property
    def wrong(self) -> Bools:
        """Which examples most seeds misclassify. Shape (n,)."""
        return _most(self.wrong_seeds(self.rows), len(self.rows))

    def wrong_seeds(self, rows: np.ndarray) -> np.ndarray:
        """How many of some runs misclassify each example. Shape (n,)."""
        predicted = self.test.pos_probs[rows] >= self.threshold
        return np.asarray((predicted != (self.test.labels == 1)).sum(axis=0))

    def predicts_own(self, scores: Floats, thresholds: Floats | float) -> Bools:
        """Where scores predict the class."""
        return scores >= thresholds if self.positive else scores < thresholds


def _case(test: RunPredictions, ratio: float, outcome: str, threshold: float, remedy: str) -> _Case:
    if outcome not in OUTCOMES:
        raise UserError(
            f"{outcome!r} is not an outcome with causes. Choose fn (false negatives) or fp (false positives)."
        )
    rows = _rows_by_ratio(test, remedy, threshold)
    if ratio not in rows:
        known = ", ".join(ratio_text(one) for one in rows) or "no ratio"
        raise UserError(
            f"{test.experiment} has no finished run at {ratio_text(ratio)} with the remedy {remedy}. "
            f"It has runs at: {known}."
        )
    return _Case(test, ratio, outcome == "fn", threshold, remedy, rows)


def _rows_by_ratio(table: RunTable, remedy: str, threshold: float) -> dict[float, np.ndarray]:
    """The runs of each ratio, ratios rising: those that did not collapse, or all complete ones where all did."""
    complete = complete_rows(table, remedy=remedy)
    valid = valid_rows(table, remedy=remedy, threshold=threshold)
    rows = {}
    for ratio in sorted(set(table.ratios[complete].tolist())):
        at = table.ratios == ratio
        rows[ratio] = np.flatnonzero(valid & at if (valid & at).any() else complete & at)
    return rows


def _missing(case: _Case, found: AlignedEvidence) -> dict[str, str]:
    """What the stored evidence lacks for these runs, by cause, and why."""
    keys = (SUSPECT, NOT_READ, NOT_SIMILAR, OVERLAP)
    if found.info is None:
        return dict.fromkeys(keys, NO_EVIDENCE.format(experiment=case.test.experiment))
    stored, newer = found.info.not_measured, [run for run in case.runs if run not in found.info.runs]
    missing = {}
    for key in keys:
        parts = ("positive" if case.positive else "negative", *case.runs)
        reasons = [stored.get(key, ""), *(stored.get(f"{key}:{part}", "") for part in parts)]
        if newer and key in (NOT_READ, OVERLAP):
            reasons.append(f"The evidence was computed before {', '.join(newer)} finished.")
        if any(reasons):
            missing[key] = " ".join(dict.fromkeys(reason for reason in reasons if reason))
    return missing


def _holds(
    case: _Case, found: AlignedEvidence, reference: ReferenceThreshold | None, missing: dict[str, str]
) -> dict[str, Bools]:
    """Where each measured cause holds, (n,). For correctly classified examples: where it would, were they errors."""
    seeds, holds = len(case.rows), dict[str, Bools]()
    if reference is not None:
        recovered = case.predicts_own(case.test.pos_probs[case.rows], reference.thresholds[:, None])
        holds[THRESHOLD] = _most(recovered.sum(axis=0), seeds)
    if found.info is not None:
        holds |= _stored_holds(case, found)
    if seeds < FEWEST_SEEDS:
        missing[SEED] = f"This needs {FEWEST_SEEDS} seeds; {ratio_text(case.ratio)} has {seeds}."
    if seeds >= FEWEST_SEEDS or not holds:  # the summary needs at least one cause
        right = seeds - case.wrong_seeds(case.rows)
        holds[SEED] = (seeds >= FEWEST_SEEDS) & (5 * right >= seeds) & (5 * right <= 4 * seeds)
    return holds


def _stored_holds(case: _Case, found: AlignedEvidence) -> dict[str, Bools]:
    """Where the causes hold that need the stored evidence; those that were measured for no example are left out."""
    suspect, copy, p = (
        found.number(name) for name in ("suspect", "near_copy_label", "p_positive" if case.positive else "p_negative")
    )
    holds = {}
    if not np.isnan(suspect).all() or not np.isnan(copy).all():
        holds[SUSPECT] = have_suspect_label(suspect, copy, case.test.labels)
    if not np.isnan(found.number("tokens")).all() and (_windows(case, found)[1].any() or not found.cut.any()):
        holds[NOT_READ] = found.cut & _most(_read_correctly(case, found), len(case.rows))
    if not np.isnan(p).all():
        holds[NOT_SIMILAR] = p <= LEVEL
    tuned, frozen = found.by_run["tuned_other_of_10"], found.number("frozen_other_of_10")
    if not np.isnan(frozen).all() and not np.isnan(tuned).all():
        among = _most((tuned > NEIGHBOURS / 2).sum(axis=0), (~np.isnan(tuned)).sum(axis=0))
        # Correct examples are compared by their neighbours alone: they cannot be misclassified at every ratio.
        everywhere = np.all([_most(case.wrong_seeds(rows), len(rows)) for rows in case.ratios.values()], axis=0)
        holds[OVERLAP] = (frozen > NEIGHBOURS / 2) & among & (everywhere | ~case.wrong)
    return holds


def _windows(case: _Case, found: AlignedEvidence) -> tuple[Floats, Bools]:
    """The most favourable score of the later windows in each run, 0 where none was scored, and where one was."""
    scores = found.by_run["window_high" if case.positive else "window_low"]
    return np.nan_to_num(scores, nan=0.0), ~np.isnan(scores)


def _read_correctly(case: _Case, found: AlignedEvidence) -> np.ndarray:
    """How many runs classify a later part of each text correctly. Shape (n,)."""
    scores, scored = _windows(case, found)
    return np.asarray((case.predicts_own(scores, case.threshold) & scored).sum(axis=0))


def _reference(case: _Case, validation: RunTable, missing: dict[str, str]) -> ReferenceThreshold | None:
    """The thresholds at the reference rate; None at the reference ratio, or where validation does not allow it."""
    rate_name = "false-positive" if case.positive else "false-negative"
    baselines = case.ratios
    if case.remedy != NO_REMEDY:
        baselines = _rows_by_ratio(case.test, NO_REMEDY, case.threshold)
    if not baselines:
        missing[THRESHOLD] = "There is no finished baseline run, whose error rate is the reference."
        return None
    reference = min(baselines) if case.positive else max(baselines)
    if reference == case.ratio and case.remedy == NO_REMEDY:
        missing[THRESHOLD] = f"The {rate_name} rate of {ratio_text(reference)} is the reference itself."
        return None
    labels = validation.labels == 1
    probs, of_reference = validation.pos_probs[case.rows], validation.pos_probs[baselines[reference]]
    if not labels.any() or labels.all() or np.isnan(probs).any() or np.isnan(of_reference).any():
        missing[THRESHOLD] = "A threshold needs the predictions of validation examples of both classes."
        return None
    rows = np.concatenate([case.rows, baselines[reference]])
    check = check_splits(case.test.labels, case.test.pos_probs[rows], labels, validation.pos_probs[rows])
    if not check.usable:
        missing[THRESHOLD] = scores_sentences(check)[0]
        return None
    rate, thresholds = reference_thresholds(
        labels, probs, of_reference, threshold=case.threshold, positive=case.positive
    )
    return ReferenceThreshold(reference, rate, thresholds)


def _error_rows(case: _Case, found: AlignedEvidence, holds: dict[str, Bools], errors: Bools) -> pd.DataFrame:
    """One row for each error, the most confident first."""
    mean = case.test.pos_probs[case.rows].mean(axis=0)
    places = np.flatnonzero(errors)
    places = places[np.argsort(mean[places] if case.positive else -mean[places], kind="stable")]
    order = [key for key in MISS_CAUSE_BY_KEY if key in holds]
    held = np.array([holds[key][places] for key in order]).T
    tuned = pd.DataFrame(found.by_run["tuned_other_of_10"][:, places]).median(axis=0)
    frame = pd.DataFrame(
        {
            "id": case.test.ids[places],
            "cause": assign(holds)[places],
            "causes": [tuple(key for key, here in zip(order, row, strict=True) if here) for row in held],
            "pos_prob": mean[places],
            "wrong_seeds": case.wrong_seeds(case.rows)[places],
            "read_correctly": _read_correctly(case, found)[places],
            "tuned_others": tuned.to_numpy(),
        }
    )
    own = found.examples.iloc[places].drop(columns=["id", "label"]).reset_index(drop=True)
    return pd.concat([frame, own], axis=1)


def _most(count: np.ndarray, of: np.ndarray | int) -> Bools:
    """Where a count is more than half."""
    return np.asarray(2 * count > of)
