"""Whether a probability means what it says, and what it must become elsewhere."""

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike
from scipy.optimize import brentq, minimize
from scipy.special import expit, logit

from closecall.analysis.metrics.ranking import class_weights
from closecall.analysis.validation import Floats, as_labels, as_probs, as_runs, as_scores, as_share, both_classes

# Probabilities this near 0 or 1 are rounding, not belief.
_EDGE = 1e-7


@dataclass(frozen=True)
class CalibrationError:
    """Expected calibration error of the positive class's probability: all, and by what the run predicted. 0 to 1."""

    overall: float
    predicted_positive: float
    predicted_negative: float


def log_odds(pos_probs: ArrayLike) -> Floats:
    """Which logit belongs to a probability? ln[p/(1 - p)], any shape, held finite at p within 1e-7 of 0 and 1."""
    return logit(np.clip(np.asarray(pos_probs, dtype=np.float64), _EDGE, 1 - _EDGE))


def probabilities(logits: ArrayLike) -> Floats:
    """Which probability belongs to a logit? 1/(1 + exp(-logit)), any shape."""
    return expit(np.asarray(logits, dtype=np.float64))


def _loss(positive: np.ndarray, logits: Floats, weights: Floats) -> float:
    # log(1 + exp(-s z)) with s = +1 for a positive and -1 for a negative.
    return float(weights @ np.logaddexp(0, np.where(positive, -logits, logits)))


def temperature(labels: ArrayLike, logits: ArrayLike, *, q: float | None = None) -> float:
    """By which number must validation logits be divided to be as honest as one number can make them?

    The T in .01 to 100 with the least negative log-likelihood (Guo 2017). q is the prevalence the run was trained at:
    where the validation set has another, its classes are weighted to q, or T would be bent to mend a prior it cannot.
    Shapes (n,). Above 1: over-confident.
    """
    positive = both_classes(labels)
    values = as_scores(logits, len(positive), name="logits")
    weights = class_weights(positive, q=q)
    found = float((weights * values) @ positive)

    def descent(slope: float) -> float:
        """Derivative of the loss by 1/T; it rises with the slope, as the loss is convex in it."""
        return float((weights * values) @ expit(slope * values)) - found

    steepest, flattest = 100.0, 0.01
    if descent(flattest) >= 0:
        return 1 / flattest
    if descent(steepest) <= 0:
        return 1 / steepest
    return 1 / float(brentq(descent, flattest, steepest, xtol=1e-9, rtol=1e-9))


def slopes(labels: ArrayLike, logits: ArrayLike, *, q: float) -> tuple[Floats, Floats]:
    """By which numbers must each run's validation logits be multiplied, and how do these vary together?

    Slopes 1/T of `temperature` (runs,) and their covariance (runs, runs) over other validation examples: the sandwich
    J C J of an M-estimator (Huber 1967), C the covariance of the weighted scores w z (y - p) summed class by class, J
    the inverse of the summed w z^2 p (1 - p). `logits` (runs, n) or (n,).
    """
    positive = both_classes(labels)
    runs = as_runs(logits, len(positive), name="logits")
    weights = class_weights(positive, q=q)
    found = np.array([1 / temperature(positive, row, q=q) for row in runs])
    probs = expit(runs * found[:, None])
    scores = weights * runs * (positive - probs)
    bend = (weights * runs**2 * probs * (1 - probs)).sum(axis=1)
    centred = [scores[:, own] - scores[:, own].mean(axis=1, keepdims=True) for own in (positive, ~positive)]
    covariance = sum(part @ part.T for part in centred)
    return found, covariance / np.maximum(np.outer(bend, bend), 1e-300)


def platt(labels: ArrayLike, logits: ArrayLike, *, q: float | None = None) -> tuple[float, float]:
    """Which slope and intercept make validation logits honest, where a loss or re-sampling also moved the prior?

    (a, b) of a logit + b with the least negative log-likelihood and a >= 0 (Platt 1999, without his smoothing); q as in
    `temperature`, here the prevalence to be honest at. Shapes (n,).
    """
    positive = both_classes(labels)
    values = as_scores(logits, len(positive), name="logits")
    weights = class_weights(positive, q=q)

    def loss(line: Floats) -> tuple[float, Floats]:
        straight = line[0] * values + line[1]
        residual = weights * (expit(straight) - positive)
        return _loss(positive, straight, weights), np.array([residual @ values, residual.sum()])

    best = minimize(loss, np.array([1.0, 0.0]), jac=True, bounds=[(0.0, 100.0), (-100.0, 100.0)], method="L-BFGS-B")
    return float(best.x[0]), float(best.x[1])


def reliability_table(labels: ArrayLike, pos_probs: ArrayLike, *, bins: int = 10) -> pd.DataFrame:
    """Of the examples said to be positive with probability p, are a share p positive?

    One row for each of the equal-width bins that holds examples: `low, high, n, mean_prob, positive_share, gap` with
    gap = mean_prob - positive_share (above 0: too sure of positives). Shapes (n,). At the sample's own prevalence.
    """
    positive = as_labels(labels)
    probs = as_probs(pos_probs, len(positive))[0]
    if bins < 2:
        raise ValueError("A reliability table needs at least two bins.")
    place = np.minimum((probs * bins).astype(np.int64), bins - 1)
    n = np.bincount(place, minlength=bins)
    used = n > 0
    mean_prob = np.bincount(place, probs, bins)[used] / n[used]
    share = np.bincount(place, positive, bins)[used] / n[used]
    edges = np.linspace(0, 1, bins + 1)
    columns = {"low": edges[:-1][used], "high": edges[1:][used], "n": n[used], "mean_prob": mean_prob}
    return pd.DataFrame({**columns, "positive_share": share, "gap": mean_prob - share})


def calibration_error(labels: ArrayLike, pos_probs: ArrayLike, *, bins: int = 10) -> CalibrationError:
    """How far off are the probabilities on average, and is it the predicted positives or the predicted negatives?

    Mean |gap| of `reliability_table` weighted by n (Naeini 2015); with two classes it is the same for both, so it is
    parted by prediction instead: the bins from .5 up and those below. Even `bins`; nan for a part without examples.
    """
    if bins % 2:
        raise ValueError("The number of bins must be even, so that .5 lies between two of them.")
    table = reliability_table(labels, pos_probs, bins=bins)
    upper = table["low"] >= 0.5 - 1e-12
    parts = [table, table[upper], table[~upper]]
    errors = [float((part["n"] * part["gap"].abs()).sum() / part["n"].sum()) if len(part) else np.nan for part in parts]
    return CalibrationError(*errors)


def shift_prior(logits: ArrayLike, *, trained_at: float, q: float) -> Floats:
    """Which logits would the run give had it been trained at prevalence q?

    logit + ln[q/(1 - q)] - ln[pi/(1 - pi)] with pi = trained_at; any shape (Saerens 2002). Calibrate first.
    """
    old, new = as_share(trained_at, name="The training prevalence"), as_share(q, name="The prevalence")
    return np.asarray(logits, dtype=np.float64) + float(logit(new) - logit(old))


def undo_undersampling(pos_probs: ArrayLike, *, kept: float) -> Floats:
    """Which probabilities would the run give had no negative been dropped?

    p = b p_s/((b - 1) p_s + 1), b the share of negatives kept, 0 < b <= 1; any shape (Dal Pozzolo 2015).
    """
    if not 0 < kept <= 1:
        raise ValueError(f"The share of negatives kept is {kept:g}; it must be above 0 and at most 1.")
    probs = np.asarray(pos_probs, dtype=np.float64)
    return kept * probs / ((kept - 1) * probs + 1)
