"""The examples of some outcomes in one run, as a table to show or to write to a file."""

from collections.abc import Sequence

import pandas as pd

from closecall.analysis.metrics.outcomes import OUTCOME_NAMES, OUTCOMES, outcomes
from closecall.data.exchange.tables import example_facts, run_probabilities
from closecall.data.experiments.runs import finished_run
from closecall.data.io.errors import UserError
from closecall.data.io.files import read_frame


def errors_table(
    experiment: str,
    *,
    ratio: float,
    seed: int | None = None,
    remedy: str = "none",
    outcome: str | Sequence[str] = ("fn", "fp"),
    split: str = "test",
    threshold: float = 0.5,
) -> pd.DataFrame:
    """The examples of some outcomes in one run, the most confident errors first.

    `id, text, label, class_name, split, outcome, pos_prob, logit, run, ratio, seed, threshold`, then the probability at
    every run as in `hard_case_table`. Without `seed` the first finished one of the ratio. UserError when there is none.
    """
    wanted = _outcome_codes(outcome)
    run = finished_run(experiment, ratio=ratio, seed=seed, remedy=remedy)
    rows = read_frame(run.folder / "predictions.parquet", ["id", "split", "label", "pos_prob", "logit"])
    rows = rows[rows["split"] == split]
    if rows.empty:
        raise UserError(f"{run.name} of {experiment} has no predictions for the split {split!r}.")
    rows = rows.assign(outcome=outcomes(rows["label"].to_numpy(), rows["pos_prob"].to_numpy(), threshold=threshold))
    order = (rows["pos_prob"] - threshold).abs().sort_values(ascending=False, kind="stable").index
    rows = rows.loc[order].loc[lambda part: part["outcome"].isin(wanted)]
    facts = example_facts(experiment, rows["id"])[["text", "class_name"]]
    table = rows.merge(facts, left_on="id", right_index=True, how="left").assign(
        run=run.name, ratio=run.config.ratio, seed=run.config.seed, threshold=threshold
    )
    named = ["id", "text", "label", "class_name", "split", "outcome", "pos_prob", "logit"]
    table = table[[*named, "run", "ratio", "seed", "threshold"]]
    return table.merge(run_probabilities(experiment), left_on="id", right_index=True, how="left").reset_index(drop=True)


def _outcome_codes(outcome: str | Sequence[str]) -> list[str]:
    wanted = outcome.replace(" ", "").split(",") if isinstance(outcome, str) else list(outcome)
    unknown = [one for one in wanted if one not in OUTCOMES]
    if unknown or not wanted:
        listed = ", ".join(f"{code} ({name})" for code, name in OUTCOME_NAMES.items())
        raise UserError(
            f"{', '.join(unknown) or 'Nothing'} is not an outcome. Outcomes are {listed}; separate several with commas."
        )
    return wanted
