"""What is said of every example: by the run that is read, or by most seeds of its ratio."""

from dataclasses import dataclass

import numpy as np
import streamlit as st

from analysis.outcomes import OUTCOMES as CODES
from analysis.outcomes import collapsed
from data.runs import Run
from pages.inspect._filters import MOST_SEEDS
from pages.shared.evidence import Evidence, Key


@dataclass(frozen=True)
class Judged:
    """Aligned with the evidence: the (mean) probability, nan where none is told; the outcome's code; how many of how
    many seeds call it positive. `rows` are the runs asked.
    """

    probs: np.ndarray
    codes: np.ndarray
    called: np.ndarray
    told: np.ndarray
    rows: np.ndarray

    @property
    def seeds(self) -> int:
        return len(self.rows)

    def outcome(self, row: int) -> str:
        """tp, fn, fp or tn; "" when nothing is told."""
        return str(CODES[self.codes[row]]) if self.codes[row] >= 0 else ""

    def number(self, outcome: str) -> int:
        """How many examples met an outcome."""
        return int((self.codes == CODES.index(outcome)).sum())


def judge(evidence: Evidence, run: Run, threshold: float, seeds: str) -> Judged:
    """The run's own word, or that of most sound seeds of its ratio and remedy; of a tie, that of their mean."""
    return _judged(evidence, run, evidence.key, run.name, threshold, seeds)


def sound_seeds(evidence: Evidence, run: Run, threshold: float) -> np.ndarray:
    """The rows of the run's ratio and remedy that did not collapse; its own row when all did."""
    same = (evidence.ratios == run.config.ratio) & (evidence.remedies == run.config.remedy)
    fine = [row for row in np.flatnonzero(same).tolist() if not _collapsed(evidence, row, threshold)]
    return np.array(fine or [evidence.runs.index(run.name)])


def _collapsed(evidence: Evidence, row: int, threshold: float) -> bool:
    probs = evidence.pos_probs[row]
    told = ~np.isnan(probs)
    return not told.any() or bool(collapsed(evidence.labels[told], probs[told][None], threshold=threshold)[0])


@st.cache_resource(max_entries=8, show_spinner=False)
def _judged(_evidence: Evidence, _run: Run, key: Key, run: str, threshold: float, seeds: str) -> Judged:
    own = np.array([_evidence.runs.index(run)])
    rows = sound_seeds(_evidence, _run, threshold) if seeds == MOST_SEEDS else own
    probs = _evidence.pos_probs[rows]
    told = (~np.isnan(probs)).sum(axis=0)
    called = (probs >= threshold).sum(axis=0)
    mean = np.where(told > 0, np.nansum(probs, axis=0) / np.maximum(told, 1), np.nan)
    positive = np.where(2 * called == told, mean >= threshold, 2 * called > told)
    codes = np.where(told > 0, 2 * _evidence.labels.astype(np.int64) + positive, -1).astype(np.int8)
    return Judged(mean, codes, called, told, rows)
