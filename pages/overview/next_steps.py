"""Where to look next: three links, each with the count behind it."""

from dataclasses import dataclass

import numpy as np
import streamlit as st

from closecall.analysis.formatting import count_text, ratio_text
from closecall.data.experiments.store import ExperimentConfig
from closecall.models.results.valid_runs import complete_rows, count_always_missed
from closecall.pages.shared.runs import run_predictions, valid_runs


@dataclass(frozen=True)
class _Counts:
    """Test counts at threshold 0.50 of one run at the largest ratio, and of one at the smallest (`smallest`)."""

    ratio: str
    smallest: str
    seed: str
    several_seeds: bool
    false_negatives: int
    true_positives_before: int
    false_positives: int
    always_missed: int


def next_steps(config: ExperimentConfig) -> None:
    """Three links, for the largest ratio's first seed."""
    counts = _counts(config.id)
    here = {"experiment": config.id, "ratio": counts.ratio, "seed": counts.seed, "threshold": "0.5"}
    run = f"{counts.ratio}, seed {counts.seed}" if counts.several_seeds else counts.ratio
    fn, fp = (count_text(one, "false " + name) for one, name in
              ((counts.false_negatives, "negative"), (counts.false_positives, "positive")))  # fmt: skip
    st.markdown("**Where to look next**")
    _link("errors", f"Read the {fn} at {run}", "menu_book", here | {"outcome": "fn"}, _before(counts))
    _link("confusion", f"Move the threshold of {run}", "tune", here, f"Threshold 0.50 gives {fn} and {fp}.")
    _link_to_always_missed(counts.always_missed, here)


def _link_to_always_missed(always: int, here: dict[str, str]) -> None:
    if not always:
        _link("map", "See the false negatives on the map", "scatter_plot", here, "Which texts are near them.")
        return
    _link(
        "errors",
        f"Read the {count_text(always, 'positive')} missed at every ratio",
        "visibility_off",
        here | {"outcome": "all", "group": "always missed"},
        "Runs of all ratios and seeds miss them, with few exceptions.",
    )


def _before(counts: _Counts) -> str:
    if counts.smallest == counts.ratio:
        return "Is the label wrong, is there little such text in training, or do the classes overlap?"
    return f"{counts.true_positives_before:,} of them are true positives at {counts.smallest}."


def _link(page: str, label: str, icon: str, query: dict[str, str], detail: str) -> None:
    with st.container(gap=None):
        st.page_link(f"pages/{page}/page.py", label=label, icon=f":material/{icon}:", query_params=query)
        st.caption(detail)


def _counts(experiment: str) -> _Counts:
    test = run_predictions(experiment)
    rows = np.flatnonzero(complete_rows(test))
    ratios, seeds = test.ratios[rows], test.seeds[rows]
    last = rows[np.lexsort((seeds, -ratios))[0]]
    same_seed = rows[(ratios == ratios.min()) & (seeds == test.seeds[last])]
    first = same_seed[0] if len(same_seed) else rows[np.argmin(ratios)]
    positive = test.labels == 1
    missed = positive & (test.pos_probs[last] < 0.5)
    return _Counts(
        ratio=ratio_text(float(test.ratios[last])),
        smallest=ratio_text(float(test.ratios[first])),
        seed=str(test.seeds[last]),
        several_seeds=len(set(seeds.tolist())) > 1,
        false_negatives=int(missed.sum()),
        true_positives_before=int((missed & (test.pos_probs[first] >= 0.5)).sum()),
        false_positives=int((~positive & (test.pos_probs[last] >= 0.5)).sum()),
        always_missed=count_always_missed(valid_runs(experiment)[0]),
    )
