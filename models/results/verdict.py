"""The verdict on an experiment, for the pages, the terminal and the report, without torch."""

from dataclasses import asdict
from typing import Any

from closecall.analysis.causes.evidence import Comparison, gather_evidence
from closecall.analysis.causes.verdict import (
    CAUSE_BY_KEY,
    NOT_MEASURED,
    Finding,
    Verdict,
    reach_verdict,
    recall_sentence,
)
from closecall.analysis.formatting import ratio_text
from closecall.data.experiments.run_tables import RunTable
from closecall.data.experiments.runs import load_runs
from closecall.data.experiments.store import load_experiment
from closecall.data.io.errors import UserError
from closecall.models.results.run_predictions import read_run_predictions
from closecall.models.results.valid_runs import complete_rows

LARGE = 200_000
"""Predictions from which on fewer bootstrap draws are made, to keep the time at about a second."""


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

    `comparison.parts` has three values under their former names too: `seed_reach` (seed_half_width), `flagged_a` and
    `flagged_b` (false_positives_a, false_positives_b).
    """
    config, evidence = load_experiment(experiment), verdict.evidence
    unfinished = [run.name for run in load_runs(experiment) if not run.has_predictions]
    return {
        "experiment": experiment,
        "title": config.title,
        "test_positives": evidence.n_positives,
        "test_negatives": evidence.n_negatives,
        "runs": evidence.n_runs,
        "runs_without_predictions": unfinished,
        "collapsed_ratios": list(evidence.collapsed_ratios),
        "findings": [
            {**asdict(one), "name": CAUSE_BY_KEY[one.cause].title, "sentences": own_sentences(verdict, one)}
            for one in verdict.findings
        ],
        "positives_needed": verdict.positives_needed,
        "comparison": _pair_content(evidence.comparison) if evidence.comparison else None,
        "not_measured": dict(NOT_MEASURED),
    }


def _pair_content(pair: Comparison) -> dict[str, Any]:
    content = asdict(pair)
    parts = content["parts"]
    former = {"seed_reach": "seed_half_width", "flagged_a": "false_positives_a", "flagged_b": "false_positives_b"}
    return content | {"parts": parts | {old: parts[name] for old, name in former.items()}}


def verdict_words(verdict: Verdict) -> list[str]:
    """The verdict as lines to read: recall, then each finding, then what was not measured."""
    lines = []
    if verdict.evidence.comparison is not None:
        lines.append(recall_sentence(verdict.evidence, verdict.evidence.comparison))
    lines += [finding_text(verdict, finding) for finding in verdict.findings]
    lines.append(f"Not measured here: {', '.join(NOT_MEASURED)}.")
    return lines


def own_sentences(verdict: Verdict, finding: Finding) -> list[str]:
    """The sentences of a finding without the one on recall, which all findings share."""
    pair = verdict.evidence.comparison
    shared = recall_sentence(verdict.evidence, pair) if pair is not None else ""
    return [sentence for sentence in finding.sentences if sentence != shared]


def finding_text(verdict: Verdict, finding: Finding) -> str:
    """A finding in one paragraph: its name, its confidence, its own sentences."""
    sentences = " ".join(own_sentences(verdict, finding))
    return f"{CAUSE_BY_KEY[finding.cause].title} ({finding.confidence} confidence). {sentences}"
