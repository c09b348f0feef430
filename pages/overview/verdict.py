"""The verdict in a few sentences, with links to the evidence for each cause."""

import streamlit as st

from closecall.analysis.causes.evidence import Comparison
from closecall.analysis.causes.verdict import CAUSE_BY_KEY, NOT_MEASURED, Finding, Verdict
from closecall.analysis.formatting import ratio_text
from closecall.data.experiments.store import ExperimentConfig
from closecall.models.results.verdict import own_sentences
from closecall.pages.shared.escaping import escape_markdown

SHOWN = 2
"""Findings and sentences of a finding that are shown; the report and the terminal have all."""


def show_verdict(config: ExperimentConfig, verdict: Verdict, *, partial: bool) -> None:
    """Each finding with its confidence, its main sentences, and links to its evidence."""
    for number, finding in enumerate(verdict.findings[:SHOWN]):
        title = CAUSE_BY_KEY[finding.cause].title
        name = f"So far: {title.lower()}" if partial else title
        sentences = escape_markdown(" ".join(own_sentences(verdict, finding)[:SHOWN]))
        st.markdown(f"**{name}** ({finding.confidence} confidence). {sentences}")
        with st.container(horizontal=True, gap="small"):
            _show_links(config, verdict.evidence.comparison, finding, first=number == 0)
    st.caption(
        f"Not measured by this verdict: {', '.join(NOT_MEASURED)}.",
        help="\n\n".join(f"**{name.capitalize()}**: {meaning}." for name, meaning in NOT_MEASURED.items()),
    )


def _show_links(config: ExperimentConfig, pair: Comparison | None, finding: Finding, *, first: bool) -> None:
    here = {"experiment": config.id}
    if pair is None:
        _link("train", "See the runs", here)
        return
    a, b = ratio_text(pair.reference_ratio), ratio_text(pair.ratio)
    views = CAUSE_BY_KEY[finding.cause].views
    if "parts" in views:
        _link("ratios", "The parts of the drop", here | {"part": "Why recall fell", "a": a, "b": b})
    if "threshold" in views:
        _link("confusion", f"Move the threshold of {b}", here | {"ratio": b})
    if "runs" in views:
        _link("ratios", "The collapsed runs", here | {"part": "All runs"})
    if "flow" in views or first:
        _link("ratios", f"Positives lost from {a} to {b}", here | {"part": "Lost and gained positives"})


def _link(page: str, label: str, query: dict[str, str]) -> None:
    st.page_link(f"pages/{page}/page.py", label=label, icon=":material/arrow_forward:", query_params=query)
