"""Tables for export: the hard cases and the probability of every run, with texts, and the provenance of a table."""

from collections.abc import Iterable
from dataclasses import asdict, dataclass, field
from importlib.metadata import PackageNotFoundError, version
from typing import Any

import numpy as np
import pandas as pd

from closecall.data.annotations.hard_cases import load_hard_cases
from closecall.data.datasets.store import load_examples
from closecall.data.experiments.runs import Run, load_metrics, load_run, load_runs
from closecall.data.experiments.store import load_evaluation, load_experiment
from closecall.data.io.errors import UserError
from closecall.data.io.files import read_frame
from closecall.data.io.workspace import now

FACTS = ("text", "label", "class_name", "split")
"""What is known of every example, besides its id."""
METADATA = "meta."
"""How the names of further columns of a dataset begin."""


@dataclass(frozen=True)
class Provenance:
    """Where a table comes from. `torch` and `transformers` are the versions that made the predictions, if known."""

    dataset: str
    dataset_sha256: str
    experiment: str
    run: str = ""
    ratio: float | None = None
    seed: int | None = None
    threshold: float | None = None
    torch: str = ""
    transformers: str = ""
    closecall: str = field(default_factory=lambda: _installed("closecall"))
    exported: str = field(default_factory=now)

    @property
    def columns(self) -> dict[str, Any]:
        """The provenance as columns, versions named as such."""
        versions = ("torch", "transformers", "closecall")
        return {f"{name}_version" if name in versions else name: value for name, value in asdict(self).items()}


@dataclass(frozen=True)
class ExportTable:
    """A table to write, with its provenance. Title, licence and classes are used by formats for the hard-case list."""

    frame: pd.DataFrame
    provenance: Provenance
    title: str = ""
    licence: str = ""
    classes: tuple[str, ...] = ()

    @property
    def full_frame(self) -> pd.DataFrame:
        """The table with the provenance as columns. A column that it has already, such as `run`, is not overwritten."""
        added = {name: value for name, value in self.provenance.columns.items() if name not in self.frame}
        return self.frame.assign(**added)


def provenance(experiment: str, *, run: str = "", threshold: float | None = None) -> Provenance:
    """The provenance of a table about an experiment, or about one of its runs."""
    config = load_experiment(experiment)
    about = [load_run(experiment, run)] if run else [one for one in load_runs(experiment) if one.has_predictions]
    recorded = [_versions(one) for one in about]
    return Provenance(
        dataset=config.dataset,
        dataset_sha256=config.dataset_sha256,
        experiment=experiment,
        run=run,
        ratio=about[0].config.ratio if run else None,
        seed=about[0].config.seed if run else None,
        threshold=threshold,
        torch=_joined(one.get("torch", "") for one in recorded),
        transformers=_joined(one.get("transformers", "") for one in recorded),
    )


def hard_case_table(experiment: str) -> pd.DataFrame:
    """The hard-case list with everything that is known of each example, in the order of adding.

    `id, text, label, class_name, split, reasons, note, action, tags, added, who, run, ratio, seed, threshold` (the last
    four from the adding), `meta.<name>` columns of the dataset, then the columns of `run_probabilities`.
    """
    cases = load_hard_cases(experiment).drop(columns="split")
    facts = example_facts(experiment, cases["id"])
    front = ["id", *FACTS]
    table = cases.merge(facts, left_on="id", right_index=True, how="left")
    table = table[front + [name for name in table if name not in front]]
    table = table.fillna(dict.fromkeys(("text", "class_name", "split"), ""))
    return table.merge(run_probabilities(experiment), left_on="id", right_index=True, how="left")


def run_probabilities(experiment: str) -> pd.DataFrame:
    """Positive-class probabilities of every example, validation and test: `id` as index, float32.

    A column `prob_r10_s0` for each finished run (`prob_r10_s0_focal` with a remedy) and `prob_r10_mean` for each ratio,
    over the seeds without a remedy.
    """
    runs = [run for run in load_runs(experiment) if run.has_predictions]
    columns = {f"prob_{run.name.removesuffix('-none').replace('-', '_')}": _run_column(run) for run in runs}
    table = pd.DataFrame(columns)
    for ratio in sorted({run.config.ratio for run in runs if run.config.remedy == "none"}):
        seeds = [
            f"prob_r{ratio:g}_s{r.config.seed}" for r in runs if (r.config.ratio, r.config.remedy) == (ratio, "none")
        ]
        table[f"prob_r{ratio:g}_mean"] = table[seeds].mean(axis=1).astype(np.float32)
    return table


def example_facts(experiment: str, ids: pd.Series) -> pd.DataFrame:
    """Text, label, class name, split and `meta.<name>` columns of some examples, `id` as index.

    Without texts and `meta.<name>` columns when the dataset is gone.
    """
    wanted = set(ids)
    try:
        facts = load_examples(load_experiment(experiment).dataset)
    except UserError:
        facts = load_evaluation(experiment).assign(text="", class_name="")
    kept = [name for name in facts if str(name).startswith(METADATA)]
    return facts[facts["id"].isin(wanted)].set_index("id")[[*FACTS, *kept]]


def _run_column(run: Run) -> pd.Series:
    rows = read_frame(run.folder / "predictions.parquet", ["id", "pos_prob"])
    return rows.set_index("id")["pos_prob"].astype(np.float32)


def _versions(run: Run) -> dict[str, str]:
    try:
        return dict(load_metrics(run).get("versions") or {})
    except UserError:
        return {}


def _joined(values: Iterable[str]) -> str:
    return ", ".join(sorted({value for value in values if value}))


def _installed(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return ""
