"""What the cells of a table say about each example's classes, read before the positive classes are known."""

import re
from collections.abc import Callable, Sequence
from itertools import takewhile

import numpy as np
import pandas as pd

from closecall.data.io.errors import UserError
from closecall.data.predictions.cells import (
    clipped,
    filled_cells,
    logits,
    place,
    probabilities,
    score_list,
)
from closecall.data.predictions.class_scores import (
    ClassScores,
    Folded,
    fold,
    from_logits,
    from_probabilities,
    looks_like_probabilities,
)
from closecall.data.predictions.classes import NEGATIVE_WORDS, Classes, plain_label, positive_outputs
from closecall.data.predictions.columns import PredictionColumns
from closecall.data.readers.table import RawTable

Given = Callable[[Classes], Folded]
"""Scores as read: the scores of the positive class against the rest, once the positive classes are chosen."""
_SEPARATORS = re.compile(r"[^0-9A-Za-z]")


def given_scores(table: RawTable, columns: PredictionColumns) -> Given:
    """Read the columns that say what the classifier predicted. UserError for the first bad cell."""
    if columns.probability:
        return _from_probability(table, columns.probability)
    if columns.logit:
        halves = logits(table, columns.logit, "a number (log-odds)") / 2
        return lambda classes: from_logits(-halves, halves, table.source)
    if columns.logit_positive:
        pair = [logits(table, name, "a number (logit)") for name in (columns.logit_negative, columns.logit_positive)]
        return lambda classes: from_logits(pair[0], pair[1], table.source)
    if columns.classes:
        return _from_classes(table, columns.classes)
    return _from_lists(table, columns.scores) if columns.scores else _from_answers(table, columns)


def class_names(columns: Sequence[str], classes: Sequence[str]) -> tuple[str, ...]:
    """The class of each column: its name without the words that all share ("prob_mac", "prob_pc": mac and pc).

    Where the shared part can end at several places, the one that leaves names of `classes` counts.
    """
    front = _shared_start(columns)
    back = _shared_start([name[::-1] for name in columns])[::-1]
    known = {plain_label(one) for one in classes}
    cuts = [found.end() for found in _SEPARATORS.finditer(front)][::-1]
    if all(name[len(front) :].isdigit() for name in columns):
        cuts.insert(0, len(front))
    ends = [len(back) - found.start() for found in _SEPARATORS.finditer(back)]
    candidates = [tuple(name[cut:] for name in columns) for cut in [*cuts, 0]]
    candidates += [tuple(name[: len(name) - end] for name in columns) for end in ends]
    matching = [one for one in candidates if len({plain_label(name) for name in one} & known) > 1]
    return matching[0] if matching else candidates[0] if cuts or not ends else candidates[-len(ends)]


def _shared_start(words: Sequence[str]) -> str:
    letters = takewhile(lambda column: len(set(column)) == 1, zip(*words, strict=False))
    return "".join(column[0] for column in letters)


def _from_probability(table: RawTable, column: str) -> Given:
    """The probability of the positive class, or of the class that the column's name ends with."""
    values, notes = probabilities(table, column)

    def folded(classes: Classes) -> Folded:
        end = plain_label(re.split(r"[^0-9A-Za-z]", column)[-1])
        own = {plain_label(one) for one in classes.negatives} | ({*NEGATIVE_WORDS} if classes.are_plain else set())
        if len(classes.negatives) != 1 or end not in own or end in {plain_label(one) for one in classes.positives}:
            return _with_notes(from_probabilities(values, table.source), notes)
        turned = f"{table.source}: column {column} is taken for the negative class, so p(positive) is 1 minus it."
        return _with_notes(from_probabilities(1 - values, table.source), [*notes, turned])

    return folded


def _from_classes(table: RawTable, columns: Sequence[str]) -> Given:
    values = np.column_stack([logits(table, name, "a number") for name in columns])
    are_logits = any("logit" in name.casefold() for name in columns)
    return _from_matrix(values, are_logits, table.source, lambda classes: class_names(columns, classes.values))


def _from_matrix(
    values: np.ndarray, are_logits: bool, source: str, names: Callable[[Classes], tuple[str, ...]]
) -> Given:
    """Probabilities or logits of each output (n x K); logits also when numbers are outside 0 to 1."""
    notes: list[str] = []
    if not are_logits and not looks_like_probabilities(values):
        are_logits, notes = True, [f"{source}: scores outside 0 to 1 are taken as logits."]
    if not are_logits:
        values, notes = clipped(values, source)
    if values.shape[1] == 1:
        return lambda classes: _with_notes(_one_output(values[:, 0], are_logits, source), notes)
    return lambda classes: _with_notes(fold(ClassScores(names(classes), values, are_logits), classes, source), notes)


def _one_output(values: np.ndarray, are_logits: bool, source: str) -> Folded:
    note = (
        f"{source}: the one output is taken as the {'log-odds' if are_logits else 'probability'} of the positive class."
    )
    folded = from_logits(-values / 2, values / 2, source) if are_logits else from_probabilities(values, source)
    return _with_notes(folded, [note])


def _from_lists(table: RawTable, column: str) -> Given:
    """A column of lists: numbers for each class, or classes with their scores."""
    lists = _lists(table, column)
    names = list(dict.fromkeys(name for one in lists for name, _ in one))
    are_plain = not any('"' in cell or "'" in cell for cell in table.frame[column].dropna().head(20))
    if are_plain or all(len(one) > 1 for one in lists):
        at = {name: number for number, name in enumerate(names)}
        values = np.full((len(lists), len(names)), np.nan)
        for row, one in enumerate(lists):
            for name, score in one:
                values[row, at[name]] = score
        if are_plain:
            _check_even(table, column, lists)
            return _from_matrix(values, "logit" in column.casefold(), table.source, lambda classes: tuple(names))
        probs, notes = _probabilities_or_logits(values, table.source)
        scores = ClassScores(tuple(names), probs, bool(notes), in_order=False)
        return lambda classes: _with_notes(fold(scores, classes, table.source), notes)
    answers = pd.Series([max(one, key=lambda pair: pair[1])[0] for one in lists], dtype=object)
    return _top_scores(answers, np.array([max(score for _, score in one) for one in lists]), table.source)


def _probabilities_or_logits(values: np.ndarray, source: str) -> tuple[np.ndarray, list[str]]:
    if looks_like_probabilities(values):
        return np.clip(values, 0, 1), []
    return values, [f"{source}: scores outside 0 to 1 are taken as logits."]


def _lists(table: RawTable, column: str) -> list[list[tuple[str, float]]]:
    lists = []
    for row, cell in enumerate(filled_cells(table, column, "list of scores")):
        try:
            lists.append(score_list(cell))
        except ValueError:
            shown = f"{cell[:60]}..." if len(cell) > 60 else cell
            raise UserError(
                f"{place(table, row, column)} {shown!r} is not a list of scores, such as [0.1, 0.9]. "
                "Correct the cell, or choose another column."
            ) from None
    return lists


def _check_even(table: RawTable, column: str, lists: Sequence[Sequence[tuple[str, float]]]) -> None:
    for row, one in enumerate(lists):
        if len(one) != len(lists[0]) or any(score != score for _, score in one):
            raise UserError(
                f"{place(table, row, column)} the list has {len(one)} numbers, the first one {len(lists[0])}. "
                "Each row needs a number for each class, none of them missing."
            )


def _from_answers(table: RawTable, columns: PredictionColumns) -> Given:
    """The predicted class, with its probability or without."""
    answers = filled_cells(table, columns.answer, "predicted class")
    if columns.score:
        values, notes = probabilities(table, columns.score)
        given = _top_scores(answers, values, table.source)
        return lambda classes: _with_notes(given(classes), notes)

    def folded(classes: Classes) -> Folded:
        is_positive, assumption, _ = _answers(answers, classes)
        notes = [f"{table.source}: {assumption}"] if assumption else []
        notes.append(f"{table.source}: there are only predicted classes, so probabilities are 0 or 1 and no threshold "
                     "can be chosen.")  # fmt: skip
        return _with_notes(Folded(from_probabilities(is_positive.astype(float), "").scores), notes)

    return folded


def _top_scores(answers: pd.Series, scores: np.ndarray, source: str) -> Given:
    """Predicted classes with their scores; the other classes share what is left of 1.

    Scores that fall below every positive answer's where the answer is negative are those of the positive class.
    """

    def folded(classes: Classes) -> Folded:
        is_positive, assumption, names = _answers(answers, classes)
        notes = [f"{source}: {assumption}"] if assumption else []
        if (scores < 0.5 - 1e-6).any():
            if is_positive.all() or not is_positive.any():
                notes.append(f"{source}: every answer is {answers.iloc[0]!r}, with scores below 0.50: the score of the "
                             "one output is taken as the probability of the positive class.")  # fmt: skip
                return _with_notes(from_probabilities(scores, source), notes)
            if scores[~is_positive].max() <= scores[is_positive].min():
                notes.append(f"{source}: the scores are low where the answer is negative, so they are taken as the "
                             "probability of the positive class.")  # fmt: skip
                return _with_notes(from_probabilities(scores, source), notes)
            if len(names) == 2:
                raise UserError(
                    f"{source}: some scores of the predicted class are below 0.50, which cannot be with two classes. "
                    "If the score is the probability of the positive class, choose it as such."
                )
        at = {name: number for number, name in enumerate(names)}
        values = np.full((len(scores), len(names)), np.nan)
        values[np.arange(len(scores)), [at[one] for one in answers]] = scores
        notes.append(_top_note(source, len(names)))
        done = fold(ClassScores(tuple(names), values, are_logits=False, in_order=False), classes, source)
        rivals = done.rivals
        if len(names) > 2:  # the other classes share the rest equally, so only a negative answer names a rival
            rivals = pd.DataFrame({"rival_class": np.where(is_positive, "", done.rivals["rival_class"])})
        return Folded(done.scores, [*notes, *done.notes[bool(assumption) :]], rivals)

    return folded


def _top_note(source: str, n_classes: int) -> str:
    if n_classes == 2:
        return f"{source}: the score belongs to the predicted class; p(positive) is 1 minus it where that is negative."
    return f"{source}: only the score of the predicted class is known; the other classes share the rest equally."


def _answers(answers: pd.Series, classes: Classes) -> tuple[np.ndarray, str, list[str]]:
    """Which answers are a positive class, what was assumed, and the names of all outputs, also of those never given."""
    names = list(dict.fromkeys(answers))
    plain = {plain_label(one): one for one in names}
    values = {plain_label(one): one for one in classes.values}
    if all(one.isdigit() for one in plain) and not set(plain) <= set(values):
        last = max(map(int, plain))
        count = 2 if last < 2 else max(last + 1, len(values))
        names = [plain.get(str(number), str(number)) for number in range(count)]
    elif set(plain) <= set(values):
        names += [value for one, value in values.items() if one not in plain]
    outputs = positive_outputs(names, classes, in_order=False)
    positive = {name for name, says in zip(names, outputs.positive, strict=True) if says}
    return answers.isin(positive).to_numpy(), outputs.assumption, names


def _with_notes(folded: Folded, notes: Sequence[str]) -> Folded:
    return Folded(folded.scores, [*notes, *folded.notes], folded.rivals)
