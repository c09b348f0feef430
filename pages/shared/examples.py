"""One example as a card, with its facts, text and nearest training examples, and many examples as a table."""

import html
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import streamlit as st

from closecall.analysis.formatting import count_text, probability_text, ratio_text, sentence_text
from closecall.analysis.metrics.outcomes import OUTCOME_NAME, OUTCOMES
from closecall.charts.colours import OUTCOME_COLOURS
from closecall.data.annotations.selections import save_selection
from closecall.data.experiments.runs import Run
from closecall.data.experiments.store import ExperimentConfig
from closecall.models.results.run_predictions import TRAIN, RunPredictions
from closecall.pages.shared.cached_io import NO_TEXT, Texts, frozen_folder, texts_of
from closecall.pages.shared.escaping import escape_html, highlight_words, reading_style
from closecall.pages.shared.neighbours import neighbours, show_neighbours
from closecall.pages.shared.state import show_examples

TABLE_ROWS = 500
_CLASS = ("negative", "positive")
_STRIP_HELP = (
    "The probability of being positive at every ratio: one bar for each seed, the mean over seeds below. The dashed "
    "line is the threshold. The outlined bar is the selected run. The letters show each run's outcome: T is a true "
    "(correct) prediction, F a false one. A slash separates ratios."
)
_STRIP_STYLE = """<style>
.strip { display: flex; gap: 0.8rem; align-items: flex-end; flex-wrap: wrap; }
.strip .ratio { text-align: center; font-size: 0.8125rem; }
.strip .bars { display: flex; gap: 3px; }
.strip .bar { position: relative; width: 14px; height: 40px; border-radius: 3px;
  background: color-mix(in srgb, currentColor 9%, transparent); overflow: hidden; }
.strip .bar.own { outline: 2px solid currentColor; outline-offset: 1px; }
.strip .fill { position: absolute; left: 0; right: 0; bottom: 0; min-height: 2px; }
.strip .threshold { position: absolute; left: 0; right: 0; height: 0; border-top: 2px dashed currentColor; }
.strip .value { font-variant-numeric: tabular-nums; }
</style>"""


@dataclass(frozen=True)
class Prediction:
    """A prediction for one example: its probability, the predicted class, and how many of `seeds` predict positive."""

    prob: float
    positive: bool
    seeds_positive: int = 1
    seeds: int = 1


def show_facts(
    predictions: RunPredictions,
    run: Run,
    row: int,
    texts: Texts,
    *,
    threshold: float,
    group: str = "",
    prediction: Prediction | None = None,
) -> None:
    """Show outcome, class, prediction, probability and outcome group. `prediction` defaults to that of the run."""
    one, label = str(predictions.ids[row]), int(predictions.labels[row])
    prob = float(predictions.of(run)[row])
    prediction = prediction or Prediction(prob, prob >= threshold)
    if math.isnan(prediction.prob):
        missing = (
            "was not trained on this example" if predictions.split == TRAIN else "has no prediction for this example"
        )
        st.markdown(f"`{run.name}` {missing}.")
        return
    outcome = OUTCOMES[2 * label + int(prediction.positive)]
    group_html = f" · <em>{escape_html(group)}</em>" if group else ""
    st.html(
        f'<div style="border-left:6px solid {OUTCOME_COLOURS[outcome]};padding-left:0.6rem">'
        f"<strong>{OUTCOME_NAME[outcome].capitalize()}</strong>: {_CLASS[label]} "
        f"({escape_html(texts.class_name(one, label))}), {_predicted_text(prediction)}"
        f"<strong>{escape_html(probability_text(prediction.prob))}</strong>{group_html}"
        f'<div class="quiet">{escape_html(one)}</div></div>'
    )


def _predicted_text(prediction: Prediction) -> str:
    name = _CLASS[int(prediction.positive)]
    if prediction.seeds == 1:
        return f"predicted {name}, probability "
    agreeing = prediction.seeds_positive if prediction.positive else prediction.seeds - prediction.seeds_positive
    return f"predicted {name} by {agreeing}/{prediction.seeds} seeds, mean probability "


def show_text(text: str | None, words: Sequence[str] = ()) -> None:
    """Show the whole text with line breaks; `words` (lower case) are highlighted."""
    if text is None:
        body = f'<div class="quiet">{NO_TEXT} Only the id and the numbers can be shown.</div>'
    elif not text.strip():
        body = '<div class="quiet">This text is empty.</div>'
    else:
        body = f'<div class="reading whole" dir="auto" tabindex="0">{highlight_words(text, words)}</div>'
    st.html(reading_style() + body)


def show_probabilities(
    predictions: RunPredictions, run: Run, row: int, *, threshold: float, outcome_string: str = ""
) -> None:
    """Show the example's probability at every ratio and seed of the run's remedy, and the number of correct runs."""
    same = (predictions.remedies == run.config.remedy) & ~np.isnan(predictions.pos_probs[:, row])
    label = int(predictions.labels[row])
    right = (predictions.pos_probs[same, row] >= threshold) == bool(label)
    string = f" ({escape_html(outcome_string)})" if outcome_string else ""
    bars = probability_strip(
        label,
        predictions.pos_probs[same, row],
        predictions.ratios[same],
        predictions.seeds[same],
        threshold=threshold,
        own=(run.config.ratio, run.config.seed),
    )
    sentence = f"{int(right.sum())}/{len(right)} runs predict this {_CLASS[label]} correctly{string}."
    st.html(
        f'<div style="display:flex;gap:1.5rem;align-items:center;flex-wrap:wrap">{bars}'
        f'<div class="quiet" title="{_STRIP_HELP}" style="max-width:16rem;cursor:help">{sentence}</div></div>'
    )


def probability_strip(
    label: int,
    probs: np.ndarray,
    ratios: np.ndarray,
    seeds: np.ndarray,
    *,
    threshold: float,
    own: tuple[float, int],
) -> str:
    """HTML with one bar per run, grouped by ratio. `own` is the ratio and seed of the selected run.

    `probs`, `ratios` and `seeds` have the shape (runs,); the HTML contains numbers only.
    """
    parts = []
    for ratio in np.unique(ratios):
        here = np.flatnonzero(ratios == ratio)
        here = here[np.argsort(seeds[here])]
        bars = "".join(_bar(label, probs[i], ratio, seeds[i], threshold, own == (ratio, seeds[i])) for i in here)
        values = [value for value in probs[here] if not math.isnan(value)]
        mean = probability_text(float(np.mean(values))) if values else "none"
        parts.append(
            f'<div class="ratio"><div class="bars">{bars}</div>'
            f'<div class="value">{html.escape(mean)}</div><strong>{ratio_text(ratio)}</strong></div>'
        )
    return f'{_STRIP_STYLE}<div class="strip">{"".join(parts)}</div>'


def _bar(label: int, prob: float, ratio: float, seed: int, threshold: float, own: bool) -> str:
    if math.isnan(prob):
        return f'<div class="bar" title="{ratio_text(ratio)}, seed {seed}: no prediction"></div>'
    outcome = OUTCOMES[2 * int(label) + int(prob >= threshold)]
    name = html.escape(f"{ratio_text(ratio)}, seed {seed}: {probability_text(prob)}, {OUTCOME_NAME[outcome]}")
    return (
        f'<div class="bar{" own" if own else ""}" role="img" aria-label="{name}" title="{name}">'
        f'<div class="fill" style="height:{100 * prob:.1f}%;background:{OUTCOME_COLOURS[outcome]}"></div>'
        f'<div class="threshold" style="bottom:{100 * threshold:.1f}%"></div></div>'
    )


def show_nearest_training(predictions: RunPredictions, run: Run, row: int, texts: Texts) -> None:
    """Show the nearest training examples of both classes, by the run's encoder or, when chosen, the frozen encoder."""
    one, label = str(predictions.ids[row]), int(predictions.labels[row])
    frozen = frozen_folder(predictions.experiment)
    encoders = ["this run's encoder"] + (["frozen encoder"] if (frozen / "embeddings.npy").exists() else [])
    chosen = encoders[0]
    if len(encoders) > 1:
        chosen = st.segmented_control(
            "Nearest training examples by", encoders, default=encoders[0], required=True, key="encoder",
            format_func=sentence_text, label_visibility="collapsed",
            help="Embeddings of this run's fine-tuned encoder, or of the encoder before fine-tuning.")  # fmt: skip
    found = neighbours(run.folder if chosen == encoders[0] else frozen, one)
    if isinstance(found, str):
        st.caption(found)
    else:
        show_neighbours(found, one, label, texts)


def example_table(
    config: ExperimentConfig, ids: np.ndarray, numbers: Mapping[str, list[str]], *, key: str, link: dict[str, str]
) -> None:
    """Show examples as a table with the columns of `numbers` before the text. Selecting a row opens it on Errors.

    `link` holds further URL parameters of the Errors page.
    """
    shown = ids[:TABLE_ROWS]
    columns = {f"number-{place}": values[:TABLE_ROWS] for place, values in enumerate(numbers.values())}
    frame = pd.DataFrame({**columns, "text": texts_of(config.dataset).starts(shown, length=160)})
    names: dict[str, Any] = {f"number-{place}": name for place, name in enumerate(numbers)}
    names["text"] = st.column_config.TextColumn("Text", width="large")
    event = st.dataframe(
        frame,
        column_config=names,
        hide_index=True,
        key=key,
        on_select="rerun",
        selection_mode="single-row",
        alt="Examples",
    )
    more = f" The table shows the first {TABLE_ROWS:,} of {len(ids):,}." if len(ids) > TABLE_ROWS else ""
    st.caption(f"Select a row to read it on the Errors page.{more}")
    rows = event["selection"]["rows"]
    if rows and rows[0] < len(shown):
        show_examples(experiment=config.id, outcome="all", example=str(shown[rows[0]]), **link)


def open_as_queue(
    config: ExperimentConfig,
    ids: Sequence[str],
    *,
    source: str,
    key: str,
    split: str = "test",
    noun: str = "text",
    **filters: str,
) -> None:
    """A button that opens these examples on Errors, in this order. `source` says there where they come from."""
    label = f"Read the {noun} on Errors" if len(ids) == 1 else f"Read these {count_text(len(ids), noun)} on Errors"
    if st.button(label, key=key, icon=":material/menu_book:"):
        picked = save_selection(config.id, ids, source=source)
        show_examples(experiment=config.id, outcome="all", sort="as picked", split=split, picked=picked, **filters)
