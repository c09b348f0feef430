"""Start a label audit, show its progress, and load its result."""

from functools import partial

import pandas as pd
import streamlit as st

from closecall.data.annotations.label_audits import AuditInfo, audit_folder, load_audit, load_copies
from closecall.data.datasets.store import datasets_folder
from closecall.data.experiments.store import ExperimentConfig
from closecall.data.io.errors import UserError
from closecall.models.explain.label_audit import audit_digest, audit_status, start_audit, stop_audit
from closecall.pages.shared.cached_io import frozen_folder, stamp
from closecall.pages.shared.escaping import escape_markdown
from closecall.pages.shared.layout import headline, show_user_error
from closecall.pages.shared.run_progress import is_running, job_failure, job_panel


def finished_audit(config: ExperimentConfig) -> tuple[AuditInfo, pd.DataFrame, pd.DataFrame] | None:
    """The audit of the current embeddings and labels with its near copies (`load_copies`), or None."""
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
    if not is_running(audit_status(config.id)):
        return False
    headline(f"Label audit of {escape_markdown(config.title)}", "The audit of the labels is running.")
    job_panel(partial(audit_status, config.id), partial(stop_audit, config.id), key="stop-audit")
    st.caption("The audit continues when you leave the page or close the browser.")
    return True


def show_start(config: ExperimentConfig) -> None:
    """What an audit does and the button that starts it, or what it still needs."""
    headline(f"Label audit of {escape_markdown(config.title)}", "The labels have not been audited yet.")
    if not (frozen_folder(config.id) / "embeddings.npy").exists():
        _missing(config)
        return
    job_failure(audit_status(config.id))
    st.markdown(
        "An audit predicts each test and training text with a model that was trained without it (five folds). Labels "
        "that contradict these predictions are suspected errors. The model can be wrong, so read the suspects. The "
        "audit also finds texts that are near copies of each other and have opposite labels."
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


def _stamps(config: ExperimentConfig) -> tuple[int, int]:
    return (
        stamp(frozen_folder(config.id) / "embeddings.npy"),
        stamp(datasets_folder() / config.dataset / "examples.parquet"),
    )


@st.cache_data(max_entries=8, show_spinner=False)
def _content(experiment: str, embedded: int, imported: int) -> str:
    return audit_digest(experiment) if embedded else ""


@st.cache_resource(max_entries=4, show_spinner=False)
def _audit(experiment: str, written: int) -> tuple[AuditInfo, pd.DataFrame, pd.DataFrame] | None:
    saved = load_audit(experiment)
    return None if saved is None else (*saved, load_copies(experiment))
