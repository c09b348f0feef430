"""The slices that are looked at: words and phrases, lengths, values of columns and clusters, with their members."""

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
from closecall.models.explain.clusters import clusters_of

LABEL = {"fn": 1, "fp": 0}
"""Whose mistakes an outcome is: misses are positives', false alarms negatives'."""


@dataclass(frozen=True)
class Candidates:
    """The examples of one class (`ids`, in `members.in_test` test or validation) and the slices of them.

    `written` and `said` (m): each slice's rule as links write it (`cluster:3` for clusters) and in words. `has_texts`:
    whether there were texts to look for words in.
    """

    ids: np.ndarray
    members: Members
    written: np.ndarray
    said: np.ndarray
    has_texts: bool


RAREST = 1000
"""Of many texts, a phrase must be in one of a thousand to be looked at: rarer ones could not be told from chance."""
Part = tuple[str, list[str], list[str], sparse.csc_array]
"""Kind, written rules, rules in words, members."""


def slice_candidates(experiment: str, outcome: str) -> Candidates:
    """All slices of the class that can meet an outcome: fn (positives) or fp (negatives)."""
    rows = load_evaluation(experiment)
    rows = rows[rows["label"] == LABEL[outcome]].reset_index(drop=True)
    ids = rows["id"].to_numpy(dtype=object)
    facts, has_texts = _facts(experiment, ids)
    parts = [_values(facts)]
    if has_texts:
        texts = facts["text"].astype(object).fillna("").tolist()
        parts += [_phrases(texts), _lengths(texts)]
    parts.append(_clusters(experiment, ids))
    kinds = np.repeat([kind for kind, *_ in parts], [len(written) for _, written, *_ in parts])
    holds = sparse.csc_array(sparse.hstack([part[3] for part in parts], format="csc"))
    return Candidates(
        ids,
        Members(holds, kinds, (rows["split"] == "test").to_numpy()),
        np.array([one for _, written, *_ in parts for one in written], dtype=object),
        np.array([one for _, _, said, _ in parts for one in said], dtype=object),
        has_texts,
    )


def _facts(experiment: str, ids: np.ndarray) -> tuple[pd.DataFrame, bool]:
    """What the dataset knows of the examples, aligned with ids; empty when it is gone."""
    dataset = load_experiment(experiment).dataset
    try:
        has_texts = load_info(dataset).has_texts
        examples = load_examples(dataset).set_index("id")
    except UserError:
        return pd.DataFrame(index=ids), False
    return examples.reindex(ids), has_texts


def _part(kind: str, rules: Sequence[Rule], holds: sparse.csc_array) -> Part:
    return kind, [rule.written for rule in rules], [rule.said for rule in rules], holds


def _phrases(texts: list[str]) -> Part:
    found = frequent_phrases(texts, at_least=max(2 * AT_LEAST, len(texts) // RAREST))
    return _part("word", [Phrase(str(name)) for name in found.names], found.holds)


def _lengths(texts: list[str]) -> Part:
    counts = word_counts(texts)
    rules = [Length(*one) for one in length_ranges(counts)]
    longest = counts.max() if len(counts) else 0
    inside = [
        (counts >= rule.shortest) & (counts <= (longest if rule.longest is None else rule.longest)) for rule in rules
    ]
    return _part("length", rules, columns_table(inside, len(texts)))


def _values(facts: pd.DataFrame) -> Part:
    """The values of class_name, group and the metadata columns that enough examples share."""
    rules, inside = [], []
    for column in map(str, facts.columns):
        if not column.startswith("meta.") and column not in ("class_name", "group"):
            continue
        texts = facts[column].astype(str)
        counts = texts.value_counts()
        for value in counts.index[(counts >= 2 * AT_LEAST) & (counts <= len(texts) - 2 * AT_LEAST)]:
            with suppress(UserError):  # what a rule cannot say, such as a value of a thousand letters
                rules.append(Column(column, value))
                inside.append((texts == value).to_numpy())
    return _part("column", rules, columns_table(inside, len(facts)))


def _clusters(experiment: str, ids: np.ndarray) -> Part:
    clusters = clusters_of(experiment)
    if clusters is None:
        return "cluster", [], [], columns_table([], len(ids))
    places = pd.Index(clusters.ids).get_indexer(pd.Index(ids))
    numbers = np.where(places >= 0, clusters.numbers[np.maximum(places, 0)], -1)
    inside = [numbers == number for number in range(len(clusters.names))]
    written = [f"cluster:{number}" for number in range(len(clusters.names))]
    return "cluster", written, list(clusters.names), columns_table(inside, len(ids))


# Which slices one run gets wrong more often than the rest: candidates and predictions brought together.


@dataclass(frozen=True)
class SliceFindings:
    """`table`: the tested slices (`analysis.errors.slices.slice_table` with `written` and `said`); how many examples of the
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


# The linear stand-in of one run: its log-odds on validation and test told by words.

MOST_TEXTS = 10_000
"""Texts of a split that the stand-in is made from; of more, these are drawn."""
SURROGATE_AT_LEAST = 8
"""Texts that hold a word, for it to have a weight."""


@dataclass(frozen=True)
class RunSurrogate:
    """The stand-in and the test examples that it tells, aligned: `labels, pos_probs, logits` (n)."""

    fitted: Surrogate
    labels: np.ndarray
    pos_probs: np.ndarray
    logits: np.ndarray


def run_surrogate(experiment: str, run: Run) -> RunSurrogate:
    """Fit the stand-in of a run. ValueError when there are too few texts; UserError when the dataset is gone."""
    test, validation = load_predictions(run, "test"), load_predictions(run, "validation")
    rows, tuned = (
        np.sort(np.random.default_rng(0).permutation(len(one.ids))[:MOST_TEXTS]) for one in (test, validation)
    )
    ids = np.concatenate([validation.ids[tuned], test.ids[rows]])
    logits = np.concatenate([validation.logits[tuned], test.logits[rows]])
    examples = load_examples(load_experiment(experiment).dataset, ["id", "text"]).set_index("id")["text"]
    phrases = frequent_phrases(
        examples.reindex(ids).fillna("").astype(str).tolist(), longest=2, at_least=SURROGATE_AT_LEAST
    )
    fitted = fit_surrogate(phrases, logits, tuning=np.arange(len(ids)) < len(tuned))
    return RunSurrogate(fitted, test.labels[rows], test.pos_probs[rows], test.logits[rows])
