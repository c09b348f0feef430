"""What to do about the drop: move the threshold, use a remedy, or look at the texts."""

from collections.abc import Sequence

from benchmarks.results.drop_answers import place
from benchmarks.results.formatting import Answer, grouped
from benchmarks.results.measures import RecallDrop, Sweep
from benchmarks.results.remedy_answers import worthwhile
from closecall.analysis.causes.verdict import SMALLEST_RELEVANT_DROP
from closecall.analysis.formatting import listed_text
from closecall.analysis.ratio.changes import SEED_SD
from closecall.analysis.ratio.decomposition import decisive_parts


def what_to_do(sweeps: Sequence[Sweep]) -> Answer:
    """Answer the motivating question from the parts of the drop and the gains of the remedies."""
    shown = [(one, one.main_drop) for one in sweeps if one.main_drop]
    question = "What can they do?"
    if not shown:
        return Answer(question, "Not known yet: no drop was measured.", [])
    return Answer(
        question, grouped((_advice(one, recall_drop), place(one, recall_drop)) for one, recall_drop in shown), []
    )


def _advice(sweep: Sweep, recall_drop: RecallDrop) -> str:
    """The advice for one experiment, as a phrase to which "on <experiment>" is added."""
    drop, (ranking, threshold) = recall_drop.parts.drop, decisive_parts(recall_drop.parts)
    floor = SEED_SD if recall_drop.parts.n_seeds == 1 else 0.0
    helpful = worthwhile(sweep.remedies.gains) if sweep.remedies else []
    also = f", and train with {listed_text(helpful)}," if helpful else ""
    if drop.high < SMALLEST_RELEVANT_DROP:
        return "nothing needs to be done, for hardly a positive is lost,"
    if ranking.low > floor and drop.low > 0:
        return f"read the missed positives, for a threshold does not give all of it back{also or ','}"
    if drop.low <= 0 or threshold.low <= 0 or ranking.high > drop.value / 2:
        return "try more test examples or more seeds before anything else,"
    return f"keep the negatives and move the threshold{also}"
