"""From what a classifier predicted for each class to the probability of the positive class."""

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import pandas as pd
from scipy.special import expit, logsumexp, softmax

from closecall.data.io.errors import UserError
from closecall.data.predictions.classes import Classes, positive_outputs

EDGE = 1e-7
"""Probabilities nearer to 0 or 1 than this have the log-odds of this: -16.1 and 16.1."""
SUM_ROUNDING = 0.005
"""How much rounding of each probability may move the sum of a row away from 1."""
MAX_RIVALS = 20
"""The probabilities of so many negative classes are kept, those with the highest mean."""


@dataclass(frozen=True)
class ClassScores:
    """Scores of n examples for K outputs.

    `values` is n x K, nan where a score is not known (only the likeliest classes were written). `are_logits`: logits
    rather than probabilities. `in_order`: the order of the outputs is that of the classes.
    """

    names: tuple[str, ...]
    values: np.ndarray
    are_logits: bool
    in_order: bool = True


@dataclass(frozen=True)
class Folded:
    """The positive class against the rest: probability, log-odds and both logits (each n), and sentences.

    `rivals` has a row for each example: `p:CLASS` and `margin:CLASS` (log-odds of the positive class against CLASS) of
    each negative class and `rival_class`, the likeliest one. It has no columns for two outputs.
    """

    scores: dict[str, np.ndarray]
    notes: list[str] = field(default_factory=list)
    rivals: pd.DataFrame = field(default_factory=pd.DataFrame)


def log_odds(pos_probs: np.ndarray) -> np.ndarray:
    """ln(p / (1 - p)), with p clipped to EDGE .. 1 - EDGE."""
    clipped: np.ndarray = np.clip(pos_probs, EDGE, 1 - EDGE)
    odds: np.ndarray = np.log(clipped) - np.log1p(-clipped)
    return odds


def from_probabilities(pos_probs: np.ndarray, source: str) -> Folded:
    """Scores from the probability of the positive class."""
    odds, at_edge = log_odds(pos_probs), int(((pos_probs < EDGE) | (pos_probs > 1 - EDGE)).sum())
    words = "probabilities are 0 or 1, or next to it; their logits are taken as -16.1 or 16.1."
    notes = [f"{source}: {at_edge:,} {words}"] if at_edge else []
    return Folded(
        {"pos_prob": pos_probs, "logit": odds, "logit_negative": -odds / 2, "logit_positive": odds / 2}, notes
    )


def from_logits(negative: np.ndarray, positive: np.ndarray, source: str) -> Folded:
    """Scores from the logits of both classes; infinite ones are replaced."""
    pair = np.column_stack([negative, positive])
    infinite = np.isinf(pair)
    pair = np.where(infinite, np.sign(pair) * log_odds(np.ones(1)), pair)
    negative, positive = pair.T
    at_edge = int(infinite.any(axis=1).sum())
    notes = [f"{source}: {at_edge:,} logits are infinite; their logits are taken as -16.1 or 16.1."] if at_edge else []
    logit = positive - negative
    scores = {"pos_prob": expit(logit), "logit": logit, "logit_negative": negative, "logit_positive": positive}
    return Folded(scores, notes)


def fold(given: ClassScores, classes: Classes, source: str) -> Folded:
    """The positive classes against the rest.

    Logits: softmax, then the sum over the positive classes. Probabilities: the sum where rows sum to 1; otherwise each
    output has its own sigmoid and p = 1 - prod(1 - p_k). A score that is not known gets an equal part of what the
    known ones leave of 1. UserError when no output is a positive class.
    """
    outputs = positive_outputs(given.names, classes, in_order=given.in_order)
    notes = [f"{source}: {outputs.assumption}"] if outputs.assumption else []
    positive = outputs.positive
    if positive.all() or not positive.any():
        which = "all are" if positive.all() else "none is"
        raise UserError(f"{source}: of the classes with scores ({', '.join(given.names)}), {which} positive.")
    if given.are_logits:
        probs, folded = softmax(_finite(given.values), axis=1), _fold_logits(given.values, positive, source)
    else:
        probs, sums = _completed(given.values), _sum_to_one(given.values)
        pos_probs = probs[:, positive].sum(axis=1) if sums else 1 - (1 - probs[:, positive]).prod(axis=1)
        folded = from_probabilities(np.clip(pos_probs, 0, 1), source)
        if not sums:
            notes.append(f"{source}: the probabilities of a row do not sum to 1; each is taken for itself (sigmoid).")
    rivals = _rivals(probs, outputs.names, positive, folded.scores["pos_prob"]) if len(positive) > 2 else pd.DataFrame()
    return Folded(folded.scores, [*notes, *folded.notes], rivals)


def looks_like_probabilities(values: np.ndarray) -> bool:
    """Whether all numbers that are known lie between 0 and 1, rounding aside."""
    known = values[~np.isnan(values)]
    return bool(len(known)) and bool(known.min() >= -1e-5 and known.max() <= 1 + 1e-5)


def _fold_logits(values: np.ndarray, positive: np.ndarray, source: str) -> Folded:
    with np.errstate(divide="ignore", invalid="ignore"):
        sides = [logsumexp(values[:, side], axis=1) for side in (~positive, positive)]
    return from_logits(sides[0], sides[1], source)


def _finite(values: np.ndarray) -> np.ndarray:
    finite: np.ndarray = np.clip(values, -1e6, 1e6)
    return finite


def _completed(values: np.ndarray) -> np.ndarray:
    """Probabilities with the unknown ones filled: what is left of 1, in equal parts."""
    unknown = np.isnan(values)
    count = unknown.sum(axis=1)
    left = np.clip(1 - np.nansum(values, axis=1), 0, 1) / np.maximum(count, 1)
    filled: np.ndarray = np.where(unknown, left[:, None], np.clip(values, 0, 1))
    return filled


def _sum_to_one(values: np.ndarray) -> bool:
    """Whether rows sum to 1, or to less where some scores are unknown; rounding aside."""
    allowed = SUM_ROUNDING * values.shape[1]
    sums, whole = np.nansum(values, axis=1), ~np.isnan(values).any(axis=1)
    return bool((sums <= 1 + allowed).all() and (sums[whole] >= 1 - allowed).all())


def _rivals(probs: np.ndarray, names: Sequence[str], positive: np.ndarray, pos_probs: np.ndarray) -> pd.DataFrame:
    rival = np.flatnonzero(~positive)
    likeliest = np.array(names, dtype=object)[rival[probs[:, rival].argmax(axis=1)]]
    kept = sorted(rival[np.argsort(-probs[:, rival].mean(axis=0), kind="stable")][:MAX_RIVALS])
    columns: dict[str, np.ndarray] = {"rival_class": likeliest}
    for one in kept:
        ratio = np.log(np.maximum(pos_probs, EDGE)) - np.log(np.maximum(probs[:, one], EDGE))
        columns |= {f"p:{names[one]}": probs[:, one].round(6), f"margin:{names[one]}": ratio.round(4)}
    return pd.DataFrame(columns)
