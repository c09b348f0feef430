"""Experiments: one dataset, one fixed validation and test set, many runs."""

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any

import pandas as pd
from filelock import FileLock

from closecall.data.experiments.plans import FIXED_POSITIVES, sweep_kind
from closecall.data.io.errors import UserError
from closecall.data.io.files import read_frame, read_json, write_folder, write_frame, write_json
from closecall.data.io.workspace import child, now, workspace_folder

SCHEMA = 1
RECORDED = "recorded"
"""The kind of an experiment whose runs were trained by scripts with the callback of `models.integrations`."""
KINDS = ("trained", "checkpoint", "imported", RECORDED)
KEEP = ("checkpoint", "head")
"""What is kept of a finished run's classifier."""
BACKENDS = ("", "ray")
BACKEND_KEY = "engine"
"""The name of `ExperimentConfig.backend` in experiment.json, kept so that other versions can read the file."""


@dataclass(frozen=True)
class TrainingConfig:
    """How every run of an experiment is trained.

    `encoder` is "minilm" (built in), a local folder or a hub id. `max_tokens` counts tokens of a text, special ones
    included. `epochs` counts passes over the training examples; with `equal_steps` every run takes as many optimiser
    steps as the smallest one instead. `warmup_share` is the share of steps with a rising learning rate.
    """

    encoder: str = "minilm"
    epochs: int = 3
    batch_size: int = 16
    learning_rate: float = 5e-5
    max_tokens: int = 128
    warmup_share: float = 0.1
    weight_decay: float = 0.01
    max_grad_norm: float = 1.0
    freeze_word_embeddings: bool = True
    equal_steps: bool = False

    def __post_init__(self) -> None:
        limits = {
            "epochs": (1, 100),
            "batch_size": (1, 1024),
            "learning_rate": (1e-7, 1.0),
            "max_tokens": (8, 8192),
            "warmup_share": (0.0, 0.9),
            "weight_decay": (0.0, 1.0),
            "max_grad_norm": (0.0, 1000.0),
        }
        for name, (low, high) in limits.items():
            value = getattr(self, name)
            if not low <= value <= high:
                raise UserError(f"{name.replace('_', ' ')} is {value}; it must be between {low:g} and {high:g}.")
        if not self.encoder.strip():
            raise UserError("Name an encoder: minilm, a local folder or a hub id.")


@dataclass(frozen=True)
class ExperimentConfig:
    """What one experiment is: its dataset, its ratios and seeds, and how its runs are trained.

    `ratios` are training negatives for each training positive. `positives` caps the training positives (None: as many
    as the largest ratio allows). `kind` is the origin of the predictions: trained here, a checkpoint, imported, or
    recorded while a script trained.
    `keep` is what is kept of a finished run's classifier: its checkpoint or its head alone.
    `parent` is the experiment that this one repeats on a later version of its dataset. `backend` trains its queued
    runs: the scheduler of this workspace (empty), or "ray".
    """

    id: str
    title: str
    dataset: str
    dataset_sha256: str = ""
    kind: str = "trained"
    sweep: str = FIXED_POSITIVES
    ratios: tuple[float, ...] = (1, 2, 3, 5, 10)
    seeds: tuple[int, ...] = (0,)
    remedies: tuple[str, ...] = ("none",)
    positives: int | None = None
    plan_seed: int = 0
    test_negatives_cap: int | None = None
    training: TrainingConfig = field(default_factory=TrainingConfig)
    created: str = field(default_factory=now)
    parent: str = ""
    keep: str = KEEP[0]
    backend: str = ""
    schema: int = SCHEMA

    def __post_init__(self) -> None:
        for name in ("ratios", "seeds", "remedies"):
            object.__setattr__(self, name, tuple(getattr(self, name)))
        if isinstance(self.training, dict):
            object.__setattr__(self, "training", _training(self.training))
        object.__setattr__(self, "sweep", sweep_kind(self.sweep))
        if self.kind not in KINDS:
            raise UserError(f"Experiment {self.id}: the kind {self.kind!r} is not known.")
        if self.keep not in KEEP:
            raise UserError(f"Experiment {self.id}: {self.keep!r} cannot be kept. Name {' or '.join(KEEP)}.")
        if self.backend not in BACKENDS:
            raise UserError(f"Experiment {self.id}: the backend {self.backend!r} is not known.")
        if not self.ratios or any(not 0 < ratio <= 1000 for ratio in self.ratios):
            raise UserError("Ratios must be numbers above 0 and at most 1000, such as 1,2,3,5,10.")
        if len(set(self.ratios)) < len(self.ratios) or len(set(self.seeds)) < len(self.seeds):
            raise UserError("Name each ratio and each seed once.")
        if not self.seeds or any(seed < 0 for seed in self.seeds):
            raise UserError("Seeds must be whole numbers from 0 on, at least one.")


@dataclass(frozen=True)
class RunConfig:
    """One classifier: its ratio, seed and remedy, its training counts, and how it is trained.

    `checkpoint` names one that was fine-tuned elsewhere, and `positive` its positive outputs by name or index; empty:
    its names decide.
    """

    experiment: str
    ratio: float
    seed: int
    remedy: str = "none"
    n_positives: int = 0
    n_negatives: int = 0
    checkpoint: str = ""
    training: TrainingConfig = field(default_factory=TrainingConfig)
    schema: int = SCHEMA
    # Not in the repr: `training_fingerprint` hashes that, and a stopped training continues after an update.
    positive: tuple[str, ...] = field(default=(), repr=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "positive", tuple(self.positive))
        if isinstance(self.training, dict):
            object.__setattr__(self, "training", _training(self.training))

    @property
    def name(self) -> str:
        return run_name(self.ratio, self.seed, self.remedy)


def run_name(ratio: float, seed: int, remedy: str = "none") -> str:
    """The folder name of a run, such as `r10-s0-none`."""
    return f"r{ratio:g}-s{seed}-{remedy}"


def experiments_folder() -> Path:
    return workspace_folder() / "experiments"


def experiment_folder(experiment: str) -> Path:
    return child(experiments_folder(), experiment, "an experiment")


def run_folder(experiment: str, run: str) -> Path:
    return child(experiment_folder(experiment) / "runs", run, "a run")


def fresh_experiment_id(wish: str) -> str:
    """`wish`, or `wish-2`, `wish-3` ... when it is taken."""
    taken = set(experiment_ids())
    number, name = 1, wish
    while name in taken:
        number += 1
        name = f"{wish}-{number}"
    return name


def create_experiment(
    config: ExperimentConfig, *, evaluation: pd.DataFrame, plan: pd.DataFrame, runs: Sequence[RunConfig]
) -> Path:
    """Write the experiment folder whole: config, fixed evaluation ids, plan, and a config for each run.

    `evaluation` has id, label, split (validation or test); `plan` has sweep, seed, label, id, rank.
    """
    folder = experiment_folder(config.id)
    if folder.exists():
        raise UserError(f"There is an experiment named {config.id} already. Choose another name.")

    def fill(fresh: Path) -> None:
        write_json(fresh / "experiment.json", _stored(config))
        write_frame(fresh / "evaluation.parquet", evaluation)
        write_frame(fresh / "plan.parquet", plan)
        for run in runs:
            write_json(fresh / "runs" / run.name / "config.json", _stored_run(run))

    write_folder(folder, fill)
    return folder


def save_experiment(config: ExperimentConfig) -> None:
    """Replace the config of an experiment that exists; hold `experiments_lock` from reading the old one on."""
    write_json(experiment_folder(config.id) / "experiment.json", _stored(config))


def add_run(run: RunConfig) -> Path:
    """Add a run to an experiment that exists; UserError when it is there already."""
    folder = run_folder(run.experiment, run.name)
    if (folder / "config.json").exists():
        raise UserError(f"{run.experiment} has a run {run.name} already.")
    write_json(folder / "config.json", _stored_run(run))
    return folder


def load_experiment(experiment: str) -> ExperimentConfig:
    """Read an experiment's config. UserError that lists the known ids when there is none."""
    path = experiment_folder(experiment) / "experiment.json"
    if not path.exists():
        known = ", ".join(experiment_ids()) or "none yet"
        raise UserError(f"There is no experiment named {experiment}. Known experiments: {known}.")
    content = read_json(path)
    if BACKEND_KEY in content:
        content["backend"] = content.pop(BACKEND_KEY)
    return ExperimentConfig(**_known(content, ExperimentConfig, path))


def load_run_config(experiment: str, run: str) -> RunConfig:
    """Read a run's config."""
    path = run_folder(experiment, run) / "config.json"
    return RunConfig(**_known(read_json(path), RunConfig, path))


def load_evaluation(experiment: str) -> pd.DataFrame:
    """The fixed validation and test ids: id, label, split."""
    return read_frame(experiment_folder(experiment) / "evaluation.parquet")


def load_plan(experiment: str) -> pd.DataFrame:
    """The ratio plan: sweep, seed, label, id, rank."""
    return read_frame(experiment_folder(experiment) / "plan.parquet")


def experiment_ids() -> list[str]:
    """All experiment ids, the newest first. One whose file is broken comes last: opening it shows the error."""
    found = []
    for path in experiments_folder().glob("*/experiment.json"):
        created = ""
        with suppress(UserError):
            created = str(read_json(path).get("created", ""))
        found.append((created, path.parent.name))
    return [name for _, name in sorted(found, reverse=True)]


def run_names(experiment: str) -> list[str]:
    """The names of an experiment's runs, by ratio, seed and remedy."""
    folder = experiment_folder(experiment) / "runs"
    configs = [load_run_config(experiment, path.parent.name) for path in folder.glob("*/config.json")]
    return [config.name for config in sorted(configs, key=lambda c: (c.remedy != "none", c.remedy, c.ratio, c.seed))]


def _stored(config: ExperimentConfig) -> dict[str, Any]:
    """The content of experiment.json, its keys in the order of the fields."""
    return {BACKEND_KEY if name == "backend" else name: value for name, value in asdict(config).items()}


def _stored_run(run: RunConfig) -> dict[str, Any]:
    """The content of a run's config.json; without `positive` if empty, so that earlier versions can read it."""
    return {name: value for name, value in asdict(run).items() if name != "positive" or value}


def _training(content: dict[str, Any]) -> TrainingConfig:
    return TrainingConfig(**content)


def _known(content: dict[str, Any], kind: type, path: Path) -> dict[str, Any]:
    if content.get("schema") != SCHEMA:
        raise UserError(f"{path} was written by another version (schema {content.get('schema')}).")
    names = {one.name for one in fields(kind)}
    unknown = sorted(set(content) - names)
    if unknown:
        raise UserError(f"{path} has entries this version does not know: {', '.join(unknown)}.")
    return content


LOCK_SECONDS = 60.0


def experiments_lock() -> FileLock:
    """Two that queue at once must not choose the same id."""
    return FileLock(workspace_folder() / "queue.lock", timeout=LOCK_SECONDS)
