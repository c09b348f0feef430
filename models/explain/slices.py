"""Slices of an experiment's examples, tested for errors of one run.

Candidates are words and phrases, length ranges, values of columns and clusters. `slice_findings` tests which of them
one run gets wrong more often than the rest. `run_surrogate` fits the linear surrogate of a run's log-odds.
"""

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy import sparse

from closecall.analysis.errors.ngrams import frequent_phrases
from closecall.analysis.errors.slices import AT_LEAST, Members, columns_table, length_ranges, slice_table
from closecall.analysis.errors.surrogate import Surrogate, fit_surrogate
from closecall.analysis.text import word_counts
from closecall.data.annotations.slice_rules import Column, Length, Phrase, Rule
from closecall.data.datasets.store import load_examples, load_info
from closecall.data.experiments.runs import Predictions, Run, load_predictions
from closecall.data.experiments.store import load_evaluation, load_experiment
from closecall.data.io.errors import UserError
from closecall.models.explain.clusters import experiment_clusters

ERROR_LABEL = {"fn": 1, "fp": 0}
"""The label of the examples that can have an error: false negatives are positives, false positives are negatives."""
RAREST_PHRASE = 1000
"""A candidate phrase occurs in at least one of this many texts: rarer ones cannot be distinguished from chance."""
SURROGATE_TEXTS = 10_000
"""The surrogate is fitted on at most this many texts of a split, drawn at random."""
SURROGATE_AT_LEAST = 8
"""Texts that must contain a word for it to have a weight in the surrogate."""


@dataclass(frozen=True)
class SliceCandidates:
    """The examples of one class (`ids` (n), `members.in_test`: test or validation) and their candidate slices.

    `rules` and `names` (m): the rule of each slice as links contain it (`cluster:3` for clusters), and in words.
    `has_texts`: whether the dataset has texts to search for words.
    """

    ids: np.ndarray
    members: Members
    rules: np.ndarray
    names: np.ndarray
    has_texts: bool


@dataclass(frozen=True)
class SliceFindings:
    """The tested slices: `analysis.errors.slices.slice_table` with the columns `rule` and `slice` (its name).

    `n`, `wrong`, `validation_n`, `validation_wrong`: examples of the class, and errors among them, in each split.
    """

    table: pd.DataFrame
    n: int
    wrong: int
    validation_n: int
    validation_wrong: int

    @property
    def too_few(self) -> bool:
        """Whether a split has too few examples for a slice and a rest."""
        return min(self.n, self.validation_n) < 2 * AT_LEAST


@dataclass(frozen=True)
class RunSurrogate:
    """The surrogate of a run, and the test examples it was fitted to, aligned: `labels, pos_probs, logits` (n)."""

    fitted: Surrogate
    labels: np.ndarray
    pos_probs: np.ndarray
    logits: np.ndarray


def slice_candidates(experiment: str, outcome: str) -> SliceCandidates:
    """All candidate slices of the class that can have an outcome: fn (positives) or fp (negatives)."""
    rows = load_evaluation(experiment)
    rows = rows[rows["label"] == ERROR_LABEL[outcome]].reset_index(drop=True)
    ids = rows["id"].to_numpy(dtype=object)
    examples, has_texts = _examples(experiment, ids)
    parts = [_values(examples)]
    if has_texts:
        texts = examples["text"].astype(object).fillna("").tolist()
        parts += [_phrases(texts), _lengths(texts)]
    parts.append(_clusters(experiment, ids))
    kinds = np.repeat([part.kind for part in parts], [len(part.rules) for part in parts])
    holds = sparse.csc_array(sparse.hstack([part.holds for part in parts], format="csc"))
    return SliceCandidates(
        ids,
        Members(holds, kinds, (rows["split"] == "test").to_numpy()),
        np.array([rule for part in parts for rule in part.rules], dtype=object),
        np.array([name for part in parts for name in part.names], dtype=object),
        has_texts,
    )


def slice_findings(
    candidates: SliceCandidates, test: Predictions, validation: Predictions, *, outcome: str, threshold: float
) -> SliceFindings:
    """Test the candidates for one run's false negatives (fn) or false positives (fp) at a threshold.

    Examples without a prediction are excluded.
    """
    probs = pd.Series(
        np.concatenate([test.pos_probs, validation.pos_probs]), index=np.concatenate([test.ids, validation.ids])
    )
    probs = probs[~probs.index.duplicated()].reindex(candidates.ids)
    known = probs.notna().to_numpy()
    predicted_positive = probs.to_numpy()[known] >= threshold
    wrong = ~predicted_positive if outcome == "fn" else predicted_positive
    members = candidates.members
    in_test = members.in_test[known]
    holds = members.holds if known.all() else members.holds.tocsr()[known].tocsc()
    table = slice_table(Members(holds, members.kinds, in_test, members.test_only), wrong)
    table["rule"] = candidates.rules[table["candidate"]]
    table["slice"] = candidates.names[table["candidate"]]
    sizes = [int(one.sum()) for one in (in_test, in_test & wrong, ~in_test, ~in_test & wrong)]
    return SliceFindings(table, *sizes)


def run_findings(experiment: str, run: Run, *, outcome: str, threshold: float) -> SliceFindings:
    """`slice_findings` of a run, with candidates and predictions read from disk."""
    test, validation = load_predictions(run, "test"), load_predictions(run, "validation")
    return slice_findings(slice_candidates(experiment, outcome), test, validation, outcome=outcome, threshold=threshold)


def run_surrogate(experiment: str, run: Run) -> RunSurrogate:
    """Fit the linear surrogate of a run: ridge regression of its log-odds on words and word pairs.

    The penalty is chosen on validation. ValueError with too few texts; UserError when the dataset was deleted.
    """
    test, validation = load_predictions(run, "test"), load_predictions(run, "validation")
    rows, tuning = (
        np.sort(np.random.default_rng(0).permutation(len(one.ids))[:SURROGATE_TEXTS]) for one in (test, validation)
    )
    ids = np.concatenate([validation.ids[tuning], test.ids[rows]])
    logits = np.concatenate([validation.logits[tuning], test.logits[rows]])
    examples = load_examples(load_experiment(experiment).dataset, ["id", "text"]).set_index("id")["text"]
    phrases = frequent_phrases(
        examples.reindex(ids).fillna("").astype(str).tolist(), longest=2, at_least=SURROGATE_AT_LEAST
    )
    fitted = fit_surrogate(phrases, logits, tuning=np.arange(len(ids)) < len(tuning))
    return RunSurrogate(fitted, test.labels[rows], test.pos_probs[rows], test.logits[rows])


@dataclass(frozen=True)
class _Part:
    """The candidates of one kind: rules and names (m each), members (n x m)."""

    kind: str
    rules: list[str]
    names: list[str]
    holds: sparse.csc_array


def _examples(experiment: str, ids: np.ndarray) -> tuple[pd.DataFrame, bool]:
    """The dataset's columns aligned with ids, and whether there are texts; no columns when the dataset was deleted."""
    dataset = load_experiment(experiment).dataset
    try:
        has_texts = load_info(dataset).has_texts
        examples = load_examples(dataset).set_index("id")
    except UserError:
        return pd.DataFrame(index=ids), False
    return examples.reindex(ids), has_texts


def _part(kind: str, rules: Sequence[Rule], holds: sparse.csc_array) -> _Part:
    return _Part(kind, [rule.written for rule in rules], [rule.text for rule in rules], holds)


def _phrases(texts: list[str]) -> _Part:
    phrases = frequent_phrases(texts, at_least=max(2 * AT_LEAST, len(texts) // RAREST_PHRASE))
    return _part("word", [Phrase(str(name)) for name in phrases.names], phrases.holds)


def _lengths(texts: list[str]) -> _Part:
    counts = word_counts(texts)
    rules = [Length(*one) for one in length_ranges(counts)]
    longest = counts.max() if len(counts) else 0
    inside = [
        (counts >= rule.shortest) & (counts <= (longest if rule.longest is None else rule.longest)) for rule in rules
    ]
    return _part("length", rules, columns_table(inside, len(texts)))


def _values(examples: pd.DataFrame) -> _Part:
    """The values of class_name, group and the metadata columns that occur, and are absent, often enough."""
    rules, inside = [], []
    for column in map(str, examples.columns):
        if not column.startswith("meta.") and column not in ("class_name", "group"):
            continue
        texts = examples[column].astype(str)
        counts = texts.value_counts()
        for value in counts.index[(counts >= 2 * AT_LEAST) & (counts <= len(texts) - 2 * AT_LEAST)]:
            with suppress(UserError):  # a value that a rule cannot express, such as one of a thousand characters
                rules.append(Column(column, value))
                inside.append((texts == value).to_numpy())
    return _part("column", rules, columns_table(inside, len(examples)))


def _clusters(experiment: str, ids: np.ndarray) -> _Part:
    clusters = experiment_clusters(experiment)
    if clusters is None:
        return _Part("cluster", [], [], columns_table([], len(ids)))
    places = pd.Index(clusters.ids).get_indexer(pd.Index(ids))
    numbers = np.where(places >= 0, clusters.numbers[np.maximum(places, 0)], -1)
    inside = [numbers == number for number in range(len(clusters.names))]
    rules = [f"cluster:{number}" for number in range(len(clusters.names))]
    return _Part("cluster", rules, list(clusters.names), columns_table(inside, len(ids)))
