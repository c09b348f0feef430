"""The negatives that came in between two ratios and lie nearest to a positive that was lost there."""

import numpy as np
import pandas as pd
import streamlit as st

from closecall.analysis.errors.neighbours import nearest_new_negatives, shared_words
from closecall.analysis.formatting import count_text, ratio_text
from closecall.data.datasets.store import datasets_folder
from closecall.data.experiments.runs import Run, load_run
from closecall.data.experiments.store import experiment_folder, load_plan
from closecall.data.io.files import read_frame
from closecall.models.results.run_predictions import RunPredictions
from closecall.pages.shared.cached_io import Texts, place_of, places_of, stamp
from closecall.pages.shared.escaping import escape_html, escape_markdown, highlight_words
from closecall.pages.shared.neighbours import Vectors, vectors_of


def show_nearest_new_negatives(
    experiment: str, evidence: RunPredictions, run: Run, row: int, texts: Texts, *, threshold: float
) -> None:
    """Shown for a positive that this run misses and the next smaller ratio of the same seed finds."""
    smaller = _lost_since(evidence, run, row, threshold)
    if smaller is None:
        return
    one = str(evidence.ids[row])
    found = _nearest(experiment, run, smaller, one)
    if not found:
        return
    before, now = ratio_text(smaller.config.ratio), ratio_text(run.config.ratio)
    text = texts.text(one) or ""
    with st.expander(f"Lost between {before} and {now}: the nearest of the negatives that came in there"):
        for other, cosine in found:
            body = highlight_words(texts.text(other) or "", shared_words(text[:20_000], (texts.text(other) or "")[:20_000]))
            st.html(
                f'<div class="quiet">cosine {cosine:.2f} · {escape_html(other)}</div>'
                f'<div class="reading near" dir="auto">{body}</div>'
            )
        new = run.config.n_negatives - smaller.config.n_negatives
        st.caption(f"Of {count_text(new, 'negative')} that {now} adds, by this run's encoder. Nearest is not proof.")


def _lost_since(evidence: RunPredictions, run: Run, row: int, threshold: float) -> Run | None:
    """The run of the next smaller ratio, when it finds the positive that this run misses."""
    config = run.config
    if evidence.labels[row] != 1 or not evidence.of(run)[row] < threshold:
        return None
    same = (evidence.seeds == config.seed) & (evidence.remedies == config.remedy) & (evidence.ratios < config.ratio)
    if not same.any():
        return None
    last = np.flatnonzero(same)[np.argmax(evidence.ratios[same])]
    if not evidence.pos_probs[last, row] >= threshold:
        return None
    return load_run(config.experiment, evidence.runs[last])


def _nearest(experiment: str, run: Run, smaller: Run, one: str) -> list[tuple[str, float]]:
    vectors = vectors_of(run.folder)
    place = place_of(vectors.places, one) if vectors is not None else -1
    if vectors is None or place < 0:
        return []
    counts = smaller.config.n_negatives, run.config.n_negatives
    written = stamp(experiment_folder(experiment) / "plan.parquet"), stamp(run.folder / "embeddings.npy")
    in_smaller, in_larger = _members(vectors, experiment, run.name, run.config.seed, counts, written)
    if not (in_larger & ~in_smaller).any():
        return []
    query = np.asarray(vectors.embeddings[place])[None]
    rows, cosines = nearest_new_negatives(query, vectors.train[0], in_smaller, in_larger, k=3)
    return [(str(vectors.train_ids[0][i]), float(cosine)) for i, cosine in zip(rows[0], cosines[0], strict=True)]


@st.cache_resource(max_entries=8, show_spinner=False)
def _members(
    _vectors: Vectors, experiment: str, run: str, seed: int, counts: tuple[int, int], written: tuple[int, int]
) -> tuple[np.ndarray, np.ndarray]:
    """Which of the run's training negatives each of the two ratios has, by their ranks in the nested plan."""
    own = load_plan(experiment)
    own = own[(own["seed"] == seed) & (own["label"] == 0)]
    places = places_of(pd.Index(own["id"].to_numpy(dtype=object)), _vectors.train_ids[0])
    rank = np.where(places >= 0, own["rank"].to_numpy()[np.maximum(places, 0)], np.iinfo(np.int64).max)
    return rank < counts[0], rank < counts[1]


# The same text with the other label, elsewhere in the dataset: from the conflicts that its preparation found.

_CLASS = ("negative", "positive")


def label_conflicts(dataset: str, one: str) -> list[tuple[str, int]]:
    """The id and label of each example that has this one's text (letter case and blanks aside) and the other label."""
    path = datasets_folder() / dataset / "conflicts.parquet"
    return _twins(dataset, stamp(path)).get(one, []) if path.exists() else []


def show_label_conflicts(dataset: str, one: str) -> None:
    """A clear line, when there are any."""
    found = label_conflicts(dataset, one)
    if not found:
        return
    other, label = found[0]
    more = f" and {len(found) - 1:,} more" if len(found) > 1 else ""
    st.warning(
        f"The same text also stands in the dataset as a **{_CLASS[label]}** ({escape_markdown(other)}{more}): "
        "one of the labels is wrong, or the text alone cannot tell.",
        icon=":material/content_copy:",
    )


@st.cache_resource(max_entries=4, show_spinner=False)
def _twins(dataset: str, written: int) -> dict[str, list[tuple[str, int]]]:
    rows: pd.DataFrame = read_frame(datasets_folder() / dataset / "conflicts.parquet", ["key", "id", "label"])
    found: dict[str, list[tuple[str, int]]] = {}
    for _, same in rows.groupby("key"):
        pairs = list(zip(same["id"].astype(str), same["label"].astype(int), strict=True))
        for one, label in pairs:
            found[one] = [pair for pair in pairs if pair[1] != label]
    return found
