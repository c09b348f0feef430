"""A look at the validation set at the end of each epoch, cheap enough to be always on."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
from torch import nn

from models.metrics import class_metrics, sigmoid
from models.prediction import read_texts
from models.tokens import Tokens
from models.watch import Watch

SHARE = 0.2
"""The look reads at most this share of the number of training examples: about 5 % of an epoch's time."""


def probe_rows(validation: pd.DataFrame, n_training: int) -> pd.DataFrame:
    """The validation examples that are looked at: half of each class, as far as there are enough.

    Drawn once, the same for every epoch and run of one size. A run with few training examples gets a small and noisy
    look; the whole validation set is predicted after training.
    """
    half = max(1, int(n_training * SHARE / 2))
    parts = [rows.sample(n=min(half, len(rows)), random_state=0) for _, rows in validation.groupby("label")]
    return pd.concat(parts) if parts else validation


def make_probe(
    rows: pd.DataFrame, tokens: Tokens, *, prior: float, watch: Watch
) -> Callable[[nn.Module], dict[str, Any]]:
    """A function that says how a model does on `rows` now, for the epoch's record."""
    places = rows["place"].to_numpy()
    labels = rows["label"].to_numpy()

    def seen(number: int, tokens: int, examples: int) -> None:
        watch.count("forward", tokens=tokens, examples=examples)
        watch.check()

    def probe(model: nn.Module) -> dict[str, Any]:
        if not len(places):
            return {}
        readings = read_texts(model, tokens, places, embed=False, on_batch=seen)
        assert readings.logits is not None
        log_odds = np.diff(readings.logits.astype(np.float64), axis=1)[:, 0]
        return {"validation": class_metrics(labels, sigmoid(log_odds), prior=prior)}

    return probe
