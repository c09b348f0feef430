"""The form that loads a fine-tuned classifier and queues its predictions."""

import streamlit as st

from closecall.data.datasets.store import load_info
from closecall.data.experiments.store import TrainingConfig, experiment_ids, load_experiment
from closecall.data.io.errors import UserError
from closecall.models.queue.jobs import queue_checkpoint
from closecall.pages.shared.layout import show_user_error
from closecall.pages.shared.state import go, show_empty_state

NEW = "(a new experiment)"


def checkpoint_form(names: list[str]) -> None:
    """A checkpoint folder or hub id, the dataset to predict, and the ratio and seed of its training."""
    usable = [name for name in names if load_info(name).has_texts]
    if not usable:
        show_empty_state("There is no dataset with texts yet.", "pages/data/page.py", "Add a dataset")
    left, right = st.columns(2, gap="large")
    dataset = left.selectbox("Dataset to predict", usable, key="checkpoint-dataset", persist_state="session")
    checkpoint = left.text_input(
        "Checkpoint: a folder on the app's machine, or a hub id",
        key="checkpoint-path",
        persist_state="session",
        help="A classifier with safetensors weights, or a LoRA adapter of one. No remote code is run.",
    )
    positive = left.text_input(
        "Positive outputs, by name or number (optional)",
        key="checkpoint-positive",
        persist_state="session",
        help="Needed when the classifier has more than two outputs and none is named as the positive class. "
        "Separate several by commas; their probabilities are added.",
    )
    ratio = right.number_input(
        "Training ratio (negatives per positive)",
        0.1,
        1000.0,
        1.0,
        key="checkpoint-ratio",
        persist_state="session",
    )
    seed = right.number_input("Seed", 0, 10**6, 0, key="checkpoint-seed", persist_state="session")
    tokens = right.number_input(
        "Maximum tokens per text", 8, 8192, 128, key="checkpoint-tokens", persist_state="session"
    )
    joined = left.selectbox("Experiment", [NEW, *_joinable(dataset)], key=f"checkpoint-join-{dataset}",
                            help="Checkpoints in the same experiment can be compared.")  # fmt: skip
    if st.button("Load and predict", type="primary", key="checkpoint-go", icon=":material/play_arrow:"):
        try:
            with st.spinner("Reading two texts with the classifier"):
                config = queue_checkpoint(
                    dataset,
                    checkpoint,
                    ratio=float(ratio),
                    seed=int(seed),
                    training=TrainingConfig(max_tokens=int(tokens)),
                    experiment=None if joined == NEW else joined,
                    positive=[one.strip() for one in positive.split(",") if one.strip()],
                )
        except UserError as error:
            show_user_error(error)
            return
        go("pages/train/page.py", experiment=config.id)


def _joinable(dataset: str) -> list[str]:
    configs = [load_experiment(one) for one in experiment_ids()]
    return [one.id for one in configs if one.kind == "checkpoint" and one.dataset == dataset]
