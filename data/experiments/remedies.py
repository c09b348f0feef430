"""Remedies: what is done about imbalance in one arm of an experiment. "none" is plain cross-entropy.

"threshold" is an arm of the comparison too, but no run: it moves the cut of the plain one.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from closecall.data.io.errors import UserError

PLAIN = "none"
THRESHOLD = "threshold"
KINDS = ("loss", "sampling", "head", "simple", "one-class")


@dataclass(frozen=True)
class Remedy:
    """One arm: `name` is typed and names run folders, `title` is shown.

    `kind`: "loss" and "sampling" fine-tune the same encoder with another loss or other draws, "head" trains the plain
    run's head anew, "simple" and "one-class" do without fine-tuning. `moves_prior`: its probabilities no longer mean
    what the training ratio says, so that they are mended by slope and intercept, not by a temperature alone.
    """

    name: str
    title: str
    kind: str
    moves_prior: bool = True

    @property
    def fine_tunes(self) -> bool:
        """Whether it ends in a fine-tuned classifier, with a checkpoint, embeddings and a map."""
        return self.kind in ("loss", "sampling", "head")


REMEDIES = (
    Remedy("tfidf-logistic", "TF-IDF + logistic regression", "simple", moves_prior=False),
    Remedy("frozen-logistic", "frozen embeddings + logistic regression", "simple", moves_prior=False),
    Remedy("one-class-svm", "one-class SVM", "one-class"),
    Remedy("one-class-mahalanobis", "one-class Mahalanobis", "one-class"),
    Remedy("one-class-knn", "one-class kNN distance", "one-class"),
    Remedy("retrained-head", "re-trained head", "head"),
    Remedy("under-sampling", "under-sampling, undone", "sampling", moves_prior=False),
    Remedy("class-weights", "class weights", "loss"),
    Remedy("root-weights", "square root of class weights", "loss"),
    Remedy("class-balanced", "class-balanced weights", "loss"),
    Remedy("focal", "focal loss", "loss"),
    Remedy("logit-adjusted", "logit-adjusted loss", "loss"),
    Remedy("dice", "Dice loss", "loss"),
    Remedy("over-sampling", "over-sampling", "sampling"),
)
"""In the order of work: what takes seconds comes first."""
_BY_NAME = {remedy.name: remedy for remedy in REMEDIES}


def find_remedy(name: str) -> Remedy:
    """The remedy of this name. UserError that lists the known ones."""
    if name not in _BY_NAME:
        known = ", ".join([*_BY_NAME, THRESHOLD])
        raise UserError(f"The remedy {name} is not known to this version. Remedies are {known}.")
    return _BY_NAME[name]


def trained_remedies(names: Sequence[str]) -> list[str]:
    """Those of some remedies that need runs, each once: "all" means every one, "threshold" and "none" need none."""
    wished = [one for name in names for one in (_BY_NAME if name == "all" else [name]) if one]
    found = [find_remedy(one).name for one in wished if one not in (PLAIN, THRESHOLD)]
    return list(dict.fromkeys(found))


def remedy_title(name: str) -> str:
    """How a remedy is shown; one of another version by its own name."""
    if name in (PLAIN, THRESHOLD):
        return {PLAIN: "plain", THRESHOLD: "plain, threshold moved"}[name]
    return _BY_NAME[name].title if name in _BY_NAME else name


def remedy_rank(name: str) -> int:
    """The place of a remedy in the order of work: plain runs first, what is not known last."""
    return 0 if name == PLAIN else 1 + (list(_BY_NAME).index(name) if name in _BY_NAME else len(_BY_NAME))


def examples_an_epoch(remedy: str, n_positives: int, n_negatives: int) -> int:
    """How many training examples one epoch of a remedy goes through; 0 where no encoder is fine-tuned."""
    if remedy != PLAIN and _BY_NAME[remedy].kind in ("head", "simple", "one-class"):
        return 0
    if remedy == "over-sampling":
        return 2 * max(n_positives, n_negatives)
    return 2 * min(n_positives, n_negatives) if remedy == "under-sampling" else n_positives + n_negatives
