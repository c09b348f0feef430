"""Calibration of probabilities: temperature, Platt scaling, reliability, and prior shift."""

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike
from scipy.optimize import brentq, minimize
from scipy.special import expit, logit

from closecall.analysis.metrics.ranking import class_weights
from closecall.analysis.validation import Floats, as_labels, as_probs, as_runs, as_scores, as_share, both_classes

# Probabilities are held this far from 0 and 1, so that log-odds stay finite.
_EDGE = 1e-7


@dataclass(frozen=True)
class CalibrationError:
    """Expected calibration error of the positive probability, 0 to 1: over all examples and by predicted class."""

    overall: float
    predicted_positive: float
    predicted_negative: float


def log_odds(pos_probs: ArrayLike) -> Floats:
    """Logit ln[p/(1 - p)], any shape; p is clipped to 1e-7 ... 1 - 1e-7."""
    return np.asarray(logit(np.clip(np.asarray(pos_probs, dtype=np.float64), _EDGE, 1 - _EDGE)))


def probabilities(logits: ArrayLike) -> Floats:
    """Probability 1/(1 + exp(-logit)), any shape."""
    return np.asarray(expit(np.asarray(logits, dtype=np.float64)))


def _loss(positive: np.ndarray, logits: Floats, weights: Floats) -> float:
    # log(1 + exp(-s z)) with s = +1 for a positive and -1 for a negative.
    return float(weights @ np.logaddexp(0, np.where(positive, -logits, logits)))


def temperature(labels: ArrayLike, logits: ArrayLike, *, q: float | None = None) -> float:
    """The temperature T that calibrates validation logits: logit / T has the least negative log-likelihood (Guo 2017).

    Shapes (n,); T in 0.01 to 100, above 1 for over-confident logits. `q`: prevalence at which the run was trained.
    Where validation has another prevalence its classes are weighted to q, because T cannot correct a prior.
    """
    positive = both_classes(labels)
    values = as_scores(logits, len(positive), name="logits")
    weights = class_weights(positive, q=q)
    weighted = weights * values
    # Of (1 + tanh(z/2))/2, which is expit(z) and takes a third of its time.
    start = float(weighted.sum()) / 2 - float(weighted[positive].sum())

    def gradient(slope: float) -> float:
        """Derivative of the loss with respect to 1/T; it increases, as the loss is convex in 1/T."""
        # einsum, not @: threads of a matrix product wait for each other on a busy machine.
        return start + float(np.einsum("i,i->", weighted, np.tanh(slope / 2 * values))) / 2

    steepest, flattest = 100.0, 0.01
    if gradient(flattest) >= 0:
        return 1 / flattest
    if gradient(steepest) <= 0:
        return 1 / steepest
    return 1 / float(brentq(gradient, flattest, steepest, xtol=1e-9, rtol=1e-9))


def calibration_slopes(labels: ArrayLike, logits: ArrayLike, *, q: float) -> tuple[Floats, Floats]:
    """Calibration slopes 1/T of several runs, (runs,), and their covariance over validation examples, (runs, runs).

    T as in `temperature`. The covariance is the sandwich J C J of an M-estimator (Huber 1967): C the covariance of the
    weighted scores w z (y - p) summed within each class, J the inverse of the summed w z^2 p (1 - p). `logits` (runs,
    n) or (n,).
    """
    positive = both_classes(labels)
    runs = as_runs(logits, len(positive), name="logits")
    weights = class_weights(positive, q=q)
    slope = np.array([1 / temperature(positive, row, q=q) for row in runs])
    probs = expit(runs * slope[:, None])
    scores = weights * runs * (positive - probs)
    curvature = (weights * runs**2 * probs * (1 - probs)).sum(axis=1)
    centred = [scores[:, own] - scores[:, own].mean(axis=1, keepdims=True) for own in (positive, ~positive)]
    covariance = np.sum([np.einsum("in,jn->ij", part, part) for part in centred], axis=0)
    return slope, covariance / np.maximum(np.outer(curvature, curvature), 1e-300)


def platt(labels: ArrayLike, logits: ArrayLike, *, q: float | None = None) -> tuple[float, float]:
    """Platt scaling: slope a >= 0 and intercept b with the least negative log-likelihood of a logit + b on validation.

    For losses and samplers that also move the prior (Platt 1999, without his smoothing). `q` as in `temperature`: the
    prevalence at which the answer is calibrated. Shapes (n,).
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
    """Mean predicted probability against the share of positives, in bins of equal width.

    One row for each bin that holds examples: `low, high, n, mean_prob, positive_share, gap`; gap = mean_prob -
    positive_share, above 0 where positives are overestimated. Shapes (n,), at the sample's prevalence.
    """
    positive = as_labels(labels)
    probs = as_probs(pos_probs, len(positive))[0]
    if bins < 2:
        raise ValueError("A reliability table needs at least two bins.")
    bin_of = np.minimum((probs * bins).astype(np.int64), bins - 1)
    n = np.bincount(bin_of, minlength=bins)
    used = n > 0
    mean_prob = np.bincount(bin_of, probs, bins)[used] / n[used]
    share = np.bincount(bin_of, positive, bins)[used] / n[used]
    edges = np.linspace(0, 1, bins + 1)
    columns = {"low": edges[:-1][used], "high": edges[1:][used], "n": n[used], "mean_prob": mean_prob}
    return pd.DataFrame({**columns, "positive_share": share, "gap": mean_prob - share})


def calibration_error(labels: ArrayLike, pos_probs: ArrayLike, *, bins: int = 10) -> CalibrationError:
    """Expected calibration error: mean |gap| of `reliability_table` weighted by n (Naeini 2015).

    With two classes it is the same for both. It is therefore also given by predicted class: bins from 0.50 up, and
    those below. `bins` must be even; nan for a part without examples.
    """
    if bins % 2:
        raise ValueError("The number of bins must be even, so that 0.50 is the edge of a bin.")
    table = reliability_table(labels, pos_probs, bins=bins)
    upper = table["low"] >= 0.5 - 1e-12
    parts = [table, table[upper], table[~upper]]
    errors = [float((part["n"] * part["gap"].abs()).sum() / part["n"].sum()) if len(part) else np.nan for part in parts]
    return CalibrationError(*errors)


def shift_prior(logits: ArrayLike, *, trained_at: float, q: float) -> Floats:
    """Logits after a change of prior from prevalence pi = `trained_at` to q (Saerens 2002); any shape.

    logit + ln[q/(1 - q)] - ln[pi/(1 - pi)]. Calibrate first.
    """
    old, new = as_share(trained_at, name="The training prevalence"), as_share(q, name="The prevalence")
    return np.asarray(logits, dtype=np.float64) + float(logit(new) - logit(old))
