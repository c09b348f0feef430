"""Audit the labels of an experiment, in a process of its own.

    python -m closecall.models.explain.label_audit EXPERIMENT

The audit needs no torch: it reads the stored embeddings of the frozen encoder and compares the texts with each other.
It takes seconds for some thousand examples, minutes for a hundred thousand. The app reads the status file in the same
folder.
"""

import sys
from collections.abc import Callable
from hashlib import sha256

import numpy as np
import pandas as pd

from closecall.analysis.causes.label_audit import (
    FOLDS,
    NEIGHBOURS,
    STRENGTH,
    audit_labels,
    class_thresholds,
    neighbour_evidence,
    out_of_fold_probs,
)
from closecall.data.annotations.label_audits import COLUMNS, AuditInfo, audit_folder, load_audit, save_audit
from closecall.data.datasets.near_copies import near_copy_pairs, opposite_copies
from closecall.data.datasets.store import load_examples, load_info
from closecall.data.experiments.runs import RunStatus, load_embeddings, load_neighbours
from closecall.data.experiments.store import experiment_folder, load_experiment
from closecall.data.io.errors import UserError
from closecall.data.io.workspace import now
from closecall.models.runtime.background_job import job_status, run_job, start_job, stop_job
from closecall.models.runtime.progress import Progress

MAX_WITH_NEIGHBOURS = 5_000
"""Neighbours are searched for the flagged examples, at most this many, in order of self-confidence."""
_COMPARED = 40
"""Percent of the progress that the comparison of texts takes; it is about the time of two folds."""


def audit(
    experiment: str,
    *,
    report: Callable[[Progress], None] = lambda progress: None,
    copies: pd.DataFrame | None = None,
) -> tuple[AuditInfo, pd.DataFrame]:
    """Audit the test and training labels by confident learning; reuse a stored audit of the same input.

    Returns the audit's settings and one row for each example (`data.annotations.label_audits.COLUMNS`). Near copies
    with opposite labels are stored with it (`load_copies`): `copies`, or found here. UserError without embeddings of
    the frozen encoder, or with too few examples of a class.
    """
    config = load_experiment(experiment)
    rows, embeddings = _embeddings(experiment)
    groups = _groups(config.dataset, rows)
    digest = _digest(rows, embeddings, groups, _dataset_sha256(config.dataset))
    stored = load_audit(experiment)
    if stored is not None and stored[0].content == digest:
        return stored

    def on_fold(done: int, total: int) -> None:
        phase = f"fold {done + 1} of {total}" if done < total else "finding neighbours"
        report(Progress(phase, step=_COMPARED + (100 - _COMPARED) * done // (total + 1), steps=100))

    def on_texts(sentence: str, share: float) -> None:
        report(Progress("comparing texts", step=int(_COMPARED * share), steps=100))

    if copies is None:
        copies = _opposite_copies(config.dataset, on_texts)
    labels = rows["label"].to_numpy()
    try:
        pos_probs = out_of_fold_probs(embeddings, labels, groups=groups, on_fold=on_fold)
    except ValueError as error:
        raise UserError(f"The labels of {experiment} cannot be audited. {error}") from error
    nearest = load_neighbours(experiment_folder(experiment) / "frozen", len(rows))
    frame = _frame(rows, embeddings, pos_probs, nearest[0] if nearest and nearest[0].shape[1] > NEIGHBOURS else None)
    negative, positive = class_thresholds(labels, pos_probs)
    info = AuditInfo(digest, FOLDS, bool((groups != "").any()), negative, positive, now())
    save_audit(experiment, info, frame, copies)
    return info, frame


def start_audit(experiment: str) -> None:
    """Start the audit in a process that outlives the app, unless it is running. UserError without embeddings."""
    _embeddings(experiment)
    start_job(audit_folder(experiment), "closecall.models.explain.label_audit", experiment)


def stop_audit(experiment: str) -> None:
    """Terminate a running audit; no partial result is stored."""
    stop_job(audit_folder(experiment))


def audit_status(experiment: str) -> RunStatus | None:
    """The status of the audit that was started last; None when none was."""
    return job_status(audit_folder(experiment))


def audit_digest(experiment: str) -> str:
    """SHA-256 of the current audit input: settings, ids, labels, splits, groups, embeddings and the dataset."""
    rows, embeddings = _embeddings(experiment)
    dataset = load_experiment(experiment).dataset
    return _digest(rows, embeddings, _groups(dataset, rows), _dataset_sha256(dataset))


def _embeddings(experiment: str) -> tuple[pd.DataFrame, np.ndarray]:
    """The embedded examples without duplicate ids, and their embeddings (n x d)."""
    folder = experiment_folder(experiment) / "frozen"
    if not (folder / "embeddings.npy").exists():
        raise UserError(
            f"{experiment} has no embeddings of the frozen encoder, which the label audit needs. "
            f"To see their progress: closecall status {experiment}. Imported predictions have no embeddings."
        )
    rows, embeddings = load_embeddings(folder)
    kept = ~rows["id"].duplicated().to_numpy()
    return rows[kept].reset_index(drop=True), np.asarray(embeddings)[kept]


def _groups(dataset: str, rows: pd.DataFrame) -> np.ndarray:
    """The group of each example (n); "" for none, or when the dataset was deleted."""
    try:
        examples = load_examples(dataset, ["id", "group"]).set_index("id")["group"]
    except UserError:
        return np.full(len(rows), "", dtype=object)
    return examples.reindex(rows["id"]).fillna("").to_numpy(dtype=object)


def _opposite_copies(dataset: str, progress: Callable[[str, float], None]) -> pd.DataFrame:
    """The near copies with opposite labels among all examples of a dataset; none without texts."""
    try:
        has_texts = load_info(dataset).has_texts
        examples = load_examples(dataset, ["id", "text", "label", "split"])
    except UserError:
        has_texts, examples = False, pd.DataFrame(columns=["id", "text", "label", "split"])
    pairs = near_copy_pairs(examples["text"] if has_texts else [], progress=progress)
    return opposite_copies(examples, pairs)


def _dataset_sha256(dataset: str) -> str:
    """The content hash of a dataset; "" when it was deleted."""
    try:
        return load_info(dataset).content_sha256
    except UserError:
        return ""


def _digest(rows: pd.DataFrame, embeddings: np.ndarray, groups: np.ndarray, dataset: str) -> str:
    digest = sha256(f"{FOLDS} {STRENGTH} {dataset}".encode())
    for column in (rows["id"], rows["label"], rows["split"], pd.Series(groups)):
        digest.update(pd.util.hash_pandas_object(column.astype(str), index=False).to_numpy().tobytes())
    digest.update(np.ascontiguousarray(embeddings).tobytes())
    return digest.hexdigest()


def _frame(
    rows: pd.DataFrame, embeddings: np.ndarray, pos_probs: np.ndarray, nearest: np.ndarray | None
) -> pd.DataFrame:
    """COLUMNS for every example, with neighbours for the flagged; `nearest` as `near` of `neighbour_evidence`."""
    labels = rows["label"].to_numpy()
    frame = pd.concat([rows[["id", "split", "label"]], audit_labels(labels, pos_probs)], axis=1)
    frame = frame.assign(pos_prob=pos_probs)
    flagged = np.flatnonzero(frame["flagged"])
    flagged = flagged[np.argsort(frame["self_confidence"].to_numpy()[flagged], kind="stable")][:MAX_WITH_NEIGHBOURS]
    evidence = neighbour_evidence(embeddings, labels, flagged, near=nearest).set_axis(flagged)
    ids = rows["id"].to_numpy(dtype=object)
    for name in ("nearest_same", "nearest_other"):
        places = evidence[name].to_numpy(dtype=np.int64)
        evidence[name] = np.where(places >= 0, ids[np.maximum(places, 0)], "")
    frame = frame.join(evidence)
    frame = frame.astype({"others": "Int64", "of": "Int64"}).fillna({"nearest_same": "", "nearest_other": ""})
    return frame[list(COLUMNS)]


def main(experiment: str) -> int:
    """Run the audit and write its status. Returns the exit code: 0 when done, 1 when it failed."""
    return run_job(audit_folder(experiment), lambda report: audit(experiment, report=report))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
