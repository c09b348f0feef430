"""Progress of runs and of background jobs, updated while they are active; demo buttons."""

from collections.abc import Callable, Sequence
from typing import Any, Literal

import pandas as pd
import streamlit as st

from closecall.analysis.formatting import count_text, duration_text, ratio_text, sentence_text
from closecall.data.experiments.previews import Preview
from closecall.data.experiments.runs import Run, RunStatus, load_metrics, load_runs
from closecall.data.experiments.store import ExperimentConfig, load_experiment
from closecall.data.io.errors import UserError
from closecall.models.queue.backends import driver_status
from closecall.models.queue.demo import DEMOS, queue_demo
from closecall.models.queue.jobs import ensure_scheduler, experiment_progress, is_attended, resume
from closecall.models.queue.progress import ExperimentProgress, run_share
from closecall.pages.shared.escaping import escape_markdown
from closecall.pages.shared.layout import show_user_error
from closecall.pages.shared.state import go

POLL_SECONDS = 2.0
JOB_POLL_SECONDS = 1.0
STATES = {
    "queued": "queued",
    "running": "running",
    "done": "done",
    "failed": "failed",
    "cancelled": "cancelled",
    "interrupted": "interrupted",
}
PHASES = {
    "loading": "loading the encoder",
    "training": "training",
    "predicting": "predicting",
    "embedding": "embedding",
    "projecting": "projecting the map",
}


def progress_panel(experiment: str, *, table: bool) -> None:
    """The live panel. The whole page runs again each time a run starts or ends."""
    drawn = experiment_progress(experiment)
    every = POLL_SECONDS if drawn.active else None

    @st.fragment(run_every=every)
    def panel() -> None:
        progress = experiment_progress(experiment)
        if _states(progress) != _states(drawn):
            st.rerun()
        _draw(progress, table)

    panel()


def job_panel(status: Callable[[], RunStatus | None], stop: Callable[[], None], *, key: str, work: str = "") -> bool:
    """Draw the progress of a running background job and return True; return False when none runs.

    `key`: of the button that stops it. `work`: what the job does, before the name of its phase. The whole page runs
    again when the job ends.
    """
    if not is_running(status()):
        return False

    @st.fragment(run_every=JOB_POLL_SECONDS)
    def panel() -> None:
        now = status()
        if now is None or not is_running(now):
            st.rerun()
        bar, button = st.columns([6, 1], vertical_alignment="center")
        share = now.step / now.steps if now.steps else 0.0
        bar.progress(min(share, 1.0), text=f"{work}: {now.phase}" if work else sentence_text(now.phase))
        button.button("Stop", key=key, on_click=stop)

    panel()
    return True


def job_failure(status: RunStatus | None) -> None:
    """Say why the last background job did not end, if it did not."""
    if status is not None and status.state == "failed":
        st.error(escape_markdown(status.message), icon=":material/error:")
    if status is not None and status.state == "interrupted":
        st.warning("The work ended before it was done, perhaps because memory ran out.", icon=":material/warning:")


def is_running(status: RunStatus | None) -> bool:
    """Whether a background job is running; None is the status of a job that was never started."""
    return status is not None and status.state == "running"


def import_notes(config: ExperimentConfig) -> None:
    """What an import of predictions found and assumed, in an expander; nothing for other experiments."""
    runs = load_runs(config.id) if config.kind == "imported" else []
    notes = load_metrics(runs[0]).get("notes", []) if runs else []
    if notes:
        with st.expander(
            f"What the import found and assumed ({len(notes)})", icon=":material/info:", key="import-notes"
        ):
            for note in notes:
                st.markdown(f"- {escape_markdown(note)}")


def progress_line(progress: ExperimentProgress) -> str:
    """The progress of the experiment in one sentence."""
    total, done = len(progress.runs), progress.counts["done"]
    parts = [f"{done:,} of {count_text(total, 'run')} done"]
    parts += [f"{progress.counts[state]:,} {STATES[state]}" for state in ("failed", "cancelled", "interrupted")
              if progress.counts[state]]  # fmt: skip
    if progress.active:
        left = progress.eta_seconds
        parts.append(f"about {duration_text(left)} left" if left is not None else "remaining time unknown")
    return ", ".join(parts)


def run_label(run: Run) -> str:
    """The name of a run in the app: `1:10, seed 0`."""
    remedy = "" if run.config.remedy == "none" else f", {run.config.remedy}"
    return f"{ratio_text(run.config.ratio)}, seed {run.config.seed}{remedy}"


def _draw(progress: ExperimentProgress, table: bool) -> None:
    st.progress(min(1.0, progress.done_share), text=progress_line(progress))
    if progress.active and not is_attended(progress.experiment):
        _unattended(progress.experiment)
    if not table:
        now = [f"{run_label(run)}: {phase_text(run.status)}" for run in progress.runs if run.status.state == "running"]
        st.caption("; ".join(now) if now else "Training continues when the browser is closed.")
        return
    settled = progress.counts["done"] == len(progress.runs) and not progress.active
    with st.expander("The runs", key="runs") if settled else st.container():
        st.dataframe(_rows(progress), column_config=_COLUMNS, hide_index=True, key=f"runs-{progress.experiment}",
                     alt="State and progress of each run")  # fmt: skip


def phase_text(status: RunStatus) -> str:
    """The current phase of a run, with its remaining time."""
    phase = PHASES.get(status.phase, "starting")
    if status.phase == "training" and status.epochs:
        phase = f"epoch {min(status.epoch + 1, status.epochs)} of {status.epochs}"
    left = f", {duration_text(status.eta_seconds)} left" if status.eta_seconds is not None else ""
    return phase + left


def _unattended(experiment: str) -> None:
    ray = bool(load_experiment(experiment).backend)
    if ray:
        why = f"The Ray driver has ended. {escape_markdown(driver_status(experiment).message)}"
    else:
        why = "The worker process has ended."
    st.warning(f"Runs are queued, but no process trains them. {why}", icon=":material/pause_circle:")
    if st.button("Continue on this machine" if ray else "Continue", key="start-worker", icon=":material/play_arrow:"):
        try:
            resume(experiment) if ray else ensure_scheduler()
        except UserError as error:
            show_user_error(error)


_COLUMNS: dict[str, Any] = {
    "run": st.column_config.TextColumn("Run"),
    "state": st.column_config.TextColumn("State"),
    "share": st.column_config.ProgressColumn("Done", min_value=0, max_value=100, format="%.0f %%"),
    "step": st.column_config.TextColumn("Epoch and step"),
    "speed": st.column_config.TextColumn("Texts/s", alignment="right"),
    "left": st.column_config.TextColumn("Left"),
}


def _rows(progress: ExperimentProgress) -> pd.DataFrame:
    rows = [_row(run_label(run), run.status) for run in progress.runs]
    if any(one.status.state != "done" for one in progress.previews):
        rows.insert(0, _preview_row(progress.previews))
    if progress.frozen is not None and progress.frozen.state != "done":
        rows.append(_row("frozen encoder", progress.frozen))
    return pd.DataFrame(rows, columns=list(_COLUMNS))


def _preview_row(previews: Sequence[Preview]) -> dict[str, Any]:
    """All previews as one row: the state of the first unfinished one, and the share done of all."""
    states = [one.status.state for one in previews]
    open_ones = [one.status for one in previews if one.status.state != "done"]
    status = next((one for one in open_ones if one.state == "running"), open_ones[0])
    share = 100 * sum(run_share(one.status) for one in previews) / len(previews)
    step = f"{states.count('done'):,} of {len(states):,} parts"
    return _row("preview of all ratios", status) | {"share": share, "step": step}


def _row(label: str, status: RunStatus) -> dict[str, Any]:
    running = status.state == "running"
    state = PHASES.get(status.phase, "starting") if running else STATES[status.state]
    epoch = f"{status.epoch} of {status.epochs}, " if status.epochs else ""
    step = f"{epoch}step {status.step:,} of {status.steps:,}" if status.steps else ""
    return {
        "run": label,
        "state": state,
        "share": 100 * run_share(status),
        "step": step if running or status.state in ("interrupted", "cancelled", "failed") else "",
        "speed": f"{status.examples_per_second:.0f}" if running and status.examples_per_second else "",
        "left": duration_text(status.eta_seconds) if running and status.eta_seconds is not None else "",
    }


def _states(progress: ExperimentProgress) -> list[str]:
    frozen = progress.frozen.state if progress.frozen else ""
    previews = [one.status.state == "done" for one in progress.previews]
    return [*(run.status.state for run in progress.runs), frozen, *map(str, previews)]


def demo_button(number: int, label: str, *, primary: bool = False) -> None:
    """A button that downloads the data of a demo, queues it and opens the Overview."""
    kind: Literal["primary", "secondary"] = "primary" if primary else "secondary"
    if st.button(label, key=f"demo-{number}", type=kind, icon=":material/play_arrow:"):
        _start(DEMOS[number].name)


def _start(name: str) -> None:
    bar = st.progress(0.0, text="Looking for the encoder and the texts")

    def show(sentence: str, share: float) -> None:
        bar.progress(min(1.0, share), text=sentence)

    try:
        config = queue_demo(name, progress=show)
    except UserError as error:
        bar.empty()
        show_user_error(error)
        return
    go("pages/overview/page.py", experiment=config.id)
