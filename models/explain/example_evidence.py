"""Evidence on the causes of errors that does not depend on a run: labels, near copies, neighbours, tokens.

Nothing here imports torch at the top, so that the app can import it.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd

from closecall.analysis.causes.misses import (
    LEVEL,
    NOT_READ,
    NOT_SIMILAR,
    OVERLAP,
    SUSPECT,
    have_suspect_label,
)
from closecall.data.annotations.causes import COLUMNS, empty_columns
from closecall.data.datasets.near_copies import families, near_copy_pairs, opposite_copies
from closecall.data.experiments.runs import load_embeddings
from closecall.data.experiments.store import ExperimentConfig, experiment_folder
from closecall.data.io.errors import UserError
from closecall.models.explain.frozen_space import (
    CLASSES,
    FEWEST_CALIBRATION,
    NO_EMBEDDINGS,
    FrozenSpace,
    balanced_pool,
    drawn,
    few_training,
    frozen_space,
)
from closecall.models.explain.label_audit import audit

NEIGHBOURS, FEW = 10, 5
"""Nearest training texts counted for overlap, and for a suspect label."""
SUSPECT_OTHERS = 4
"""So many of the FEW nearest must be of the other class for a suspect label."""
WINDOW_SAMPLE = 200
"""Cut texts of the random sample whose later windows are scored."""


@dataclass
class ExampleEvidence:
    """The columns found so far, one row for each test example, and what could not be measured, by cause.

    `training_suspects`: by class, how many training examples have a suspect label, and of how many. `calibration`: by
    class, the number of training examples behind the p values of similarity.
    """

    frame: pd.DataFrame
    not_measured: dict[str, str] = field(default_factory=dict)
    training_suspects: dict[str, list[int]] = field(default_factory=dict)
    calibration: dict[str, int] = field(default_factory=dict)

    def put(self, **columns: Any) -> None:
        self.frame = self.frame.assign(**columns)


def example_evidence(
    config: ExperimentConfig,
    read_by: tuple[str, int],
    test: pd.DataFrame,
    plan: pd.DataFrame,
    texts: pd.DataFrame,
    on_step: Callable[[str], None],
) -> ExampleEvidence:
    """The columns of evidence.parquet for the test examples, `test` (id, label).

    `read_by`: the encoder, "" when it is not known, and its maximum of tokens. `texts`: id, text, label, split and
    group of all examples, empty without texts. `on_step` is called with the name of each step before it.
    """
    found = ExampleEvidence(empty_columns(test["id"].to_numpy(dtype=object), test["label"].to_numpy()))
    on_step("comparing texts")
    pairs = near_copy_pairs(texts["text"]) if len(texts) else pd.DataFrame({"first": [], "second": [], "jaccard": []})
    if len(texts):
        found.put(**near_copy_columns(test, texts, pairs))
    on_step("auditing")
    flagged = _audit(config.id, found, opposite_copies(texts, pairs))
    on_step("neighbours")
    _neighbours(config, found, flagged, plan, texts, pairs)
    on_step("counting tokens")
    _tokens(read_by, found, texts)
    found.frame = found.frame[list(COLUMNS)].astype(COLUMNS)
    return found


def near_copy_columns(test: pd.DataFrame, texts: pd.DataFrame, pairs: pd.DataFrame) -> dict[str, np.ndarray]:
    """The nearest copy of each test example: one with the other label before others, then the most similar."""
    both = pd.concat([pairs, pairs.rename(columns={"first": "second", "second": "first"})], ignore_index=True)
    first, second = (both[name].to_numpy(dtype=np.int64) for name in ("first", "second"))
    ids, labels = texts["id"].to_numpy(dtype=object), texts["label"].to_numpy()
    table = pd.DataFrame(
        {
            "id": ids[first],
            "near_copy": ids[second],
            "near_copy_split": texts["split"].to_numpy(dtype=object)[second],
            "near_copy_label": labels[second],
            "near_copy_jaccard": both["jaccard"].to_numpy(),
            "differs": labels[first] != labels[second],
        }
    )
    table = table.sort_values(["differs", "near_copy_jaccard"], ascending=False, kind="stable").drop_duplicates("id")
    table = table.set_index("id").drop(columns="differs").reindex(test["id"])
    table = table.fillna({"near_copy": "", "near_copy_split": ""})
    return {str(name): table[name].to_numpy() for name in table}


def _audit(experiment: str, found: ExampleEvidence, copies: pd.DataFrame) -> pd.Series:
    """Which labels the audit flags, by id; empty where it cannot run."""
    try:
        _, table = audit(experiment, copies=copies)
    except UserError as error:
        found.not_measured[SUSPECT] = str(error)
        return pd.Series(dtype="boolean")
    table = table.set_index("id")
    found.put(self_confidence=table["self_confidence"].reindex(found.frame["id"]).to_numpy())
    return table["flagged"].astype("boolean")


def _neighbours(
    config: ExperimentConfig,
    found: ExampleEvidence,
    flagged: pd.Series,
    plan: pd.DataFrame,
    texts: pd.DataFrame,
    pairs: pd.DataFrame,
) -> None:
    """Neighbours in the frozen encoder's space, similarities, and the suspect labels that they support."""
    try:
        rows, embeddings = load_embeddings(experiment_folder(config.id) / "frozen")
    except (UserError, OSError, ValueError):
        found.not_measured |= {NOT_SIMILAR: NO_EMBEDDINGS, OVERLAP: NO_EMBEDDINGS}
        return
    space = frozen_space(rows, np.asarray(embeddings), balanced_pool(rows, plan, 0), _families(rows, texts, pairs))
    ids, labels = found.frame["id"].to_numpy(dtype=object), found.frame["label"].to_numpy()
    found.put(
        other_class_neighbours=space.others(ids, labels, FEW), frozen_other_of_10=space.others(ids, labels, NEIGHBOURS)
    )
    if len(space.pool) <= NEIGHBOURS:
        reason = few_training(config, f"more than {NEIGHBOURS} training texts, half of each class")
        found.not_measured |= {OVERLAP: reason}
        found.not_measured.setdefault(SUSPECT, reason)
    for name, label in CLASSES.items():
        if len(space.calibration[label]) < FEWEST_CALIBRATION or not rows["id"].isin(ids).any():
            reason = few_training(config, f"at least {FEWEST_CALIBRATION} training {name}s of different families")
            found.not_measured[f"{NOT_SIMILAR}:{name}"] = reason
            continue
        nearest_ids, cosines, p = space.nearest_of(ids, label)
        found.calibration[name] = len(space.calibration[label])
        found.put(**{f"p_{name}": p, f"nearest_{name}": nearest_ids, f"{name}_cosine": cosines})
    found.put(suspect=suspect_labels(space, found.frame[["id", "label"]], flagged))
    if flagged.notna().any():
        found.training_suspects = _training_suspects(space, flagged, texts, pairs)


def suspect_labels(space: FrozenSpace, examples: pd.DataFrame, flagged: pd.Series) -> pd.Series:
    """Which of some examples (id, label) have a suspect label by the audit and the neighbours; NA if not known.

    The audit flags it (`flagged`, by id), SUSPECT_OTHERS of its FEW nearest training texts are of the other class, and
    its similarity to that class is not unusual (conformal p above 0.05): a wrong label comes from there.
    """
    ids, labels = examples["id"].to_numpy(dtype=object), examples["label"].to_numpy()
    others = space.others(ids, labels, FEW)
    p = np.where(labels == 1, space.nearest_of(ids, 0)[2], space.nearest_of(ids, 1)[2])
    marked = flagged.reindex(ids).reset_index(drop=True)
    return marked.mask(marked.fillna(False) & ((others < SUSPECT_OTHERS) | (p <= LEVEL)), False).mask(np.isnan(others))


def _training_suspects(
    space: FrozenSpace, flagged: pd.Series, texts: pd.DataFrame, pairs: pd.DataFrame
) -> dict[str, list[int]]:
    """By class: of at most CALIBRATION training examples, those with a suspect label as in `causes_of`, and all."""
    counts = {}
    for name, label in CLASSES.items():
        own = space.rows.iloc[drawn(space.members[label])][["id", "label"]].reset_index(drop=True)
        audited = suspect_labels(space, own, flagged).to_numpy(dtype=np.float64, na_value=np.nan)
        copies = near_copy_columns(own, texts, pairs)["near_copy_label"] if len(texts) else np.full(len(own), np.nan)
        if len(known := np.flatnonzero(~np.isnan(audited))):
            counts[name] = [int(have_suspect_label(audited, copies, own["label"])[known].sum()), len(known)]
    return counts


def _families(rows: pd.DataFrame, texts: pd.DataFrame, pairs: pd.DataFrame) -> np.ndarray:
    """The family of each embedded row (n): near copies, and examples of one group, have one number."""
    if not len(texts):
        return np.arange(len(rows))
    group = texts["group"].to_numpy(dtype=object)
    grouped = np.flatnonzero(group != "")
    order = grouped[np.argsort(group[grouped], kind="stable")]
    same = group[order[:-1]] == group[order[1:]] if len(order) else np.empty(0, dtype=bool)
    links = pd.DataFrame({"first": order[:-1][same], "second": order[1:][same]}) if len(order) else pairs[:0]
    numbers = families(pd.concat([pairs[["first", "second"]], links[["first", "second"]]]), len(texts))
    places = pd.Index(texts["id"]).get_indexer(pd.Index(rows["id"]))
    return np.where(places >= 0, numbers[places], len(texts) + np.arange(len(rows)))


def _tokens(read_by: tuple[str, int], found: ExampleEvidence, texts: pd.DataFrame) -> None:
    """How long each text is for the encoder, how much of it was read, and the sample whose windows are scored."""
    encoder, max_tokens = read_by
    if not encoder:
        found.not_measured[NOT_READ] = "How much of a text the classifier read is not known."
        return
    if not len(texts):
        found.not_measured[NOT_READ] = "The dataset has no texts."
        return
    from closecall.models.explain.window_scores import whole_lengths  # imports torch

    own = texts.set_index("id")["text"].reindex(found.frame["id"]).fillna("")
    try:
        tokens = whole_lengths(own.tolist(), encoder)
    except UserError as error:
        found.not_measured[NOT_READ] = str(error)
        return
    order = np.random.default_rng(0).permutation(len(tokens))
    sampled = np.zeros(len(tokens), dtype=bool)
    sampled[order] = np.cumsum(tokens[order] > max_tokens) <= WINDOW_SAMPLE
    found.put(tokens=tokens, tokens_read=np.minimum(tokens, max_tokens), window_sample=sampled)
