"""The decisions applied: a new version of the dataset, the same experiment queued on it."""

import streamlit as st

from data.errors import UserError
from data.experiments import ExperimentConfig
from data.versions import Relabelling, next_version
from models.relabel import apply_list, proposed_relabelling, queue_repeat
from pages.shared.failures import tell
from pages.shared.words import counted, plain

WHERE = {"all": "All splits", "train": "Training examples only"}


def relabel_panel(config: ExperimentConfig) -> None:
    """What the list would change, where, and two buttons."""
    made = st.session_state.pop("relabel-made", None)
    if made:
        st.success(plain(made), icon=":material/check:")
    where = st.segmented_control("Apply to", list(WHERE), format_func=WHERE.__getitem__, default="all", required=True,
                                 key="relabel-where")  # fmt: skip
    try:
        decided = proposed_relabelling(config.id, training_only=where == "train")
    except UserError as error:
        tell(error)
        return
    st.markdown(f"**{finding(decided)}**")
    for sentence in remarks(decided):
        st.caption(sentence)
    if decided.changes.empty:
        return
    name = next_version(config.dataset)
    with st.container(horizontal=True):
        queue = st.button(f"Make {plain(name)} and train again", key="relabel-queue", type="primary",
                          disabled=config.kind != "trained", icon=":material/model_training:",
                          help="The same ratios, seeds, remedies and settings, the same plan and the same validation "
                          "and test examples as far as they stay. Compare under Before and after.")  # fmt: skip
        only = st.button(f"Make {plain(name)} only", key="relabel-only")
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
            parts.append(f"{name}: {counted(new, 'label')} changed, {counted(gone, 'example')} taken out")
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
        said.append(f"{counted(len(decided.left_alone), 'decision')} about validation and test examples left alone.")
    if decided.undecided:
        said.append(f"{counted(len(decided.undecided), 'case')} marked relabel without a new label: nothing is done.")
    if decided.unknown:
        said.append(f"{counted(len(decided.unknown), 'case')} not in the dataset.")
    return said


def _make(config: ExperimentConfig, *, training_only: bool, queue: bool) -> None:
    try:
        with st.spinner("Writing the new version"):
            version = apply_list(config.id, training_only=training_only)
            said = f"{version.name} is made; {config.dataset} stays as it was."
            if queue:
                said += f" Training is queued as {queue_repeat(config.id, version.name).id}."
    except UserError as error:
        tell(error)
        return
    st.session_state["relabel-made"] = said
    st.rerun()
