"""Why positives are missed: the errors at one ratio by cause, each with a link to its queue on Errors."""

from collections.abc import Sequence
from functools import partial

import streamlit as st

from closecall.analysis.causes.miss_wording import CausesOfErrors, chance_sentence
from closecall.analysis.causes.misses import MISS_CAUSE_BY_KEY
from closecall.analysis.formatting import percent_text, probability_text, ratio_text
from closecall.charts.causes import causes_chart
from closecall.data.annotations.causes import load_info
from closecall.data.annotations.text_evidence import load_text_evidence
from closecall.data.experiments.store import ExperimentConfig
from closecall.data.io.errors import UserError
from closecall.models.explain.causes import evidence_status, start_evidence, stop_evidence
from closecall.models.results.measures.measure import Measure
from closecall.pages.shared.cached_io import finished_runs
from closecall.pages.shared.causes import causes_of
from closecall.pages.shared.chart_view import current_theme, show_chart
from closecall.pages.shared.escaping import escape_markdown
from closecall.pages.shared.layout import show_user_error, unbroken
from closecall.pages.shared.run_progress import job_failure, job_panel

WORK = "Computing the evidence"
NOUNS = {"fn": "missed positives", "fp": "false positives"}


def show_causes(config: ExperimentConfig, ratio: float) -> CausesOfErrors | None:
    """The bar of errors by cause, and the links below it. None where there is no run at the ratio."""
    outcome = st.segmented_control(
        f"Causes of the errors at {ratio_text(ratio)}",
        list(NOUNS),
        default="fn",
        format_func=lambda one: NOUNS[one].capitalize(),
        key="causes-of",
        required=True,
    )
    found = causes_of(config.id, ratio=ratio, outcome=outcome or "fn")
    if found is None:
        return None
    if found.examples.empty:
        st.markdown(f"There are no {NOUNS[found.outcome]} at threshold 0.50.")
        return found
    show_chart(causes_chart(found.summary, NOUNS[found.outcome], theme=current_theme()))
    _links(config, found)
    _evidence_job(config)
    if found.not_measured:
        reasons = [(MISS_CAUSE_BY_KEY[key].title.lower(), escape_markdown(why)) for key, why in found.not_measured]
        details = "\n".join(f"- **{title}**: {why}" for title, why in reasons)
        st.caption(f"Not measured: {', '.join(title for title, _ in reasons)}.", help=details)
    return found


def show_measures(measures: Sequence[Measure]) -> None:
    """What the evidence says about the experiment as a whole; nothing before it is computed."""
    if not measures:
        return
    with st.expander("What else the evidence shows"):
        for one in measures:
            st.markdown(unbroken(f"**{escape_markdown(one.heading)}.** {escape_markdown(one.sentence)}"))


def _links(config: ExperimentConfig, found: CausesOfErrors) -> None:
    """One link for each cause: to its queue, with how often it holds for correct examples as a tooltip."""
    for row in found.summary[found.summary["errors"] > 0].to_dict("records"):
        query = {
            "experiment": config.id,
            "ratio": ratio_text(found.ratio),
            "outcome": found.outcome,
            "cause": row["cause"],
            "seeds": "most",
            "threshold": probability_text(found.threshold),
        }
        label = f"{row['title']}: {row['errors']:,} ({percent_text(row['share'])})"
        st.page_link(
            "pages/errors/page.py",
            label=label,
            icon=":material/arrow_forward:",
            query_params=query,
            help=f"{MISS_CAUSE_BY_KEY[row['cause']].help} {chance_sentence(row, found.outcome)}",
        )


def _evidence_job(config: ExperimentConfig) -> None:
    """The button that computes the evidence on single examples, or its progress."""
    if job_panel(partial(evidence_status, config.id), partial(stop_evidence, config.id), key="stop-causes", work=WORK):
        return
    job_failure(evidence_status(config.id))
    info, runs = load_info(config.id), {run.name for run in finished_runs(config.id)}
    if info is None or not set(info.runs) >= runs or load_text_evidence(config.id) is None:
        st.button(
            "Compute the evidence on single examples", key="find-causes", icon=":material/search:", on_click=_start,
            args=(config.id,), help="Label audit, near copies, similarity to training texts, and text that was not "
            "read. It takes seconds to minutes and is stored with the experiment.",
        )  # fmt: skip
    if problem := st.session_state.pop("causes-problem", ""):
        show_user_error(UserError(problem))


def _start(experiment: str) -> None:
    try:
        start_evidence(experiment)
    except (UserError, OSError) as error:
        st.session_state["causes-problem"] = str(error)
