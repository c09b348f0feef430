"""The causes of the errors at one ratio as a result, and the evidence on each error as sentences."""

import math
from collections.abc import Callable, Hashable, Mapping
from dataclasses import dataclass
from typing import Any

import pandas as pd

from closecall.analysis.causes.misses import (
    MISS_CAUSE_BY_KEY,
    NOT_READ,
    NOT_SIMILAR,
    OVERLAP,
    SEED,
    SUSPECT,
    THRESHOLD,
    UNEXPLAINED,
)
from closecall.analysis.formatting import (
    count_text,
    listed_text,
    p_text,
    percent_text,
    probability_text,
    ratio_text,
    share_text,
)
from closecall.analysis.metrics.outcomes import OUTCOME_NAME
from closecall.analysis.validation import Floats

Row = Mapping[Hashable, Any]
"""One row of `CausesOfErrors.examples`."""


@dataclass(frozen=True)
class ReferenceThreshold:
    """The thresholds at which a ratio has the error rate of the reference ratio, both on validation.

    `rate`: the false-positive rate of the smallest ratio for false negatives, the false-negative rate of the largest
    for false positives; mean over its seeds, 0 to 1. `thresholds` (seeds,).
    """

    ratio: float
    rate: float
    thresholds: Floats


@dataclass(frozen=True)
class CausesOfErrors:
    """The errors of most seeds at one ratio, and their causes.

    `examples`: one row for each error, the most confident first: `id`, `cause` (key), `causes` (keys of all that hold,
    in order), `pos_prob` (mean over seeds), `wrong_seeds`, `read_correctly` (seeds that classify a later part
    correctly), `tuned_others` (of its 10 nearest, those of the other class, median over seeds; nan), and the columns of
    the stored evidence. `summary`: `null_rates`, with `title`. `of`: test examples of the class. `reference`: None if
    there is none.
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


def evidence_sentences(found: CausesOfErrors, example: str) -> list[tuple[str, str]]:
    """The evidence on one error: cause key and sentence, for each cause that holds, in order.

    "unexplained" where none holds. ValueError for an example that is not an error.
    """
    rows = found.examples[found.examples["id"] == example]
    if rows.empty:
        raise ValueError(f"{example} is not among the errors.")
    return _sentences(found, rows.iloc[0].to_dict())


def causes_table(found: CausesOfErrors) -> pd.DataFrame:
    """The errors as exported: id, outcome, cause and all causes by title, evidence as text, then the numbers."""
    records = found.examples.to_dict("records")
    words = [" ".join(sentence for _, sentence in _sentences(found, row)) for row in records]
    titles = [[MISS_CAUSE_BY_KEY[key].title for key in keys] for keys in found.examples["causes"]]
    table = found.examples.assign(
        cause=[MISS_CAUSE_BY_KEY[key].title for key in found.examples["cause"]],
        causes=["; ".join(names) for names in titles],
    )
    table.insert(1, "outcome", found.outcome)
    table.insert(4, "evidence", words)
    return table.drop(columns="window_sample")


def errors_sentence(found: CausesOfErrors) -> str:
    """How many errors: "22 false negatives of 100 at 1:10, threshold 0.50, by most of 3 seeds."""
    return (
        f"{count_text(len(found.examples), OUTCOME_NAME[found.outcome])} of {found.of:,} at {ratio_text(found.ratio)}, "
        f"threshold {probability_text(found.threshold)}, by most of {count_text(found.seeds, 'seed')}."
    )


def chance_sentence(row: Row, outcome: str) -> str:
    """How often a cause holds against what chance gives: one row of `summary`; "" where it was not compared."""
    own = "positive" if outcome == "fn" else "negative"
    share, p = row["correct_share"], f"p {p_text(row['p_holm'])}"
    held = f"It holds for {share_text(row['holds'], row['of_class'])} of the test {own}s"
    if not math.isnan(row["p_holm"]):
        if row["cause"] == SUSPECT:
            return f"{held} and {row['correct']:,}/{row['of_correct']:,} of the training {own}s ({p})."
        if row["cause"] == NOT_SIMILAR:
            return f"{held} without a suspect label; 5 % are expected ({p})."
    if row["cause"] == UNEXPLAINED or math.isnan(share):
        return ""
    which = "training" if row["cause"] == SUSPECT else "correctly classified"
    text = f"It holds for {percent_text(share)} of the {which} examples"
    return f"{text}." if math.isnan(row["p_holm"]) else f"{text} ({p})."


def _sentences(found: CausesOfErrors, row: Row) -> list[tuple[str, str]]:
    return [(key, _SENTENCES[key](row, found)) for key in row["causes"] or (row["cause"],)]


def _own(found: CausesOfErrors) -> str:
    return "positive" if found.outcome == "fn" else "negative"


def _other(found: CausesOfErrors) -> str:
    return "negative" if found.outcome == "fn" else "positive"


def _threshold(row: Row, found: CausesOfErrors) -> str:
    assert found.reference is not None
    ratio, rate, thresholds = found.reference.ratio, found.reference.rate, found.reference.thresholds
    low, high = probability_text(float(thresholds.min())), probability_text(float(thresholds.max()))
    values = low if low == high else f"{low} to {high}"
    name = "false-positive" if found.outcome == "fn" else "false-negative"
    return (
        f"Mean probability {probability_text(row['pos_prob'])}. It is predicted {_other(found)} at threshold "
        f"{probability_text(found.threshold)} and {_own(found)} at {values}, the {name} rate of {ratio_text(ratio)} on "
        f"validation ({percent_text(rate)})."
    )


def _suspect(row: Row, found: CausesOfErrors) -> str:
    parts = []
    if pd.notna(row["suspect"]) and row["suspect"]:
        parts.append(
            f"The label audit gives its label a probability of {probability_text(row['self_confidence'])}. "
            f"{row['other_class_neighbours']} of its 5 nearest training texts are {_other(found)}s."
        )
    if row["near_copy"]:
        name = {"train": "training"}.get(str(row["near_copy_split"]), row["near_copy_split"])
        which = "other" if row["near_copy_label"] != int(found.outcome == "fn") else "same"
        similarity = f"Jaccard {row['near_copy_jaccard']:.2f}"
        parts.append(f"Its near copy {row['near_copy']} ({name}, {similarity}) has the {which} label.")
    return " ".join(parts)


def _not_read(row: Row, found: CausesOfErrors) -> str:
    return (
        f"The encoder read {row['tokens_read']:,} of {row['tokens']:,} tokens. "
        f"{row['read_correctly']} of {found.seeds} seeds classify a later part as {_own(found)}."
    )


def _not_similar(row: Row, found: CausesOfErrors) -> str:
    own = _own(found)
    return (
        f"Its nearest training {own}, {row[f'nearest_{own}']}, has a cosine of {row[f'{own}_cosine']:.2f}. "
        f"So few training {own}s are as far from their nearest one: p = {p_text(row[f'p_{own}'])}."
    )


def _seed(row: Row, found: CausesOfErrors) -> str:
    return f"{row['wrong_seeds']} of {found.seeds} seeds misclassify it."


def _overlap(row: Row, found: CausesOfErrors) -> str:
    return (
        f"Most seeds misclassify it at every ratio. Of its 10 nearest training texts, {row['frozen_other_of_10']} are "
        f"{_other(found)}s before fine-tuning and {row['tuned_others']:g} after."
    )


def _unexplained(row: Row, found: CausesOfErrors) -> str:
    missing = {key for key, _ in found.not_measured}
    measured = found.summary["title"][~found.summary["cause"].isin([*missing, UNEXPLAINED])].tolist()
    return f"None of these holds: {listed_text(measured).lower()}." if measured else "No cause could be measured."


_SENTENCES: dict[str, Callable[[Row, CausesOfErrors], str]] = {
    THRESHOLD: _threshold,
    SUSPECT: _suspect,
    NOT_READ: _not_read,
    NOT_SIMILAR: _not_similar,
    SEED: _seed,
    OVERLAP: _overlap,
    UNEXPLAINED: _unexplained,
}
