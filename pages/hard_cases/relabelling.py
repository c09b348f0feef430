"""Apply the decisions to a new version of the dataset, and compare an experiment before and after.

The comparison uses the test examples that both versions hold, judged by the new labels.
"""

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

WHERE = {"all": "All splits", "train": "Training examples only"}
_METRICS = {1: "Recall", 0: "Specificity"}


def before_after_panel(repeats: list[RelabelledExperiment]) -> None:
    """A table for each pair of experiments, the newest first."""
    for repeat in repeats:
        before, after = valid_runs(repeat.before.id)[0], valid_runs(repeat.after.id)[0]
        st.markdown(f"**{escape_markdown(repeat.before.dataset)} → {escape_markdown(repeat.after.dataset)}**")
        if not len(after.ratios) or not len(before.ratios):
            st.caption("No run on the new version has finished yet. The table fills as runs finish.")
            query = {"experiment": repeat.after.id}
            st.page_link("pages/overview/page.py", label="See the progress", icon=":material/home:",
                         query_params=query)  # fmt: skip
            continue
        table, changed, common = _table(before, after, before.key, after.key)
        st.markdown(before_after_finding(table))
        st.dataframe(_shown(table), hide_index=True, key=f"before-after-{repeat.after.id}",
                     alt="Recall and specificity before and after, by ratio")  # fmt: skip
        st.caption(_reading(changed, common, len(before.ids)))


def before_after_finding(table: pd.DataFrame) -> str:
    """Recall before and after at the largest ratio, and whether the difference is distinguishable from none."""
    positives = table[table["label"] == 1]
    if positives.empty:
        return "No ratio and seed has finished in both experiments yet."
    row = positives.iloc[-1]
    difference = points_text(Estimate(row["difference"], row["low"], row["high"]))
    before, after = (_mean_share(row[name], row["n"]) for name in ("before", "after"))
    sentence = f"Recall at {ratio_text(row['ratio'])} is {before}, before and {after}, after: {difference}"
    if row["low"] <= 0 <= row["high"]:
        return escape_markdown(f"{sentence}, not distinguishable with this test set.")
    return escape_markdown(f"{sentence}.")


def _shown(table: pd.DataFrame) -> pd.DataFrame:
    rows = [
        {
            "Ratio": ratio_text(row["ratio"]),
            "Metric": _METRICS[row["label"]],
            "Before": _mean_share(row["before"], row["n"]),
            "After": _mean_share(row["after"], row["n"]),
            "Difference (95 % CI)": points_text(Estimate(row["difference"], row["low"], row["high"])),
            "Seeds": int(row["seeds"]),
        }
        for row in table.to_dict("records")
    ]
    return pd.DataFrame(rows)


def _mean_share(share: float, n: int) -> str:
    """A mean over seeds with its rounded count: "80.0 %, 32/40"."""
    return f"{percent_text(share)}, {share * n:,.0f}/{n:,}"


def _reading(changed: int, common: int, before: int) -> str:
    """The examples and labels that the comparison uses. `changed`: number of test labels that differ."""
    sentences = [f"{count_text(common, 'test example')} in both versions, threshold 0.50, means over seeds."]
    if removed := before - common:
        sentences.append(f"{count_text(removed, 'test example')} removed.")
    if changed:
        sentences.append(
            f"{count_text(changed, 'test label')} changed: both columns use the new labels, so a gain can come from "
            "the labels as well as from the training."
        )
    else:
        sentences.append("No test label changed.")
    return " ".join(sentences)


@st.cache_resource(max_entries=8, show_spinner="Comparing before and after")
def _table(_before: ValidRuns, _after: ValidRuns, before_key: tuple, after_key: tuple) -> tuple[pd.DataFrame, int, int]:
    """The table, how many labels differ, and how many examples are common."""
    places = places_of(pd.Index(_before.ids), _after.ids)
    both = places >= 0
    labels = _after.labels[both]
    changed = int((labels != _before.labels[places[both]]).sum())
    runs = (
        (_before.pos_probs[:, places[both]], _before.ratios, _before.seeds),
        (_after.pos_probs[:, both], _after.ratios, _after.seeds),
    )
    table = before_after(labels, *runs) if len(labels) else pd.DataFrame({"label": np.array([], dtype=int)})
    return table, changed, len(labels)


def relabel_panel(config: ExperimentConfig) -> None:
    """The changes that the decisions make, the splits they apply to, and the buttons that apply them."""
    if message := st.session_state.pop("relabel-made", ""):
        st.success(escape_markdown(message), icon=":material/check:")
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
        queue = st.button(f"Create {escape_markdown(name)} and train again", key="relabel-queue", type="primary",
                          disabled=config.kind != "trained", icon=":material/model_training:",
                          help="Same ratios, seeds, remedies, settings and plan; same validation and test examples "
                          "except those removed. Compare the results under Before and after.")  # fmt: skip
        only = st.button(f"Create {escape_markdown(name)} only", key="relabel-only")
    if queue or only:
        _make(config, training_only=where == "train", queue=queue)


def finding(decided: Relabelling) -> str:
    """The number of changed labels and removed examples, by split."""
    if decided.changes.empty:
        return (
            "The decisions change nothing in these splits yet. Give cases a new label, or the action duplicate or not "
            "our class."
        )
    parts = []
    for split in ("train", "validation", "test"):
        new, removed = decided.relabelled(split), decided.dropped(split)
        if new or removed:
            name = "training" if split == "train" else split
            parts.append(f"{name}: {count_text(new, 'label')} changed, {count_text(removed, 'example')} removed")
    return "; ".join(parts).capitalize() + "."


def remarks(decided: Relabelling) -> list[str]:
    """Notes to read before the decisions are applied."""
    notes = []
    if decided.relabelled("test") or decided.dropped("test"):
        notes.append(
            "The test set changes, so recall before and recall after use different labels. Before and after compares "
            "both on the shared examples with the new labels."
        )
    if decided.outside_train:
        notes.append(
            f"{count_text(len(decided.outside_train), 'decision')} about validation and test examples not applied."
        )
    if decided.undecided:
        notes.append(
            f"{count_text(len(decided.undecided), 'case')} with the action relabel but no new label: not applied."
        )
    if decided.unknown:
        notes.append(f"{count_text(len(decided.unknown), 'case')} not in the dataset.")
    return notes


def _make(config: ExperimentConfig, *, training_only: bool, queue: bool) -> None:
    try:
        with st.spinner("Writing the new version"):
            version = apply_decisions(config.id, training_only=training_only)
            message = f"{version.name} was created. {config.dataset} is unchanged."
            if queue:
                message += f" Training is queued as {queue_same_experiment(config.id, version.name).id}."
    except UserError as error:
        show_user_error(error)
        return
    st.session_state["relabel-made"] = message
    st.rerun()
