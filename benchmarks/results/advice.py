"""What to do, by what the drop is made of and whether a remedy helps."""

from collections.abc import Sequence

from benchmarks.results.drop_answers import place
from benchmarks.results.measured import Fall, Sweep
from benchmarks.results.remedy_answers import worthwhile
from benchmarks.results.words import Answer, grouped
from closecall.analysis.causes.verdict import SEED_NOISE, SMALLEST_RELEVANT_DROP, decisive_parts
from closecall.analysis.formatting import listed_text


def what_to_do(sweeps: Sequence[Sweep]) -> Answer:
    """The motivating question, from the same parts and gains as the others."""
    shown = [(one, one.asked) for one in sweeps if one.asked]
    question = "What can they do?"
    if not shown:
        return Answer(question, "Not known yet: no drop was measured.", [])
    return Answer(question, grouped((_deed(one, fall), place(one, fall)) for one, fall in shown), [])


def _deed(sweep: Sweep, fall: Fall) -> str:
    """What is worth doing; the end of the phrase is a place."""
    drop, (ranking, threshold) = fall.parts.drop, decisive_parts(fall.parts)
    floor = SEED_NOISE if fall.parts.n_seeds == 1 else 0.0
    helpful = worthwhile(sweep.raced.gains) if sweep.raced else []
    also = f", and train with {listed_text(helpful)}," if helpful else ""
    if drop.high < SMALLEST_RELEVANT_DROP:
        return "nothing needs to be done, for hardly a positive is lost,"
    if ranking.low > floor and drop.low > 0:
        return f"read the missed positives, for a threshold does not give all of it back{also or ','}"
    if drop.low <= 0 or threshold.low <= 0 or ranking.high > drop.value / 2:
        return "try more test examples or more seeds before anything else,"
    return f"keep the negatives and move the threshold{also}"
