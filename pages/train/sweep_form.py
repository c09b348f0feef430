"""The form that queues a sweep: one run for each ratio and seed, with an estimate of its time."""

import re
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import streamlit as st

from closecall.analysis.formatting import count_text, duration_text
from closecall.data.datasets.store import datasets_folder, load_examples, load_info
from closecall.data.experiments.plans import FIXED_NEGATIVES, FIXED_POSITIVES, MATCHED, draw_plan
from closecall.data.experiments.previews import CACHED
from closecall.data.experiments.store import KEEP, TrainingConfig
from closecall.data.io.errors import UserError
from closecall.models.queue.estimate import Estimate, estimate_sweep
from closecall.models.queue.jobs import queue_sweep
from closecall.models.queue.sweeps import SweepRequest
from closecall.models.results.findings import COSTS
from closecall.models.training.checkpoint_retention import encoder_bytes
from closecall.models.training.throughput import Throughput, known_throughput
from closecall.pages.shared.cached_io import dataset_facts, stamp
from closecall.pages.shared.layout import show_user_error
from closecall.pages.shared.state import go, init_bound_value, show_empty_state
from closecall.pages.train.filled_form import show_note

SWEEPS = {
    FIXED_POSITIVES: "Positives fixed, negatives vary",
    FIXED_NEGATIVES: "Negatives fixed, positives vary",
    MATCHED: "Matched pair, 1:1 against the largest ratio",
}

PREVIEW = (
    "A preview trains a linear probe on frozen embeddings, then the last layer on cached states of the layers below, "
    f"for the first seed. In experiments, previews had {COSTS[CACHED]} average precision than finished runs. The runs "
    "start after the previews, and each finished run replaces its preview."
)


def sweep_form(names: list[str]) -> None:
    """The settings, the estimated time, and the button that queues the runs."""
    usable = [name for name in names if load_info(name).has_texts]
    if not usable:
        show_empty_state("There is no dataset with texts yet.", "pages/data/page.py", "Add a dataset")
    show_note()
    left, right = st.columns(2, gap="large")
    with left:
        settings = _main_settings(usable)
    with right:
        training = _training_settings()
        keep = _keep_setting(training["encoder"])
    try:
        settings |= {"ratios": numbers(settings["ratios"], "ratio"), "training": TrainingConfig(**training)}
        settings["seeds"] = [int(seed) for seed in numbers(settings["seeds"], "seed", whole=True)]
        request = SweepRequest(**settings, keep=keep)
        show_estimate(request)
        if st.button("Queue the runs", type="primary", key="sweep-go", icon=":material/play_arrow:"):
            with st.spinner("Reading two texts with the encoder"):
                config = queue_sweep(request)
            go("pages/train/page.py", experiment=config.id)
    except UserError as error:
        show_user_error(error)


def numbers(text: str, noun: str, *, whole: bool = False) -> list[float]:
    """Parse `1, 2, 3` or `1:1 1:2` as numbers. UserError names the part that is not a number."""
    values = []
    for part in re.split(r"[,;\s]+", text.strip().strip(",;")):
        number = part.removeprefix("1:")
        try:
            value = float(number)
            values.append(value)
        except ValueError:
            raise UserError(f"{part or 'An empty field'} is not a {noun}. Enter numbers such as 1, 2, 3.") from None
        if whole and value != int(value):
            raise UserError(f"{part} is not a whole number. Enter a {noun} such as 0.")
    return values


def _main_settings(names: list[str]) -> dict[str, Any]:
    init_bound_value("dataset", names[0], names)
    dataset = st.selectbox("Dataset", names, index=None, key="dataset", required=True, bind="query-params") or names[0]
    facts = dataset_facts(dataset)
    ratios, seeds = st.columns(2)
    settings: dict[str, Any] = {
        "dataset": dataset,
        "ratios": ratios.text_input("Ratios (negatives per positive)", "1, 2, 3, 5, 10", key="sweep-ratios",
                                    persist_state="session"),
        "seeds": seeds.text_input("Seeds", "0, 1, 2", key="sweep-seeds", persist_state="session",
                                  help="Several seeds measure the variance of training. Use three or more."),
    }  # fmt: skip
    most = int(facts.train_positives)
    settings["positives"] = st.number_input(
        f"Training positives (at most {most:,}; empty: as many as the largest ratio allows)", 2, max(2, most), None,
        key=f"sweep-positives-{dataset}", persist_state="session")  # fmt: skip
    settings["title"] = st.text_input("Title", "", key="sweep-title", max_chars=120, persist_state="session",
                                      placeholder=load_info(dataset).title)  # fmt: skip
    settings["preview"] = st.toggle(f"Preview all ratios first ({COSTS[CACHED]} average precision)", False,
                                    key="sweep-preview", persist_state="session", help=PREVIEW)  # fmt: skip
    return settings | _more_settings()


def _more_settings() -> dict[str, Any]:
    with st.expander("Kind of sweep and size of the test set"):
        kind = st.selectbox("Kind of sweep", list(SWEEPS), format_func=SWEEPS.__getitem__, key="sweep-kind",
                            persist_state="session")  # fmt: skip
        cap = st.number_input("Maximum negatives in validation and in test (empty: all)", 10, None, None,
                              key="sweep-cap", persist_state="session",
                              help="Fewer negatives save time but widen the intervals of specificity and precision. "
                              "Precision is reported at a prevalence you choose.")  # fmt: skip
    return {"sweep": kind, "test_negatives_cap": cap}


def _training_settings() -> dict[str, Any]:
    encoder = st.text_input(
        "Encoder",
        "minilm",
        key="sweep-encoder",
        persist_state="session",
        help="minilm is built in. You can also enter a folder on the app's machine or a hub id (safetensors only).",
    )
    epochs, tokens = st.columns(2)
    settings: dict[str, Any] = {
        "encoder": encoder,
        "epochs": int(epochs.number_input("Epochs", 1, 100, 3, key="sweep-epochs", persist_state="session")),
        "max_tokens": int(tokens.number_input("Maximum tokens per text", 8, 8192, 128, key="sweep-tokens",
                                              persist_state="session",
                                              help="Longer texts are truncated. More tokens take more time.")),
    }  # fmt: skip
    with st.expander("Learning rate, batch size and steps"):
        settings["learning_rate"] = st.number_input("Learning rate", 1e-7, 1.0, 5e-5, format="%.1e", key="sweep-rate",
                                                    persist_state="session")  # fmt: skip
        settings["batch_size"] = int(
            st.number_input("Batch size", 1, 1024, 16, key="sweep-batch", persist_state="session")
        )
        settings["freeze_word_embeddings"] = st.toggle("Freeze word embeddings", True, key="sweep-freeze",
                                                       persist_state="session")  # fmt: skip
        settings["equal_steps"] = st.toggle("Equal steps instead of equal epochs", False, key="sweep-equal",
                                            persist_state="session",
                                            help="With equal epochs, 1:10 takes 5.5 times as many steps as "
                                            "1:1.")  # fmt: skip
    return settings


def _keep_setting(encoder: str) -> str:
    """The part of each classifier that stays on disk, with its size."""
    size = encoder_bytes(encoder)
    per_run = f" ({size / 1e6:,.0f} MB a run)" if size else ""
    return st.segmented_control(
        "Keep",
        KEEP,
        format_func={"checkpoint": f"Whole checkpoint{per_run}", "head": "Head and predictions only"}.__getitem__,
        default=KEEP[0],
        required=True,
        key="sweep-keep",
        persist_state="session",
        help="Explanations, predictions of edited texts, and the re-trained head (a remedy) need the whole checkpoint. "
        "Metrics, maps and training dynamics do not.",
    )


def show_estimate(request: SweepRequest) -> None:
    """The estimated time, from throughput measured on this machine, or a button that measures it.

    UserError when the dataset does not allow the ratios.
    """
    written = stamp(datasets_folder() / request.dataset / "examples.parquet")
    _check_plan(request.dataset, written, sweep=request.sweep, ratios=request.ratios, seeds=request.seeds,
                positives=request.positives)  # fmt: skip
    speed = known_throughput(request.training)
    if speed is None and not _measurement_button(request.training):
        return
    estimate = _estimate(replace(request, title="", keep=KEEP[0]), written, speed)
    preview = f" The preview takes about {duration_text(estimate.preview_seconds)}." if request.preview else ""
    st.markdown(_sentence(estimate, request.ratios, request.seeds) + preview)


def _measurement_button(training: TrainingConfig) -> bool:
    """Draw the button that measures the throughput; True in the run after it was pressed."""
    key = f"measure-{training.encoder}-{training.max_tokens}-{training.batch_size}"
    with st.container(horizontal=True, vertical_alignment="center"):
        pressed = st.button("Estimate the time", key=key, icon=":material/timer:")
        st.caption("Trains a few steps on this machine, about ten seconds.")
    return pressed


def _sentence(estimate: Estimate, ratios: Sequence[float], seeds: Sequence[int]) -> str:
    first = min(estimate.run_seconds.values())
    return (
        f"**About {duration_text(estimate.total_seconds)}** for {count_text(len(ratios) * len(seeds), 'run')}, "
        f"{estimate.processes} at the same time. The first run finishes after about {duration_text(first)}. Each run "
        f"trains {estimate.examples_per_second:.1f} examples/s at {estimate.mean_tokens:.0f} tokens on average."
    )


@st.cache_data(max_entries=32, show_spinner=False)
def _check_plan(dataset: str, written: int, **drawn: Any) -> None:
    """UserError with the largest possible ratio when the dataset does not allow the ratios."""
    draw_plan(load_examples(dataset, ["id", "label", "split"]), **drawn)


@st.cache_resource(max_entries=32, show_spinner="Measuring the throughput of this encoder")
def _estimate(request: SweepRequest, written: int, speed: Throughput | None) -> Estimate:
    """Computed again when the dataset, the settings or the known speed change."""
    return estimate_sweep(request)
