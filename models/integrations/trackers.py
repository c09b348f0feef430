"""Predictions as a table in Trackio, MLflow or Weights & Biases, in the run of the training."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib import import_module
from typing import Any

import pandas as pd

from closecall.data.io.errors import UserError
from closecall.models.runtime.extras import is_installed

TABLE = "closecall/predictions"
MAX_ROWS = 10_000
"""Rows that a table has at most: positives first, then negatives by falling probability."""


@dataclass(frozen=True)
class Tracker:
    """A tracker: how to find the training's run at its beginning, and how to log a table to that run."""

    find: Callable[[Any, Any], Any]
    log: Callable[[Any, Any, pd.DataFrame], None]


def check_trackers(names: Sequence[str]) -> None:
    """UserError for a tracker that is not known or not installed."""
    for name in names:
        if name not in TRACKERS:
            raise UserError(f"{name!r} is not a tracker that tables go to. Trackers: {', '.join(TRACKERS)}.")
        if not is_installed(name):
            raise UserError(f"{name} is not installed. To send tables there: pip install {name}")


def find_runs(names: Sequence[str], args: Any) -> dict[str, Any]:
    """The run of the training in each tracker. Trackers close their runs before a callback's last event."""
    return {name: TRACKERS[name].find(import_module(name), args) for name in names}


def log_tables(runs: dict[str, Any], predictions: pd.DataFrame, texts: pd.Series) -> None:
    """Log the test predictions as a table: id, text, label, pos_prob. `texts` has the id as index."""
    table = table_of(predictions, texts)
    for name, run in runs.items():
        TRACKERS[name].log(import_module(name), run, table)


def table_of(predictions: pd.DataFrame, texts: pd.Series) -> pd.DataFrame:
    """The rows of a table, at most `MAX_ROWS`."""
    test = predictions[predictions["split"] == "test"]
    test = test.sort_values(["label", "pos_prob"], ascending=[False, False], kind="stable").head(MAX_ROWS)
    own = texts.reindex(test["id"]).fillna("").to_numpy()
    table = test[["id", "label", "pos_prob"]].reset_index(drop=True)
    table.insert(1, "text", own)
    return table.astype({"label": "int64"})


def _trackio_run(trackio: Any, args: Any) -> tuple[str, str]:
    run = trackio.context_vars.current_run.get()
    return (run.project, run.name) if run is not None else (args.project, args.run_name)


def _log_trackio(trackio: Any, run: tuple[str, str], table: pd.DataFrame) -> None:
    project, name = run
    trackio.init(project=project, name=name, resume="allow")
    trackio.log({TABLE: trackio.Table(dataframe=table)})
    trackio.finish()


def _mlflow_run(mlflow: Any, args: Any) -> str | None:
    run = mlflow.active_run()
    return run.info.run_id if run is not None else None


def _log_mlflow(mlflow: Any, run: str | None, table: pd.DataFrame) -> None:
    mlflow.log_table(table, artifact_file=f"{TABLE}.json", run_id=run)


def _wandb_run(wandb: Any, args: Any) -> Any:
    return wandb.run


def _log_wandb(wandb: Any, run: Any, table: pd.DataFrame) -> None:
    (run or wandb.init()).log({TABLE: wandb.Table(dataframe=table)})


TRACKERS = {
    "trackio": Tracker(_trackio_run, _log_trackio),
    "mlflow": Tracker(_mlflow_run, _log_mlflow),
    "wandb": Tracker(_wandb_run, _log_wandb),
}
