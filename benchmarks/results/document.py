"""The whole text of docs/results.md."""

import textwrap
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace

from benchmarks.results.advice import what_to_do
from benchmarks.results.drop_answers import close_against_distant, threshold_share
from benchmarks.results.formatting import Answer, pair, table
from benchmarks.results.measures import Sweep
from benchmarks.results.provenance import missing, provenance
from benchmarks.results.remedy_answers import loss_helps, one_class_is_worse, simpler_is_better
from benchmarks.results.tables import section
from closecall.analysis.formatting import ratio_text, sentence_text

WIDTH = 120
QUESTIONS = (what_to_do, close_against_distant, threshold_share, loss_helps, one_class_is_worse, simpler_is_better)
INTRODUCTION = (
    "# What more negatives do to a classifier",
    "",
    "Someone fine-tunes a BERT on two kinds of posts. With equal classes it is right on 92 % of both; with ten "
    "negatives for each positive on 98 % of the negatives and 80 % of the positives. What can they do? Here the "
    "question is put to real texts: the training positives stay, negatives are added, and one fixed test set judges "
    "every run.",
    "",
    "Recall is that of the positives, specificity that of the negatives. Intervals "
    "are 95 %, over test examples and seeds together. A difference counts when its interval leaves out 0; one of "
    "remedies must also hold after Holm and exceed seed noise. `python -m benchmarks.results` wrote this page "
    "from the runs.",
    "",
)


def document(sweeps: Sequence[Sweep], command: str) -> str:
    """The Markdown text: answers, one section for each experiment, how it was made, what is missing."""
    names = Counter(one.short_name for one in sweeps)
    shown = [
        one if names[one.short_name] == 1 else replace(one, short_name=f"{one.short_name} ({one.config.id})")
        for one in sweeps
    ]
    lines = [*INTRODUCTION, "## In short", "", *_summary(shown)]
    for question in QUESTIONS:
        lines += _answered(question(shown))
    for one in shown:
        lines += section(one)
    lines += [*provenance(shown, command), *missing(shown)]
    return "\n".join(map(_wrapped, lines)).rstrip() + "\n"


def _summary(sweeps: Sequence[Sweep]) -> list[str]:
    """A table of recall and specificity of every experiment, before and after moving the threshold."""
    shown = [(one, one.main_drop) for one in sweeps if one.main_drop]
    if not shown:
        return ["No two ratios can be compared yet.", ""]
    header = (
        "recall / specificity, %",
        "fewest negatives",
        "more negatives",
        "the same, at the first's false-positive rate",
        "the same, at its best threshold",
    )
    rows = [
        (
            sentence_text(sweep.short_name),
            f"{ratio_text(recall_drop.first.ratio)}: {pair(recall_drop.first.measures.at_half)}",
            f"{ratio_text(recall_drop.level.ratio)}: {pair(recall_drop.level.measures.at_half)}",
            pair(recall_drop.moved),
            pair(recall_drop.level.measures.at_own),
        )
        for sweep, recall_drop in shown
    ]
    note = (
        "The first two are at threshold 0.50. The others are the second classifier with its threshold moved, on "
        "validation: to "
        "the false-positive rate of the first, or to the best mean of recall and specificity."
    )
    return [*table(header, rows), note, ""]


def _answered(answer: Answer) -> list[str]:
    lines = [f"### {answer.question}", "", f"**{answer.headline}**", ""]
    return [*lines, *(f"- {one}" for one in answer.points), ""] if answer.points else lines


def _wrapped(line: str) -> str:
    """Wrap sentences at WIDTH; leave tables, headings and commands unchanged."""
    if line.startswith(("|", "#", "    ")):
        return line
    indent = "  " if line.startswith("- ") else ""
    held = line.replace(" %", "\u00a0%")
    lines = textwrap.fill(held, WIDTH, subsequent_indent=indent, break_long_words=False, break_on_hyphens=False)
    return lines.replace("\u00a0%", " %")
