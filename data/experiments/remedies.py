"""Remedies: the methods against class imbalance that an experiment compares with its baseline.

`REMEDIES` is the one list of them: names, titles, help texts, published evidence. The code of a remedy is found by its
name in `models.training`: `LOSSES` in losses.py, `SAMPLERS` in samplers.py, `FEATURES` and `ONE_CLASS` in
baselines.py. The baseline, plain cross-entropy, is named "none". "threshold" needs no run: it moves the baseline's
threshold.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from closecall.data.io.errors import UserError

NO_REMEDY = "none"
THRESHOLD = "threshold"
_RESAMPLING = (
    "Harms calibration and does not raise AUC; a threshold does the same (van den Goorbergh 2022). Does not help "
    "strong learners (Elor 2022)."
)
_WEIGHTS = "The effect of class weights fades over epochs (Byrd and Lipton 2019)."
_ONE_CLASS = "Its scores become probabilities on validation."


def _abusive_language(points: str) -> str:
    return f"On abusive-language datasets, mean macro-F1 rose by {points} points (WOAH 2024)."


@dataclass(frozen=True)
class Remedy:
    """One method of the comparison: `name` is typed and names run folders, `title` is shown.

    `kind`: "loss" and "sampling" fine-tune the same encoder with another loss or sampler; "head" trains the last layer
    of the baseline's run again; "simple" and "one-class" fine-tune nothing; "threshold" needs no run. `help` says what
    it does, `evidence` what others measured. `moves_prior`: its probabilities follow another prior than the training
    ratio, so they are calibrated by slope and intercept, not by a temperature alone. `balanced_to`: each epoch has as
    many examples of both classes as the "larger" or the "smaller" class has; "" means every example once.
    """

    name: str
    title: str
    kind: str
    help: str
    evidence: str = ""
    moves_prior: bool = True
    balanced_to: str = ""

    @property
    def fine_tunes(self) -> bool:
        """Whether it ends in a fine-tuned classifier, with a checkpoint, embeddings and a map."""
        return self.kind in ("loss", "sampling", "head")


BASELINE = Remedy(
    NO_REMEDY, "baseline", "loss", "Cross-entropy on every training example once an epoch.", moves_prior=False
)
MOVED_THRESHOLD = Remedy(
    THRESHOLD,
    "baseline, threshold moved",
    "threshold",
    "The baseline's probabilities with another threshold. No training.",
    _abusive_language("1.0"),
    moves_prior=False,
)
REMEDIES = (
    Remedy(
        "tfidf-logistic",
        "TF-IDF + logistic regression",
        "simple",
        "Logistic regression on TF-IDF weights of words and word pairs, from the same tokens that the encoder reads.",
        moves_prior=False,
    ),
    Remedy(
        "frozen-logistic",
        "frozen embeddings + logistic regression",
        "simple",
        "Logistic regression on the pretrained encoder's embeddings; the penalty is chosen on validation.",
        moves_prior=False,
    ),
    Remedy(
        "one-class-svm",
        "one-class SVM",
        "one-class",
        f"Learns from training positives only: a boundary around their frozen embeddings. {_ONE_CLASS}",
    ),
    Remedy(
        "one-class-mahalanobis",
        "one-class Mahalanobis",
        "one-class",
        "Learns from training positives only: distance from their mean (Ledoit-Wolf covariance). " + _ONE_CLASS,
    ),
    Remedy(
        "one-class-knn",
        "one-class kNN distance",
        "one-class",
        f"Learns from training positives only: mean cosine to the nearest five. {_ONE_CLASS}",
    ),
    Remedy(
        "retrained-head",
        "re-trained head",
        "head",
        "The baseline's encoder with its last layer fitted again, both classes weighted equally (cRT, Kang 2020).",
    ),
    Remedy(
        "under-sampling",
        "under-sampling, prior corrected",
        "sampling",
        "As many negatives as positives, drawn anew each epoch; the prior is corrected afterwards.",
        _RESAMPLING,
        moves_prior=False,
        balanced_to="smaller",
    ),
    Remedy(
        "class-weights",
        "class weights",
        "loss",
        "Both classes have the same total weight: N/(K n) for each example.",
        f"{_WEIGHTS} {_abusive_language('1.9')} Most of it came from two datasets with 67 and 111 training positives.",
    ),
    Remedy(
        "root-weights",
        "square root of class weights",
        "loss",
        "The square root of the class weights: between no weights and full weights.",
        _WEIGHTS,
    ),
    Remedy(
        "class-balanced",
        "class-balanced weights",
        "loss",
        "Weights by the effective number of examples, beta 0.999 (Cui 2019).",
        _WEIGHTS,
    ),
    Remedy(
        "focal",
        "focal loss",
        "loss",
        "Examples that are already classified correctly count less, gamma 2 (Lin 2017).",
        _abusive_language("0.2"),
    ),
    Remedy(
        "logit-adjusted",
        "logit-adjusted loss",
        "loss",
        "The log prior is added to the logits in training and left out at test time (Menon 2021).",
    ),
    Remedy(
        "dice",
        "Dice loss",
        "loss",
        "A soft F1 of each example; smoothing 1, alpha 0.01 (Li 2020). Experimental.",
    ),
    Remedy(
        "over-sampling",
        "over-sampling",
        "sampling",
        "Positives drawn repeatedly until both classes are equal, anew each epoch.",
        f"{_RESAMPLING} {_abusive_language('1.6')}",
        balanced_to="larger",
    ),
)
"""In the order of work: the quickest come first."""
METHODS = (BASELINE, MOVED_THRESHOLD, *REMEDIES)
"""Everything that the comparison shows."""
_BY_NAME = {remedy.name: remedy for remedy in REMEDIES}
_TITLES = {method.name: method.title for method in METHODS}


def find_remedy(name: str) -> Remedy:
    """The remedy of this name. UserError that lists the known ones."""
    if name not in _BY_NAME:
        known = ", ".join([*_BY_NAME, THRESHOLD])
        raise UserError(f"The remedy {name} is not known to this version. Remedies are {known}.")
    return _BY_NAME[name]


def trained_remedies(names: Sequence[str]) -> list[str]:
    """The names that need runs, each once: "all" means every one, "threshold" and "none" need none."""
    requested = [one for name in names for one in (_BY_NAME if name == "all" else [name]) if one]
    found = [find_remedy(one).name for one in requested if one not in (NO_REMEDY, THRESHOLD)]
    return list(dict.fromkeys(found))


def remedy_title(name: str) -> str:
    """The title of a method; the name itself for a remedy of another version."""
    return _TITLES.get(name, name)


def remedy_rank(name: str) -> int:
    """The place of a remedy in the order of work: the baseline first, an unknown name last."""
    return 0 if name == NO_REMEDY else 1 + (list(_BY_NAME).index(name) if name in _BY_NAME else len(_BY_NAME))


def examples_an_epoch(remedy: str, n_positives: int, n_negatives: int) -> int:
    """How many training examples one epoch of a remedy has; 0 where no encoder is fine-tuned."""
    method = BASELINE if remedy == NO_REMEDY else find_remedy(remedy)
    if method.kind not in ("loss", "sampling"):
        return 0
    if method.balanced_to:
        return 2 * (max if method.balanced_to == "larger" else min)(n_positives, n_negatives)
    return n_positives + n_negatives
