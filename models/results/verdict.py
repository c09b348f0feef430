"""The verdict on an experiment, for the pages, the terminal and the report, without torch."""

from dataclasses import asdict, replace
from typing import Any

from closecall.analysis.causes.comparison import Comparison
from closecall.analysis.causes.evidence import gather_evidence
from closecall.analysis.causes.verdict import CAUSE_BY_KEY, Finding, Verdict, reach_verdict
from closecall.analysis.formatting import ratio_text
from closecall.analysis.metrics.split_check import SplitCheck
from closecall.analysis.ratio.decomposition import Decomposition
from closecall.data.experiments.run_tables import RunTable
from closecall.data.experiments.runs import load_runs
from closecall.data.experiments.store import load_experiment
from closecall.data.io.errors import UserError
from closecall.models.results.ratio_pairs import LARGE, decomposed
from closecall.models.results.run_predictions import read_run_predictions
from closecall.models.results.valid_runs import ValidRuns, complete_rows, valid_runs


def decide_verdict(test: RunTable, validation: RunTable) -> Verdict | None:
    """The verdict on the runs of two splits. None without baseline runs at two ratios or without both test classes."""
    rows = complete_rows(test)
    if len(set(test.ratios[rows].tolist())) < 2 or len(set(test.labels.tolist())) < 2:
        return None
    both = len(set(validation.labels.tolist())) == 2
    return reach_verdict(
        gather_evidence(
            test.labels,
            test.pos_probs[rows],
            test.ratios[rows],
            test.seeds[rows],
            val_labels=validation.labels if both else None,
            val_pos_probs=validation.pos_probs[rows] if both else None,
            draws=200 if test.pos_probs[rows].size > LARGE else 500,
        )
    )


def verdict_on(experiment: str) -> Verdict:
    """The verdict on an experiment of this workspace. UserError where runs at two ratios are still missing."""
    load_experiment(experiment)
    tables = read_run_predictions(experiment)
    verdict = decide_verdict(tables["test"], tables["validation"])
    if verdict is None:
        ratios = sorted(set(tables["test"].ratios.tolist()))
        have = ", ".join(ratio_text(ratio) for ratio in ratios) or "no ratio"
        raise UserError(
            f"A verdict compares ratios, on test examples of both classes; {experiment} has finished runs at {have}. "
            f"See how far it is: closecall status {experiment}"
        )
    return verdict


def verdict_content(experiment: str, verdict: Verdict) -> dict[str, Any]:
    """The verdict as plain values, for scripts: shares and points as numbers between 0 and 1, with their intervals.

    `comparisons` has each ratio against the smallest; `comparison` is the one with the largest ratio. Its `parts`, the
    decomposition of its drop, have three values under their former names too: `seed_reach` (seed_half_width),
    `flagged_a` and `flagged_b` (false_positives_a, false_positives_b).
    """
    config, evidence = load_experiment(experiment), verdict.evidence
    pairs = [_pair_content(one, None) for one in evidence.comparisons[:-1]]
    if evidence.comparison is not None:
        pairs.append(_pair_content(evidence.comparison, _parts(experiment, verdict)))
    unfinished = [run.name for run in load_runs(experiment) if not run.has_predictions]
    return {
        "experiment": experiment,
        "title": config.title,
        "headline": verdict.headline,
        "test_positives": evidence.n_positives,
        "test_negatives": evidence.n_negatives,
        "runs": evidence.n_runs,
        "runs_without_predictions": unfinished,
        "collapsed_ratios": list(evidence.collapsed_ratios),
        "failed_runs": [asdict(run) for run in evidence.failed],
        "findings": [
            {**asdict(one), "name": CAUSE_BY_KEY[one.cause].title, "sentences": list(one.sentences)}
            for one in verdict.findings
        ],
        "undecided": verdict.undecided,
        "bottlenecks": [asdict(one) for one in verdict.bottlenecks],
        "positives_needed": verdict.positives_needed,
        "validation": _check_content(evidence.validation) if evidence.validation else None,
        "comparison": pairs[-1] if pairs else None,
        "comparisons": pairs,
    }


def _parts(experiment: str, verdict: Verdict) -> Decomposition | None:
    """The decomposition of the drop at the largest ratio, without failed runs; None without shared seeds."""
    pair = verdict.evidence.comparison
    if pair is None:
        return None
    failed = {(run.ratio, run.seed) for run in verdict.evidence.failed}
    test, validation = (_without(one, failed) for one in valid_runs(experiment))
    return decomposed(test, validation, pair.reference_ratio, pair.ratio)


def _without(runs: ValidRuns, failed: set[tuple[float, int]]) -> ValidRuns:
    kept = [run not in failed for run in zip(runs.ratios.tolist(), runs.seeds.tolist(), strict=True)]
    return replace(runs, ratios=runs.ratios[kept], seeds=runs.seeds[kept], pos_probs=runs.pos_probs[kept])


def _check_content(check: SplitCheck) -> dict[str, Any]:
    return asdict(check) | {"usable": check.usable}


def _pair_content(pair: Comparison, parts: Decomposition | None) -> dict[str, Any]:
    content = asdict(pair)
    for name in ("drop", "specificity_gain", "ranking_drop", "auc_drop", "regained"):
        content[name] |= asdict(getattr(pair, name).estimate())
    if pair.moved is not None:
        content["moved"]["gain"] |= asdict(pair.moved.gain.estimate())
    if parts is None:
        return content | {"parts": None}
    former = {"seed_reach": "seed_half_width", "flagged_a": "false_positives_a", "flagged_b": "false_positives_b"}
    return content | {"parts": asdict(parts) | {old: getattr(parts, name) for old, name in former.items()}}


def verdict_words(verdict: Verdict) -> list[str]:
    """The verdict as lines to read: the headline, then each finding."""
    return [verdict.headline, *(finding_text(finding) for finding in verdict.findings)]


def finding_text(finding: Finding) -> str:
    """A finding in one paragraph: its name, its ratio, its confidence, its sentences."""
    at = f", {ratio_text(finding.ratio)}" if finding.ratio is not None else ""
    title = CAUSE_BY_KEY[finding.cause].title
    return f"{title} ({finding.confidence} confidence{at}). {' '.join(finding.sentences)}"
