"""The real texts that causes are planted in, and their embeddings by the frozen encoder, which are computed once."""

from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

import numpy as np
import pandas as pd

from closecall.data.datasets.builtin import builtin_dataset
from closecall.data.datasets.near_copies import families, near_copy_pairs
from closecall.data.io.files import read_frame, write_arrays, write_frame

DATASETS = ("newsgroups-close", "movie-reviews")
MAX_TOKENS = 64
WORDS = 40
"""Posts are shortened to their first 40 words, so that the encoder reads nearly all of them unless a cut is planted."""
MOST = {1: 1_000, 0: 4_000}
"""Texts of each class that are drawn from."""
OF_OTHER_GROUP = 80
"""Posts of each newsgroup that serves as a second kind of positives."""


@dataclass(frozen=True)
class Pool:
    """Texts of one dataset without near copies. `others`: by newsgroup, the texts of another kind."""

    name: str
    positives: np.ndarray
    negatives: np.ndarray
    others: dict[str, np.ndarray]


def load_pool(name: str, folder: Path) -> Pool:
    """The texts of a built-in dataset; stored in `folder`, because finding near copies takes a minute."""
    path = folder / f"{name}.parquet"
    if not path.exists():
        write_frame(path, _without_copies(pd.concat([_own(name), _other_groups()], ignore_index=True)))
    table = read_frame(path)
    kinds = {str(kind): part["text"].to_numpy(dtype=object) for kind, part in table.groupby("kind", sort=True)}
    return Pool(name, kinds.pop("positive"), kinds.pop("negative"), kinds)


class Embedder:
    """Embeds texts by the frozen encoder from their first MAX_TOKENS tokens, each different text once.

    `save` keeps the embeddings for the next call of the program.
    """

    def __init__(self, path: Path) -> None:
        self._path, self._known = path, dict[bytes, np.ndarray]()
        if path.exists():
            with np.load(path, allow_pickle=False) as stored:
                self._known = dict(zip(map(bytes, stored["keys"]), stored["embeddings"], strict=True))

    def texts(self, texts: Sequence[str]) -> np.ndarray:
        """Embeddings (n, 384), rows of length 1."""
        from closecall.models.encoders.loading import load_tokenizer
        from closecall.models.encoders.tokenization import tokenise

        return self.tokens(tokenise(list(texts), load_tokenizer("minilm"), MAX_TOKENS))

    def tokens(self, tokens) -> np.ndarray:
        """As `texts`, from a `Tokens` of the encoder's tokenizer."""
        from closecall.models.encoders.inference import run_inference
        from closecall.models.encoders.loading import load_encoder

        keys = [
            sha256(tokens.flat[start:end].astype(np.int32).tobytes()).digest()[:16]
            for start, end in zip(tokens.starts[:-1], tokens.starts[1:], strict=True)
        ]
        missing = np.array([row for row, key in enumerate(keys) if key not in self._known], dtype=np.int64)
        if len(missing):
            embeddings = run_inference(load_encoder("minilm"), tokens, missing, score=False).embeddings
            assert embeddings is not None
            self._known |= {keys[row]: one for row, one in zip(missing, embeddings, strict=True)}
        return np.array([self._known[key] for key in keys]).reshape(len(keys), -1)

    def save(self) -> None:
        keys = np.array([list(key) for key in self._known], dtype=np.uint8)
        write_arrays(self._path, {"keys": keys, "embeddings": np.array(list(self._known.values()))})


def _own(name: str) -> pd.DataFrame:
    examples = builtin_dataset(name).examples
    parts = [part.sample(min(MOST[int(label)], len(part)), random_state=0) for label, part in examples.groupby("label")]
    table = pd.concat(parts, ignore_index=True)
    return pd.DataFrame({"text": _shortened(table["text"]), "kind": table["label"].map({1: "positive", 0: "negative"})})


def _other_groups() -> pd.DataFrame:
    examples = builtin_dataset("newsgroups-distant").examples
    examples = examples[examples["label"] == 0]
    sampled = examples.groupby("class_name").sample(OF_OTHER_GROUP, random_state=0)
    return pd.DataFrame({"text": _shortened(sampled["text"]), "kind": sampled["class_name"].to_numpy()})


def _shortened(texts: pd.Series) -> list[str]:
    return [" ".join(text.split()[:WORDS]) for text in texts]


def _without_copies(table: pd.DataFrame) -> pd.DataFrame:
    table = table[table["text"].str.split().str.len() >= 5].reset_index(drop=True)
    numbers = families(near_copy_pairs(table["text"]), len(table))
    return table[~pd.Series(numbers).duplicated().to_numpy()].reset_index(drop=True)
