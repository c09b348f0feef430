"""All questions about an experiment as a whole, answered from what is stored with it."""

from collections.abc import Callable

import numpy as np

from closecall.data.annotations.causes import CauseEvidence, load_evidence
from closecall.data.annotations.text_evidence import load_text_evidence
from closecall.data.experiments.remedies import NO_REMEDY
from closecall.data.experiments.run_tables import RunTable
from closecall.models.results.measures.curve import curve_of
from closecall.models.results.measures.errors import classes, labels, near_copies, not_read, overfitting, similarity
from closecall.models.results.measures.measure import Case, Measure
from closecall.models.results.measures.overlap import experiment_overlap_measure
from closecall.models.results.measures.texts import closeness, more_positives, unseen_words
from closecall.models.results.run_predictions import read_run_predictions
from closecall.models.results.valid_runs import valid_rows

_MEASURES: tuple[Callable[[Case], Measure], ...] = (
    experiment_overlap_measure,
    closeness,
    more_positives,
    unseen_words,
    near_copies,
    similarity,
    overfitting,
    labels,
    not_read,
    classes,
)


def stored_measures(experiment: str, *, ratio: float | None = None, threshold: float = 0.5) -> list[Measure]:
    """All measures of an experiment of this workspace, at its largest baseline ratio unless one is given."""
    test = read_run_predictions(experiment)["test"]
    own = test.ratios[test.remedies == NO_REMEDY]
    if not len(own):
        return []
    chosen = float(own.max()) if ratio is None else ratio
    return measures_of(experiment, test, load_evidence(experiment, runs=()), ratio=chosen, threshold=threshold)


def measures_of(
    experiment: str, test: RunTable, evidence: CauseEvidence | None, *, ratio: float, threshold: float = 0.5
) -> list[Measure]:
    """All measures at one ratio, by the majority of its valid baseline seeds. Empty without a run or evidence."""
    valid = valid_rows(test, threshold=threshold, remedy=NO_REMEDY)
    baselines = {
        float(one): np.flatnonzero(valid & (test.ratios == one)) for one in sorted(set(test.ratios[valid].tolist()))
    }
    if ratio not in baselines or evidence is None:
        return []
    examples = evidence.examples.set_index("id").reindex(test.ids).reset_index()
    called = (test.pos_probs[baselines[ratio]] >= threshold).mean(axis=0) >= 0.5
    positive, texts = test.labels == 1, load_text_evidence(experiment)
    case = Case(
        experiment,
        ratio,
        threshold,
        test,
        baselines,
        found=called[positive],
        positives=examples[positive],
        false_positives=examples[~positive & called],
        missed=examples[positive & ~called],
        training_suspects=evidence.info.training_suspects,
        texts=texts,
        curve=curve_of(experiment, test, baselines, texts, threshold=threshold),
    )
    return [measure(case) for measure in _MEASURES]
