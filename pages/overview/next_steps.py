"""Where to look next: three links, each with the number behind it."""

from typing import Any

import numpy as np
import streamlit as st

from closecall.analysis.formatting import count_text, ratio_text
from closecall.data.experiments.store import ExperimentConfig
from closecall.pages.shared.runs import outcome_groups_of, run_predictions


def next_steps(config: ExperimentConfig) -> None:
    """Three links, for the largest ratio's first seed."""
    facts = _facts(config.id)
    ratio, fn, fp = facts["ratio"], facts["fn"], facts["fp"]
    here = {"experiment": config.id, "ratio": ratio, "seed": facts["seed"], "threshold": "0.5"}
    seed = f", seed {facts['seed']}" if facts["several_seeds"] else ""
    st.markdown("**Where to look next**")
    _link(
        "errors",
        f"Read the {count_text(fn, 'positive')} missed at {ratio}{seed}",
        "menu_book",
        here | {"outcome": "fn"},
        _found_before(facts),
    )
    _link(
        "confusion",
        f"Move the threshold of {ratio}{seed}",
        "tune",
        here,
        f"At .5 it misses {count_text(fn, 'positive')} and raises {count_text(fp, 'false alarm')}.",
    )
    _link_to_always_missed(facts["always_missed"], here)


def _link_to_always_missed(always: int, here: dict[str, str]) -> None:
    if not always:
        detail = "Where they lie among the other texts, and which texts are near."
        _link("map", "See the misses on the map", "scatter_plot", here, detail)
        return
    _link(
        "errors",
        f"Read the {count_text(always, 'positive')} missed at every ratio",
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
        st.page_link(f"pages/{page}/page.py", label=label, icon=f":material/{icon}:", query_params=query)
        st.caption(detail)


def _facts(experiment: str) -> dict[str, Any]:
    """What the links say: counts at the threshold .5, as the Errors page has them."""
    evidence = run_predictions(experiment)
    rows = np.flatnonzero((evidence.remedies == "none") & ~np.isnan(evidence.pos_probs).any(axis=1))
    ratios, seeds = evidence.ratios[rows], evidence.seeds[rows]
    last = rows[np.lexsort((seeds, -ratios))[0]]
    same = rows[(ratios == ratios.min()) & (seeds == evidence.seeds[last])]
    first = same[0] if len(same) else rows[np.argmin(ratios)]
    positive = evidence.labels == 1
    missed = positive & (evidence.pos_probs[last] < 0.5)
    groups = outcome_groups_of(evidence, threshold=0.5)
    return {
        "ratio": ratio_text(float(evidence.ratios[last])),
        "smallest": ratio_text(float(evidence.ratios[first])),
        "seed": str(evidence.seeds[last]),
        "several_seeds": len(set(seeds.tolist())) > 1,
        "fn": int(missed.sum()),
        "found_before": int((missed & (evidence.pos_probs[first] >= 0.5)).sum()),
        "fp": int((~positive & (evidence.pos_probs[last] >= 0.5)).sum()),
        "always_missed": 0 if groups is None else int((groups["group"] == "always missed").sum()),
    }
