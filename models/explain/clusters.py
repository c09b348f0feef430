"""Clusters of an experiment's texts: k-means on the frozen encoder's embeddings, named by their distinctive words."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from closecall.analysis.errors.ngrams import distinctive_words, frequent_phrases
from closecall.data.datasets.store import load_examples
from closecall.data.experiments.runs import load_embeddings
from closecall.data.experiments.store import experiment_folder, load_experiment
from closecall.data.io.errors import UserError
from closecall.data.io.files import write_arrays

FIT_SAMPLE = 5_000
"""Embeddings that k-means is fitted on; all others are assigned to the nearest centre."""
MIN_TEXTS_OF_WORD = 5
"""A word needs this many texts before it can name a cluster."""


@dataclass(frozen=True)
class Clusters:
    """Aligned with `ids` (n): the number of each text's cluster. `names`: the distinctive words of each cluster."""

    ids: np.ndarray
    numbers: np.ndarray
    names: tuple[str, ...]

    def members(self, number: int) -> list[str]:
        """The ids of one cluster."""
        return [str(one) for one in self.ids[self.numbers == number]]


def experiment_clusters(experiment: str) -> Clusters | None:
    """The clusters of an experiment's test and training texts; None without embeddings or texts.

    Stored in `frozen/clusters.npz` and computed again when the embeddings file has changed.
    """
    folder = experiment_folder(experiment) / "frozen"
    if not (folder / "embeddings.npy").exists() or not (folder / "embedding_rows.parquet").exists():
        return None
    stamp = _embeddings_stamp(folder)
    return _load(folder / "clusters.npz", stamp) or _compute(experiment, folder, stamp)


def number_of_clusters(n: int) -> int:
    """k for n texts: n // 100, at least 2 and at most 10, which is what one person reads through."""
    return int(np.clip(n // 100, 2, 10))


def k_means(embeddings: np.ndarray, k: int) -> np.ndarray:
    """The cluster number of each embedding (n x d): k-means on unit vectors (cosine), the largest cluster first.

    Deterministic for the same input; fitted on at most `FIT_SAMPLE` rows.
    """
    from sklearn.cluster import KMeans  # here, since it takes a second to import

    rows = embeddings / np.maximum(np.linalg.norm(embeddings, axis=1, keepdims=True), 1e-12)
    sample = np.random.default_rng(0).permutation(len(rows))[:FIT_SAMPLE]
    fitted = KMeans(n_clusters=k, n_init=2, max_iter=100, random_state=0).fit(rows[np.sort(sample)])
    numbers = fitted.predict(rows)
    order = np.argsort(-np.bincount(numbers, minlength=k), kind="stable")
    return np.argsort(order)[numbers].astype(np.int64)


def _embeddings_stamp(folder: Path) -> str:
    """Modification time and size of the embeddings file."""
    written = (folder / "embeddings.npy").stat()
    return f"{written.st_mtime_ns} {written.st_size}"


def _load(path: Path, stamp: str) -> Clusters | None:
    """The stored clusters; None when there are none, or they belong to other embeddings."""
    try:
        with np.load(path, allow_pickle=False) as stored:
            if str(stored["made_of"]) != stamp:
                return None
            names = tuple(str(one) for one in stored["names"])
            return Clusters(stored["ids"].astype(object), stored["numbers"], names)
    except (OSError, ValueError, KeyError):
        return None


def _compute(experiment: str, folder: Path, stamp: str) -> Clusters | None:
    """Fit, name and store the clusters; None without texts or with fewer than two of them."""
    rows, embeddings = load_embeddings(folder)
    try:
        examples = load_examples(load_experiment(experiment).dataset, ["id", "text"]).set_index("id")["text"]
    except UserError:
        return None
    ids = rows["id"].to_numpy(dtype=object)
    if len(ids) < 2:
        return None
    numbers = k_means(np.asarray(embeddings, dtype=np.float32), number_of_clusters(len(ids)))
    texts = examples.reindex(ids).fillna("").astype(str).tolist()
    words = distinctive_words(frequent_phrases(texts, longest=1, at_least=MIN_TEXTS_OF_WORD), numbers)
    names = tuple(", ".join(distinctive) or "no distinctive word" for distinctive in words)
    encodable = [name.encode("utf-8", errors="replace").decode() for name in names]
    write_arrays(
        folder / "clusters.npz",
        {"ids": ids.astype(str), "numbers": numbers, "names": np.array(encodable), "made_of": np.array(stamp)},
    )
    return Clusters(ids, numbers, names)
