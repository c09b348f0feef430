"""The runs that ratios are compared by: finished, without remedy, whole, and not collapsed."""

from dataclasses import dataclass

import numpy as np
import streamlit as st

from analysis.outcomes import collapsed
from pages.shared.evidence import Evidence, evidence_of


@dataclass(frozen=True)
class SoundRuns:
    """Aligned with `ids` (n): labels, and for each run its ratio, seed and probabilities (runs x n).

    `key` changes when any of it does, for caches.
    """

    ids: np.ndarray
    labels: np.ndarray
    ratios: np.ndarray
    seeds: np.ndarray
    pos_probs: np.ndarray
    key: tuple[str, str, tuple[str, ...], float]

    @property
    def levels(self) -> list[float]:
        """The ratios, rising."""
        return sorted(set(self.ratios.tolist()))

    def at(self, ratio: float) -> np.ndarray:
        """The probabilities of the runs of one ratio, (seeds, n), seeds rising."""
        rows = np.flatnonzero(self.ratios == ratio)
        return self.pos_probs[rows[np.argsort(self.seeds[rows])]]


def sound_runs(experiment: str) -> tuple[SoundRuns, SoundRuns]:
    """The sound runs of an experiment on test and on validation. What collapsed on test is left out of both."""
    test, validation = evidence_of(experiment), evidence_of(experiment, "validation")
    marks = float(np.nansum(test.pos_probs)), float(np.nansum(validation.pos_probs))
    return _sound_runs(test, validation, experiment, test.runs, marks)


@st.cache_resource(max_entries=6, show_spinner=False)
def _sound_runs(
    _test: Evidence, _validation: Evidence, experiment: str, runs: tuple[str, ...], marks: tuple[float, float]
) -> tuple[SoundRuns, SoundRuns]:
    fine = _sound(_test)
    names = tuple(name for name, one in zip(_test.runs, fine, strict=True) if one)
    return (
        _of(_test, fine, (experiment, "test", names, marks[0])),
        _of(_validation, fine, (experiment, "validation", names, marks[1])),
    )


def _of(evidence: Evidence, rows: np.ndarray, key: tuple[str, str, tuple[str, ...], float]) -> SoundRuns:
    probs = evidence.pos_probs[rows]
    return SoundRuns(evidence.ids, evidence.labels, evidence.ratios[rows], evidence.seeds[rows], probs, key)


def _sound(evidence: Evidence) -> np.ndarray:
    fine = (evidence.remedies == "none") & ~np.isnan(evidence.pos_probs).any(axis=1)
    if fine.any() and len(evidence.ids):
        fine[fine] = ~collapsed(evidence.labels, evidence.pos_probs[fine])
    return fine
