"""Audit the labels of an experiment, in a process of its own: `python -m closecall.models.explain.label_audit EXPERIMENT`.

Nothing here needs torch: the frozen encoder's embeddings are there already. The folds take seconds for some thousand
examples and minutes for a hundred thousand; the app only looks at the status that is kept beside the result.
"""

import os
import signal
import sys
from collections.abc import Callable
from contextlib import suppress
from hashlib import sha256
from pathlib import Path

import numpy as np
import pandas as pd
import psutil

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
from closecall.data.datasets.store import load_examples
from closecall.data.experiments.runs import RunStatus, load_embeddings, load_neighbours, read_status
from closecall.data.experiments.store import experiment_folder, load_experiment
from closecall.data.io.errors import UserError
from closecall.data.io.workspace import now
from closecall.models.runtime.child_process import start_module
from closecall.models.runtime.failures import failure_details, failure_sentence
from closecall.models.runtime.progress import Progress, StatusWriter, write_status_if_possible

EVIDENCE_FOR = 5_000
"""Neighbours are looked up for the flagged, or for so many of them, the most suspect first."""


def audit(
    experiment: str, *, report: Callable[[Progress], None] = lambda progress: None
) -> tuple[AuditInfo, pd.DataFrame]:
    """The audit of an experiment's test and training labels, made anew unless the same is there already.

    UserError when there are no embeddings of the frozen encoder, or too few examples of a class.
    """
    config = load_experiment(experiment)
    rows, embeddings = _embedded(experiment)
    groups = _groups(config.dataset, rows)
    content = _content(rows, embeddings, groups)
    kept = load_audit(experiment)
    if kept is not None and kept[0].content == content:
        return kept

    def told(done: int, of: int) -> None:
        report(Progress("auditing", step=done, steps=of + 1))

    labels = rows["label"].to_numpy()
    try:
        pos_probs = out_of_fold_probs(embeddings, labels, groups=groups, on_fold=told)
    except ValueError as error:
        raise UserError(f"The labels of {experiment} cannot be audited. {error}") from error
    near = load_neighbours(experiment_folder(experiment) / "frozen", len(rows))
    frame = _frame(rows, embeddings, pos_probs, near[0] if near and near[0].shape[1] > NEIGHBOURS else None)
    negative, positive = class_thresholds(labels, pos_probs)
    info = AuditInfo(content, FOLDS, bool((groups != "").any()), negative, positive, now())
    save_audit(experiment, info, frame)
    return info, frame


def start_audit(experiment: str) -> None:
    """Have it made by a process that outlives the app, unless one is at it. UserError without embeddings."""
    _embedded(experiment)
    folder = audit_folder(experiment)
    if (status := audit_status(experiment)) is not None and status.state == "running":
        return
    folder.mkdir(parents=True, exist_ok=True)
    process = start_module("closecall.models.explain.label_audit", experiment, log=Path(os.devnull))
    with suppress(psutil.Error):  # the first word for it, since its own takes a second to come
        born = psutil.Process(process.pid).create_time()
        write_status_if_possible(
            folder, RunStatus(state="running", phase="loading", started=now(), pid=process.pid, pid_created=born)
        )


def stop_audit(experiment: str) -> None:
    """End the process that audits, if one does; nothing half done is kept."""
    folder = audit_folder(experiment)
    status = read_status(folder)
    if status.state == "running":
        os.kill(status.pid, signal.SIGTERM)
        write_status_if_possible(folder, RunStatus(state="cancelled", finished=now()))


def audit_status(experiment: str) -> RunStatus | None:
    """How far an audit is that was started, None when none was."""
    folder = audit_folder(experiment)
    return read_status(folder) if (folder / "status.json").exists() else None


def content_of(experiment: str) -> str:
    """What tells the present embeddings, labels and groups from those of an earlier audit."""
    rows, embeddings = _embedded(experiment)
    return _content(rows, embeddings, _groups(load_experiment(experiment).dataset, rows))


def _embedded(experiment: str) -> tuple[pd.DataFrame, np.ndarray]:
    folder = experiment_folder(experiment) / "frozen"
    if not (folder / "embeddings.npy").exists():
        raise UserError(
            f"{experiment} has no embeddings of the frozen encoder yet, which the audit judges labels by: "
            f"closecall status {experiment} tells how far they are. Imported predictions have none."
        )
    rows, embeddings = load_embeddings(folder)
    kept = ~rows["id"].duplicated().to_numpy()
    return rows[kept].reset_index(drop=True), np.asarray(embeddings)[kept]


def _groups(dataset: str, rows: pd.DataFrame) -> np.ndarray:
    """The group of each example; none when the dataset is gone."""
    try:
        examples = load_examples(dataset, ["id", "group"]).set_index("id")["group"]
    except UserError:
        return np.full(len(rows), "", dtype=object)
    return examples.reindex(rows["id"]).fillna("").to_numpy(dtype=object)


def _content(rows: pd.DataFrame, embeddings: np.ndarray, groups: np.ndarray) -> str:
    digest = sha256(f"{FOLDS} {STRENGTH}".encode())
    for column in (rows["id"], rows["label"], rows["split"], pd.Series(groups)):
        digest.update(pd.util.hash_pandas_object(column.astype(str), index=False).to_numpy().tobytes())
    digest.update(np.ascontiguousarray(embeddings).tobytes())
    return digest.hexdigest()


def _frame(rows: pd.DataFrame, embeddings: np.ndarray, pos_probs: np.ndarray, near: np.ndarray | None) -> pd.DataFrame:
    """The audit's table: every example, the neighbours of the flagged; `near` as for `neighbour_evidence`."""
    labels = rows["label"].to_numpy()
    frame = pd.concat([rows[["id", "split", "label"]], audit_labels(labels, pos_probs)], axis=1)
    frame = frame.assign(pos_prob=pos_probs)
    flagged = np.flatnonzero(frame["flagged"])
    flagged = flagged[np.argsort(frame["self_confidence"].to_numpy()[flagged], kind="stable")][:EVIDENCE_FOR]
    found = neighbour_evidence(embeddings, labels, flagged, near=near).set_axis(flagged)
    ids = rows["id"].to_numpy(dtype=object)
    for name in ("nearest_same", "nearest_other"):
        places = found[name].to_numpy(dtype=np.int64)
        found[name] = np.where(places >= 0, ids[np.maximum(places, 0)], "")
    frame = frame.join(found)
    frame = frame.astype({"others": "Int64", "of": "Int64"}).fillna({"nearest_same": "", "nearest_other": ""})
    return frame[list(COLUMNS)]


def main(experiment: str) -> int:
    """Keep the status while it works. Exit code 0 when it is done, 1 when it failed."""
    folder = audit_folder(experiment)
    folder.mkdir(parents=True, exist_ok=True)
    keeper = StatusWriter(folder)
    keeper.begin()
    try:
        audit(experiment, report=keeper.report)
    except Exception as error:
        keeper.end("failed", failure_sentence(error), failure_details(error))
        return 1
    keeper.end("done")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
