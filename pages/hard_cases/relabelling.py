"""The same experiment before and after its dataset was mended, on the test examples that both have."""

import numpy as np
import pandas as pd
import streamlit as st

from closecall.analysis.formatting import count_text, percent_text, points_text, ratio_text
from closecall.analysis.intervals import Estimate
from closecall.analysis.ratio.before_after import before_after
from closecall.data.datasets.versions import Relabelling, next_version
from closecall.data.experiments.store import ExperimentConfig
from closecall.data.io.errors import UserError
from closecall.models.queue.relabelling import (
    RelabelledExperiment,
    apply_decisions,
    proposed_relabelling,
    queue_same_experiment,
)
from closecall.models.results.valid_runs import ValidRuns
from closecall.pages.shared.cached_io import places_of
from closecall.pages.shared.escaping import escape_markdown
from closecall.pages.shared.layout import show_user_error
from closecall.pages.shared.runs import valid_runs

_NAMES = {1: "positives found", 0: "negatives left alone"}


def before_after_panel(repeats: list[RelabelledExperiment]) -> None:
    """A table for each pair of experiments, the newest first."""
    for repeat in repeats:
        before, after = valid_runs(repeat.before.id)[0], valid_runs(repeat.after.id)[0]
        st.markdown(f"**{escape_markdown(repeat.before.dataset)} → {escape_markdown(repeat.after.dataset)}**")
        if not len(after.ratios) or not len(before.ratios):
            st.caption("No run on the new version has finished yet; the table fills as they do.")
            query = {"experiment": repeat.after.id}
            st.page_link("pages/overview/page.py", label="See its progress", icon=":material/home:",
                         query_params=query)  # fmt: skip
            continue
        table, changed, common = _table(before, after, before.key, after.key)
        st.markdown(before_after_finding(table))
        st.dataframe(_shown(table), hide_index=True, key=f"before-after-{repeat.after.id}",
                     alt="Shares classified right before and after, by ratio")  # fmt: skip
        st.caption(_reading(changed, common, len(before.ids)))


def before_after_finding(table: pd.DataFrame) -> str:
    """Whether recall moved at any ratio beyond what chance could do."""
    positives = table[table["label"] == 1]
    if positives.empty:
        return "No ratio and seed is finished on both sides yet."
    row = positives.iloc[-1]
    moved = f"{ratio_text(row['ratio'])} finds {percent_text(row['before'])} of the positives before and "
    moved += f"{percent_text(row['after'])} after: {points_text(Estimate(row['difference'], row['low'], row['high']))}"
    if row["low"] <= 0 <= row["high"]:
        return escape_markdown(f"{moved}, too few to tell a difference.")
    return escape_markdown(f"{moved}.")


def _shown(table: pd.DataFrame) -> pd.DataFrame:
    rows = [
        {
            "Ratio": ratio_text(row["ratio"]),
            "What": _NAMES[row["label"]],
            "Before": f"{percent_text(row['before'])}, {row['before'] * row['n']:,.0f} of {row['n']:,}",
            "After": f"{percent_text(row['after'])}, {row['after'] * row['n']:,.0f} of {row['n']:,}",
            "More right, in points (95 % interval)": points_text(Estimate(row["difference"], row["low"], row["high"])),
            "Seeds": int(row["seeds"]),
        }
        for row in table.to_dict("records")
    ]
    return pd.DataFrame(rows)


def _reading(changed: int, common: int, before: int) -> str:
    said = f"{count_text(common, 'test example')} that both have, threshold .50, means over the seeds of both."
    if gone := before - common:
        said += f" {count_text(gone, 'test example')} taken out."
    if changed:
        said += (
            f" {count_text(changed, 'test label')} changed: both columns are judged by the new labels, so a rise may be "
            "the labels' doing as well as the training's."
        )
    else:
        said += " No test label changed."
    return said


@st.cache_resource(max_entries=8, show_spinner="Comparing before and after")
def _table(_before: ValidRuns, _after: ValidRuns, before_key: tuple, after_key: tuple) -> tuple[pd.DataFrame, int, int]:
    """The table, how many labels differ, and how many examples are common."""
    places = places_of(pd.Index(_before.ids), _after.ids)
    both = places >= 0
    labels = _after.labels[both]
    changed = int((labels != _before.labels[places[both]]).sum())
    sides = (
        (_before.pos_probs[:, places[both]], _before.ratios, _before.seeds),
        (_after.pos_probs[:, both], _after.ratios, _after.seeds),
    )
    table = before_after(labels, *sides) if len(labels) else pd.DataFrame({"label": np.array([], dtype=int)})
    return table, changed, len(labels)


# The decisions applied: a new version of the dataset, the same experiment queued on it.

WHERE = {"all": "All splits", "train": "Training examples only"}


def relabel_panel(config: ExperimentConfig) -> None:
    """What the list would change, where, and two buttons."""
    made = st.session_state.pop("relabel-made", None)
    if made:
        st.success(escape_markdown(made), icon=":material/check:")
    where = st.segmented_control("Apply to", list(WHERE), format_func=WHERE.__getitem__, default="all", required=True,
                                 key="relabel-where")  # fmt: skip
    try:
        decided = proposed_relabelling(config.id, training_only=where == "train")
    except UserError as error:
        show_user_error(error)
        return
    st.markdown(f"**{finding(decided)}**")
    for sentence in remarks(decided):
        st.caption(sentence)
    if decided.changes.empty:
        return
    name = next_version(config.dataset)
    with st.container(horizontal=True):
        queue = st.button(f"Make {escape_markdown(name)} and train again", key="relabel-queue", type="primary",
                          disabled=config.kind != "trained", icon=":material/model_training:",
                          help="The same ratios, seeds, remedies and settings, the same plan and the same validation "
                          "and test examples as far as they stay. Compare under Before and after.")  # fmt: skip
        only = st.button(f"Make {escape_markdown(name)} only", key="relabel-only")
    if queue or only:
        _make(config, training_only=where == "train", queue=queue)


def finding(decided: Relabelling) -> str:
    """What changes, by split."""
    if decided.changes.empty:
        return "The list changes nothing here yet: give cases a new label, or the action duplicate or not our class."
    parts = []
    for split in ("train", "validation", "test"):
        new, gone = decided.relabelled(split), decided.dropped(split)
        if new or gone:
            name = "training" if split == "train" else split
            parts.append(f"{name}: {count_text(new, 'label')} changed, {count_text(gone, 'example')} taken out")
    return "; ".join(parts).capitalize() + "."


def remarks(decided: Relabelling) -> list[str]:
    """What must be known before it is done."""
    said = []
    if decided.relabelled("test") or decided.dropped("test"):
        said.append(
            "The test set changes: recall after is not measured on the same labels as recall before. Before and after "
            "compares both on the examples they share, judged by the new labels."
        )
    if decided.left_alone:
        said.append(f"{count_text(len(decided.left_alone), 'decision')} about validation and test examples left alone.")
    if decided.undecided:
        said.append(
            f"{count_text(len(decided.undecided), 'case')} marked relabel without a new label: nothing is done."
        )
    if decided.unknown:
        said.append(f"{count_text(len(decided.unknown), 'case')} not in the dataset.")
    return said


def _make(config: ExperimentConfig, *, training_only: bool, queue: bool) -> None:
    try:
        with st.spinner("Writing the new version"):
            version = apply_decisions(config.id, training_only=training_only)
            said = f"{version.name} is made; {config.dataset} stays as it was."
            if queue:
                said += f" Training is queued as {queue_same_experiment(config.id, version.name).id}."
    except UserError as error:
        show_user_error(error)
        return
    st.session_state["relabel-made"] = said
    st.rerun()
