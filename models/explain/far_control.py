"""Texts of two classes that are far apart, to compare the closeness of a dataset's classes with."""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from closecall.analysis.causes.separability import balanced_sample
from closecall.analysis.formatting import listed_text
from closecall.data.datasets.builtin import DISTANT, MAC, newsgroups_table
from closecall.data.datasets.store import datasets_folder
from closecall.data.io.assets import NEWSGROUPS, asset_folder
from closecall.data.io.files import read_frame
from closecall.data.readers.table import SHOWN
from closecall.models.explain.text_embeddings import is_downloaded

PER_CLASS = 200
"""Texts of each class of the control, at most."""
FEWEST_LEFT_OUT = 50
"""Texts of classes left out at import that make a control, at least."""
_LEFT_OUT = "^class (.+) is neither positive nor negative$"
"""The reason with which an import sets such a row aside."""


@dataclass(frozen=True)
class FarControl:
    """A class-balanced sample. `labels` (n,), 1 = positive. `name`: in a sentence; `note`: what it consists of."""

    texts: list[str]
    labels: np.ndarray
    name: str
    note: str


def far_control(dataset: str, positive_texts: list[str]) -> FarControl | None:
    """The dataset's positives against the classes left out at import, else built-in distant subjects, else None.

    The dataset keeps the first SHOWN characters of texts that were left out, so positives are cut to as many.
    """
    return _left_out(dataset, positive_texts) or _built_in()


def _left_out(dataset: str, positive_texts: list[str]) -> FarControl | None:
    aside = read_frame(datasets_folder() / dataset / "set_aside.parquet", ["reason", "text"])
    names = aside["reason"].astype(str).str.extract(_LEFT_OUT)[0]
    others = aside.loc[names.notna() & (aside["text"].astype(str).str.strip() != ""), "text"].astype(str).tolist()
    if len(others) < FEWEST_LEFT_OUT or len(positive_texts) < FEWEST_LEFT_OUT:
        return None
    classes = list(names.dropna().value_counts().index)
    shown = classes if len(classes) <= 5 else [*classes[:4], f"{len(classes) - 4} more"]
    note = (
        f"Far control: these positives against the classes left out at import ({listed_text(shown)}), all texts cut to "
        f"{SHOWN} characters. It is a far control only if those classes are far from the positives."
    )
    texts = pd.Series([text[:SHOWN] for text in (*positive_texts, *others)])
    return _sampled(
        texts, np.r_[np.ones(len(positive_texts), int), np.zeros(len(others), int)], "left-out classes", note
    )


def _built_in() -> FarControl | None:
    if not is_downloaded(NEWSGROUPS.name):
        return None
    table = newsgroups_table(asset_folder(NEWSGROUPS), (*MAC, *DISTANT)).frame
    note = (
        "Far control: built-in newsgroup posts on Macintosh hardware against posts on cars, sports, politics and "
        "religion."
    )
    return _sampled(
        table["text"], table["class_name"].isin(MAC).to_numpy(dtype=int), "distant newsgroup subjects", note
    )


def _sampled(texts: pd.Series, labels: np.ndarray, name: str, note: str) -> FarControl:
    drawn = balanced_sample(labels, max_per_class=PER_CLASS)
    return FarControl(texts.iloc[drawn].tolist(), labels[drawn], name, note)
