"""Fill the form of a sweep in from an experiment, where a link asks for it: `fill=positives` in the URL."""

from dataclasses import asdict

import streamlit as st

from closecall.analysis.formatting import listed_text
from closecall.data.experiments.plans import FIXED_NEGATIVES, halved_counts, positive_count_ratios
from closecall.data.experiments.store import ExperimentConfig, load_plan
from closecall.data.io.errors import UserError
from closecall.pages.shared.escaping import escape_markdown

FEWEST_SEEDS = 3
_TRAINING_KEYS = {
    "encoder": "sweep-encoder",
    "epochs": "sweep-epochs",
    "max_tokens": "sweep-tokens",
    "learning_rate": "sweep-rate",
    "batch_size": "sweep-batch",
    "freeze_word_embeddings": "sweep-freeze",
    "equal_steps": "sweep-equal",
}


def fill_form(config: ExperimentConfig | None) -> None:
    """Set the form's values before it is drawn, once for each link: n/8 to n positives, the experiment's negatives.

    Everything else is as in the experiment, with at least FEWEST_SEEDS seeds.
    """
    if config is None or st.query_params.get("fill") != "positives":
        return
    del st.query_params["fill"]
    try:
        positives, ratios = positive_count_ratios(load_plan(config.id))
    except UserError as error:
        st.session_state["sweep-note"] = str(error)
        return
    training = asdict(config.training)
    seeds = config.seeds if len(config.seeds) >= FEWEST_SEEDS else range(FEWEST_SEEDS)
    values = {key: training[name] for name, key in _TRAINING_KEYS.items()} | {
        "passed-dataset": config.dataset,
        f"sweep-positives-{config.dataset}": positives,
        "sweep-ratios": ", ".join(f"{ratio:.10g}" for ratio in ratios),
        "sweep-seeds": ", ".join(map(str, seeds)),
        "sweep-title": f"{config.title}, fewer positives"[:120],
        "sweep-kind": FIXED_NEGATIVES,
        "sweep-cap": config.test_negatives_cap,
        "sweep-keep": config.keep,
        "sweep-preview": False,
    }
    for key, value in values.items():
        st.session_state[key] = value
    counts = listed_text([f"{count:,}" for count in halved_counts(positives)])
    st.session_state["sweep-note"] = (
        f"Filled in from {config.title}: {counts} training positives, each with the same "
        f"{round(positives * ratios[0]):,} negatives."
    )


def show_note() -> None:
    """What the form was filled in with, while it still has this kind of sweep."""
    note = st.session_state.get("sweep-note")
    if note and st.session_state.get("sweep-kind", FIXED_NEGATIVES) == FIXED_NEGATIVES:
        st.info(escape_markdown(note), icon=":material/edit_note:")
