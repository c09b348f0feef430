"""The linear stand-in of one run: its log-odds on validation and test told by words."""

from dataclasses import dataclass

import numpy as np

from analysis.ngrams import frequent_phrases
from analysis.surrogate import Surrogate, fit_surrogate
from data.datasets import load_examples
from data.experiments import load_experiment
from data.runs import Run, load_predictions

MOST_TEXTS = 10_000
"""Texts of a split that the stand-in is made from; of more, these are drawn."""
AT_LEAST = 8
"""Texts that hold a word, for it to have a weight."""


@dataclass(frozen=True)
class RunSurrogate:
    """The stand-in and the test examples that it tells, aligned: `labels, pos_probs, logits` (n)."""

    fitted: Surrogate
    labels: np.ndarray
    pos_probs: np.ndarray
    logits: np.ndarray


def run_surrogate(experiment: str, run: Run) -> RunSurrogate:
    """Fit the stand-in of a run. ValueError when there are too few texts; UserError when the dataset is gone."""
    test, validation = load_predictions(run, "test"), load_predictions(run, "validation")
    rows, tuned = (
        np.sort(np.random.default_rng(0).permutation(len(one.ids))[:MOST_TEXTS]) for one in (test, validation)
    )
    ids = np.concatenate([validation.ids[tuned], test.ids[rows]])
    logits = np.concatenate([validation.logits[tuned], test.logits[rows]])
    examples = load_examples(load_experiment(experiment).dataset, ["id", "text"]).set_index("id")["text"]
    phrases = frequent_phrases(examples.reindex(ids).fillna("").astype(str).tolist(), longest=2, at_least=AT_LEAST)
    fitted = fit_surrogate(phrases, logits, tuning=np.arange(len(ids)) < len(tuned))
    return RunSurrogate(fitted, test.labels[rows], test.pos_probs[rows], test.logits[rows])
