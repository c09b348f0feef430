"""One example, read whole: what it is, what every run says of it, and what lies next to it in training."""

from dataclasses import dataclass

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
from pages.shared.words import OUTCOME, probability

_CLASS = ("negative", "positive")
_STRIP_HELP = (
    "The probability of being positive at every ratio: a bar for each seed, their mean below. The dashed line is the "
    "threshold, the outlined bar the run being read. In the letters, H is a hit, M a miss, R a correct rejection, "
    "F a false alarm; ratios are parted by a slash."
)


@dataclass(frozen=True)
class Verdict:
    """What is said of the example read: its probability, whether it is called positive, and by how many seeds."""

    prob: float
    positive: bool
    called: int = 1
    told: int = 1


def facts(
    evidence: Evidence,
    run: Run,
    row: int,
    texts: Texts,
    *,
    threshold: float,
    group: str = "",
    verdict: Verdict | None = None,
) -> None:
    """The line above the text: outcome, class, prediction, probability, and what became of it over the ratios.

    Without a verdict it is the run's own.
    """
    one, label = str(evidence.ids[row]), int(evidence.labels[row])
    prob = float(evidence.of(run)[row])
    verdict = verdict or Verdict(prob, prob >= threshold)
    if np.isnan(verdict.prob):
        missing = "was not trained on this example" if evidence.split == TRAIN else "has no prediction for this example"
        st.markdown(f"`{run.name}` {missing}.")
        return
    outcome = ("tn", "fp", "fn", "tp")[2 * label + int(verdict.positive)]
    group_said = f" · <em>{escaped(group)}</em>" if group else ""
    st.html(
        f'<div style="border-left:6px solid {COLOUR[outcome]};padding-left:0.6rem">'
        f"<strong>{OUTCOME[outcome].capitalize()}</strong>: {_CLASS[label]} "
        f"({escaped(texts.class_name(one, label))}), {_called(verdict)}"
        f"<strong>{escaped(probability(verdict.prob))}</strong>{group_said}"
        f'<div class="quiet">{escaped(one)}</div></div>'
    )


def _called(verdict: Verdict) -> str:
    name = _CLASS[int(verdict.positive)]
    if verdict.told == 1:
        return f"called {name} with probability "
    number = verdict.called if verdict.positive else verdict.told - verdict.called
    return f"called {name} by {number} of {verdict.told} seeds, mean probability "


def whole_text(text: str | None, words: list[str]) -> None:
    """The text as it was written, the searched words marked."""
    if text is None:
        body = f'<div class="quiet">{NO_TEXT} The id and the numbers are what there is.</div>'
    elif not text.strip():
        body = '<div class="quiet">This text is empty.</div>'
    else:
        body = f'<div class="reading whole" dir="auto" tabindex="0">{marked(text, words)}</div>'
    st.html(reading_style() + body)


def over_ratios(evidence: Evidence, run: Run, row: int, *, threshold: float, outcome_string: str = "") -> None:
    """Its probability at every ratio and seed of the run's remedy."""
    same = (evidence.remedies == run.config.remedy) & ~np.isnan(evidence.pos_probs[:, row])
    label = int(evidence.labels[row])
    right = (evidence.pos_probs[same, row] >= threshold) == bool(label)
    word = "found by" if label else "rightly rejected by"
    strings = f" ({escaped(outcome_string)})" if outcome_string else ""
    bars = strip(
        label,
        evidence.pos_probs[same, row],
        evidence.ratios[same],
        evidence.seeds[same],
        threshold=threshold,
        own=(run.config.ratio, run.config.seed),
    )
    said = f"This {_CLASS[label]} is {word} {int(right.sum())} of {len(right)} runs{strings}."
    st.html(
        f'<div style="display:flex;gap:1.5rem;align-items:center;flex-wrap:wrap">{bars}'
        f'<div class="quiet" title="{_STRIP_HELP}" style="max-width:16rem;cursor:help">{said}</div></div>'
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
