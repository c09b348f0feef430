"""Start a label audit, show its progress, and load its result."""

import pandas as pd
import streamlit as st

from closecall.data.annotations.label_audits import AuditInfo, audit_folder, load_audit
from closecall.data.datasets.store import datasets_folder
from closecall.data.experiments.runs import RunStatus
from closecall.data.experiments.store import ExperimentConfig
from closecall.data.io.errors import UserError
from closecall.models.explain.label_audit import audit_digest, audit_status, start_audit, stop_audit
from closecall.pages.shared.cached_io import frozen_folder, stamp
from closecall.pages.shared.escaping import escape_markdown
from closecall.pages.shared.layout import headline, show_user_error

POLL_SECONDS = 1.0


def finished_audit(config: ExperimentConfig) -> tuple[AuditInfo, pd.DataFrame] | None:
    """The audit of the current embeddings and labels, or None."""
    written = stamp(audit_folder(config.id) / "audit.json")
    if not written:
        return None
    saved = _audit(config.id, written)
    if saved is None or saved[0].content != _content(config.id, *_stamps(config)):
        return None
    return saved


def show_running_audit(config: ExperimentConfig) -> bool:
    """Draw the progress of a running audit and return True; return False when none runs.

    The page runs again when the audit ends.
    """
    if not _running(audit_status(config.id)):
        return False
    headline(f"Label audit of {escape_markdown(config.title)}", "The audit of the labels is running.")

    @st.fragment(run_every=POLL_SECONDS)
    def panel() -> None:
        status = audit_status(config.id)
        if status is None or not _running(status):
            st.rerun()
        bar, stop = st.columns([6, 1], vertical_alignment="center")
        share = status.step / status.steps if status.steps else 0.0
        bar.progress(share, text=_step_text(status))
        stop.button("Stop", key="stop-audit", on_click=stop_audit, args=(config.id,))

    panel()
    st.caption("The audit continues when you leave the page or close the browser.")
    return True


def show_start(config: ExperimentConfig) -> None:
    """What an audit does and the button that starts it, or what it still needs."""
    headline(f"Label audit of {escape_markdown(config.title)}", "The labels have not been audited yet.")
    if not (frozen_folder(config.id) / "embeddings.npy").exists():
        _missing(config)
        return
    status = audit_status(config.id)
    if status is not None and status.state == "failed":
        st.error(escape_markdown(status.message), icon=":material/error:")
    st.markdown(
        "An audit predicts each test and training text with a model that was trained without it (five folds). Labels "
        "that contradict these predictions are suspected errors. The model can be wrong, so read the suspects."
    )
    st.button("Audit the labels", key="audit", type="primary", icon=":material/fact_check:", on_click=_start,
              args=(config.id,))  # fmt: skip
    if problem := st.session_state.pop("audit-problem", ""):
        show_user_error(UserError(problem))


def _start(experiment: str) -> None:
    try:
        start_audit(experiment)
    except (UserError, OSError) as error:
        st.session_state["audit-problem"] = str(error)


def _missing(config: ExperimentConfig) -> None:
    if config.kind == "imported":
        st.info("An audit needs embeddings, and imported predictions have none.", icon=":material/info:")
        return
    st.info(
        "The audit needs the frozen encoder's embeddings, which are not computed yet.", icon=":material/hourglass_top:"
    )
    st.page_link("pages/train/page.py", label="See the progress", icon=":material/arrow_forward:")


def _running(status: RunStatus | None) -> bool:
    return status is not None and status.state == "running"


def _step_text(status: RunStatus) -> str:
    if not status.steps:
        return "Loading the embeddings"
    if status.step + 1 < status.steps:
        return f"Fold {status.step + 1} of {status.steps - 1}"
    return "Finding the neighbours of the suspects"


def _stamps(config: ExperimentConfig) -> tuple[int, int]:
    return (
        stamp(frozen_folder(config.id) / "embeddings.npy"),
        stamp(datasets_folder() / config.dataset / "examples.parquet"),
    )


@st.cache_data(max_entries=8, show_spinner=False)
def _content(experiment: str, embedded: int, imported: int) -> str:
    return audit_digest(experiment) if embedded else ""


@st.cache_resource(max_entries=4, show_spinner=False)
def _audit(experiment: str, written: int) -> tuple[AuditInfo, pd.DataFrame] | None:
    return load_audit(experiment)
