"""Rules that propose cases; people dispose."""

import numpy as np
import streamlit as st

from analysis.outcome_groups import right_shares
from analysis.outcomes import collapsed
from data.experiments import ExperimentConfig
from data.hard_cases import Origin
from pages.shared import case_list
from pages.shared.evidence import Evidence
from pages.shared.words import counted, probability

THRESHOLD = 0.5
RULES = {
    "missed at most ratios": "Positives that most runs miss at more than half of the ratios.",
    "always missed": "Positives that over four in five runs miss at every ratio.",
}


def proposals(config: ExperimentConfig, evidence: Evidence, listed: set[str]) -> None:
    """A button for each rule, with how many cases it would add."""
    for rule, meaning in RULES.items():
        ids, reasons = proposed(evidence, rule)
        new = [(one, reason) for one, reason in zip(ids, reasons, strict=True) if one not in listed]
        st.button(
            f"Propose: {counted(len(new), 'positive')} {rule}",
            key=f"propose-{rule}",
            icon=":material/playlist_add:",
            help=f"{meaning} Threshold {probability(THRESHOLD)}, test set, runs without a remedy that did not "
            "collapse. They come on the list with the rule as their reason; remove those that do not belong there.",
            disabled=not new,
            on_click=_add,
            args=(config.id, new),
        )


def proposed(evidence: Evidence, rule: str) -> tuple[list[str], list[str]]:
    """The ids that a rule finds and the reason of each, the most often missed first."""
    sound = (evidence.remedies == "none") & ~np.isnan(evidence.pos_probs).any(axis=1)
    if sound.any() and len(evidence.ids):
        sound[sound] = ~collapsed(evidence.labels, evidence.pos_probs[sound], threshold=THRESHOLD)
    if not sound.any() or not len(evidence.ids):
        return [], []
    _, shares = right_shares(evidence.labels, evidence.pos_probs[sound], evidence.ratios[sound], threshold=THRESHOLD)
    missed = evidence.labels == 1
    missed &= (shares < 0.2).all(axis=0) if rule == "always missed" else (shares < 0.5).mean(axis=0) > 0.5
    times = (evidence.pos_probs[sound] < THRESHOLD).sum(axis=0)
    rows = np.flatnonzero(missed)
    rows = rows[np.argsort(-times[rows], kind="stable")]
    reasons = [
        f"{rule}: by {times[row]} of {sound.sum()} runs (rule, threshold {probability(THRESHOLD)})" for row in rows
    ]
    return [str(evidence.ids[row]) for row in rows], reasons


def _add(experiment: str, new: list[tuple[str, str]]) -> None:
    origin = Origin(split="test", threshold=THRESHOLD)
    case_list.add(experiment, [one for one, _ in new], [reason for _, reason in new], origin)
