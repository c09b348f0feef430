"""Possible reasons for an error: the nearest negatives that a larger ratio added, and label conflicts in the dataset.

A label conflict is another example with the same text (ignoring case and white space) and the other label.
"""

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
from closecall.pages.shared.neighbours import COMPARED, Vectors, vectors_of

_CLASS = ("negative", "positive")


def show_nearest_new_negatives(
    experiment: str, predictions: RunPredictions, run: Run, row: int, texts: Texts, *, threshold: float
) -> None:
    """Show them for a false negative that is a true positive at the next smaller ratio of the same seed."""
    smaller = _run_before_loss(predictions, run, row, threshold)
    if smaller is None:
        return
    one = str(predictions.ids[row])
    nearest_added = _nearest_added(experiment, run, smaller, one)
    if not nearest_added:
        return
    before, now = ratio_text(smaller.config.ratio), ratio_text(run.config.ratio)
    text = texts.text(one) or ""
    with st.expander(f"True positive at {before}, false negative at {now}: the nearest added negatives"):
        for other, cosine in nearest_added:
            added_text = texts.text(other) or ""
            body = highlight_words(added_text, shared_words(text[:COMPARED], added_text[:COMPARED]))
            st.html(
                f'<div class="quiet">cosine {cosine:.2f} · {escape_html(other)}</div>'
                f'<div class="reading near" dir="auto">{body}</div>'
            )
        added = run.config.n_negatives - smaller.config.n_negatives
        st.caption(
            f"The nearest of {count_text(added, 'negative')} that {now} adds to {before}, by cosine similarity in this "
            "run's encoder. A similar negative suggests a cause; it does not prove one."
        )


def _run_before_loss(predictions: RunPredictions, run: Run, row: int, threshold: float) -> Run | None:
    """The run of the next smaller ratio, when the example is a true positive there and a false negative here."""
    config = run.config
    if predictions.labels[row] != 1 or not predictions.of(run)[row] < threshold:
        return None
    same = (
        (predictions.seeds == config.seed)
        & (predictions.remedies == config.remedy)
        & (predictions.ratios < config.ratio)
    )
    if not same.any():
        return None
    last = np.flatnonzero(same)[np.argmax(predictions.ratios[same])]
    if not predictions.pos_probs[last, row] >= threshold:
        return None
    return load_run(config.experiment, predictions.runs[last])


def _nearest_added(experiment: str, run: Run, smaller: Run, one: str) -> list[tuple[str, float]]:
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
    """Which of the run's training negatives the smaller and the larger ratio have, by rank in the nested plan."""
    own = load_plan(experiment)
    own = own[(own["seed"] == seed) & (own["label"] == 0)]
    places = places_of(pd.Index(own["id"].to_numpy(dtype=object)), _vectors.train_ids[0])
    rank = np.where(places >= 0, own["rank"].to_numpy()[np.maximum(places, 0)], np.iinfo(np.int64).max)
    return rank < counts[0], rank < counts[1]


def label_conflicts(dataset: str, one: str) -> list[tuple[str, int]]:
    """The id and label of each example with the same text and the other label."""
    path = datasets_folder() / dataset / "conflicts.parquet"
    return _conflicts_by_id(dataset, stamp(path)).get(one, []) if path.exists() else []


def show_label_conflicts(dataset: str, one: str) -> None:
    """Warn about label conflicts, if there are any."""
    conflicts = label_conflicts(dataset, one)
    if not conflicts:
        return
    other, label = conflicts[0]
    more = f" and {len(conflicts) - 1:,} more" if len(conflicts) > 1 else ""
    st.warning(
        f"The dataset has the same text as a **{_CLASS[label]}** ({escape_markdown(other)}{more}). One of the labels "
        "is wrong, or the text alone does not determine the class.",
        icon=":material/content_copy:",
    )


@st.cache_resource(max_entries=4, show_spinner=False)
def _conflicts_by_id(dataset: str, written: int) -> dict[str, list[tuple[str, int]]]:
    rows: pd.DataFrame = read_frame(datasets_folder() / dataset / "conflicts.parquet", ["key", "id", "label"])
    conflicts: dict[str, list[tuple[str, int]]] = {}
    for _, same in rows.groupby("key"):
        pairs = list(zip(same["id"].astype(str), same["label"].astype(int), strict=True))
        for one, label in pairs:
            conflicts[one] = [pair for pair in pairs if pair[1] != label]
    return conflicts
