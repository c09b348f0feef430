"""The verdict in two or three sentences, with links to the rows behind each claim."""

import numpy as np
import streamlit as st

from analysis.evidence import gather_evidence
from analysis.verdict import Finding, Verdict, reach_verdict
from data.experiments import ExperimentConfig, ratio_label
from pages.shared.evidence import Evidence, evidence_of
from pages.shared.words import plain

LARGE = 200_000
"""Predictions from which on fewer bootstrap draws are made."""
_NAMES = {
    "optimisation": "Some runs did not learn",
    "threshold": "The threshold moved",
    "ranking": "Ranking was lost",
    "nothing wrong": "Nothing is wrong",
    "too few positives": "Too few positives to tell",
}


def verdict_of(experiment: str) -> Verdict | None:
    """None before runs at two ratios are there."""
    test, validation = evidence_of(experiment), evidence_of(experiment, "validation")
    whole = (test.remedies == "none") & ~np.isnan(test.pos_probs).any(axis=1)
    if len(set(test.ratios[whole].tolist())) < 2 or len(set(test.labels.tolist())) < 2:
        return None
    key = (experiment, test.runs, float(np.nansum(test.pos_probs)), float(np.nansum(validation.pos_probs)))
    return _verdict(test, validation, whole, key)


def show_verdict(config: ExperimentConfig, verdict: Verdict, *, partial: bool) -> None:
    """Each finding: its name and confidence, what it rests on, and where to see that."""
    for number, finding in enumerate(verdict.findings[:2]):
        name = f"So far: {_NAMES[finding.cause].lower()}" if partial else _NAMES[finding.cause]
        st.markdown(f"**{name}** (confidence {finding.confidence}). {_said(finding)}")
        with st.container(horizontal=True, gap="small"):
            _links(config, verdict, finding, number)


def _said(finding: Finding) -> str:
    """The sentences, without the recalls that the headline has already."""
    told = [one for one in finding.sentences if not one.startswith("Positives found:")]
    return plain(" ".join(told[:2]))


def _links(config: ExperimentConfig, verdict: Verdict, finding: Finding, number: int) -> None:
    pair = verdict.evidence.comparison
    here = {"experiment": config.id}
    if pair is None:
        _link("prepare/train", "See the runs", here)
        return
    a, b = ratio_label(pair.reference_ratio), ratio_label(pair.ratio)
    if finding.cause in ("threshold", "ranking", "too few positives"):
        _link("compare/ratios", "The parts of the drop", here | {"part": "Why recall fell", "a": a, "b": b})
    if finding.cause == "threshold":
        _link("compare/confusion", f"Move the threshold of {b}", here | {"ratio": b})
    if finding.cause == "optimisation":
        _link("compare/ratios", "The collapsed runs", here | {"part": "All numbers"})
    if finding.cause in ("ranking", "nothing wrong") or number == 0:
        _link("compare/ratios", f"Who was lost from {a} to {b}", here | {"part": "Who was lost"})


def _link(page: str, label: str, query: dict[str, str]) -> None:
    st.page_link(f"pages/{page}.py", label=label, icon=":material/arrow_forward:", query_params=query)


@st.cache_resource(max_entries=32, show_spinner="Weighing the evidence")
def _verdict(_test: Evidence, _validation: Evidence, _whole: np.ndarray, key: tuple) -> Verdict:
    probs = _test.pos_probs[_whole]
    both = len(set(_validation.labels.tolist())) == 2
    return reach_verdict(
        gather_evidence(
            _test.labels,
            probs,
            _test.ratios[_whole],
            _test.seeds[_whole],
            val_labels=_validation.labels if both else None,
            val_pos_probs=_validation.pos_probs[_whole] if both else None,
            draws=200 if probs.size > LARGE else 500,
        )
    )
