"""How long a sweep takes here, before it is queued."""

from collections.abc import Sequence
from typing import Any

import streamlit as st

from data.datasets import datasets_folder, load_examples
from data.experiments import TrainingConfig
from data.plans import draw_plan
from models.estimate import Estimate, estimate_sweep
from models.speeds import Speed, known_speed
from pages.shared.load import stamp
from pages.shared.words import counted, duration

PLAN_SETTINGS = ("sweep", "ratios", "seeds", "positives")


def show_estimate(settings: dict[str, Any]) -> None:
    """The time, from speeds measured on this machine; a button measures one that is not known yet.

    UserError when the data cannot give the ratios, so that an impossible sweep is told before it is queued.
    """
    name = settings["dataset"]
    written = stamp(datasets_folder() / name / "examples.parquet")
    drawn = {key: tuple(settings[key]) if key in ("ratios", "seeds") else settings[key] for key in PLAN_SETTINGS}
    _check_plan(name, written, **drawn)
    speed = known_speed(settings["training"])
    if speed is None and not _measured(settings["training"]):
        return
    cap, training = settings["test_negatives_cap"], settings["training"]
    wished = {"test_negatives_cap": cap, "training": training, "preview": settings["preview"]}
    estimate = _estimate(name, written, speed, **wished, **drawn)
    rough = f" The preview takes about {duration(estimate.preview_seconds)}." if settings["preview"] else ""
    st.markdown(_sentence(estimate, settings["ratios"], settings["seeds"]) + rough)


def _measured(training: TrainingConfig) -> bool:
    """Whether the reader asked for a measurement now."""
    key = f"measure-{training.encoder}-{training.max_tokens}-{training.batch_size}"
    with st.container(horizontal=True, vertical_alignment="center"):
        asked = st.button("How long will it take?", key=key, icon=":material/timer:")
        st.caption("Trains a few steps to measure the speed here: about ten seconds.")
    return asked


def _sentence(estimate: Estimate, ratios: Sequence[float], seeds: Sequence[int]) -> str:
    first = min(estimate.run_seconds.values())
    return (
        f"**About {duration(estimate.total_seconds)}** for {counted(len(ratios) * len(seeds), 'run')}, "
        f"{estimate.lanes} side by side; the first is there after about {duration(first)}. This machine trains "
        f"{estimate.examples_per_second:.1f} examples/s in each, of {estimate.mean_tokens:.0f} tokens on average."
    )


@st.cache_data(max_entries=32, show_spinner=False)
def _check_plan(dataset: str, written: int, **drawn: Any) -> None:
    """UserError, with the largest that is possible, when the data cannot give the ratios."""
    draw_plan(load_examples(dataset, ["id", "label", "split"]), **drawn)


@st.cache_resource(max_entries=32, show_spinner="Measuring the speed of this encoder here")
def _estimate(dataset: str, written: int, speed: Speed | None, **wanted: Any) -> Estimate:
    """Worked out again when the dataset, the settings or the known speed change."""
    return estimate_sweep(dataset, **wanted)
