"""Arms without fine-tuning: logistic regression on words or on frozen embeddings, and one-class models of positives.

They are fast, and they answer whether simpler models do better with few positives and whether the classes are close.
"""

from typing import Any

import numpy as np
import pandas as pd

from analysis.calibration import platt
from data.experiments import RunConfig
from data.remedies import find_remedy
from models.frozen import frozen_embeddings
from models.linear import fit_logistic
from models.stages import Desk

NEIGHBOURS = 5
OUTLIERS = 0.1
"""The share of the positives that a one-class SVM may leave outside."""
FLATTEST = 1e-3
"""The least slope of a calibration: a one-class score that says nothing on validation keeps its order all the same."""


def simple_log_odds(run: RunConfig, desk: Desk, device_type: str) -> tuple[np.ndarray, dict[str, Any]]:
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


def _words(desk: Desk, *parts: pd.DataFrame) -> list[Any]:
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
