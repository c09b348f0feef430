"""Logistic regression on features that are there already: for simple models, and for a head that is trained anew."""

from typing import Any

import numpy as np

from analysis.ranking import class_weights

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
