"""How far the runs of an experiment are: one line, a bar and a table, live while anything is at work."""

from collections.abc import Sequence
from typing import Any, Literal

import pandas as pd
import streamlit as st

from closecall.analysis.formatting import count_text, duration_text, ratio_text
from closecall.data.experiments.previews import Preview
from closecall.data.experiments.runs import Run, RunStatus
from closecall.data.experiments.store import load_experiment
from closecall.data.io.errors import UserError
from closecall.models.queue.backends import driver_status
from closecall.models.queue.demo import DEMOS, queue_demo
from closecall.models.queue.jobs import ensure_worker, experiment_progress, is_attended, resume
from closecall.models.queue.progress import ExperimentProgress, run_share
from closecall.pages.shared.escaping import escape_markdown
from closecall.pages.shared.layout import show_user_error
from closecall.pages.shared.state import go

POLL_SECONDS = 2.0
STATES = {
    "queued": "waits",
    "running": "at work",
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
    "projecting": "making the map",
}


def progress_panel(experiment: str, *, table: bool) -> None:
    """The live panel. The page runs again once, whole, each time a run begins or ends."""
    drawn = experiment_progress(experiment)
    every = POLL_SECONDS if drawn.active else None

    @st.fragment(run_every=every)
    def panel() -> None:
        progress = experiment_progress(experiment)
        if _states(progress) != _states(drawn):
            st.rerun()
        _draw(progress, table)

    panel()


def progress_line(progress: ExperimentProgress) -> str:
    """Where the experiment stands, in a sentence."""
    total, done = len(progress.runs), progress.counts["done"]
    parts = [f"{done:,} of {count_text(total, 'run')} done"]
    parts += [f"{progress.counts[state]:,} {STATES[state]}" for state in ("failed", "cancelled", "interrupted")
              if progress.counts[state]]  # fmt: skip
    if progress.active:
        left = progress.eta_seconds
        parts.append(f"about {duration_text(left)} left" if left is not None else "time left not known yet")
    return ", ".join(parts)


def run_label(run: Run) -> str:
    """A run as people name it: `1:10, seed 0`."""
    remedy = "" if run.config.remedy == "none" else f", {run.config.remedy}"
    return f"{ratio_text(run.config.ratio)}, seed {run.config.seed}{remedy}"


def _draw(progress: ExperimentProgress, table: bool) -> None:
    st.progress(min(1.0, progress.done_share), text=progress_line(progress))
    if progress.active and not is_attended(progress.experiment):
        _unattended(progress.experiment)
    if not table:
        now = [f"{run_label(run)}: {doing(run.status)}" for run in progress.runs if run.status.state == "running"]
        st.caption("; ".join(now) if now else "Closing the browser does not stop it.")
        return
    settled = progress.counts["done"] == len(progress.runs) and not progress.active
    with st.expander("The runs", key="runs") if settled else st.container():
        st.dataframe(_rows(progress), column_config=_COLUMNS, hide_index=True, key=f"runs-{progress.experiment}",
                     alt="The runs and how far each is")  # fmt: skip


def doing(status: RunStatus) -> str:
    """What a running run does just now."""
    phase = PHASES.get(status.phase, "starting")
    if status.phase == "training" and status.epochs:
        phase = f"epoch {min(status.epoch + 1, status.epochs)} of {status.epochs}"
    left = f", {duration_text(status.eta_seconds)} left" if status.eta_seconds is not None else ""
    return phase + left


def _unattended(experiment: str) -> None:
    ray = bool(load_experiment(experiment).engine)
    why = (
        f"the Ray driver has ended. {escape_markdown(driver_status(experiment).message)}"
        if ray
        else "the worker has ended."
    )
    st.warning(f"Runs wait, but nothing works on them: {why}", icon=":material/pause_circle:")
    if st.button("Go on here" if ray else "Go on", key="start-worker", icon=":material/play_arrow:"):
        try:
            resume(experiment) if ray else ensure_worker()
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
        rows.append(_row("encoder as it came", progress.frozen))
    return pd.DataFrame(rows, columns=list(_COLUMNS))


def _preview_row(previews: Sequence[Preview]) -> dict[str, Any]:
    """All previews as one: where the first stands that is not done, and how much is done of all."""
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


# The demos, one click away.


def demo_buttons() -> None:
    """Both demos, the close pair first."""
    with st.container(horizontal=True):
        demo_button(0, "Run the demo", primary=True)
        demo_button(1, "Run the distant pair")


def demo_button(number: int, label: str, *, primary: bool = False) -> None:
    """A button that fetches what a demo needs, queues it and goes to the Overview."""
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
