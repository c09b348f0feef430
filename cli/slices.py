"""What the command `slices` does: find, say and write what the errors of a run share."""

from pathlib import Path

import pandas as pd

from closecall.cli.arguments import one_ratio
from closecall.cli.output import print_note
from closecall.cli.tables import write_or_print
from closecall.data.exchange.tables import provenance
from closecall.data.experiments.runs import finished_run
from closecall.data.io.errors import UserError

SHOWN = ("slice", "kind", "n", "wrong", "rate", "rest_rate", "lift", "difference", "interval", "p_bh", "stands_out")


def report_slices(
    experiment: str,
    ratio: str,
    outcome: str,
    *,
    seed: int | None,
    remedy: str,
    threshold: float,
    out: Path | None,
    as_json: bool,
) -> None:
    """Say what stands out among a run's misses (fn) or false alarms (fp), and show or write the tested slices."""
    from closecall.models.explain.slices import run_findings  # here, since what is behind it takes a second to import
    from closecall.models.results.slice_wording import CLASS_NAMES, finding_text, slice_tests_text

    if outcome not in CLASS_NAMES:
        raise UserError(f"{outcome!r} is not an outcome for slices. Choose fn (misses) or fp (false alarms).")
    run = finished_run(experiment, ratio=one_ratio(ratio), seed=seed, remedy=remedy)
    found = run_findings(experiment, run, outcome=outcome, threshold=threshold)
    print_note(finding_text(found, run.config.ratio, outcome))
    print_note(slice_tests_text(found, outcome))
    table = written_table(found.table, outcome)
    origin = provenance(experiment, run=run.name, threshold=threshold)
    write_or_print(table, origin, out, [name for name in SHOWN if name in table], as_json=as_json)


def written_table(table: pd.DataFrame, outcome: str) -> pd.DataFrame:
    """The tested slices with plain columns: outcome, slice (in words), rule (as links write it), kind, the numbers."""
    named = table.drop(columns="candidate")
    interval = [f"{low:.3f} to {high:.3f}" for low, high in zip(named["low"], named["high"], strict=True)]
    named = named.assign(outcome=outcome, interval=interval)
    front = ["outcome", "slice", "rule", "kind"]
    return named[[*front, *(name for name in named if name not in front)]]
