"""What the report of an experiment shows, computed from its files."""

from dataclasses import dataclass

import pandas as pd

from closecall.analysis.causes.miss_wording import CausesOfErrors
from closecall.analysis.causes.verdict import Verdict
from closecall.analysis.ratio.decomposition import Decomposition
from closecall.analysis.ratio.flow import flow_table, paired_tests
from closecall.data.annotations.causes import load_evidence
from closecall.data.experiments.store import ExperimentConfig, load_experiment
from closecall.data.io.errors import UserError
from closecall.models.results.causes import OUTCOMES, decide_causes
from closecall.models.results.measures.all_measures import measures_of
from closecall.models.results.measures.measure import Measure
from closecall.models.results.metadata_errors import ColumnErrors, errors_by_column
from closecall.models.results.ratio_pairs import PriorShift, decomposed, prior_shift
from closecall.models.results.ratio_table import RunCurve, first_seed_curves, ratio_table, run_scores, run_table
from closecall.models.results.run_predictions import read_run_predictions
from closecall.models.results.valid_runs import outcomes_by_run, select_valid_runs
from closecall.models.results.verdict import decide_verdict


@dataclass(frozen=True)
class RatioComparisons:
    """The comparisons that need valid runs at two ratios.

    `parts` has, for each ratio above the smallest, the decomposition of the drop between them, None where they share
    no seed. `flow` and `tests` are frames of `flow_table` and `paired_tests`.
    """

    levels: list[float]
    parts: dict[float, Decomposition | None]
    curves: list[RunCurve]
    flow: pd.DataFrame
    tests: pd.DataFrame


@dataclass(frozen=True)
class ReportContent:
    """`runs` as from `run_table`, `table` as from `ratio_table`, both at the prevalence `q`.

    `causes`: of the false negatives at the largest ratio, where the `measures` are taken, too. `by_column`: columns
    with a value that has significantly more or fewer false negatives or false positives there.
    """

    config: ExperimentConfig
    q: float
    runs: pd.DataFrame
    table: pd.DataFrame
    verdict: Verdict | None
    prior: PriorShift | None
    comparisons: RatioComparisons | None
    causes: CausesOfErrors
    by_column: list[ColumnErrors]
    measures: list[Measure]

    @property
    def n_positives(self) -> int:
        """The number of positives in the test set."""
        return int(self.table["n_positives"].iloc[0])


def report_content(experiment: str, *, q: float) -> ReportContent:
    """All numbers of the report at prevalence q. UserError before a first run has finished."""
    config = load_experiment(experiment)
    tables = read_run_predictions(experiment)
    test, validation = tables["test"], tables["validation"]
    runs = outcomes_by_run(test)
    if runs.empty:
        raise UserError(f"No run of {experiment} has finished yet. See its progress: closecall status {experiment}")

    scores = {name: run_scores(test, name) for name in runs["name"]}
    valid_test, valid_validation = select_valid_runs(test, validation)
    comparisons = None
    if len(levels := valid_test.levels) > 1:
        comparisons = RatioComparisons(
            levels,
            {ratio: decomposed(valid_test, valid_validation, levels[0], ratio) for ratio in levels[1:]},
            first_seed_curves(runs, scores.__getitem__, q=q),
            flow_table(valid_test.labels, valid_test.pos_probs, valid_test.ratios),
            paired_tests(valid_test.labels, valid_test.pos_probs, valid_test.ratios),
        )
    largest, evidence = float(runs["ratio"].max()), load_evidence(experiment)
    errors = [decide_causes(test, validation, evidence, ratio=largest, outcome=one) for one in OUTCOMES]
    by_column = [one for found in errors for one in errors_by_column(experiment, test, found) if one.significant]
    return ReportContent(
        config=config,
        q=q,
        runs=run_table(runs, scores.__getitem__, q=q),
        table=ratio_table(runs, scores.__getitem__, q=q),
        verdict=decide_verdict(test, validation),
        prior=prior_shift(valid_test, valid_validation, tuple(config.ratios)),
        comparisons=comparisons,
        causes=errors[0],
        by_column=by_column,
        measures=measures_of(experiment, test, evidence, ratio=largest),
    )
