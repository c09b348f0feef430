"""Linear surrogate of a classifier's log-odds on words, with its fidelity."""

from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy import sparse

from closecall.analysis.errors.ngrams import Phrases
from closecall.analysis.validation import Bools, Floats, Ints

ALPHAS = (0.01, 0.03, 0.1, 0.3, 1.0, 3.0)
FOLDS = 5
MIN_TEXTS = 50
"""Minimum number of texts to fit a surrogate."""


@dataclass(frozen=True)
class Surrogate:
    """Ridge regression of the log-odds on words, cross-validated over n texts.

    `weights` (folds x m): log-odds per unit of TF-IDF, from the fit without the texts of that fold; `folds` (n): fold
    of each text; `predicted` (n): its log-odds from that fit. `r2`: R^2 of each fold.
    """

    names: np.ndarray
    features: sparse.csr_array
    weights: Floats
    folds: Ints
    predicted: Floats
    r2: Floats
    alpha: float


def fit_surrogate(phrases: Phrases, logits: Floats, *, tuning: Bools | None = None, seed: int = 0) -> Surrogate:
    """Fits word weights to a classifier's log-odds and measures how well they predict them.

    Ridge regression of `logits` (N) on the TF-IDF of `phrases` (N x m: presence times ln((1 + N)/(1 + texts with it)) +
    1, each text scaled to length 1). Texts in `tuning` (N), the validation split, choose alpha by a held-out fifth and
    then join every fit. All results are for the other n texts, in five folds, each predicted without its own fold.
    Raises ValueError with fewer than MIN_TEXTS of them.
    """
    table = tf_idf(phrases.holds)
    tuned = np.zeros(len(logits), dtype=bool) if tuning is None else tuning
    evaluated = np.flatnonzero(~tuned)
    if len(evaluated) < MIN_TEXTS:
        raise ValueError(f"A surrogate needs at least {MIN_TEXTS} texts; there are {len(evaluated)}.")
    alpha = _alpha(sparse.csr_array(table[tuned]), logits[tuned], seed)
    folds = np.random.default_rng(seed).permutation(len(evaluated)) % FOLDS
    weights, predicted, r2 = [], np.empty(len(evaluated)), []
    for fold in range(FOLDS):
        out, learned = folds == fold, np.r_[np.flatnonzero(tuned), evaluated[folds != fold]]
        own, intercept = ridge(sparse.csr_array(table[learned]), logits[learned], alpha=alpha)
        weights.append(own)
        predicted[out] = table[evaluated[out]] @ own + intercept
        r2.append(r_squared(logits[evaluated[out]], predicted[out]))
    features = sparse.csr_array(table[evaluated])
    return Surrogate(phrases.names, features, np.array(weights), folds, predicted, np.array(r2), alpha)


def word_contributions(fitted: Surrogate, one: Bools, other: Bools, *, at_least: int = 10) -> pd.DataFrame:
    """Mean contribution of each word to the log-odds of the texts of two groups, such as FN and TP.

    `one`, `other` (n). The contribution of a word to a text is its weight times its TF-IDF, in log-odds, by the fit
    without the text's fold. One row for each word in at least `at_least` texts of both groups together, lowest first:
    `name, weight` (mean over folds), `contribution` (mean over the texts with it), `one, other` (number of texts of
    each group with it).
    """
    both = one | other
    counts = {name: _texts_with(fitted, mask) for name, mask in (("one", one), ("other", other))}
    total = _texts_with(fitted, both)
    contribution = _contribution_sums(fitted, both) / np.maximum(total, 1)
    columns = {"name": fitted.names, "weight": fitted.weights.mean(axis=0), "contribution": contribution}
    frame = pd.DataFrame({**columns, **counts})
    return frame[total >= at_least].sort_values("contribution", kind="stable", ignore_index=True)


def tf_idf(holds: sparse.csc_array) -> sparse.csr_array:
    """TF-IDF of presence, each row scaled to length 1; (n x m).

    Presence times ln((1 + n)/(1 + texts with it)) + 1: the smoothed idf of scikit-learn's TfidfTransformer.
    """
    from sklearn.feature_extraction.text import TfidfTransformer

    return sparse.csr_array(TfidfTransformer().fit_transform(sparse.csr_matrix(holds, dtype=np.float64)))


def ridge(features: sparse.csr_array, targets: Floats, *, alpha: float) -> tuple[Floats, float]:
    """Ridge regression: weights (m) and an intercept without penalty, for squared error + alpha x squared weights.

    Conjugate gradients, which keeps the table sparse.
    """
    from sklearn.linear_model import Ridge

    model = Ridge(alpha=alpha, solver="sparse_cg", tol=1e-6, max_iter=500).fit(sparse.csr_matrix(features), targets)
    return np.asarray(model.coef_), float(model.intercept_)


def r_squared(true: Floats, predicted: Floats) -> float:
    """Share of the variance of `true` that `predicted` explains; below 0: worse than the mean; nan: no variance."""
    total = float(((true - true.mean()) ** 2).sum()) if len(true) else 0.0
    return 1 - float(((true - predicted) ** 2).sum()) / total if total > 0 else float("nan")


def _alpha(features: sparse.csr_array, targets: Floats, seed: int) -> float:
    """The alpha that predicts a held-out fifth best; 1 where there are too few texts to choose."""
    if len(targets) < MIN_TEXTS:
        return 1.0
    out = np.random.default_rng(seed).permutation(len(targets)) % FOLDS == 0
    scores = []
    for alpha in ALPHAS:
        weights, intercept = ridge(features[~out], targets[~out], alpha=alpha)
        scores.append(r_squared(targets[out], features[out] @ weights + intercept))
    return ALPHAS[int(np.nanargmax(scores))] if np.isfinite(scores).any() else 1.0


def _texts_with(fitted: Surrogate, mask: Bools) -> Ints:
    return np.asarray((fitted.features[mask] != 0).sum(axis=0), dtype=np.int64).ravel()


def _contribution_sums(fitted: Surrogate, mask: Bools) -> Floats:
    """Sum of the contributions of each word over the texts of a group."""
    sums = np.zeros(len(fitted.names))
    for fold, weights in enumerate(fitted.weights):
        rows = mask & (fitted.folds == fold)
        sums += np.asarray(fitted.features[rows].sum(axis=0)).ravel() * weights
    return sums
