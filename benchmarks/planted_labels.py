"""Measure how well the label audit detects planted label errors: 3 % of the labels are flipped.

    python -m benchmarks.planted_labels            # two built-in datasets, 10 seeds
    python -m benchmarks.planted_labels 20         # more seeds

The audit is that of the app: out-of-fold probabilities of a logistic regression on frozen MiniLM embeddings (the first
64 tokens), 5 folds. Each seed flips other labels. The script prints the average precision of each ranking, and the
precision and recall of the flags: mean and 95 % interval over seeds (Student's t), for all examples and for each given
label. Label errors of the datasets themselves count as false positives here, so the figures are slightly too low.

With two classes, the normalised margin gives the same ranking as self-confidence. The first call computes embeddings
for some minutes and stores them in the workspace.
"""

import argparse
from hashlib import sha256

import numpy as np
import pandas as pd
from scipy.stats import t as student
from sklearn.metrics import average_precision_score

from closecall.analysis.causes.label_audit import audit_labels, class_thresholds, neighbour_evidence, out_of_fold_probs
from closecall.data.datasets.builtin import builtin_dataset
from closecall.data.io.files import write_array
from closecall.data.io.workspace import workspace_folder

FLIPPED = 0.03
SEEDS = 10
MAX_TOKENS = 64
NEGATIVES = 3_000
DATASETS = ("newsgroups-close", "movie-reviews")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("seeds", nargs="?", type=int, default=SEEDS)
    seeds = parser.parse_args().seeds
    for name in DATASETS:
        labels, embeddings = load(name)
        print(f"{name}: {int(labels.sum()):,} positives, {int((labels == 0).sum()):,} negatives, {seeds} seeds")
        rows = pd.concat([score(plant(labels, seed), labels, embeddings, seed) for seed in range(seeds)])
        for (group, what), values in rows.groupby(["group", "what"], sort=False)["value"]:
            print(f"  {group:<10} {what:<46} {interval(values.to_numpy())}")


def plant(labels: np.ndarray, seed: int) -> np.ndarray:
    """The labels with 3 % of each class flipped."""
    rng, given = np.random.default_rng(seed), labels.copy()
    for label in (0, 1):
        rows = np.flatnonzero(labels == label)
        given[rng.choice(rows, max(1, round(FLIPPED * len(rows))), replace=False)] = 1 - label
    return given


def score(given: np.ndarray, labels: np.ndarray, embeddings: np.ndarray, seed: int) -> pd.DataFrame:
    """Average precision of each ranking and precision and recall of the flags, one row each."""
    wrong = given != labels
    pos_probs = out_of_fold_probs(embeddings, given, seed=seed)
    audit = audit_labels(given, pos_probs)
    rows = []
    for group, mask in (("all", np.full(len(given), True)), ("positives", given == 1), ("negatives", given == 0)):
        # Within one given label all rankings are the same; they differ only over all examples.
        for what, ranking in list(rankings(given, pos_probs, audit).items())[: None if group == "all" else 1]:
            rows.append((group, f"AP, {what}", average_precision_score(wrong[mask], ranking[mask])))
        for what, flags in flagged(given, pos_probs, audit, embeddings).items():
            detected = (flags & wrong & mask).sum()
            rows.append((group, f"precision of flags, {what}", detected / max((flags & mask).sum(), 1)))
            rows.append((group, f"recall of flags, {what}", detected / (wrong & mask).sum()))
        rows.append((group, "AP of a random order", wrong[mask].mean()))
    return pd.DataFrame(rows, columns=["group", "what", "value"])


def rankings(given: np.ndarray, pos_probs: np.ndarray, audit: pd.DataFrame) -> dict[str, np.ndarray]:
    """Scores that are higher the more an example looks mislabelled."""
    from cleanlab.rank import get_label_quality_scores

    both = np.column_stack([1 - pos_probs, pos_probs])
    own = both[np.arange(len(given)), given]
    cleanlab = {
        f"cleanlab {method}{', class-wise' if adjust else ''}": -get_label_quality_scores(
            given, both, method=method, adjust_pred_probs=adjust
        )
        for method, adjust in (("self_confidence", True), ("normalized_margin", False), ("normalized_margin", True))
    }
    first = audit["flagged"].to_numpy()
    own_class = np.array(class_thresholds(given, pos_probs))[given]
    return {
        "self-confidence (the app's order)": -own,
        "flagged first, then self-confidence": first - own,
        "class-wise: self-confidence minus t_j": own_class - own,
        **cleanlab,
    }


def flagged(
    given: np.ndarray, pos_probs: np.ndarray, audit: pd.DataFrame, embeddings: np.ndarray
) -> dict[str, np.ndarray]:
    """Flags by the app, by the app and four of the five nearest examples, and by cleanlab's other rules."""
    from cleanlab.filter import find_label_issues

    both = np.column_stack([1 - pos_probs, pos_probs])
    others = ("prune_by_noise_rate", "predicted_neq_given")
    own = audit["flagged"].to_numpy()
    near = own.copy()
    near[own] = neighbour_evidence(embeddings, given, np.flatnonzero(own))["others"].to_numpy(dtype=int) >= 4
    return {"confident learning (the app's)": own, "the same and 4 of 5 neighbours": near} | {
        one: find_label_issues(given, both, filter_by=one, n_jobs=1) for one in others
    }


def interval(values: np.ndarray) -> str:
    half = (
        student.ppf(0.975, len(values) - 1) * values.std(ddof=1) / np.sqrt(len(values)) if len(values) > 1 else np.nan
    )
    return f"{values.mean():.3f} ({values.mean() - half:.3f} to {values.mean() + half:.3f})"


def load(name: str) -> tuple[np.ndarray, np.ndarray]:
    """Labels and frozen embeddings of a built-in dataset, with at most NEGATIVES negatives."""
    examples = builtin_dataset(name).examples
    negatives = examples[examples["label"] == 0]
    kept = pd.concat(
        [examples[examples["label"] == 1], negatives.sample(min(NEGATIVES, len(negatives)), random_state=0)]
    )
    texts = kept["text"].tolist()
    digest = sha256("\0".join([str(MAX_TOKENS), *texts]).encode("utf-8", errors="replace")).hexdigest()[:16]
    path = workspace_folder() / "cache" / "planted" / f"{name}-{digest}.npy"
    if not path.exists():
        write_array(path, embed(texts))
    return kept["label"].to_numpy(dtype=np.int64), np.load(path, allow_pickle=False)


def embed(texts: list[str]) -> np.ndarray:
    import torch

    from closecall.models.encoders.inference import run_inference
    from closecall.models.encoders.loading import load_encoder, load_tokenizer
    from closecall.models.encoders.tokenization import tokenise

    torch.set_num_threads(1)
    tokens = tokenise(texts, load_tokenizer("minilm"), MAX_TOKENS)
    embeddings = run_inference(load_encoder("minilm"), tokens, np.arange(len(texts))).embeddings
    assert embeddings is not None
    return embeddings


if __name__ == "__main__":
    main()
