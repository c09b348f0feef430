"""What the texts of an experiment show about its classes: closeness, the positive-count curve, unseen words.

From the frozen encoder's embeddings and the texts of the experiment's own training and test examples. Nothing here
imports torch at the top, so that the app can import it.
"""

from collections.abc import Callable
from hashlib import sha256
from typing import Any

import numpy as np
import pandas as pd

from closecall.analysis.causes.separability import Separability, overlap, separability
from closecall.analysis.causes.sparsity import fit_power_law, more_positives, positive_count_curve, probe_scores
from closecall.analysis.causes.vocabulary import (
    WordComparison,
    missing_mass,
    unseen_word_share,
    vocabulary_sparsity,
)
from closecall.analysis.intervals import Estimate
from closecall.data.annotations.text_evidence import TextEvidence
from closecall.data.experiments.runs import load_embeddings
from closecall.data.experiments.store import ExperimentConfig, experiment_folder
from closecall.data.io.assets import NEWSGROUPS
from closecall.data.io.errors import UserError
from closecall.data.io.workspace import now
from closecall.models.explain.dataset_check import current_check
from closecall.models.explain.dataset_measures import FEWEST, FEWEST_TEST
from closecall.models.explain.far_control import FarControl, far_control
from closecall.models.explain.frozen_space import NO_EMBEDDINGS, few_training
from closecall.models.explain.text_embeddings import encoder_embeddings, is_downloaded, why_no_encoder

CURVE_POSITIVES, CURVE_NEGATIVES = 1_000, 5_000
"""Training examples of each class that the curve is computed from, at most, the first by rank."""
WORDS_PER_GROUP = 5_000
"""Texts of each class and split whose words are counted, at most."""


def text_digest(content: str, encoder: str) -> str:
    """Hash of the input: that of the examples, and whether the encoder and the built-in control are there."""
    parts = (content, why_no_encoder(encoder), str(is_downloaded(NEWSGROUPS.name)))
    return sha256("\0".join(parts).encode()).hexdigest()


def text_evidence(
    config: ExperimentConfig, content: str, plan: pd.DataFrame, texts: pd.DataFrame, on_share: Callable[[float], None]
) -> tuple[TextEvidence, pd.DataFrame]:
    """The numbers, and the linear probe's scores of the test examples (`id, score`), empty without training texts.

    `plan`: of the experiment, empty for imported predictions. `texts`: id, text, label and split of all examples,
    empty without texts.
    """
    missing: dict[str, str] = {}
    try:
        rows, embeddings = load_embeddings(experiment_folder(config.id) / "frozen")
        embeddings = np.asarray(embeddings)
    except (UserError, OSError, ValueError):
        rows, embeddings = pd.DataFrame({"id": [], "label": [], "split": []}), np.empty((0, 1))
    closeness = _closeness(config, rows, embeddings, texts, missing, on_share)
    curve, probe = _curve(config, rows, embeddings, plan, missing)
    words = _words(config, plan, rows, texts, missing)
    return TextEvidence(content, closeness, curve, words, missing, now()), probe


def _closeness(
    config: ExperimentConfig,
    rows: pd.DataFrame,
    embeddings: np.ndarray,
    texts: pd.DataFrame,
    missing: dict[str, str],
    on_share: Callable[[float], None],
) -> dict[str, Any] | None:
    """Separability of the embedded examples and of a far control, which is embedded in the same way."""
    if not len(rows):
        missing["closeness"] = NO_EMBEDDINGS
        return _of_dataset(config)
    labels = rows["label"].to_numpy()
    if min((labels == label).sum() for label in (0, 1)) < FEWEST:
        missing["closeness"] = f"This needs at least {FEWEST} embedded texts of each class."
        return None
    near = separability(embeddings, labels)
    control, far = _far(config, texts, missing, on_share)
    found = overlap(near, far)
    values = _separability_values(near) | {"answer": found.answer, "needed": found.needed}
    values |= {"encoder": config.training.encoder, "max_tokens": config.training.max_tokens}
    if control is not None and far is not None and found.difference is not None:
        values |= {"control": control.name, "control_note": control.note, "control_auc": _bounds(far.probe.auc)}
        values |= {"difference": _bounds(found.difference)}
    return values


def _far(
    config: ExperimentConfig, texts: pd.DataFrame, missing: dict[str, str], on_share: Callable[[float], None]
) -> tuple[FarControl | None, Separability | None]:
    if not len(texts):
        missing["control"] = "A far control is embedded with the texts of the dataset, which are missing."
        return None, None
    positives = texts.loc[(texts["label"] == 1) & texts["split"].isin(("train", "test")), "text"].tolist()
    control = far_control(config.dataset, positives)
    if control is None:
        missing["control"] = (
            "There is no far control: no class was left out at import, and the newsgroup posts are not downloaded."
        )
        return None, None
    try:
        embedded = encoder_embeddings(
            control.texts, config.training.encoder, on_share, max_tokens=config.training.max_tokens
        )
    except (UserError, ImportError) as error:
        missing["control"] = str(error)
        return None, None
    return control, separability(embedded, control.labels)


def _separability_values(near: Separability) -> dict[str, Any]:
    probe = near.probe
    values: dict[str, Any] = {"per_class": near.per_class, "auc": _bounds(probe.auc), "null": _bounds(probe.null)}
    values |= {"p": probe.p, "purity": _bounds(near.purity.purity), "purity_chance": near.purity.chance}
    values |= {"one_nn_error": _bounds(near.one_nn.error), "lowest_error": _bounds(near.one_nn.lowest)}
    return values | {"bounds_hold": near.bounds_hold}


def _of_dataset(config: ExperimentConfig) -> dict[str, Any] | None:
    """The closeness that the check of the dataset found, if it is of the same texts and splits."""
    try:
        check = current_check(config.dataset)
    except UserError:
        return None
    row = next((one for one in check.rows if one.key == "closeness"), None) if check else None
    if row is None or "auc" not in row.values:
        return None
    answer = {"yes": "present", "no": "absent"}.get(row.answer, row.answer)
    return {**row.values, "answer": answer, "encoder": check.encoder if check else ""}


def _curve(
    config: ExperimentConfig, rows: pd.DataFrame, embeddings: np.ndarray, plan: pd.DataFrame, missing: dict[str, str]
) -> tuple[dict[str, Any] | None, pd.DataFrame]:
    """Recall of a linear probe by number of training positives, and its scores of the test examples with all."""
    nothing = pd.DataFrame({"id": [], "score": []})
    if not len(rows):
        missing["curve"] = NO_EMBEDDINGS
        return None, nothing
    own = plan[plan["seed"] == plan["seed"].min()] if len(plan) else plan
    members = [own.loc[own["label"] == label].sort_values("rank")["id"] for label in (1, 0)]
    n, of = len(members[0]), pd.Index(rows["id"])
    kept = [ids.iloc[:most] for ids, most in zip(members, (CURVE_POSITIVES, CURVE_NEGATIVES), strict=True)]
    train = of.get_indexer(pd.Index(pd.concat(kept))) if len(plan) else np.empty(0, dtype=np.int64)
    train, test = train[train >= 0], np.flatnonzero((rows["split"] == "test").to_numpy())
    labels = rows["label"].to_numpy()
    counts = [int((labels[split] == label).sum()) for split in (train, test) for label in (1, 0)]
    if counts[0] < FEWEST or counts[2] < FEWEST_TEST or not counts[1] or not counts[3]:
        needed = f"{FEWEST} training and {FEWEST_TEST} test positives with negatives in both splits"
        missing["curve"] = few_training(config, needed)
        return None, nothing
    both = embeddings[train], labels[train], embeddings[test]
    table = positive_count_curve(*both, labels[test])
    values = curve_values(table, positives=n, negatives=counts[1], test_positives=counts[2])
    return values, pd.DataFrame({"id": rows["id"].to_numpy(dtype=object)[test], "score": probe_scores(*both)})


def curve_values(table: pd.DataFrame, *, positives: int, negatives: int, test_positives: int) -> dict[str, Any]:
    """`curve` of `TextEvidence`: recall by number of training positives, and with twice as many as there are.

    `table`: `positives` and `error` (1 - recall), one row for each draw or seed. `positives`: all there are, of which
    the table may have a sample.
    """
    fitted = fit_power_law(table["positives"], table["error"])
    found = more_positives(fitted, positives, test_positives=test_positives)
    recall = (1 - table["error"]).groupby(table["positives"]).agg(["mean", "min", "max"])
    return {
        "points": [
            {"positives": int(count), "recall": row["mean"], "lowest": row["min"], "highest": row["max"]}
            for count, row in zip(recall.index, recall.to_dict("records"), strict=True)
        ],
        "positives": positives, "sampled": int(table["positives"].max()), "negatives": negatives,
        "test_positives": test_positives, "now": _bounds(_recall(found.now)),
        "doubled": _bounds(_recall(found.doubled)), "gain": _bounds(found.gain), "answer": found.answer,
        "needed": found.needed,
    }  # fmt: skip


def _words(
    config: ExperimentConfig, plan: pd.DataFrame, rows: pd.DataFrame, texts: pd.DataFrame, missing: dict[str, str]
) -> dict[str, Any] | None:
    """Missing mass of the training positives, and unseen words of the test positives, against as many negatives."""
    if not len(texts):
        missing["words"] = "The dataset has no texts."
        return None
    train = texts[texts["id"].isin(plan["id"])] if len(plan) else texts[:0]
    test = texts[texts["split"] == "test"]
    if len(rows):  # a sweep may leave test negatives out
        test = test[test["id"].isin(rows.loc[rows["split"] == "test", "id"])]
    groups = [_sample(part, label) for part in (train, test) for label in (1, 0)]
    if not all(groups):
        missing["words"] = few_training(config, "training and test texts of both classes")
        return None
    found = vocabulary_sparsity(*groups)
    values: dict[str, Any] = {"answer": found.answer, "needed": found.needed, "needed_class": found.needed_class}
    values |= {"positives": len(groups[0])}
    if found.missing is None or found.unseen is None:
        return values | {
            "missing_mass": missing_mass(groups[0]),
            "unseen_share": unseen_word_share(groups[2], groups[0]),
        }
    return values | {"missing": _comparison(found.missing), "unseen": _comparison(found.unseen)}


def _sample(part: pd.DataFrame, label: int) -> list[str]:
    own = part.loc[part["label"] == label, "text"]
    return own.sample(min(len(own), WORDS_PER_GROUP), random_state=0).tolist()


def _comparison(found: WordComparison) -> dict[str, Any]:
    return {
        "positives": found.positives,
        "negatives": _bounds(found.negatives),
        "difference": _bounds(found.difference),
    }


def _recall(error: Estimate) -> Estimate:
    return Estimate(1 - error.value, 1 - error.high, 1 - error.low)


def _bounds(estimate: Estimate) -> list[float]:
    return [float(estimate.value), float(estimate.low), float(estimate.high)]
