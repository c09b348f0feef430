"""The findings of the verdict, with links to the evidence for each cause."""

import streamlit as st

from closecall.analysis.causes.comparison import Comparison
from closecall.analysis.causes.verdict import CAUSE_BY_KEY, Finding, Verdict
from closecall.analysis.formatting import ratio_text
from closecall.data.experiments.store import ExperimentConfig
from closecall.pages.shared.escaping import escape_markdown


def show_verdict(config: ExperimentConfig, verdict: Verdict, *, partial: bool) -> None:
    """Each finding with its confidence and links to its evidence; the sentences with all numbers in an expander."""
    for number, finding in enumerate(verdict.findings):
        title = CAUSE_BY_KEY[finding.cause].title
        name = f"So far: {title.lower()}" if partial else title
        at = f", {ratio_text(finding.ratio)}" if finding.ratio is not None else ""
        with st.container(horizontal=True, gap="small", vertical_alignment="center"):
            st.markdown(f"**{name}** ({finding.confidence} confidence{at})", width="content")
            _show_links(config, _pair(verdict, finding), finding, first=number == 0)
    if verdict.findings:
        with st.expander("The numbers behind it"):
            for finding in verdict.findings:
                sentences = "\n".join(f"- {escape_markdown(sentence)}" for sentence in finding.sentences)
                st.markdown(f"**{CAUSE_BY_KEY[finding.cause].title}**\n{sentences}")


def _pair(verdict: Verdict, finding: Finding) -> Comparison | None:
    """The comparison that a finding is about; the one with the largest ratio for findings on all runs."""
    pairs = verdict.evidence.comparisons
    return next((pair for pair in pairs if pair.ratio == finding.ratio), verdict.evidence.comparison)


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
