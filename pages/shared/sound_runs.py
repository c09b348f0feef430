"""The runs that ratios are compared by: finished, without remedy, whole, and not collapsed."""

from dataclasses import dataclass

import numpy as np

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


def sound_runs(experiment: str, split: str = "test") -> SoundRuns:
    """The sound runs of an experiment on one split. What collapsed on test is left out of validation too."""
    test = evidence_of(experiment)
    names = {name for name, fine in zip(test.runs, _sound(test), strict=True) if fine}
    evidence = test if split == "test" else evidence_of(experiment, split)
    rows = np.array([name in names for name in evidence.runs], dtype=bool)
    probs = evidence.pos_probs[rows]
    key = (experiment, split, tuple(sorted(names)), float(np.nansum(probs)))
    return SoundRuns(evidence.ids, evidence.labels, evidence.ratios[rows], evidence.seeds[rows], probs, key)


def _sound(evidence: Evidence) -> np.ndarray:
    fine = (evidence.remedies == "none") & ~np.isnan(evidence.pos_probs).any(axis=1)
    if fine.any() and len(evidence.ids):
        fine[fine] = ~collapsed(evidence.labels, evidence.pos_probs[fine])
    return fine
