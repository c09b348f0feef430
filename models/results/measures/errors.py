"""What the evidence on single examples says about an experiment: near copies, similarity, length, labels, classes.

Each measure reads what is stored with the experiment. Nothing here imports torch.
"""

import numpy as np

from closecall.analysis.causes.misses import have_suspect_label
from closecall.analysis.causes.overfitting import gaps_of_history, hidden_overfitting
from closecall.analysis.causes.separability import errors_by_class
from closecall.analysis.causes.sparsity import recall_by_similarity
from closecall.analysis.formatting import p_text, percent_text, points_text, rounded_up, share_text
from closecall.analysis.intervals import Estimate
from closecall.analysis.two_groups import unpaired_difference
from closecall.analysis.validation import Bools
from closecall.data.datasets.store import load_examples
from closecall.data.experiments.runs import load_metrics, load_run
from closecall.data.experiments.store import load_experiment
from closecall.data.io.errors import UserError
from closecall.models.results.measures.measure import Case, Measure

FEWEST = 5
"""A group of positives below this is not compared."""
LEVEL = 0.05
MARGIN = 0.05
"""The smallest difference of two shares that matters."""


def near_copies(case: Case) -> Measure:
    """Are near copies of training texts found more often?"""
    key, title = "near copies", "Near copies in training"
    copied = ((case.positives["near_copy"] != "") & (case.positives["near_copy_split"] == "train")).to_numpy()
    n = int(copied.sum())
    if n == 0:
        return Measure(key, title, "absent", "No test positive is a near copy of a training text.")
    if n < FEWEST:
        sentence = f"{n} of {len(copied):,} test positives are near copies of a training text: too few to matter."
        return Measure(key, title, "absent", sentence)
    difference = _of_groups(case.found, copied)
    answer = _answer(difference)
    sentence = (
        f"{n:,} of {len(copied):,} test positives are near copies of a training text. Recall is "
        f"{_share(case.found[copied])} on them and {_share(case.found[~copied])} on the others, a difference of "
        f"{points_text(difference)}."
    )
    return Measure(key, title, answer, sentence)


def similarity(case: Case) -> Measure:
    """Is recall lower for positives that resemble no training positive?"""
    key, title = "sparsity", "Recall by similarity to training positives"
    near = case.positives["positive_cosine"].to_numpy(dtype=np.float64)
    known = ~np.isnan(near)
    if known.sum() < 4 * FEWEST:
        why = "There are no embeddings of the frozen encoder, or too few positives in training or test."
        return Measure(key, title, "not measurable", why)
    trend = recall_by_similarity(case.found[known], near[known])
    first, last = trend.quartiles.iloc[0], trend.quartiles.iloc[3]
    need = f" About {rounded_up(trend.needed)} test positives would decide." if trend.needed else ""
    sentence = (
        f"Recall is {share_text(int(first['found']), int(first['n']))} among the quarter of positives least similar to "
        f"a training positive, and {share_text(int(last['found']), int(last['n']))} among the most similar (trend "
        f"p {p_text(trend.p)}).{need}"
    )
    return Measure(key, title, trend.answer, sentence)


def not_read(case: Case) -> Measure:
    """Is recall lower for texts that are longer than what the encoder reads?"""
    key, title = "not read", "Text that is not read"
    tokens, read = (
        case.positives[name].to_numpy(dtype=np.float64, na_value=np.nan) for name in ("tokens", "tokens_read")
    )
    if np.isnan(tokens).all():
        return Measure(
            key, title, "not measurable", "The number of tokens is not known: there are no texts or no encoder."
        )
    cut = tokens > read
    n = int(cut.sum())
    if n < FEWEST or n > len(cut) - FEWEST:
        sentence = (
            f"{n:,} of {len(cut):,} test positives are longer than the encoder reads ({int(np.nanmax(read))} tokens)."
        )
        return Measure(key, title, "absent" if n < FEWEST else "not measurable", sentence)
    difference = _of_groups(case.found, ~cut)
    budget = int(np.nanquantile(tokens, 0.98))
    answer = _answer(difference)
    sentence = (
        f"{n:,} of {len(cut):,} test positives are longer than the {int(np.nanmax(read))} tokens that are read. Recall "
        f"is {_share(case.found[cut])} on them and {_share(case.found[~cut])} on the others. With {budget:,} tokens "
        "under 2 % would be cut."
    )
    return Measure(key, title, answer, sentence)


def labels(case: Case) -> Measure:
    """Are labels of test positives suspect more often than those of training positives, by the same rule?"""
    key, title = "labels", "Suspect labels"
    audited, training = case.positives["suspect"].notna().any(), case.training_suspects.get("positive")
    if not audited or training is None:
        why = "The labels were not audited: there are no embeddings, or too few training examples."
        return Measure(key, title, "not measurable", why)
    suspect, copies = (
        case.positives[name].to_numpy(dtype=np.float64, na_value=np.nan) for name in ("suspect", "near_copy_label")
    )
    flagged = have_suspect_label(suspect, copies, np.ones(len(suspect)))
    missed = flagged & ~case.found
    answer = _answer(_difference(int(flagged.sum()), len(flagged), *training))
    sentence = (
        f"{_share(flagged)} of the test positives and {share_text(*training)} of the training positives have a suspect "
        f"label. Without the {int(missed.sum()):,} missed ones, also those that the threshold recovers, recall would "
        f"be {_share(case.found[~missed])}. Wrong labels that are as frequent in training do not show in "
        "this comparison: read the suspects to know."
    )
    return Measure(key, title, answer, sentence)


def overfitting(case: Case) -> Measure:
    """Do the positives over-fit more than the negatives?"""
    key, title = "over-fitting", "Hidden over-fitting of the positives"
    history = [load_metrics(load_run(case.experiment, run)).get("history", []) for run in case.runs]
    result = hidden_overfitting([gaps_of_history(one) for one in history])
    if result.excess is None:
        return Measure(
            key, title, result.answer, "These runs have no record of training and validation recall by epoch."
        )
    sentence = (
        "The gap between recall on training and on validation texts is larger for positives than for negatives by "
        f"{points_text(result.excess)}, at the threshold of the training ratio."
    )
    if result.by_loss:
        sentence += " The validation loss of the positives rises while the training loss falls."
    if result.needed:
        sentence += f" About {rounded_up(result.needed)} validation positives would decide."
    return Measure(key, title, result.answer, sentence)


def classes(case: Case) -> Measure:
    """Are the errors near one class of negatives more than its share?"""
    key, title = "classes", "Negative classes near the errors"
    try:
        examples = load_examples(load_experiment(case.experiment).dataset, ["id", "label", "class_name"])
    except UserError:
        return Measure(key, title, "not measurable", "The dataset was deleted.")
    negatives = examples[examples["label"] == 0]
    counts = {str(name): int(n) for name, n in negatives["class_name"].value_counts().items()}
    names = negatives.set_index("id")["class_name"]
    near = [*names.reindex(case.missed["nearest_negative"]), *names.reindex(case.false_positives["id"])]
    known = [str(name) for name in near if isinstance(name, str) and name]
    if len(counts) < 2 or len(known) < FEWEST:
        return Measure(key, title, "not measurable", "There is a single negative class, or there are too few errors.")
    table = errors_by_class(known, counts)
    top = table.iloc[0]
    answer = "present" if top["p_holm"] < LEVEL and top["difference"] > 0 else "absent"
    sentence = (
        f"{share_text(int(top['errors']), len(known))} of the errors are in or nearest to {top['class']}, which has "
        f"{percent_text(float(top['expected']))} of the negatives (p {p_text(float(top['p_holm']))}, Holm over "
        f"{len(table)} classes)."
    )
    return Measure(key, title, answer, sentence)


def _share(mask: Bools) -> str:
    return share_text(int(mask.sum()), len(mask))


def _of_groups(mask: Bools, group: Bools) -> Estimate:
    """Share of `mask` in the group minus outside it."""
    return _difference(int(mask[group].sum()), int(group.sum()), int(mask[~group].sum()), int((~group).sum()))


def _difference(count: int, n: int, other: int, other_n: int) -> Estimate:
    """The first share minus the second, with Newcombe's interval."""
    low, high = unpaired_difference(count, n, other, other_n)
    return Estimate(count / n - other / other_n, float(low), float(high))


def _answer(difference: Estimate) -> str:
    """Present where the interval is above 0, absent where it is below MARGIN."""
    return "present" if difference.low > 0 else "absent" if difference.high < MARGIN else "too few"
