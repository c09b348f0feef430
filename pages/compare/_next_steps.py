"""Where to look next: three links, each with the number behind it."""

from typing import Any

import streamlit as st

from analysis.outcome_groups import outcome_groups
from data.experiments import ExperimentConfig, ratio_label
from pages.shared.load import probabilities, stamp
from pages.shared.recalls import plain_runs
from pages.shared.words import counted


def next_steps(config: ExperimentConfig) -> None:
    """Three links, for the largest ratio's first seed."""
    runs = plain_runs(config.id)
    facts = _facts(config.id, tuple((run.name, stamp(run.folder / "predictions.parquet")) for run in runs))
    ratio, fn, fp = facts["ratio"], facts["fn"], facts["fp"]
    here = {"experiment": config.id, "ratio": ratio, "seed": facts["seed"], "threshold": "0.5"}
    seed = f", seed {facts['seed']}" if facts["several_seeds"] else ""
    st.markdown("**Where to look next**")
    _link(
        "inspect/errors",
        f"Read the {counted(fn, 'positive')} missed at {ratio}{seed}",
        "menu_book",
        here | {"outcome": "fn"},
        _found_before(facts),
    )
    _link(
        "compare/confusion",
        f"Move the threshold of {ratio}{seed}",
        "tune",
        here,
        f"At .5 it misses {counted(fn, 'positive')} and raises {counted(fp, 'false alarm')}.",
    )
    _link_to_always_missed(facts["always_missed"], here)


def _link_to_always_missed(always: int, here: dict[str, str]) -> None:
    if not always:
        _link("inspect/map", "See the misses on the map", "scatter_plot", here, "No positive is missed at every ratio.")
        return
    _link(
        "inspect/errors",
        f"Read the {counted(always, 'positive')} missed at every ratio",
        "visibility_off",
        here | {"outcome": "all", "group": "always missed"},
        "No ratio and no seed finds them, or hardly any: no re-balancing will.",
    )


def _found_before(facts: dict[str, Any]) -> str:
    if facts["smallest"] == facts["ratio"]:
        return "They are the texts to judge: wrong label, too little language, or truly close."
    return f"{facts['found_before']:,} of them were found at {facts['smallest']}."


def _link(page: str, label: str, icon: str, query: dict[str, str], detail: str) -> None:
    with st.container(gap=None):
        st.page_link(f"pages/{page}.py", label=label, icon=f":material/{icon}:", query_params=query)
        st.caption(detail)


@st.cache_data(max_entries=32, show_spinner=False)
def _facts(experiment: str, stamps: tuple[tuple[str, int], ...]) -> dict[str, Any]:
    """What the links say, at the threshold .5."""
    runs = plain_runs(experiment)
    wide = probabilities(experiment)
    labels = wide["label"].to_numpy()
    probs = wide[[run.name for run in runs]].to_numpy().T
    ratios = [run.config.ratio for run in runs]
    seeds = [run.config.seed for run in runs]
    last = ratios.index(max(ratios))
    first = next((i for i, ratio in enumerate(ratios) if ratio == min(ratios) and seeds[i] == seeds[last]), 0)
    missed = (labels == 1) & (probs[last] < 0.5)
    groups = outcome_groups(labels, probs, ratios, seeds)
    return {
        "ratio": ratio_label(ratios[last]),
        "smallest": ratio_label(ratios[first]),
        "seed": str(seeds[last]),
        "several_seeds": len(set(seeds)) > 1,
        "fn": int(missed.sum()),
        "found_before": int((missed & (probs[first] >= 0.5)).sum()),
        "fp": int(((labels == 0) & (probs[last] >= 0.5)).sum()),
        "always_missed": int((groups["group"] == "always missed").sum()),
    }
