"""Logistic regression on features that are there already: for simple models, and for a head that is trained anew."""

from typing import Any

import numpy as np
import pandas as pd

from closecall.analysis.metrics.calibration import platt
from closecall.analysis.metrics.ranking import class_weights
from closecall.data.experiments.remedies import find_remedy
from closecall.data.experiments.store import RunConfig
from closecall.models.training.frozen_embeddings import frozen_embeddings
from closecall.models.training.stages import RunContext

STRENGTHS = (0.01, 0.1, 1.0, 10.0, 100.0, 1000.0)
"""Inverse strengths of the L2 penalty that are tried."""


def fit_logistic(
    features: Any, labels: np.ndarray, val_features: Any, val_labels: np.ndarray, *, balanced: bool = False
) -> tuple[Any, float]:
    """A logistic regression, and the inverse penalty that has the least validation loss, the smaller of equals.

    Features are n x d and m x d, dense or sparse. `balanced` weighs classes alike (the limit of class-balanced draws).
    Validation is weighted to the prior that is learned, so that its own mix of classes plays no part.
    """
    from sklearn.linear_model import LogisticRegression  # takes a second, and most runs need none

    prior = 0.5 if balanced else float(labels.mean())
    weights = class_weights(val_labels, q=prior)
    signs = np.where(val_labels == 1, 1.0, -1.0)
    best: tuple[float, Any, float] | None = None
    for strength in STRENGTHS:
        model = LogisticRegression(C=strength, class_weight="balanced" if balanced else None, max_iter=2000)
        model.fit(features, labels)
        loss = float(weights @ np.logaddexp(0, -signs * model.decision_function(val_features)))
        if best is None or loss < best[0]:
            best = loss, model, strength
    assert best is not None
    return best[1], best[2]


# Arms without fine-tuning: logistic regression on words or on frozen embeddings, and one-class models of positives.
#
# They are fast, and they answer whether simpler models do better with few positives and whether the classes are close.

NEIGHBOURS = 5
OUTLIERS = 0.1
"""The share of the positives that a one-class SVM may leave outside."""
FLATTEST = 1e-3
"""The least slope of a calibration: a one-class score that says nothing on validation keeps its order all the same."""


def baseline_log_odds(run: RunConfig, desk: RunContext, device_type: str) -> tuple[np.ndarray, dict[str, Any]]:
    """The log-odds of the evaluation's examples by a simple arm, and what its record should say of it."""
    material, watch = desk.material, desk.watch
    training, evaluation = material.training, material.evaluation
    labels = training["label"].to_numpy()
    if run.remedy == "tfidf-logistic":
        with watch.phase("training"):
            features, asked = _words(desk, training, evaluation)
            return _logistic(features, labels, asked, evaluation)
    rows = pd.concat([training, evaluation], ignore_index=True)
    vectors = frozen_embeddings(desk, rows, run.training.encoder, device_type)
    own, asked = vectors[: len(training)], vectors[len(training) :]
    with watch.phase("training"):
        if find_remedy(run.remedy).kind == "simple":
            return _logistic(own, labels, asked, evaluation)
        scores = one_class_scores(run.remedy, own[labels == 1], asked)
        return _calibrated(scores, evaluation, prior=float(labels.mean()))


def one_class_scores(remedy: str, positives: np.ndarray, asked: np.ndarray) -> np.ndarray:
    """How much like the training positives is each example asked about? Higher is more; embeddings n x d and m x d.

    A one-class SVM's distance to its border; the Mahalanobis distance under a Ledoit-Wolf covariance, negated; the mean
    cosine to the nearest positives. No negative plays a part.
    """
    if remedy == "one-class-svm":
        from sklearn.svm import OneClassSVM

        return OneClassSVM(kernel="rbf", gamma="scale", nu=OUTLIERS).fit(positives).decision_function(asked)
    if remedy == "one-class-mahalanobis":
        from sklearn.covariance import LedoitWolf

        return -np.sqrt(LedoitWolf().fit(positives).mahalanobis(asked))
    nearest = min(NEIGHBOURS, len(positives))
    return np.sort(asked @ positives.T, axis=1)[:, -nearest:].mean(axis=1)


def _words(desk: RunContext, *parts: pd.DataFrame) -> list[Any]:
    """TF-IDF of words and pairs of words, fitted on the first part; of the same tokens that the encoder reads."""
    from sklearn.feature_extraction.text import TfidfVectorizer

    tokens, tokenizer = desk.material.tokens, desk.material.tokenizer
    texts = [
        tokenizer.batch_decode(
            [tokens.flat[tokens.starts[i] : tokens.starts[i + 1]].tolist() for i in part["place"]],
            skip_special_tokens=True,
        )
        for part in parts
    ]
    desk.watch.check()
    vectorizer = TfidfVectorizer(ngram_range=(1, 2), sublinear_tf=True, token_pattern=r"\S+")
    return [vectorizer.fit_transform(texts[0]), *map(vectorizer.transform, texts[1:])]


def _logistic(
    features: Any, labels: np.ndarray, asked: Any, evaluation: pd.DataFrame
) -> tuple[np.ndarray, dict[str, Any]]:
    chosen = np.flatnonzero(evaluation["split"] == "validation")
    model, strength = fit_logistic(features, labels, asked[chosen], evaluation["label"].to_numpy()[chosen])
    return model.decision_function(asked), {"inverse_penalty": strength, "features": int(features.shape[1])}


def _calibrated(scores: np.ndarray, evaluation: pd.DataFrame, *, prior: float) -> tuple[np.ndarray, dict[str, Any]]:
    """Scores as log-odds: slope and intercept fitted on validation, at the share of positives in training.

    So .5 means for a one-class arm what it means for the others. This is the only place where it learns of negatives.
    """
    chosen = (evaluation["split"] == "validation").to_numpy()
    middle, spread = scores[chosen].mean(), scores[chosen].std() or 1.0
    plain = (scores - middle) / spread
    slope, intercept = platt(evaluation["label"].to_numpy()[chosen], plain[chosen], q=prior)
    said = {"slope": max(slope, FLATTEST), "intercept": intercept, "on": "validation", "prior": prior}
    return said["slope"] * plain + intercept, {"calibrated": said}
