"""Methods without fine-tuning: logistic regression on fixed features, and one-class models of the positives.

They take seconds. They show whether simpler models do better with few positives, and whether the classes overlap. The
method of a remedy is found by its name in `FEATURES` and `ONE_CLASS`.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd

from closecall.analysis.metrics.calibration import platt
from closecall.analysis.metrics.ranking import class_weights
from closecall.data.experiments.store import RunConfig
from closecall.models.training.frozen_embeddings import frozen_embeddings
from closecall.models.training.stages import RunContext

INVERSE_PENALTIES = (0.01, 0.1, 1.0, 10.0, 100.0, 1000.0)
"""The values of C, the inverse strength of the L2 penalty, that are compared on validation."""
NEIGHBOURS = 5
OUTLIERS = 0.1
"""The share of the positives that a one-class SVM may leave outside its boundary."""
MIN_SLOPE = 1e-3
"""The smallest slope of a calibration: a score without signal on validation still keeps its order."""


def baseline_log_odds(run: RunConfig, context: RunContext, device_type: str) -> tuple[np.ndarray, dict[str, Any]]:
    """The log-odds of the evaluation examples by a method without fine-tuning, and its entries for metrics.json."""
    training, evaluation = context.data.training, context.data.evaluation
    labels = training["label"].to_numpy()
    if run.remedy in FEATURES:
        own, queried = FEATURES[run.remedy](run, context, device_type)
        with context.reporter.phase("training"):
            return _logistic_log_odds(own, labels, queried, evaluation)
    own, queried = _embedding_features(run, context, device_type)
    with context.reporter.phase("training"):
        scores = ONE_CLASS[run.remedy](own[labels == 1], queried)
        return _calibrated(scores, evaluation, prior=float(labels.mean()))


def fit_logistic(
    features: Any, labels: np.ndarray, val_features: Any, val_labels: np.ndarray, *, balanced: bool = False
) -> tuple[Any, float]:
    """A logistic regression and its inverse penalty: the one with the lowest validation loss, the smallest on ties.

    Features are n x d and m x d, dense or sparse. `balanced` weights both classes equally (the limit of class-balanced
    sampling). Validation is weighted to the prior of the training labels, so that its own class shares do not matter.
    """
    from sklearn.linear_model import LogisticRegression  # takes a second to import, and most runs do not need it

    prior = 0.5 if balanced else float(labels.mean())
    weights = class_weights(val_labels, q=prior)
    signs = np.where(val_labels == 1, 1.0, -1.0)
    best: tuple[float, Any, float] | None = None
    for inverse_penalty in INVERSE_PENALTIES:
        model = LogisticRegression(C=inverse_penalty, class_weight="balanced" if balanced else None, max_iter=2000)
        model.fit(features, labels)
        loss = float(weights @ np.logaddexp(0, -signs * model.decision_function(val_features)))
        if best is None or loss < best[0]:
            best = loss, model, inverse_penalty
    assert best is not None
    return best[1], best[2]


def svm_scores(positives: np.ndarray, queried: np.ndarray) -> np.ndarray:
    """The signed distance (m) of m x d embeddings to the boundary of a one-class SVM of n x d positives."""
    from sklearn.svm import OneClassSVM

    return OneClassSVM(kernel="rbf", gamma="scale", nu=OUTLIERS).fit(positives).decision_function(queried)


def mahalanobis_scores(positives: np.ndarray, queried: np.ndarray) -> np.ndarray:
    """The negated Mahalanobis distance (m) of m x d embeddings to n x d positives, by a Ledoit-Wolf covariance."""
    from sklearn.covariance import LedoitWolf

    return -np.sqrt(LedoitWolf().fit(positives).mahalanobis(queried))


def knn_scores(positives: np.ndarray, queried: np.ndarray) -> np.ndarray:
    """The mean cosine (m) of m x d embeddings to the nearest `NEIGHBOURS` of n x d positives; rows have length 1."""
    nearest = min(NEIGHBOURS, len(positives))
    return np.sort(queried @ positives.T, axis=1)[:, -nearest:].mean(axis=1)


def _tfidf_features(run: RunConfig, context: RunContext, device_type: str) -> tuple[Any, Any]:
    """TF-IDF of words and word pairs of training and evaluation, from the same tokens that the encoder reads."""
    from sklearn.feature_extraction.text import TfidfVectorizer

    with context.reporter.phase("training"):
        tokens, tokenizer = context.data.tokens, context.data.tokenizer
        training, evaluation = (
            tokenizer.batch_decode(
                [tokens.flat[tokens.starts[i] : tokens.starts[i + 1]].tolist() for i in rows["place"]],
                skip_special_tokens=True,
            )
            for rows in (context.data.training, context.data.evaluation)
        )
        context.reporter.check()
        vectorizer = TfidfVectorizer(ngram_range=(1, 2), sublinear_tf=True, token_pattern=r"\S+")
        return vectorizer.fit_transform(training), vectorizer.transform(evaluation)


def _embedding_features(run: RunConfig, context: RunContext, device_type: str) -> tuple[np.ndarray, np.ndarray]:
    """The frozen encoder's embeddings of training and evaluation."""
    rows = pd.concat([context.data.training, context.data.evaluation], ignore_index=True)
    embeddings = frozen_embeddings(context, rows, run.training.encoder, device_type)
    n_training = len(context.data.training)
    return embeddings[:n_training], embeddings[n_training:]


def _logistic_log_odds(
    features: Any, labels: np.ndarray, queried: Any, evaluation: pd.DataFrame
) -> tuple[np.ndarray, dict[str, Any]]:
    validation = np.flatnonzero(evaluation["split"] == "validation")
    val_labels = evaluation["label"].to_numpy()[validation]
    model, inverse_penalty = fit_logistic(features, labels, queried[validation], val_labels)
    record = {"inverse_penalty": inverse_penalty, "features": int(features.shape[1])}
    return model.decision_function(queried), record


def _calibrated(scores: np.ndarray, evaluation: pd.DataFrame, *, prior: float) -> tuple[np.ndarray, dict[str, Any]]:
    """Scores as log-odds: slope and intercept fitted on validation, at the share of positives in training.

    So threshold 0.50 means the same for a one-class method as for the others. Only here does it use negatives.
    """
    validation = (evaluation["split"] == "validation").to_numpy()
    mean, spread = scores[validation].mean(), scores[validation].std() or 1.0
    standardised = (scores - mean) / spread
    labels = evaluation["label"].to_numpy()[validation]
    slope, intercept = platt(labels, standardised[validation], q=prior)
    record = {"slope": max(slope, MIN_SLOPE), "intercept": intercept, "on": "validation", "prior": prior}
    return record["slope"] * standardised + intercept, {"calibrated": record}


FEATURES: dict[str, Callable[[RunConfig, RunContext, str], tuple[Any, Any]]] = {
    "tfidf-logistic": _tfidf_features,
    "frozen-logistic": _embedding_features,
}
"""By the name of a "simple" remedy: the features of training and evaluation for a logistic regression."""
ONE_CLASS: dict[str, Callable[[np.ndarray, np.ndarray], np.ndarray]] = {
    "one-class-svm": svm_scores,
    "one-class-mahalanobis": mahalanobis_scores,
    "one-class-knn": knn_scores,
}
"""By the name of a "one-class" remedy: from embeddings of training positives and of others to scores."""
