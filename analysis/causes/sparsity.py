"""Sparsity: are there too few positives? Error against their number, and recall by similarity."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike
from scipy.stats import norm

from closecall.analysis.causes.label_audit import STRENGTH
from closecall.analysis.causes.separability import Answer, decide, examples_needed
from closecall.analysis.intervals import Estimate, widen, wilson, z_value
from closecall.analysis.metrics.ranking import threshold_at_fpr
from closecall.analysis.two_groups import unpaired_difference
from closecall.analysis.validation import Bools, Floats, as_labels, as_scores, both_classes

GAIN_MARGIN = 0.05
"""The smallest gain in recall from twice the positives that counts as sparsity."""
TREND_MARGIN = 0.10
"""The smallest difference in recall between the outer quartiles of similarity that counts."""
_EXPONENTS = np.geomspace(0.05, 3, 60)


def positive_count_curve(
    embeddings: ArrayLike,
    labels: ArrayLike,
    test_embeddings: ArrayLike,
    test_labels: ArrayLike,
    *,
    counts: Sequence[int] | None = None,
    draws: int = 10,
    seed: int = 0,
) -> pd.DataFrame:
    """How does the error of a linear probe fall with the number of training positives, the negatives kept?

    One row for each number and draw: `positives, draw, error`. error: 1 - recall on test at the false-positive rate
    that the probe with all positives has at its training prior, 0 to 1; it falls in expectation. `counts`: by default
    n/8, n/4, n/2 and n of the n training positives. All n are one draw. `embeddings` (n, d), `test_embeddings` (m, d),
    both frozen. Raises ValueError for other shapes, or counts outside 1 to n.
    """
    positive, test_positive = both_classes(labels), both_classes(test_labels)
    rows, test_rows = _unit(embeddings, len(positive)), _unit(test_embeddings, len(test_positive))
    own, n = np.flatnonzero(positive), int(positive.sum())
    numbers = sorted({max(1, n // part) for part in (8, 4, 2, 1)} if counts is None else set(counts))
    if draws < 1 or numbers[0] < 1 or numbers[-1] > n:
        raise ValueError(f"Draw at least once, from 1 to {n} positives.")
    full = _fitted_scores(rows, positive, test_rows)
    fpr = float((full[~test_positive] > np.log(n / (len(positive) - n))).mean())
    rng, found = np.random.default_rng(seed), []
    for number in numbers:
        for draw in range(draws if number < n else 1):
            kept = ~positive
            kept[rng.choice(own, size=number, replace=False)] = True
            scores = full if number == n else _fitted_scores(rows[kept], positive[kept], test_rows)
            missed = scores[test_positive] < threshold_at_fpr(test_positive, scores, fpr=fpr)
            found.append((number, draw, float(missed.mean())))
    return pd.DataFrame(found, columns=["positives", "draw", "error"])


def _unit(embeddings: ArrayLike, n: int) -> Floats:
    rows = np.asarray(embeddings, dtype=np.float64)
    if rows.ndim != 2 or len(rows) != n or not np.isfinite(rows).all():
        raise ValueError(f"Embeddings must be finite, one row for each of {n} labels; they are {rows.shape}.")
    return np.asarray(rows / np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), 1e-12))


def probe_scores(embeddings: ArrayLike, labels: ArrayLike, test_embeddings: ArrayLike) -> Floats:
    """Log-odds of test examples by a linear probe: the logistic regression of the label audit.

    `embeddings` (n, d), `labels` (n,), `test_embeddings` (m, d). Shape (m,).
    """
    positive = both_classes(labels)
    test_rows = np.asarray(test_embeddings, dtype=np.float64)
    return _fitted_scores(_unit(embeddings, len(positive)), positive, _unit(test_rows, len(test_rows)))


def _fitted_scores(rows: Floats, positive: Bools, test_rows: Floats) -> Floats:
    from sklearn.linear_model import LogisticRegression

    model = LogisticRegression(C=STRENGTH, max_iter=2000).fit(rows, positive)
    return np.asarray(model.decision_function(test_rows), dtype=np.float64)


@dataclass(frozen=True)
class PowerLaw:
    """Error a + b n^-c. `resampled` (resamples, 3): a, b, c of bootstrap draws.

    `spread`: standard error of the error at the largest number, from which positives happened to be collected.
    """

    a: float
    b: float
    c: float
    resampled: Floats
    spread: float


def fit_power_law(counts: ArrayLike, errors: ArrayLike, *, resamples: int = 500, seed: int = 0) -> PowerLaw:
    """The curve a + b n^-c through errors at several numbers of positives, a >= 0, b >= 0, 0.05 <= c <= 3.

    Least squares over the mean error of each number, weighted by the number; the best c of a grid. Bootstrap: draws are
    resampled within each number. `spread`: standard deviation over draws of the number nearest to half of the largest,
    the delete-half jackknife (Shao and Wu 1989). Both arrays (rows,), as `positive_count_curve` returns them. Raises
    ValueError with fewer than three numbers.
    """
    numbers = np.asarray(counts, dtype=np.float64)
    values = as_scores(errors, len(numbers), name="errors")
    levels = np.unique(numbers)
    if len(levels) < 3 or levels[0] < 1:
        raise ValueError("A curve needs errors at three different numbers of positives or more.")
    groups = [values[numbers == level] for level in levels]
    rng = np.random.default_rng(seed)
    drawn = [group[rng.integers(0, len(group), size=(resamples, len(group)))].mean(axis=1) for group in groups]
    means = np.column_stack([np.concatenate([[group.mean()], more]) for group, more in zip(groups, drawn, strict=True)])
    fits = _fit(levels, means)
    half = groups[int(np.argmin(np.abs(levels[:-1] - levels[-1] / 2)))]
    spread = float(half.std(ddof=1)) if len(half) > 1 else 0.0
    a, b, c = map(float, fits[0])
    return PowerLaw(a, b, c, fits[1:], spread)


def _fit(levels: Floats, means: Floats) -> Floats:
    """Best a, b and c for each row of mean errors, (rows, 3)."""
    x = (levels / levels[-1])[None, :] ** -_EXPONENTS[:, None]
    w = levels / levels.sum()
    centre, middle = x @ w, means @ w
    slope = ((means * w) @ x.T - middle[:, None] * centre) / ((x**2 @ w) - centre**2)
    slope = np.maximum(slope, 0)
    through_zero = ((means * w) @ x.T) / (x**2 @ w)
    below = middle[:, None] - slope * centre < 0
    b = np.where(below, through_zero, slope)
    a = np.where(below, 0, middle[:, None] - slope * centre)
    misfit = ((means[:, None, :] - a[:, :, None] - b[:, :, None] * x) ** 2 @ w).round(12)
    best = np.argmin(misfit, axis=1)
    rows, c = np.arange(len(means)), _EXPONENTS[best]
    return np.column_stack([a[rows, best], b[rows, best] * levels[-1] ** c, c])


def predicted_error(fit: PowerLaw, n: float, *, test_positives: int) -> Estimate:
    """The error with n positives by the curve, 0 to 1: "twice the positives would give x (lo to hi)".

    The percentile band of the bootstrap, widened for the positives that happened to be collected (`spread`) and for the
    number of test positives (Wilson). Each bound is at the square root of the sum of squared distances.
    """
    value = float(_error_at(_parameters(fit), n)[0])
    low, high = wilson(value * test_positives, test_positives)
    sampled = widen(Estimate(value, float(low), float(high)), z_value(0.95) * fit.spread)
    error = _joined(_error_at(fit.resampled, n), sampled)
    return Estimate(error.value, max(error.low, 0.0), min(error.high, 1.0))


def _joined(resampled: Floats, other: Estimate) -> Estimate:
    """The estimate, widened by the central 95 % of bootstrap draws of the same value."""
    low, high = np.quantile(resampled, [0.025, 0.975])
    down, up = max(other.value - low, 0.0), max(high - other.value, 0.0)
    low, high = np.hypot(down, other.value - other.low), np.hypot(up, other.high - other.value)
    return Estimate(other.value, float(other.value - low), float(other.value + high))


def _parameters(fit: PowerLaw) -> Floats:
    return np.array([[fit.a, fit.b, fit.c]])


def _error_at(parameters: Floats, n: float) -> Floats:
    a, b, c = parameters.T
    return np.asarray(np.clip(a + b * float(n) ** -c, 0, 1))


@dataclass(frozen=True)
class MorePositives:
    """Error with the n positives there are and with twice as many; `gain`: the difference, in recall.

    `needed`: positives that would decide, only with "too few".
    """

    answer: Answer
    now: Estimate
    doubled: Estimate
    gain: Estimate
    needed: int | None


def more_positives(fit: PowerLaw, n: int, *, test_positives: int, margin: float = GAIN_MARGIN) -> MorePositives:
    """Would twice the positives raise recall, by the curve? Decided by `decide` on the gain.

    gain: e(n) - e(2n), with the bootstrap's percentile band, widened by z `spread` / sqrt(2) for the positives that
    happened to be collected (derived; the interval covers 95 % or more in simulation).
    """
    value = float(_error_at(_parameters(fit), n)[0] - _error_at(_parameters(fit), 2 * n)[0])
    half_width = z_value(0.95) * fit.spread / np.sqrt(2)
    gains = _error_at(fit.resampled, n) - _error_at(fit.resampled, 2 * n)
    gain = _joined(gains, Estimate(value, value - half_width, value + half_width))
    answer, needed = decide(gain, n, margin=margin)
    now, doubled = (predicted_error(fit, count, test_positives=test_positives) for count in (n, 2 * n))
    return MorePositives(answer, now, doubled, gain, needed)


@dataclass(frozen=True)
class SimilarityTrend:
    """Does recall rise with the similarity to the nearest training positive?

    `quartiles`: see `recall_by_similarity`. `z, p`: Cochran-Armitage, two-sided; z > 0 where recall rises.
    `difference`: recall of the highest minus the lowest quartile. `needed`: test positives, only with "too few".
    """

    answer: Answer
    quartiles: pd.DataFrame
    z: float
    p: float
    difference: Estimate | None
    needed: int | None


def recall_by_similarity(found: ArrayLike, similarity: ArrayLike, *, margin: float = TREND_MARGIN) -> SimilarityTrend:
    """Are the positives that resemble no training positive missed more often?

    Quartiles, lowest first: `low, high` (similarity), `n, found, recall, recall_low, recall_high` (Wilson); equal
    similarities share a quartile, so one may be empty. Present: recall rises with p < 0.05. Absent: no such trend, and
    the interval of the difference (Newcombe) is below `margin`. `found` (n,) booleans, `similarity` (n,) of test
    positives. Raises ValueError without positives.
    """
    right = as_labels(found)
    near = as_scores(similarity, len(right), name="similarity")
    quartile = np.searchsorted(np.quantile(near, [0.25, 0.5, 0.75]), near)
    n, hits = (np.bincount(one, minlength=4) for one in (quartile, quartile[right]))
    low, high = wilson(hits, n)
    groups = pd.Series(near).groupby(quartile).agg(["min", "max"]).reindex(range(4))
    frame = pd.DataFrame({
        "low": groups["min"].to_numpy(), "high": groups["max"].to_numpy(), "n": n, "found": hits,
        "recall": hits / np.where(n, n, np.nan), "recall_low": low, "recall_high": high,
    })  # fmt: skip
    z, p = cochran_armitage(hits, n)
    if n[0] == 0 or n[3] == 0:
        return SimilarityTrend("not measurable", frame, z, p, None, None)
    bounds = unpaired_difference(hits[3], n[3], hits[0], n[0])
    difference = Estimate(float(hits[3] / n[3] - hits[0] / n[0]), *map(float, bounds))
    if p < 0.05 and z > 0:
        return SimilarityTrend("present", frame, z, p, difference, None)
    if difference.high < margin:
        return SimilarityTrend("absent", frame, z, p, difference, None)
    needed = examples_needed(difference, len(right), margin=margin)
    return SimilarityTrend("too few", frame, z, p, difference, needed)


def cochran_armitage(hits: ArrayLike, n: ArrayLike) -> tuple[float, float]:
    """Trend of shares over ordered groups: z, above 0 where they rise, and two-sided p (Armitage 1955).

    z = r sqrt(N) with r the correlation of group number and outcome over the N examples. 0 and 1 where all outcomes or
    all groups are the same. `hits`, `n` (groups,).
    """
    k, size = np.asarray(hits, dtype=np.float64), np.asarray(n, dtype=np.float64)
    total, share, place = size.sum(), k.sum() / size.sum(), np.arange(len(size))
    away = place - (place * size).sum() / total
    variance = share * (1 - share) * (size * away**2).sum()
    if variance <= 0:
        return 0.0, 1.0
    z = float((away * k).sum() / np.sqrt(variance))
    return z, float(2 * norm.sf(abs(z)))
