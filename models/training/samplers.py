"""The training examples of an epoch: all of them once, or a balanced sample drawn anew for each epoch.

A sample is a pure function of labels, seed and epoch, so that a resumed training continues with the same examples.
"""

from collections.abc import Callable

import numpy as np

Sampler = Callable[[np.ndarray, int, int], np.ndarray]
"""From labels, seed and epoch to the rows of the epoch; the number of rows does not depend on the epoch."""


def sampler_of(remedy: str) -> Sampler:
    """The sampler of a remedy; every row once for remedies that do not sample."""
    return SAMPLERS.get(remedy, all_rows)


def all_rows(labels: np.ndarray, seed: int, epoch: int) -> np.ndarray:
    """Every row once."""
    return np.arange(len(labels))


def over_sample(labels: np.ndarray, seed: int, epoch: int) -> np.ndarray:
    """Every row once, and rows of the smaller class drawn with replacement until both classes are equal in number."""
    smaller, larger = _by_size(labels)
    again = _random(seed, epoch).choice(smaller, len(larger) - len(smaller))
    return np.concatenate([np.arange(len(labels)), again])


def under_sample(labels: np.ndarray, seed: int, epoch: int) -> np.ndarray:
    """Every row of the smaller class, and as many of the larger, drawn without replacement."""
    smaller, larger = _by_size(labels)
    return np.sort(np.concatenate([smaller, _random(seed, epoch).permutation(larger)[: len(smaller)]]))


def undersampling_shift(labels: np.ndarray) -> float:
    """The correction of the log-odds of a classifier trained on `under_sample`: ln(n+/n-) is added.

    The same as p = b p_s/((b - 1) p_s + 1) with b the share of negatives kept (Dal Pozzolo et al. 2015); where
    positives were dropped, its mirror image.
    """
    positives = int((labels == 1).sum())
    return float(np.log(positives / (len(labels) - positives)))


def _by_size(labels: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The rows of the smaller and of the larger class."""
    positives, negatives = np.flatnonzero(labels == 1), np.flatnonzero(labels != 1)
    return (positives, negatives) if len(positives) <= len(negatives) else (negatives, positives)


def _random(seed: int, epoch: int) -> np.random.Generator:
    return np.random.default_rng([seed, epoch, 1])  # not the stream that shuffles the batches


SAMPLERS: dict[str, Sampler] = {"over-sampling": over_sample, "under-sampling": under_sample}
"""By the name of the remedy."""
LOG_ODDS_SHIFTS: dict[str, Callable[[np.ndarray], float]] = {"under-sampling": undersampling_shift}
"""By the name of the remedy: from the training labels to what is added to the log-odds after training."""
