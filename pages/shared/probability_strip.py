"""The probability of one example at every ratio and seed: small bars with the threshold drawn in."""

import html
import math

import numpy as np

from data.experiments import ratio_label
from pages.shared.colours import OUTCOME, UNSELECTED
from pages.shared.words import OUTCOME as WORD
from pages.shared.words import probability

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
        mean = probability(float(np.mean(values))) if values else "none"
        parts.append(
            f'<div class="ratio"><div class="bars">{bars}</div>'
            f'<div class="value">{html.escape(mean)}</div><strong>{ratio_label(ratio)}</strong></div>'
        )
    return f'{_STYLE}<div class="strip">{"".join(parts)}</div>'


def _bar(label: int, prob: float, ratio: float, seed: int, threshold: float, own: bool) -> str:
    if math.isnan(prob):
        return f'<div class="bar" title="{ratio_label(ratio)}, seed {seed}: not told"></div>'
    outcome = ("tn", "fp", "fn", "tp")[2 * int(label) + int(prob >= threshold)]
    said = html.escape(f"{ratio_label(ratio)}, seed {seed}: {probability(prob)}, {WORD[outcome]}")
    return (
        f'<div class="bar{" own" if own else ""}" role="img" aria-label="{said}" title="{said}">'
        f'<div class="fill" style="height:{100 * prob:.1f}%;background:{OUTCOME.get(outcome, UNSELECTED)}"></div>'
        f'<div class="cut" style="bottom:{100 * threshold:.1f}%"></div></div>'
    )
