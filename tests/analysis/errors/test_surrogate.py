"""Linear surrogate: ridge and TF-IDF agree with scikit-learn, fidelity is out of sample, contributions add up."""

import numpy as np
import pytest
from scipy import sparse
from sklearn.feature_extraction.text import TfidfTransformer
from sklearn.linear_model import Ridge
from sklearn.metrics import r2_score

from closecall.analysis.errors.ngrams import Phrases
from closecall.analysis.errors.surrogate import fit_surrogate, r_squared, ridge, tf_idf, word_contributions


def make_phrases(rng: np.random.Generator, *, n: int = 400, m: int = 30) -> Phrases:
    holds = sparse.csc_array((rng.random((n, m)) < rng.uniform(0.05, 0.4, m)).astype(np.int32))
    return Phrases(np.array([f"w{j}" for j in range(m)], dtype=object), holds)


def test_tf_idf_and_ridge_are_scikit_learns() -> None:
    rng = np.random.default_rng(0)
    phrases = make_phrases(rng)
    features = tf_idf(phrases.holds)
    theirs = TfidfTransformer().fit_transform(phrases.holds.toarray())
    assert np.allclose(features.toarray(), theirs.toarray())
    targets = rng.normal(size=400)
    for alpha in (0.01, 1.0, 30.0):
        weights, start = ridge(features, targets, alpha=alpha)
        fitted = Ridge(alpha=alpha).fit(features.toarray(), targets)
        assert np.allclose(weights, fitted.coef_, atol=1e-4)
        assert start == pytest.approx(fitted.intercept_, abs=1e-4)


def test_r_squared_is_scikit_learns() -> None:
    rng = np.random.default_rng(1)
    true, shown = rng.normal(size=50), rng.normal(size=50)
    assert r_squared(true, shown) == pytest.approx(r2_score(true, shown))
    assert np.isnan(r_squared(np.ones(5), np.ones(5)))


def test_fidelity_is_high_only_where_words_decide() -> None:
    rng = np.random.default_rng(2)
    phrases = make_phrases(rng)
    truth = np.zeros(30)
    truth[[3, 7]] = -3.0, 4.0
    logits = tf_idf(phrases.holds) @ truth
    fitted = fit_surrogate(phrases, logits + rng.normal(scale=0.1, size=400), tuning=np.arange(400) < 100)
    assert fitted.r2.min() > 0.9
    assert fitted.features.shape == (300, 30)
    assert np.argsort(fitted.weights.mean(axis=0))[[0, -1]].tolist() == [3, 7]
    noise = fit_surrogate(phrases, rng.normal(size=400))
    assert noise.r2.mean() < 0.05


def test_contributions_are_weights_times_features_of_the_fold_that_did_not_learn() -> None:
    rng = np.random.default_rng(3)
    phrases = make_phrases(rng, n=120, m=6)
    fitted = fit_surrogate(phrases, rng.normal(size=120))
    one, other = np.arange(120) < 50, np.arange(120) >= 70
    table = word_contributions(fitted, one, other, at_least=1).set_index("name")
    dense, rows = fitted.features.toarray(), np.flatnonzero(one | other)
    contributions = np.array([dense[i] * fitted.weights[fitted.folds[i]] for i in rows])
    for j, name in enumerate(fitted.names):
        held = dense[rows, j] > 0
        assert table.loc[name, "contribution"] == pytest.approx(contributions[held, j].mean())
        assert table.loc[name, "one"] == (dense[one, j] > 0).sum()
    assert table["contribution"].is_monotonic_increasing
    assert len(word_contributions(fitted, one, other, at_least=1000)) == 0


def test_a_handful_of_texts_is_refused() -> None:
    rng = np.random.default_rng(4)
    with pytest.raises(ValueError, match="at least 50"):
        fit_surrogate(make_phrases(rng, n=60), rng.normal(size=60), tuning=np.arange(60) < 20)
    same = fit_surrogate(make_phrases(rng, n=60), np.zeros(60))
    assert np.isnan(same.r2).all()
