"""One example, read whole: what it is, what every run says of it, and what lies next to it in training."""

import numpy as np
import streamlit as st

from data.runs import Run
from pages.shared.colours import OUTCOME as COLOUR
from pages.shared.evidence import TRAIN, Evidence
from pages.shared.load import frozen_folder
from pages.shared.marked import escaped, marked, reading_style
from pages.shared.near import neighbours, show_neighbours
from pages.shared.probability_strip import strip
from pages.shared.texts import NO_TEXT, Texts
from pages.shared.words import OUTCOME, plain, probability

_CLASS = ("negative", "positive")


def facts(evidence: Evidence, run: Run, row: int, texts: Texts, *, threshold: float, group: str = "") -> None:
    """The line above the text: outcome, class, prediction, probability, and what became of it over the ratios."""
    one, label = str(evidence.ids[row]), int(evidence.labels[row])
    prob = float(evidence.of(run)[row])
    if np.isnan(prob):
        verb = "was not trained on this example" if evidence.split == TRAIN else "has no prediction for this example"
        st.markdown(f"`{run.name}` {verb}.")
        return
    outcome = ("tn", "fp", "fn", "tp")[2 * label + int(prob >= threshold)]
    called = _CLASS[int(prob >= threshold)]
    group_said = f" · <em>{escaped(group)}</em>" if group else ""
    st.html(
        f'<div style="border-left:6px solid {COLOUR[outcome]};padding-left:0.6rem">'
        f"<strong>{OUTCOME[outcome].capitalize()}</strong>: {_CLASS[label]} "
        f"({escaped(texts.class_name(one, label))}), called {called} with probability "
        f"<strong>{escaped(probability(prob))}</strong>{group_said}"
        f'<div class="quiet">{escaped(one)}</div></div>'
    )


def whole_text(text: str | None, words: list[str]) -> None:
    """The text as it was written, the searched words marked."""
    st.html(reading_style())
    if text is None:
        st.caption(f"{NO_TEXT} The id and the numbers are what there is.")
    elif not text.strip():
        st.caption("This text is empty.")
    else:
        st.html(f'<div class="reading whole" dir="auto" tabindex="0">{marked(text, words)}</div>')


def over_ratios(evidence: Evidence, run: Run, row: int, *, threshold: float, outcome_string: str = "") -> None:
    """Its probability at every ratio and seed of the run's remedy."""
    same = (evidence.remedies == run.config.remedy) & ~np.isnan(evidence.pos_probs[:, row])
    label = int(evidence.labels[row])
    right = (evidence.pos_probs[same, row] >= threshold) == bool(label)
    word = "found by" if label else "rightly rejected by"
    strings = f" ({plain(outcome_string)})" if outcome_string else ""
    bars, said = st.columns([3, 2], vertical_alignment="center")
    bars.html(
        strip(
            label,
            evidence.pos_probs[same, row],
            evidence.ratios[same],
            evidence.seeds[same],
            threshold=threshold,
            own=(run.config.ratio, run.config.seed),
        )
    )
    said.caption(
        f"This {_CLASS[label]} is {word} {int(right.sum())} of {len(right)} runs{strings}.",
        help="The probability of being positive at every ratio: a bar for each seed, their mean below. The dashed line "
        "is the threshold, the outlined bar the run being read. In the letters, H is a hit, M a miss, R a correct "
        "rejection, F a false alarm; ratios are parted by a slash.",
    )


def beside(evidence: Evidence, run: Run, row: int, texts: Texts) -> None:
    """Its nearest training examples of both classes."""
    one, label = str(evidence.ids[row]), int(evidence.labels[row])
    frozen = frozen_folder(evidence.experiment)
    encoders = ["this run's encoder"] + (["frozen encoder"] if (frozen / "embeddings.npy").exists() else [])
    chosen = encoders[0]
    if len(encoders) > 1:
        chosen = st.segmented_control(
            "Neighbours by", encoders, default=encoders[0], required=True, key="encoder", label_visibility="collapsed"
        )
    found = neighbours(run.folder if chosen == encoders[0] else frozen, one)
    if isinstance(found, str):
        st.caption(found)
    else:
        show_neighbours(found, one, label, texts)
