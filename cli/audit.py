"""`closecall audit`: the labels that look wrong, and recall without them."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from closecall.analysis.causes.label_audit import flagged_share_of_false_negatives, recall_without_suspects
from closecall.analysis.formatting import ratio_text, share_text
from closecall.cli.output import print_note, print_rows
from closecall.cli.tables import write_or_print
from closecall.data.datasets.store import load_examples
from closecall.data.exchange.tables import provenance
from closecall.data.experiments.store import load_experiment
from closecall.data.io.errors import UserError
from closecall.models.explain.label_audit import audit as make_audit
from closecall.models.results.valid_runs import valid_runs
from closecall.models.runtime.progress import Progress

CAUTION = (
    "The suspects were chosen by a model that resembles the runs: recall rises by that choice alone, also where every "
    "label is right. Take the gain as an upper bound until somebody has read them."
)


def audit(experiment: str, *, out: Path | None, as_json: bool) -> None:
    """Make the audit, or take the one that is there, and show the suspects, the most suspect first."""
    _, frame = make_audit(experiment, report=_told)
    suspects = frame[frame["flagged"]].sort_values("self_confidence", kind="stable").reset_index(drop=True)
    positives = int((suspects["label"] == 1).sum())
    print_note(
        f"{len(suspects):,} of {len(frame):,} labels look wrong: {positives:,} positives and "
        f"{len(suspects) - positives:,} negatives. They are to be read, not to be believed."
    )
    table = _with_texts(experiment, suspects.drop(columns=["flagged"]))
    columns = ["id", "split", "class_name", "self_confidence", "others", "text"]
    write_or_print(table, provenance(experiment), out, columns, as_json=as_json)
    if not as_json and (rows := _effect(experiment, suspects["id"])):
        print_rows(rows, title="Recall on test at the threshold .5")
        print_note(CAUTION)


def _told(progress: Progress) -> None:
    if progress.step + 1 < progress.steps:
        print_note(f"Fold {progress.step + 1} of {progress.steps - 1}")


def _with_texts(experiment: str, suspects: pd.DataFrame) -> pd.DataFrame:
    """The suspects with text and class name; empty ones when the dataset is gone."""
    try:
        examples = load_examples(load_experiment(experiment).dataset, ["id", "text", "class_name"])
    except UserError:
        return suspects.assign(text="", class_name="")
    return suspects.merge(examples, on="id", how="left").fillna({"text": "", "class_name": ""})


def _effect(experiment: str, suspects: pd.Series) -> list[dict[str, Any]]:
    """Recall of each ratio with the labels as they are, the suspects dropped and relabelled; over valid seeds."""
    test, _ = valid_runs(experiment)
    flagged = np.isin(test.ids, suspects.to_numpy(dtype=object))
    if not flagged.any():
        return []
    return [_row(ratio, test.labels, test.at(ratio), flagged) for ratio in test.levels]


def _row(ratio: float, labels: np.ndarray, probs: np.ndarray, flagged: np.ndarray) -> dict[str, Any]:
    told = recall_without_suspects(labels, probs, flagged).to_dict("records")
    misses = flagged_share_of_false_negatives(labels, probs, flagged)
    recalls = {
        str(one["labels"]): f"{100 * one['recall']:.1f} % ({100 * one['low']:.1f} to {100 * one['high']:.1f})"
        for one in told
    }
    return {
        "ratio": ratio_text(ratio),
        **recalls,
        "misses that are suspects": share_text(misses.flagged, misses.false_negatives),
    }
