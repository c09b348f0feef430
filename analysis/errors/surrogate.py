"""Which words pull a classifier's log-odds up or down? A linear stand-in for it, with its faithfulness stated."""

from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy import sparse

from closecall.analysis.errors.ngrams import Phrases
from closecall.analysis.validation import Bools, Floats, Ints

ALPHAS = (0.01, 0.03, 0.1, 0.3, 1.0, 3.0)
FOLDS = 5
FEWEST = 50
"""Texts, for a stand-in to be worth fitting."""


@dataclass(frozen=True)
class Surrogate:
    """A ridge regression of the log-odds on words, of n texts by cross-validation.

    `weights` (folds x m): log-odds for each unit of a word's TF-IDF, by the fold that did not learn from its texts;
    `folds` (n) each text's fold; `predicted` (n) its log-odds as told by that fold. `r2`: R^2 of each fold.
    """

    names: np.ndarray
    features: sparse.csr_array
    weights: Floats
    folds: Ints
    predicted: Floats
    r2: Floats
    alpha: float


def fit_surrogate(phrases: Phrases, logits: Floats, *, tuning: Bools | None = None, seed: int = 0) -> Surrogate:
    """How well do word weights alone tell this classifier's log-odds, and which weights?

    Ridge regression (squared error plus alpha times the squared weights) of `logits` (N) on the TF-IDF of `phrases`
    (N x m: 1 or 0 times ln((1 + N)/(1 + texts with it)) + 1, each text scaled to length 1). Texts marked in `tuning`
    (N), the validation split, choose alpha by a held-out fifth and then help to fit. Every number is of the other n
    texts, each told by the fold of five that did not learn from it. ValueError with fewer than 50 of them.
    """
    table = tf_idf(phrases.holds)
    apart = np.zeros(len(logits), dtype=bool) if tuning is None else tuning
    told = np.flatnonzero(~apart)
    if len(told) < FEWEST:
        raise ValueError(f"A stand-in needs at least {FEWEST} texts; there are {len(told)}.")
    alpha = _alpha(sparse.csr_array(table[apart]), logits[apart], seed)
    folds = np.random.default_rng(seed).permutation(len(told)) % FOLDS
    weights, predicted, r2 = [], np.empty(len(told)), []
    for fold in range(FOLDS):
        out, learned = folds == fold, np.r_[np.flatnonzero(apart), told[folds != fold]]
        own, start = ridge(sparse.csr_array(table[learned]), logits[learned], alpha=alpha)
        weights.append(own)
        predicted[out] = table[told[out]] @ own + start
        r2.append(r_squared(logits[told[out]], predicted[out]))
    features = sparse.csr_array(table[told])
    return Surrogate(phrases.names, features, np.array(weights), folds, predicted, np.array(r2), alpha)


def word_contributions(fitted: Surrogate, one: Bools, other: Bools, *, at_least: int = 10) -> pd.DataFrame:
    """How far does each word pull the texts of two groups, such as misses and hits, as the stand-in tells it?

    `one`, `other` (n). The pull of a word on a text is its weight times its TF-IDF, in log-odds, by the fold that did
    not learn from the text. One row for each word that at least `at_least` texts of the two groups hold, the most
    downward first: `name, weight` (mean over folds), `pull` (mean over the texts that hold it), `one, other` (how many
    of each group hold it).
    """
    both = one | other
    counts = {name: _texts_with(fitted, mask) for name, mask in (("one", one), ("other", other))}
    total = _texts_with(fitted, both)
    pull = _pull_sums(fitted, both) / np.maximum(total, 1)
    frame = pd.DataFrame({"name": fitted.names, "weight": fitted.weights.mean(axis=0), "pull": pull, **counts})
    return frame[total >= at_least].sort_values("pull", kind="stable", ignore_index=True)


def tf_idf(holds: sparse.csc_array) -> sparse.csr_array:
    """Presence times ln((1 + n)/(1 + texts with it)) + 1, each row scaled to length 1 (scikit-learn's smooth idf)."""
    n = holds.shape[0]
    idf = np.log((1 + n) / (1 + np.asarray(holds.sum(axis=0)).ravel())) + 1
    weighted = sparse.csr_array(holds.astype(np.float64) * idf[None, :])
    lengths = np.sqrt(np.asarray((weighted**2).sum(axis=1)).ravel())
    return sparse.csr_array(sparse.diags_array(1 / np.where(lengths > 0, lengths, 1)) @ weighted)


def ridge(features: sparse.csr_array, targets: Floats, *, alpha: float) -> tuple[Floats, float]:
    """Weights (m) and intercept that minimise squared error + alpha x squared weights; the intercept is free.

    Solved by conjugate gradients on the centred normal equations, so the table stays sparse.
    """
    from scipy.sparse.linalg import LinearOperator, cg

    n, m = features.shape
    means, middle = np.asarray(features.mean(axis=0)).ravel(), float(targets.mean())

    def product(weights: Floats) -> Floats:
        return features.T @ (features @ weights) - n * means * (means @ weights) + alpha * weights

    operator = LinearOperator((m, m), matvec=product, dtype=np.float64)
    weights, _ = cg(operator, features.T @ (targets - middle), rtol=1e-6, maxiter=500)
    return weights, middle - float(means @ weights)


def r_squared(true: Floats, told: Floats) -> float:
    """The share of the variance of `true` that `told` explains; below 0: less than the mean does; nan: no variance."""
    spread = float(((true - true.mean()) ** 2).sum()) if len(true) else 0.0
    return 1 - float(((true - told) ** 2).sum()) / spread if spread > 0 else float("nan")


def _alpha(features: sparse.csr_array, targets: Floats, seed: int) -> float:
    """The alpha that tells a held-out fifth best; 1 where there is too little to choose by."""
    if len(targets) < FEWEST:
        return 1.0
    out = np.random.default_rng(seed).permutation(len(targets)) % FOLDS == 0
    told = []
    for alpha in ALPHAS:
        weights, start = ridge(features[~out], targets[~out], alpha=alpha)
        told.append(r_squared(targets[out], features[out] @ weights + start))
    return ALPHAS[int(np.nanargmax(told))] if np.isfinite(told).any() else 1.0


def _texts_with(fitted: Surrogate, mask: Bools) -> Ints:
    return np.asarray((fitted.features[mask] != 0).sum(axis=0), dtype=np.int64).ravel()


def _pull_sums(fitted: Surrogate, mask: Bools) -> Floats:
    """For each word its pulls added up over the texts of a group."""
    sums = np.zeros(len(fitted.names))
    for fold, weights in enumerate(fitted.weights):
        rows = mask & (fitted.folds == fold)
        sums += np.asarray(fitted.features[rows].sum(axis=0)).ravel() * weights
    return sums
