"""Collect the evidence on the causes of errors of an experiment, in a process of its own.

    python -m closecall.models.explain.causes EXPERIMENT

Stored in the experiment's `causes` folder by `data.annotations.causes`. `models.results.causes` decides from it why
an example is misclassified. It takes seconds to minutes, because each classifier scores later parts of long texts.
Importing this module does not import torch.
"""

import sys
from hashlib import sha256

import pandas as pd

from closecall.data.annotations.causes import (
    VERSION,
    CauseEvidence,
    EvidenceInfo,
    evidence_folder,
    load_evidence,
    save_evidence,
)
from closecall.data.annotations.text_evidence import load_text_evidence, save_text_evidence
from closecall.data.datasets.store import load_examples
from closecall.data.datasets.store import load_info as load_dataset_info
from closecall.data.experiments.runs import Run, RunStatus, load_runs
from closecall.data.experiments.store import (
    RECORDED,
    ExperimentConfig,
    experiment_folder,
    load_evaluation,
    load_experiment,
    load_plan,
)
from closecall.data.io.errors import UserError
from closecall.data.io.files import file_sha256
from closecall.data.io.workspace import now
from closecall.models.encoders.checkpoints import checkpoint_of
from closecall.models.explain.example_evidence import ExampleEvidence, example_evidence
from closecall.models.explain.experiment.texts import text_digest, text_evidence
from closecall.models.explain.run_evidence import Report, Steps, run_columns
from closecall.models.runtime.background_job import job_status, run_job, start_job, stop_job
from closecall.models.runtime.progress import Progress

EXAMPLE_STEPS = 4


def compute_evidence(experiment: str, *, report: Report = lambda progress: None) -> CauseEvidence:
    """The evidence on every test example and every finished run; stored evidence of the same input is reused.

    `report` is called with the progress. UserError for an unknown experiment. What cannot be computed is named in
    `info.not_measured` of the result.
    """
    config = load_experiment(experiment)
    _embed_elsewhere(config, report)
    content, runs = evidence_digests(experiment)
    stored, of_texts = load_evidence(experiment), _texts_to_measure(config, content)
    current = stored if stored and (stored.info.content, stored.info.runs) == (content, runs) else None
    if current is not None and not of_texts:
        return current
    reused = stored if stored is not None and stored.info.content == content else None
    kept = {run for run in runs if reused is not None and reused.info.runs.get(run) == runs[run]}
    steps = (0 if reused is not None else EXAMPLE_STEPS) + len(runs) - len(kept)
    progress, texts = Steps(report, steps + bool(of_texts)), _texts(config)
    if of_texts:
        progress.begin("comparing classes")
        measured = text_evidence(config, of_texts, load_plan(experiment), texts, progress.within)
        save_text_evidence(experiment, *measured)
    if current is not None:
        return current
    examples, missing, counts = _example_columns(config, reused, texts, runs, kept, progress)
    table = run_columns(experiment, examples, texts, reused, kept, missing, progress)
    evidence = CauseEvidence(
        EvidenceInfo(content, runs, missing, counts.training_suspects, counts.calibration, now()), examples, table
    )
    save_evidence(experiment, evidence)
    return evidence


def _example_columns(
    config: ExperimentConfig,
    reused: CauseEvidence | None,
    texts: pd.DataFrame,
    runs: dict[str, str],
    kept: set[str],
    progress: Steps,
) -> tuple[pd.DataFrame, dict[str, str], ExampleEvidence | EvidenceInfo]:
    """The examples' columns, what is not measured of them and of the kept runs, and the counts of training examples.

    Computed, or those of `reused`.
    """
    if reused is None:
        test, plan = _test_rows(config.id), load_plan(config.id)
        found = example_evidence(config, _read_by(config.id, config), test, plan, texts, progress.begin)
        return found.frame, found.not_measured, found
    gone = set(runs) - kept
    missing = {key: why for key, why in reused.info.not_measured.items() if key.rpartition(":")[2] not in gone}
    return reused.examples, missing, reused.info


def _texts_to_measure(config: ExperimentConfig, content: str) -> str:
    """The hash of the input of the experiment's numbers, "" when those stored are of it."""
    digest = text_digest(content, config.training.encoder)
    stored = load_text_evidence(config.id)
    return "" if stored is not None and stored.content == digest else digest


def evidence_digests(experiment: str) -> tuple[str, dict[str, str]]:
    """Hashes of the current input: one of the examples' columns, and one for each finished run."""
    config = load_experiment(experiment)
    parts = [str(VERSION), config.dataset, _dataset_sha256(config), config.training.encoder]
    digest = sha256("\0".join(parts).encode())
    for frame in (load_evaluation(experiment), load_plan(experiment)):
        digest.update(pd.util.hash_pandas_object(frame.astype(str), index=False).to_numpy().tobytes())
    embeddings = experiment_folder(experiment) / "frozen" / "embeddings.npy"
    digest.update(file_sha256(embeddings).encode() if embeddings.exists() else b"no embeddings")
    runs = {run.name: _run_digest(run) for run in load_runs(experiment) if run.has_predictions}
    return digest.hexdigest(), runs


def start_evidence(experiment: str) -> None:
    """Start the work in a process that outlives the app, unless it is running. UserError for an unknown experiment."""
    load_experiment(experiment)
    start_job(evidence_folder(experiment), "closecall.models.explain.causes", experiment)


def stop_evidence(experiment: str) -> None:
    """Terminate the running work; no partial result is stored."""
    stop_job(evidence_folder(experiment))


def evidence_status(experiment: str) -> RunStatus | None:
    """The status of the work that was started last; None when none was."""
    return job_status(evidence_folder(experiment))


def _run_digest(run: Run) -> str:
    parts = (
        file_sha256(run.folder / "predictions.parquet"),
        str(run.has_embeddings),
        str(checkpoint_of(run) is not None),
    )
    return sha256(" ".join(parts).encode()).hexdigest()


def _dataset_sha256(config: ExperimentConfig) -> str:
    """The content hash of the dataset as it is now; "" when it was deleted."""
    try:
        return load_dataset_info(config.dataset).content_sha256
    except UserError:
        return ""


def _texts(config: ExperimentConfig) -> pd.DataFrame:
    """Id, text, label, split and group of all examples of the dataset; empty without texts."""
    columns = ["id", "text", "label", "split", "group"]
    try:
        has_texts = load_dataset_info(config.dataset).has_texts
        return load_examples(config.dataset, columns) if has_texts else pd.DataFrame(columns=columns)
    except UserError:
        return pd.DataFrame(columns=columns)


def _test_rows(experiment: str) -> pd.DataFrame:
    rows = load_evaluation(experiment)
    return rows.loc[rows["split"] == "test", ["id", "label"]].reset_index(drop=True)


def _read_by(experiment: str, config: ExperimentConfig) -> tuple[str, int]:
    """The encoder that read the texts, "" when it is not known, and its maximum number of tokens."""
    first = next((run.config for run in load_runs(experiment) if run.has_predictions), None)
    if first is None or (config.kind == "imported" and not first.checkpoint):
        return "", 0
    return first.checkpoint or first.training.encoder, first.training.max_tokens


def _embed_elsewhere(config: ExperimentConfig, report: Report) -> None:
    """Embed the texts of predictions made elsewhere by the experiment's encoder, where both are there."""
    folder = experiment_folder(config.id) / "frozen"
    if config.kind not in ("imported", RECORDED) or (folder / "embeddings.npy").exists() or _texts(config).empty:
        return
    report(Progress("embedding"))
    try:
        from closecall.models.training.frozen_embeddings import embed_frozen  # imports torch

        embed_frozen(config.id, should_stop=lambda: False, report=lambda progress: None)
    except (UserError, ImportError):
        return  # the missing embeddings are named in the result


def main(experiment: str) -> int:
    """Collect the evidence and write the status. Returns the exit code: 0 when done, 1 when it failed."""
    return run_job(evidence_folder(experiment), lambda report: compute_evidence(experiment, report=report))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
