"""The runs of an experiment: their progress, and the buttons that cancel and resume them."""

from collections.abc import Callable

import streamlit as st

from closecall.analysis.formatting import count_text, ratio_text
from closecall.data.experiments.runs import load_runs
from closecall.data.experiments.store import RECORDED, ExperimentConfig, load_experiment
from closecall.data.io.errors import UserError
from closecall.models.encoders.checkpoints import output_assumption
from closecall.models.queue.jobs import ENDED_EARLY, cancel, experiment_progress, resume
from closecall.models.queue.progress import ExperimentProgress
from closecall.pages.shared.escaping import escape_markdown
from closecall.pages.shared.layout import headline, show_user_error
from closecall.pages.shared.run_progress import import_notes, progress_panel, run_label

CONTINUES = "Training continues when this page, the browser or the app is closed."


def progress_view(config: ExperimentConfig) -> None:
    """The number of finished runs, the live table, buttons to cancel and resume, and failures with their details."""
    progress = experiment_progress(config.id)
    headline(f"Train: {escape_markdown(config.title)}", _sentence(progress), CONTINUES if progress.active else "")
    progress_panel(config.id, table=True)
    _assumptions(config)
    import_notes(config)
    _buttons(config, progress)
    _failures(progress)


def _sentence(progress: ExperimentProgress) -> str:
    total, done = len(progress.runs), progress.counts["done"]
    if done == total:
        return "Its run is done." if total == 1 else f"All {total} runs are done."
    return f"{done} of {count_text(total, 'run')} {'is' if done == 1 else 'are'} done."


def _assumptions(config: ExperimentConfig) -> None:
    """What was assumed about the outputs of loaded classifiers, each sentence once."""
    runs = load_runs(config.id) if config.kind == "checkpoint" else []
    for sentence in dict.fromkeys(output_assumption(run) for run in runs):
        if sentence:
            st.info(escape_markdown(sentence), icon=":material/info:")


def _buttons(config: ExperimentConfig, progress: ExperimentProgress) -> None:
    resumable = _resumable(progress)
    with st.container(horizontal=True, vertical_alignment="center"):
        if progress.active:
            _button("Cancel all", "stop", cancel, config.id)
            for run in progress.runs:
                if run.status.state == "running" and len(progress.runs) > 1:
                    _button(f"Cancel {run_label(run)}", "stop", cancel, config.id, run.name)
        if resumable:
            _button(f"Resume {resumable}", "play_arrow", resume, config.id)
        if progress.counts["done"]:
            st.page_link(
                "pages/overview/page.py",
                label="Show the results",
                icon=":material/arrow_forward:",
                query_params={"experiment": config.id},
            )
    if problem := st.session_state.pop("job-problem", None):
        show_user_error(problem)


def _resumable(progress: ExperimentProgress) -> str:
    """What can be resumed, as text for a button; empty when nothing can."""
    if stopped := sum(progress.counts[state] for state in ENDED_EARLY):
        return count_text(stopped, "run")
    if progress.frozen is not None and progress.frozen.state in ENDED_EARLY:
        return "the map"
    return "the preview" if any(one.status.state in ENDED_EARLY for one in progress.previews) else ""


def _button(
    label: str, icon: str, action: Callable[[str, str | None], None], experiment: str, run: str | None = None
) -> None:
    st.button(label, key=f"job-{label}", icon=f":material/{icon}:", on_click=_act, args=(action, experiment, run))


def _act(action: Callable[[str, str | None], None], experiment: str, run: str | None) -> None:
    try:
        action(experiment, run)
    except UserError as error:
        st.session_state["job-problem"] = error


def _failures(progress: ExperimentProgress) -> None:
    """A message for each failed or interrupted run, with details in an expander."""
    statuses = [(run_label(run), run.status) for run in progress.runs]
    statuses += [(f"The preview of {ratio_text(one.ratio)}", one.status) for one in progress.previews]
    if progress.frozen is not None:
        statuses.append(("Frozen encoder", progress.frozen))
    resumable = "" if load_experiment(progress.experiment).kind == RECORDED else " Resume continues it."
    for name, status in statuses:
        if status.state not in ("failed", "interrupted"):
            continue
        what = status.message or "Its process ended early. Finished steps are kept."
        st.warning(
            f"{escape_markdown(name)} {status.state}: {escape_markdown(what)}{resumable}",
            icon=":material/warning:",
        )
        if status.details:
            with st.expander(f"Details of {escape_markdown(name)}"):
                st.code(status.details, language=None)
