"""One example, read whole: what it is, what every run says of it, and what lies next to it in training."""

import html
import math
from dataclasses import dataclass

import numpy as np
import streamlit as st

from closecall.analysis.formatting import probability_text
from closecall.analysis.metrics.outcomes import OUTCOME_NAME
from closecall.analysis.metrics.outcomes import OUTCOME_NAME as WORD
from closecall.charts.colours import OUTCOME_COLOURS, UNSELECTED
from closecall.charts.colours import OUTCOME_COLOURS as COLOUR
from closecall.data.experiments.runs import Run
from closecall.data.experiments.store import ratio_label
from closecall.pages.shared.cached_io import NO_TEXT, Texts, frozen_folder
from closecall.pages.shared.highlight import escaped, highlighted, reading_style
from closecall.pages.shared.neighbours import neighbours, show_neighbours
from closecall.pages.shared.runs import TRAIN, RunPredictions

_CLASS = ("negative", "positive")
_STRIP_HELP = (
    "The probability of being positive at every ratio: a bar for each seed, their mean below. The dashed line is the "
    "threshold, the outlined bar the run being read. In the letters, H is a hit, M a miss, R a correct rejection, "
    "F a false alarm; ratios are parted by a slash."
)


@dataclass(frozen=True)
class ExampleOutcome:
    """What is said of the example read: its probability, whether it is called positive, and by how many seeds."""

    prob: float
    positive: bool
    called: int = 1
    told: int = 1


def facts(
    evidence: RunPredictions,
    run: Run,
    row: int,
    texts: Texts,
    *,
    threshold: float,
    group: str = "",
    verdict: ExampleOutcome | None = None,
) -> None:
    """The line above the text: outcome, class, prediction, probability, and what became of it over the ratios.

    Without a verdict it is the run's own.
    """
    one, label = str(evidence.ids[row]), int(evidence.labels[row])
    prob = float(evidence.of(run)[row])
    verdict = verdict or ExampleOutcome(prob, prob >= threshold)
    if np.isnan(verdict.prob):
        missing = "was not trained on this example" if evidence.split == TRAIN else "has no prediction for this example"
        st.markdown(f"`{run.name}` {missing}.")
        return
    outcome = ("tn", "fp", "fn", "tp")[2 * label + int(verdict.positive)]
    group_said = f" · <em>{escaped(group)}</em>" if group else ""
    st.html(
        f'<div style="border-left:6px solid {COLOUR[outcome]};padding-left:0.6rem">'
        f"<strong>{OUTCOME_NAME[outcome].capitalize()}</strong>: {_CLASS[label]} "
        f"({escaped(texts.class_name(one, label))}), {_called(verdict)}"
        f"<strong>{escaped(probability_text(verdict.prob))}</strong>{group_said}"
        f'<div class="quiet">{escaped(one)}</div></div>'
    )


def _called(verdict: ExampleOutcome) -> str:
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
        body = f'<div class="reading whole" dir="auto" tabindex="0">{highlighted(text, words)}</div>'
    st.html(reading_style() + body)


def over_ratios(evidence: RunPredictions, run: Run, row: int, *, threshold: float, outcome_string: str = "") -> None:
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


def beside(evidence: RunPredictions, run: Run, row: int, texts: Texts) -> None:
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


# The probability of one example at every ratio and seed: small bars with the threshold drawn in.

_STYLE = """<style>
.strip { display: flex; gap: 0.8rem; align-items: flex-end; flex-wrap: wrap; }
.strip .ratio { text-align: center; font-size: 0.8125rem; }
.strip .bars { display: flex; gap: 3px; }
.strip .bar { position: relative; width: 14px; height: 40px; border-radius: 3px;
  background: color-mix(in srgb, currentColor 9%, transparent); overflow: hidden; }
.strip .bar.own { outline: 2px solid currentColor; outline-offset: 1px; }
.strip .fill { position: absolute; left: 0; right: 0; bottom: 0; min-height: 2px; }
.strip .cut { position: absolute; left: 0; right: 0; height: 0; border-top: 2px dashed currentColor; }
.strip .value { font-variant-numeric: tabular-nums; }
</style>"""


def strip(
    label: int,
    probs: np.ndarray,
    ratios: np.ndarray,
    seeds: np.ndarray,
    *,
    threshold: float,
    own: tuple[float, int],
) -> str:
    """HTML made of numbers only. `own` is the ratio and seed being read: its bar is outlined."""
    parts = []
    for ratio in np.unique(ratios):
        here = np.flatnonzero(ratios == ratio)
        here = here[np.argsort(seeds[here])]
        bars = "".join(_bar(label, probs[i], ratio, seeds[i], threshold, own == (ratio, seeds[i])) for i in here)
        values = [value for value in probs[here] if not math.isnan(value)]
        mean = probability_text(float(np.mean(values))) if values else "none"
        parts.append(
            f'<div class="ratio"><div class="bars">{bars}</div>'
            f'<div class="value">{html.escape(mean)}</div><strong>{ratio_label(ratio)}</strong></div>'
        )
    return f'{_STYLE}<div class="strip">{"".join(parts)}</div>'


def _bar(label: int, prob: float, ratio: float, seed: int, threshold: float, own: bool) -> str:
    if math.isnan(prob):
        return f'<div class="bar" title="{ratio_label(ratio)}, seed {seed}: not told"></div>'
    outcome = ("tn", "fp", "fn", "tp")[2 * int(label) + int(prob >= threshold)]
    said = html.escape(f"{ratio_label(ratio)}, seed {seed}: {probability_text(prob)}, {WORD[outcome]}")
    return (
        f'<div class="bar{" own" if own else ""}" role="img" aria-label="{said}" title="{said}">'
        f'<div class="fill" style="height:{100 * prob:.1f}%;background:{OUTCOME_COLOURS.get(outcome, UNSELECTED)}"></div>'
        f'<div class="cut" style="bottom:{100 * threshold:.1f}%"></div></div>'
    )
