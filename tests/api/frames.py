"""Predictions in memory, of known origin: what a notebook holds after scoring a test set."""

import numpy as np
import pandas as pd
from scipy.special import expit


def scored_frame(n: int = 200, *, seed: int = 0) -> pd.DataFrame:
    """A frame with text, y (spam or ham, one in four is spam), p, source, date and split."""
    rng = np.random.default_rng(seed)
    spam = np.arange(n) % 4 == 0
    return pd.DataFrame(
        {
            "text": [f"post {i} about {'mac' if one else 'pc'} hardware" for i, one in enumerate(spam)],
            "y": np.where(spam, "spam", "ham"),
            "p": expit(rng.normal(size=n) + 2.6 * spam - 1.3),
            "source": np.where(rng.random(n) < 0.3, "mail", "web"),
            "date": pd.date_range("2024-01-01", periods=n, freq="D"),
            "split": np.where(np.arange(n) % 8 < 2, "validation", "test"),
        },
        index=np.arange(n) + 1000,
    )


def shifted(probs: pd.Series, by: float, *, noise: float = 0.3, seed: int = 1) -> np.ndarray:
    """The probabilities after adding `by` and noise to their log-odds."""
    rng = np.random.default_rng(seed)
    odds = np.log(probs.to_numpy()) - np.log1p(-probs.to_numpy())
    return expit(odds + by + noise * rng.normal(size=len(probs)))
