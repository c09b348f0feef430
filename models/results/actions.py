"""What to do first about a drop in recall: actions with their expected effect and where the number is from."""

import math
from collections.abc import Sequence

from closecall.analysis.causes.bottlenecks import Bottleneck
from closecall.analysis.causes.comparison import Comparison
from closecall.analysis.causes.miss_wording import CausesOfErrors
from closecall.analysis.causes.misses import NOT_READ, NOT_SIMILAR, OVERLAP, SEED, SUSPECT
from closecall.analysis.causes.verdict import Verdict
from closecall.analysis.causes.wording import precision_text
from closecall.analysis.formatting import count_text, percent_text, probability_text, ratio_text, rounded_up
from closecall.models.results.measures.actions import Action, actions_of_measures
from closecall.models.results.measures.measure import Measure


def next_actions(
    verdict: Verdict | None, found: CausesOfErrors | None, measures: Sequence[Measure] = ()
) -> list[Action]:
    """The actions that verdict, causes of the false negatives and measures support, the largest expected gain first.

    Failed runs come first: all else rests on them. Actions whose effect is not known come last. A cause that was
    tested and is not more frequent than by chance promises no gain.
    """
    actions = []
    if verdict is not None:
        actions += _of_verdict(verdict)
    if found is not None and found.outcome == "fn":
        actions += _of_causes(found)
        actions += actions_of_measures(measures, ratio_text(found.ratio))
    return sorted(actions, key=lambda one: (one.key != "optimisation", one.gain is None, -(one.gain or 0.0)))


def _of_verdict(verdict: Verdict) -> list[Action]:
    actions = []
    if verdict.evidence.failed:
        names = ", ".join(f"seed {run.seed} at {ratio_text(run.ratio)}" for run in verdict.evidence.failed[:3])
        effect = (
            f"{names}. The results of these ratios rest on fewer runs until then. The effect on recall is not known."
        )
        actions.append(Action("optimisation", "Train the failed runs again", effect, None, "train", {}))
    for finding in verdict.findings:
        pair = next((one for one in verdict.evidence.comparisons if one.ratio == finding.ratio), None)
        if finding.cause == "threshold" and pair is not None and pair.moved is not None:
            actions.append(_move_threshold(pair))
    if verdict.bottlenecks:
        needs = " and ".join(map(_need, verdict.bottlenecks))
        effect = f"These runs do not decide {verdict.undecided}; {needs} would in about 80 % of the cases (simulated)."
        seeds = all(one.source == "seeds" for one in verdict.bottlenecks)
        title = "Train more seeds" if seeds else "Enlarge the test set"
        actions.append(Action("undecided", title, effect, None, "train" if seeds else "data", {}))
    return actions


def _need(one: Bottleneck) -> str:
    return f"{one.needed} seeds" if one.source == "seeds" else f"about {rounded_up(one.needed)} {one.source}"


def _move_threshold(pair: Comparison) -> Action:
    moved, name = pair.moved, ratio_text(pair.ratio)
    assert moved is not None
    effect = (
        f"Recall {percent_text(moved.recall.value)} instead of {percent_text(pair.recall_b.value)}, false-positive "
        f"rate {percent_text(moved.false_positive_rate.value)} instead of {percent_text(1 - pair.specificity_b.value)} "
        f"(chosen on validation, measured on test). {precision_text(pair, moved)}"
    )
    return Action(
        "threshold",
        f"Lower the threshold of {name} to {probability_text(moved.threshold)}",
        effect,
        moved.recall.value - pair.recall_b.value,
        "confusion",
        {"ratio": name, "threshold": f"{moved.threshold:.3f}"},
    )


def _of_causes(found: CausesOfErrors) -> list[Action]:
    counts = {str(row["cause"]): row for row in found.summary.to_dict("records") if row["errors"]}
    makers = {
        SUSPECT: _check_labels,
        NOT_READ: _read_more,
        NOT_SIMILAR: _collect,
        SEED: _average_seeds,
        OVERLAP: _between,
    }
    actions = []
    for cause, make in makers.items():
        if cause in counts:
            row = counts[cause]
            tested = not math.isnan(row["p_holm"])
            actions.append(make(found, int(row["errors"]), bool(row["reported"]) or not tested))
    return actions


def _errors_query(found: CausesOfErrors, cause: str) -> dict[str, str]:
    return {"ratio": ratio_text(found.ratio), "outcome": found.outcome, "cause": cause, "seeds": "most"}


_BY_CHANCE = {
    SUSPECT: " Labels of training positives are suspect as often.",
    NOT_READ: " Later parts of true negatives are predicted positive as often.",
    NOT_SIMILAR: " Chance alone gives as many.",
}


def _by_chance(cause: str, reported: bool) -> str:
    return "" if reported else _BY_CHANCE.get(cause, "")


def _check_labels(found: CausesOfErrors, n: int, reported: bool) -> Action:
    missed = len(found.examples)
    with_them, without = 1 - missed / found.of, 1 - (missed - n) / (found.of - n)
    effect = (
        f"Recall of most seeds would be {percent_text(without)} instead of {percent_text(with_them)} without them, if "
        f"all are wrong labels.{_by_chance(SUSPECT, reported)}"
    )
    gain = without - with_them if reported else None
    title = f"Check the labels of {count_text(n, 'missed positive')}"
    return Action(SUSPECT, title, effect, gain, "errors", _errors_query(found, SUSPECT))


def _read_more(found: CausesOfErrors, n: int, reported: bool) -> Action:
    effect = (
        f"A later part of the text is classified correctly for {count_text(n, 'missed positive')} (scored again). Up "
        f"to {100 * n / found.of:.1f} points of recall, for slower training.{_by_chance(NOT_READ, reported)}"
    )
    gain = n / found.of if reported else None
    return Action(NOT_READ, "Read more tokens of each text", effect, gain, "errors", _errors_query(found, NOT_READ))


def _collect(found: CausesOfErrors, n: int, reported: bool) -> Action:
    effect = (
        f"No training positive is similar to {count_text(n, 'missed positive')}. The effect of positives "
        f"like these is not known.{_by_chance(NOT_SIMILAR, reported)}"
    )
    return Action(
        NOT_SIMILAR, "Collect positives like these", effect, None, "errors", _errors_query(found, NOT_SIMILAR)
    )


def _average_seeds(found: CausesOfErrors, n: int, reported: bool) -> Action:
    effect = f"Some seeds find {count_text(n, 'missed positive')}. The effect of averaging seeds is not known."
    return Action(
        SEED, "Average the probabilities of several seeds", effect, None, "errors",
        _errors_query(found, SEED),
    )  # fmt: skip


def _between(found: CausesOfErrors, n: int, reported: bool) -> Action:
    effect = (
        f"Training negatives surround {count_text(n, 'missed positive')} at every ratio. The effect of sharper class "
        f"definitions is not known."
    )
    return Action(OVERLAP, "Read the texts between the classes", effect, None, "errors", _errors_query(found, OVERLAP))
