"""An experiment's runs: how far each is, how long still, and the buttons that stop and continue them."""

from typing import Any

import pandas as pd
import streamlit as st

from data.errors import UserError
from data.experiments import ExperimentConfig, ratio_label
from data.runs import Run, RunStatus
from models.jobs import ENDED_EARLY, cancel, experiment_progress, resume
from models.progress import ExperimentProgress, run_share
from pages.shared.failures import tell
from pages.shared.headline import headline
from pages.shared.words import counted, duration, plain

POLL_SECONDS = 1.0
STAYS = "Training goes on when this page, the browser or the app is closed."


def progress_view(config: ExperimentConfig) -> None:
    """Live while anything runs; still when nothing does."""
    progress = experiment_progress(config.id)
    every = POLL_SECONDS if progress.active else None
    st.fragment(_progress, run_every=every)(config, progress.active)


def _progress(config: ExperimentConfig, was_active: bool) -> None:
    progress = experiment_progress(config.id)
    if was_active and not progress.active:
        st.rerun()
    headline("Train", _sentence(config, progress), STAYS if progress.active else "")
    if progress.active:
        st.progress(min(1.0, progress.done_share), text=_time_left(progress))
    _buttons(config, progress)
    _table(progress)
    _failures(progress)


def _sentence(config: ExperimentConfig, progress: ExperimentProgress) -> str:
    total, done = len(progress.runs), progress.counts["done"]
    title = plain(config.title)
    if done == total:
        return f"{title}: {'its run is' if total == 1 else f'all {total} runs are'} done."
    others = [f"{progress.counts[state]} {state}" for state in ("running", "queued", *ENDED_EARLY)
              if progress.counts[state]]  # fmt: skip
    return f"{title}: {done} of {counted(total, 'run')} done, {', '.join(others)}."


def _time_left(progress: ExperimentProgress) -> str:
    if progress.eta_seconds is None:
        return "Starting; the time left is known after the first steps"
    return f"About {duration(progress.eta_seconds)} left"


def _buttons(config: ExperimentConfig, progress: ExperimentProgress) -> None:
    stopped = sum(progress.counts[state] for state in ENDED_EARLY)
    frozen_stopped = progress.frozen is not None and progress.frozen.state in ENDED_EARLY
    with st.container(horizontal=True):
        if progress.active:
            st.button("Cancel", key="cancel-all", icon=":material/stop:", on_click=_act, args=(cancel, config.id))
        if stopped or frozen_stopped:
            st.button(f"Resume {counted(stopped, 'run')}" if stopped else "Resume the map", key="resume-all",
                      type="primary", icon=":material/play_arrow:", on_click=_act, args=(resume, config.id))  # fmt: skip
        if progress.counts["done"]:
            st.page_link("pages/compare/overview.py", label="See what the finished runs show",
                         icon=":material/arrow_forward:", query_params={"experiment": config.id})  # fmt: skip
    if problem := st.session_state.pop("job-problem", None):
        tell(problem)


def _act(action: Any, experiment: str, run: str | None = None) -> None:
    try:
        action(experiment, run)
    except UserError as error:
        st.session_state["job-problem"] = error


def _table(progress: ExperimentProgress) -> None:
    rows = [_row(run) for run in progress.runs]
    if progress.frozen is not None:
        rows.append(_status_row("frozen encoder", "", "", progress.frozen))
    columns: dict[str, Any] = {
        "done": st.column_config.ProgressColumn("Done", format="percent", min_value=0.0, max_value=1.0),
        "ratio": "Ratio",
        "seed": "Seed",
        "training": "Trained on",
        "state": "State",
        "doing": "Doing",
        "speed": st.column_config.NumberColumn("Examples/s", format="%.1f"),
        "left": "Time left",
    }
    st.dataframe(pd.DataFrame(rows), column_config=columns, hide_index=True, key="runs", alt="The runs and their state")


def _row(run: Run) -> dict[str, Any]:
    config = run.config
    trained = f"{config.n_positives:,} + {config.n_negatives:,}" if config.n_positives else "elsewhere"
    return _status_row(ratio_label(config.ratio), str(config.seed), trained, run.status)


def _status_row(ratio: str, seed: str, training: str, status: RunStatus) -> dict[str, Any]:
    running = status.state == "running"
    return {
        "ratio": ratio,
        "seed": seed,
        "training": training,
        "state": status.state,
        "done": run_share(status),
        "doing": _doing(status) if running else "",
        "speed": status.examples_per_second if running and status.examples_per_second else None,
        "left": duration(status.eta_seconds) if running else "",
    }


def _doing(status: RunStatus) -> str:
    if status.phase == "training" and status.epochs:
        return f"epoch {status.epoch} of {status.epochs}, step {status.step:,} of {status.steps:,}"
    return status.phase


def _failures(progress: ExperimentProgress) -> None:
    """What stopped a run and what to do; details folded."""
    statuses = [(run.name, run.status) for run in progress.runs]
    if progress.frozen is not None:
        statuses.append(("frozen encoder", progress.frozen))
    for name, status in statuses:
        if status.state in ("failed", "interrupted") and (status.message or status.state == "interrupted"):
            what = status.message or "its process ended before its work was done. What was trained is kept."
            st.warning(f"{plain(name)} {status.state}: {plain(what)} Resume continues it.", icon=":material/warning:")
            if status.details:
                with st.expander(f"Details of {plain(name)}"):
                    st.code(status.details, language=None)
