"""Reading from disk once: frames and arrays cached by file and its time of writing."""

from pathlib import Path

import numpy as np
import pandas as pd
import streamlit as st

from data.datasets import datasets_folder, load_examples, load_info
from data.errors import UserError
from data.experiments import experiment_folder
from data.files import read_frame
from data.runs import Predictions, Run, load_embeddings, load_predictions, load_runs


def stamp(path: Path) -> int:
    """When a file was last written (ns), 0 when it is absent: the part of a cache key that follows the disk."""
    return path.stat().st_mtime_ns if path.exists() else 0


def finished_runs(experiment: str) -> list[Run]:
    """The runs that have predictions to show, by ratio and seed."""
    return [run for run in load_runs(experiment) if run.has_predictions]


def examples(dataset: str) -> pd.DataFrame | None:
    """The examples of a dataset with `id` as index, or None when the dataset is gone."""
    path = datasets_folder() / dataset / "examples.parquet"
    return _examples(dataset, stamp(path)) if path.exists() else None


def has_texts(dataset: str) -> bool:
    """Whether there are texts to read: not so for predictions imported without them, or a dataset since deleted."""
    try:
        return load_info(dataset).has_texts
    except UserError:
        return False


def predictions(run: Run, split: str = "test") -> Predictions:
    """One split's predictions of a run."""
    path = run.folder / "predictions.parquet"
    frame = _predictions(run, str(path), stamp(path), split)
    columns = [frame[name].to_numpy() for name in ("id", "label", "pos_prob", "logit")]
    return Predictions(*columns)


def embeddings(folder: Path) -> tuple[pd.DataFrame, np.ndarray] | None:
    """The rows (id, split, label) and embeddings of a run folder or of an experiment's frozen folder, if there."""
    if not (folder / "embeddings.npy").exists():
        return None
    return load_embeddings(folder)


def projection(folder: Path) -> pd.DataFrame | None:
    """The projection of a run folder or of an experiment's frozen folder, if there."""
    path = folder / "projection.parquet"
    return _frame(str(path), stamp(path)) if path.exists() else None


def frozen_folder(experiment: str) -> Path:
    """Where the frozen encoder's embeddings of an experiment lie."""
    return experiment_folder(experiment) / "frozen"


@st.cache_data(max_entries=4, show_spinner=False)
def _examples(dataset: str, written: int) -> pd.DataFrame:
    return load_examples(dataset).set_index("id", drop=False)


@st.cache_data(max_entries=64, show_spinner=False)
def _predictions(_run: Run, path: str, written: int, split: str) -> pd.DataFrame:
    one = load_predictions(_run, split)
    return pd.DataFrame({"id": one.ids, "label": one.labels, "pos_prob": one.pos_probs, "logit": one.logits})


@st.cache_data(max_entries=16, show_spinner=False)
def _frame(path: str, written: int) -> pd.DataFrame:
    return read_frame(Path(path))
