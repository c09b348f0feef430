"""The verdict in two or three sentences, with links to the rows behind each claim."""

import streamlit as st

from closecall.analysis.causes.verdict import CAUSE_NAMES, NOT_MEASURED, Finding, Verdict
from closecall.analysis.formatting import ratio_text
from closecall.data.experiments.store import ExperimentConfig
from closecall.models.results.run_predictions import Key, RunPredictions
from closecall.models.results.verdict import decide_verdict, own_sentences
from closecall.pages.shared.escaping import escape_markdown
from closecall.pages.shared.runs import run_predictions


def verdict_of(experiment: str) -> Verdict | None:
    """None before runs at two ratios are there."""
    test, validation = run_predictions(experiment), run_predictions(experiment, "validation")
    return _verdict(test, validation, test.key)


def show_verdict(config: ExperimentConfig, verdict: Verdict, *, partial: bool) -> None:
    """Each finding: its name and confidence, what it rests on, and where to see that."""
    for number, finding in enumerate(verdict.findings[:2]):
        name = f"So far: {CAUSE_NAMES[finding.cause].lower()}" if partial else CAUSE_NAMES[finding.cause]
        st.markdown(f"**{name}** (confidence {finding.confidence}). {_said(finding)}")
        with st.container(horizontal=True, gap="small"):
            _links(config, verdict, finding, number)
    st.caption(
        f"Not measured by this verdict: {', '.join(NOT_MEASURED)}.",
        help="\n\n".join(f"**{name.capitalize()}**: {meaning}." for name, meaning in NOT_MEASURED.items()),
    )


def _said(finding: Finding) -> str:
    """The first sentences; the recalls stand in the headline already."""
    return escape_markdown(" ".join(own_sentences(finding)[:2]))


def _links(config: ExperimentConfig, verdict: Verdict, finding: Finding, number: int) -> None:
    pair = verdict.evidence.comparison
    here = {"experiment": config.id}
    if pair is None:
        _link("train", "See the runs", here)
        return
    a, b = ratio_text(pair.reference_ratio), ratio_text(pair.ratio)
    if finding.cause in ("threshold", "ranking", "too few positives", "too few seeds"):
        _link("ratios", "The parts of the drop", here | {"part": "Why recall fell", "a": a, "b": b})
    if finding.cause == "threshold":
        _link("confusion", f"Move the threshold of {b}", here | {"ratio": b})
    if finding.cause == "optimisation":
        _link("ratios", "The collapsed runs", here | {"part": "All numbers"})
    if finding.cause in ("ranking", "nothing wrong") or number == 0:
        _link("ratios", f"Who was lost from {a} to {b}", here | {"part": "Who was lost"})


def _link(page: str, label: str, query: dict[str, str]) -> None:
    st.page_link(f"pages/{page}/page.py", label=label, icon=":material/arrow_forward:", query_params=query)


@st.cache_resource(max_entries=32, show_spinner="Weighing the evidence")
def _verdict(_test: RunPredictions, _validation: RunPredictions, key: Key) -> Verdict | None:
    return decide_verdict(_test, _validation)
