"""How long a sweep takes here, before it is queued."""

from collections.abc import Sequence
from typing import Any

import streamlit as st

from data.experiments import TrainingConfig
from models.estimate import Estimate, estimate_sweep
from models.speeds import known_speed
from pages.shared.words import counted, duration


def show_estimate(settings: dict[str, Any]) -> None:
    """The time, from speeds measured on this machine; a button measures one that is not known yet.

    UserError when the data cannot give the ratios, so that an impossible sweep is told before it is queued.
    """
    wanted = {key: value for key, value in settings.items() if key not in ("dataset", "title")}
    if known_speed(settings["training"]) is None and not _measured(settings["training"]):
        return
    with st.spinner("Measuring the speed of this encoder here"):
        estimate = estimate_sweep(settings["dataset"], **wanted)
    st.markdown(_sentence(estimate, settings["ratios"], settings["seeds"]))


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
