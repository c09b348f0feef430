"""One question about an experiment with its answer, and what the questions are about."""

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd

from closecall.analysis.validation import Bools
from closecall.data.annotations.text_evidence import TextEvidence
from closecall.data.experiments.run_tables import RunTable

ANSWERS = {"present": "yes", "absent": "no", "too few": "too few examples to tell", "not measurable": "not measurable"}
"""The answers to the questions, and how they are shown."""


@dataclass(frozen=True)
class Measure:
    """One question about the experiment: `answer` is a key of ANSWERS.

    `values`: its numbers, estimates as value, low and high; empty where the sentence has them all.
    """

    key: str
    title: str
    answer: str
    sentence: str
    values: dict[str, Any] = field(default_factory=dict)

    @property
    def heading(self) -> str:
        """The question with its answer: "Near copies in training: yes"."""
        return f"{self.title}: {ANSWERS[self.answer]}"


@dataclass(frozen=True)
class Case:
    """The test examples at one ratio: which positives most seeds find, and the stored evidence.

    `baselines`: rows of `test` of the valid baseline runs of each ratio. `threshold`: at which examples are predicted
    positive. `training_suspects`: as in `EvidenceInfo`. `texts`: None before the texts are compared. `curve`: as
    `curve_of`.
    """

    experiment: str
    ratio: float
    threshold: float
    test: RunTable
    baselines: dict[float, np.ndarray]
    found: Bools
    positives: pd.DataFrame
    false_positives: pd.DataFrame
    missed: pd.DataFrame
    training_suspects: dict[str, list[int]]
    texts: TextEvidence | None
    curve: dict[str, Any] | None

    @property
    def runs(self) -> tuple[str, ...]:
        """The names of the runs of the ratio."""
        return tuple(self.test.runs[row] for row in self.baselines[self.ratio])
