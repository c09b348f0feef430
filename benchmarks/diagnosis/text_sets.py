"""Generated texts and classifiers trained on them at 1:1, 1:3 and 1:10; each set has one known cause.

The classifier is TF-IDF with logistic regression. The true causes of a set are those that 12,000 more texts of the same
kind show.
"""

from dataclasses import dataclass

import numpy as np
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline

from closecall.analysis.metrics.outcomes import collapsed
from closecall.analysis.ratio.decomposition import decompose_drop

RATIOS = (1, 3, 10)
MECHANISMS = (
    "prior shift",
    "fewer positives",
    "collapse",
    "far classes",
    "few positives",
)
"""Fewer positives: a sweep with fixed negatives, where a larger ratio has fewer training positives."""
WORDS = 400
TRAINING_POSITIVES = 600
FEWER = 600
"""Training negatives of the mechanism "fewer positives"; 1:10 has 60 positives."""
CHECK = 6000


@dataclass(frozen=True)
class TextCase:
    """One experiment for `gather_evidence`, its mechanism, and the parts of the drop on 12,000 texts."""

    mechanism: str
    labels: np.ndarray
    pos_probs: np.ndarray
    val_labels: np.ndarray
    val_pos_probs: np.ndarray
    true_drop: float
    true_ranking: float
    collapsed: bool


def make_text_case(mechanism: str, *, seed: int, n_seeds: int = 3) -> TextCase:
    """Two kinds of texts that share most of their words. Test: 500 positives and 1,500 negatives, or 20 and 60."""
    rng = np.random.default_rng([seed, MECHANISMS.index(mechanism)])
    n = 20 if mechanism == "few positives" else 500
    topics = _topics(rng, apart=4.0 if mechanism == "far classes" else 1.0)
    sets = {name: _texts(rng, topics, *size) for name, size in _sizes(n).items()}
    probs: dict[str, list[np.ndarray]] = {name: [] for name in sets}
    for ratio in RATIOS:
        for run in range(n_seeds):
            model = _fit(rng, topics, ratio, mechanism, last=ratio == RATIOS[-1] and run == n_seeds - 1)
            for name, (texts, _) in sets.items():
                probs[name].append(model.predict_proba(texts)[:, 1])
    labels = {name: own for name, (_, own) in sets.items()}
    table = {name: np.array(rows) for name, rows in probs.items()}
    collapsed_runs = collapsed(labels["check"], table["check"])
    drop, ranking = _truth(labels["check"], table["check"], collapsed_runs)
    return TextCase(
        mechanism, labels["test"], table["test"], labels["val"], table["val"], drop, ranking, bool(collapsed_runs.any())
    )


def _sizes(n: int) -> dict[str, tuple[int, int]]:
    return {"test": (n, 3 * n), "val": (n // 2, 3 * n // 2), "check": (CHECK, CHECK)}


def _topics(rng: np.random.Generator, *, apart: float) -> np.ndarray:
    """Word frequencies of negatives and positives: Zipf, with each word more frequent in one of the two."""
    base = 1 / np.arange(1, WORDS + 1)
    tilt = rng.normal(scale=apart, size=WORDS)
    frequencies = np.array([base * np.exp(-tilt / 2), base * np.exp(tilt / 2)])
    return frequencies / frequencies.sum(axis=1, keepdims=True)


def _texts(
    rng: np.random.Generator, topics: np.ndarray, positives: int, negatives: int
) -> tuple[list[str], np.ndarray]:
    labels = np.repeat([1, 0], [positives, negatives])
    words = np.array([f"w{number:03d}" for number in range(WORDS)])
    lengths = rng.integers(6, 14, size=len(labels))
    texts = [" ".join(rng.choice(words, size, p=topics[label])) for size, label in zip(lengths, labels, strict=True)]
    return texts, labels


def _fit(rng: np.random.Generator, topics: np.ndarray, ratio: int, mechanism: str, *, last: bool):
    fewer = mechanism == "fewer positives"
    counts = (FEWER // ratio, FEWER) if fewer else (TRAINING_POSITIVES, TRAINING_POSITIVES * ratio)
    texts, labels = _texts(rng, topics, *counts)
    weak = 1e-7 if mechanism == "collapse" and last else 1.0
    model = make_pipeline(TfidfVectorizer(), LogisticRegression(C=weak, max_iter=500))
    return model.fit(texts, labels)


def _truth(labels: np.ndarray, pos_probs: np.ndarray, collapsed_runs: np.ndarray) -> tuple[float, float]:
    """The drop and its ranking part on the check texts, from 1:1 to the largest ratio with a valid pair of seeds.

    nan when there is none: then only the collapse can be reported.
    """
    runs, lost = (table.reshape(len(RATIOS), -1, *table.shape[1:]) for table in (pos_probs, collapsed_runs))
    for level in range(len(RATIOS) - 1, 0, -1):
        valid = ~lost[0] & ~lost[level]
        if valid.any():
            parts = decompose_drop(labels, runs[0][valid], runs[level][valid], draws=2)
            return parts.drop.value, parts.ranking_mean.value
    return float("nan"), float("nan")
