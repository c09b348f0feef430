"""Columns of a table of predictions by role."""

from collections.abc import Sequence
from dataclasses import dataclass, fields

from closecall.data.io.errors import UserError
from closecall.data.readers.table import check_columns

NAMES = {
    "id": ("id", "example_id", "post_id", "doc_id", "document_id", "text_id", "uid", "guid", "uuid", "idx", "index"),
    "label": ("label", "labels", "y_true", "true_label", "gold", "gold_label", "target", "truth", "class", "y"),
    "probability": (
        "pos_prob", "probability", "prob", "positive_probability", "prob_positive", "p_positive", "prob_1",
        "probability_1", "prob1", "p1", "proba", "y_prob", "y_score", "y_proba", "p", "score",
    ),
    "logit": ("logit", "log_odds", "logodds", "decision_function", "margin"),
    "logit_negative": ("logit_negative", "logit_0", "logits_0", "logit0", "negative_logit"),
    "logit_positive": ("logit_positive", "logit_1", "logits_1", "logit1", "positive_logit"),
    "text": ("text", "content", "body", "message", "post", "comment", "sentence", "document"),
    "ratio": ("ratio", "train_ratio", "imbalance", "imbalance_ratio"),
    "seed": ("seed", "random_seed"),
    "split": ("split", "subset", "partition"),
}  # fmt: skip
"""What each column is usually called, the likeliest first."""


@dataclass(frozen=True)
class PredictionColumns:
    """The column of each thing, "" for none.

    `id` and `label` are needed, and one way to say how sure the classifier was: `probability` of the positive class,
    or `logit` (log-odds), or both `logit_negative` and `logit_positive`. The others may be absent.
    """

    id: str = ""
    label: str = ""
    probability: str = ""
    logit: str = ""
    logit_negative: str = ""
    logit_positive: str = ""
    text: str = ""
    ratio: str = ""
    seed: str = ""
    split: str = ""

    @property
    def named(self) -> list[str]:
        """The names in use, each once."""
        return list(dict.fromkeys(getattr(self, one.name) for one in fields(self) if getattr(self, one.name)))


def propose_prediction_columns(names: Sequence[str]) -> PredictionColumns:
    """Propose the column of each role by its name; "" where none fits.

    One way to say how sure the classifier was is proposed: probability before log-odds before two logits.
    """
    folded = {name.strip().casefold().replace(" ", "_").replace("-", "_"): name for name in reversed(names)}
    found = {role: next((folded[one] for one in usual if one in folded), "") for role, usual in NAMES.items()}
    both = found["logit_negative"] and found["logit_positive"]
    if found["probability"] or found["logit"] or not both:
        found.update(logit_negative="", logit_positive="")
    if found["probability"]:
        found["logit"] = ""
    return PredictionColumns(**found)


def check_prediction_columns(columns: PredictionColumns, names: Sequence[str], source: str) -> None:
    """UserError when a needed column is not chosen, not there, or chosen twice."""
    listed = ", ".join(map(repr, names[:30])) + (" ..." if len(names) > 30 else "")
    for role in ("id", "label"):
        if not getattr(columns, role):
            raise UserError(f"{source}: name the {role} column. Its columns are {listed}.")
    pair = bool(columns.logit_negative), bool(columns.logit_positive)
    if any(pair) and not all(pair):
        raise UserError(f"{source}: name both logit columns, the negative and the positive class's.")
    ways = sum((bool(columns.probability), bool(columns.logit), all(pair)))
    if ways != 1:
        raise UserError(
            f"{source}: name {'only ' if ways else ''}one of: the probability column of the positive class, "
            f"the log-odds column, or both logit columns. Its columns are {listed}."
        )
    check_columns(names, columns.named, source)
    chosen = [getattr(columns, one.name) for one in fields(columns) if getattr(columns, one.name)]
    twice = next((name for name in chosen if chosen.count(name) > 1), "")
    if twice:
        raise UserError(f"{source}: column {twice!r} is chosen for two things. Choose another column for one of them.")
