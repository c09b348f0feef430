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

SAMPLE = 5_000
"""Embeddings that the centres are found on; all others go to the nearest centre."""
FEWEST_TEXTS = 5
"""Texts that hold a word, for it to name a cluster."""


@dataclass(frozen=True)
class Clusters:
    """Aligned with `ids` (n): the number of each text's cluster. `names`: the distinctive words of each cluster."""

    ids: np.ndarray
    numbers: np.ndarray
    names: tuple[str, ...]

    def members(self, number: int) -> list[str]:
        """The ids of one cluster."""
        return [str(one) for one in self.ids[self.numbers == number]]


def clusters_of(experiment: str) -> Clusters | None:
    """The clusters of test and training texts, None without embeddings or texts.

    Made once and kept in `frozen/clusters.npz`; made again when the embeddings have changed.
    """
    folder = experiment_folder(experiment) / "frozen"
    if not (folder / "embeddings.npy").exists() or not (folder / "embedding_rows.parquet").exists():
        return None
    made_of = made_of_embeddings(folder)
    kept = _kept(folder / "clusters.npz", made_of)
    return kept or _made(experiment, folder, made_of)


def made_of_embeddings(folder: Path) -> str:
    """What the clusters follow from: changes whenever the embeddings are written again."""
    written = (folder / "embeddings.npy").stat()
    return f"{written.st_mtime_ns} {written.st_size}"


def number_of_clusters(n: int) -> int:
    """About one for every hundred texts at first, never more than ten: as many as a person looks through."""
    return int(np.clip(n // 100, 2, 10))


def _kept(path: Path, made_of: str) -> Clusters | None:
    try:
        with np.load(path, allow_pickle=False) as stored:
            if str(stored["made_of"]) != made_of:
                return None
            names = tuple(str(one) for one in stored["names"])
            return Clusters(stored["ids"].astype(object), stored["numbers"], names)
    except (OSError, ValueError, KeyError):
        return None


def _made(experiment: str, folder: Path, made_of: str) -> Clusters | None:
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
    named = distinctive_words(frequent_phrases(texts, longest=1, at_least=FEWEST_TEXTS), numbers)
    names = tuple(", ".join(found) or "no word of its own" for found in named)
    words = [name.encode("utf-8", errors="replace").decode() for name in names]
    write_arrays(
        folder / "clusters.npz",
        {"ids": ids.astype(str), "numbers": numbers, "names": np.array(words), "made_of": np.array(made_of)},
    )
    return Clusters(ids, numbers, names)


def k_means(embeddings: np.ndarray, k: int) -> np.ndarray:
    """The cluster of each embedding (n x d): k-means by cosine, the largest first, the same for the same input."""
    from sklearn.cluster import KMeans  # here, since it takes a second to import

    rows = embeddings / np.maximum(np.linalg.norm(embeddings, axis=1, keepdims=True), 1e-12)
    chosen = np.random.default_rng(0).permutation(len(rows))[:SAMPLE]
    fitted = KMeans(n_clusters=k, n_init=2, max_iter=100, random_state=0).fit(rows[np.sort(chosen)])
    numbers = fitted.predict(rows)
    order = np.argsort(-np.bincount(numbers, minlength=k), kind="stable")
    return np.argsort(order)[numbers].astype(np.int64)
