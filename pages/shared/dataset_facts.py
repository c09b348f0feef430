"""What the pages say about a dataset, worked out once for each state of its file."""

from typing import Any

import numpy as np
import pandas as pd
import streamlit as st

from closecall.analysis.text import length_bins, word_counts
from closecall.data.datasets.preparation import split_sizes
from closecall.data.datasets.store import datasets_folder, load_examples
from closecall.data.experiments.plans import largest_ratio
from closecall.data.io.errors import UserError
from closecall.pages.shared.cached_io import stamp

SHOWN = 5


def dataset_facts(name: str) -> dict[str, Any]:
    """sizes (a frame of split, positives, negatives), train_positives, train_negatives, largest_ratio (nan when the
    train split cannot be used), problem (why), bins and medians of lengths in words, and some texts of each class."""
    return _facts(name, stamp(datasets_folder() / name / "examples.parquet"))


@st.cache_data(max_entries=16, show_spinner="Reading the dataset")
def _facts(name: str, written: int) -> dict[str, Any]:
    frame = load_examples(name, ["id", "text", "label", "class_name", "split"])
    labels = frame["label"].to_numpy()
    counts = word_counts(frame["text"].tolist())
    train = frame.loc[frame["split"] == "train", "label"]
    try:
        most, problem = largest_ratio(frame), ""
    except UserError as error:
        most, problem = float("nan"), str(error)
    return {
        "sizes": split_sizes(frame),
        "train_positives": int((train == 1).sum()),
        "train_negatives": int((train == 0).sum()),
        "largest_ratio": most,
        "problem": problem,
        "bins": length_bins(counts, labels),
        "medians": {label: float(np.median(counts[labels == label])) for label in (0, 1)},
        "some": pd.concat([_cut(frame[frame["label"] == label].head(SHOWN)) for label in (1, 0)]),
    }


def _cut(rows: pd.DataFrame) -> pd.DataFrame:
    return rows.assign(text=rows["text"].str.slice(0, 2000))[["class_name", "split", "text"]]
