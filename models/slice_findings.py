"""Which slices one run gets wrong more often than the rest: candidates and predictions brought together."""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from analysis.slices import AT_LEAST, Members, slice_table
from data.runs import Predictions, Run, load_predictions
from models.slice_candidates import Candidates, slice_candidates


@dataclass(frozen=True)
class SliceFindings:
    """`table`: the tested slices (`analysis.slices.slice_table` with `written` and `said`); how many examples of the
    class there are in test and validation, and how many of them the run has wrong.
    """

    table: pd.DataFrame
    n: int
    wrong: int
    validation_n: int
    validation_wrong: int

    @property
    def too_few(self) -> bool:
        """Whether there are not enough examples for a slice and a rest in both splits."""
        return min(self.n, self.validation_n) < 2 * AT_LEAST


def slice_findings(
    candidates: Candidates, test: Predictions, validation: Predictions, *, outcome: str, threshold: float
) -> SliceFindings:
    """The slices of one run's misses (fn) or false alarms (fp). Examples without a prediction are left out."""
    probs = pd.Series(
        np.concatenate([test.pos_probs, validation.pos_probs]), index=np.concatenate([test.ids, validation.ids])
    )
    probs = probs[~probs.index.duplicated()].reindex(candidates.ids)
    told = probs.notna().to_numpy()
    called = probs.to_numpy()[told] >= threshold
    wrong = ~called if outcome == "fn" else called
    members = candidates.members
    in_test = members.in_test[told]
    holds = members.holds if told.all() else members.holds.tocsr()[told].tocsc()
    kept = Members(holds, members.kinds, in_test, members.test_only)
    table = slice_table(kept, wrong)
    for name in ("written", "said"):
        table[name] = getattr(candidates, name)[table["candidate"]]
    sizes = [int(one.sum()) for one in (in_test, in_test & wrong, ~in_test, ~in_test & wrong)]
    return SliceFindings(table, *sizes)


def run_findings(experiment: str, run: Run, *, outcome: str, threshold: float) -> SliceFindings:
    """As `slice_findings`, with everything read from disk."""
    test, validation = load_predictions(run, "test"), load_predictions(run, "validation")
    return slice_findings(slice_candidates(experiment, outcome), test, validation, outcome=outcome, threshold=threshold)
