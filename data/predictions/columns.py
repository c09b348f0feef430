"""Columns of a table of predictions by role."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields

from closecall.data.io.errors import UserError
from closecall.data.readers.table import check_columns

SCORES = (
    "probability",
    "logit",
    "logit_negative",
    "logit_positive",
    "classes",
    "scores",
    "answer",
    "score",
    "models",
)
"""The roles that say what the classifier predicted."""

ROLE_TITLES = {
    "id": "Id",
    "label": "Label (true class)",
    "probability": "Probability of the positive class",
    "logit": "Log-odds",
    "logit_negative": "Logit of the negative class",
    "logit_positive": "Logit of the positive class",
    "classes": "Probabilities or logits, one column for each class",
    "scores": "List of probabilities or logits",
    "answer": "Predicted class",
    "score": "Probability of the predicted class",
    "models": "Probabilities, one column for each ratio or model",
    "text": "Text",
    "ratio": "Ratio",
    "seed": "Seed",
    "split": "Split",
    "model": "Model",
}


@dataclass(frozen=True)
class PredictionColumns:
    """The column of each role, "" or () for none.

    One way to say what the classifier predicted is needed:

    - `probability` of the positive class, or `logit`, its log-odds.
    - `logit_negative` and `logit_positive`.
    - `classes`: one column for each class, with probabilities or logits.
    - `scores`: one column with a list of probabilities, logits, or `{"label": ..., "score": ...}`.
    - `answer`, the predicted class, with `score`, its probability, or without.
    - `models`: a column for each model or ratio, each as `probability`, `logit` or `scores`.

    `label` is the true class. Without `id` the order of the rows names the examples. `model` names the model of a row.
    """

    id: str = ""
    label: str = ""
    probability: str = ""
    logit: str = ""
    logit_negative: str = ""
    logit_positive: str = ""
    classes: tuple[str, ...] = ()
    scores: str = ""
    answer: str = ""
    score: str = ""
    models: tuple[str, ...] = ()
    text: str = ""
    ratio: str = ""
    seed: str = ""
    split: str = ""
    model: str = ""

    @classmethod
    def of(cls, roles: Mapping[str, str | Sequence[str]]) -> "PredictionColumns":
        """Columns from names by role; a text with commas names several where a role has several."""
        return cls(
            **{
                role: _several(value) if role in SEVERAL else value if isinstance(value, str) else ",".join(value)
                for role, value in roles.items()
            }  # type: ignore[arg-type]
        )

    @property
    def chosen(self) -> list[str]:
        """The names in use, in the order of the roles; a column with two roles comes twice."""
        values = [getattr(self, one.name) for one in fields(self)]
        return [name for value in values for name in ([value] if isinstance(value, str) else value) if name]

    @property
    def named(self) -> list[str]:
        """The names in use, each once."""
        return list(dict.fromkeys(self.chosen))

    @property
    def has_score(self) -> bool:
        """Whether any column says what the classifier predicted."""
        return any(getattr(self, role) for role in SCORES)


SEVERAL = tuple(one.name for one in fields(PredictionColumns) if one.default == ())
"""The roles that several columns can have."""


def check_prediction_columns(
    columns: PredictionColumns, names: Sequence[str], source: str, *, needs_label: bool = True
) -> None:
    """UserError when a needed column is not chosen, not there, or chosen twice."""
    listed = ", ".join(map(repr, names[:30])) + (" ..." if len(names) > 30 else "")
    if needs_label and not columns.label:
        raise UserError(
            f"{source}: name the label column, which holds the true class. Its columns are {listed}. Without true "
            "classes, name the dataset that the rows belong to, in its order."
        )
    pair = bool(columns.logit_negative), bool(columns.logit_positive)
    if any(pair) and not all(pair):
        raise UserError(f"{source}: name both logit columns, the negative and the positive class's.")
    if columns.score and not columns.answer:
        raise UserError(f"{source}: a score needs the column of the predicted class, whose score it is.")
    ways = sum((all(pair), *(bool(getattr(columns, one)) for one in _WAYS)))
    if ways != 1:
        raise UserError(
            f"{source}: name {'only ' if ways else ''}one of: the probability column of the positive class, the "
            "log-odds column, both logit columns, the columns of all classes, a column of lists, the predicted class "
            f"with its score, or the columns of several models. Its columns are {listed}."
        )
    check_columns(names, columns.named, source)
    twice = next((name for name in columns.chosen if columns.chosen.count(name) > 1), "")
    if twice:
        raise UserError(f"{source}: column {twice!r} is chosen for two things. Choose another column for one of them.")


def _several(value: str | Sequence[str]) -> tuple[str, ...]:
    names = value.split(",") if isinstance(value, str) else value
    return tuple(name.strip() for name in names if name.strip())


_WAYS = ("probability", "logit", "classes", "scores", "answer", "models")
