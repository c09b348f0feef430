"""Which column of a table of predictions holds what? Proposed from names and first rows, for a person to confirm."""

import re
from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from closecall.data.predictions.cells import is_list
from closecall.data.predictions.class_scores import looks_like_probabilities
from closecall.data.predictions.classes import NEGATIVE_WORDS, POSITIVE_WORDS, plain_label
from closecall.data.predictions.columns import PredictionColumns
from closecall.data.predictions.files import named_ratio
from closecall.data.predictions.scores import class_names

NAMES = {
    "id": ("id", "example_id", "post_id", "doc_id", "document_id", "text_id", "uid", "guid", "uuid", "idx", "index"),
    "label": (
        "y_true", "true_label", "gold_label", "label_true", "true_class", "gold", "ground_truth", "truth", "true",
        "actual", "expected", "target", "label", "labels", "class", "class_name", "category", "y",
    ),
    "answer": (
        "y_pred", "predicted_label", "pred_label", "label_pred", "predicted_class", "pred_class", "prediction",
        "predictions", "predicted", "pred", "preds", "answer", "output", "label", "labels",
    ),
    "sure": ("pos_prob", "positive_probability"),
    "probability": (
        "probability", "prob", "prob_positive", "p_positive", "probability_positive", "prob_1", "probability_1",
        "pred_proba_1", "proba_1", "y_proba_1", "prob1", "p1", "p_1", "proba", "y_prob", "y_proba", "y_score",
        "probabilities", "probas", "probs", "pred_proba", "predict_proba", "pred_prob", "p", "scores", "raw_outputs",
        "model_outputs", "outputs",
    ),
    "score": ("score", "confidence", "prediction_score", "pred_score", "predicted_score", "max_prob", "top_score"),
    "logit": ("logit", "logits", "log_odds", "logodds", "decision_function", "margin"),
    "logit_negative": ("logit_negative", "negative_logit"),
    "logit_positive": ("logit_positive", "positive_logit"),
    "text": ("text", "content", "body", "message", "post", "comment", "sentence", "document", "review", "tweet"),
    "ratio": ("ratio", "train_ratio", "imbalance", "imbalance_ratio"),
    "seed": ("seed", "random_seed"),
    "split": ("split", "subset", "partition"),
    "model": ("model", "model_name", "classifier"),
}  # fmt: skip
"""What each column is usually called, the likeliest first."""

_PREFIX = re.compile(
    r"^(?:y_|pred_|predict_|class_)*(?:probabilit(?:y|ies)|probas?|probs?|p|logits?|scores?|(?:raw_|model_)?outputs?|label)"
    r"(?:[\s_.:\-]+|(?=\d+$))",
    re.IGNORECASE,
)
_SUFFIX = re.compile(r"[\s_.:\-](?:probability|proba|prob|p|logits?|scores?)$", re.IGNORECASE)
_TOOL_LABEL = re.compile(r"label[_ ]\d+", re.IGNORECASE)


def propose_columns(frame: pd.DataFrame) -> PredictionColumns:
    """Propose the column of each role from the names of a table and its first rows; "" or () where none fits.

    Truth before prediction: `y_true` before `label`. One way to say what the classifier predicted is proposed: the
    probability of the positive class where its name is clear, ratios, classes, lists, other probabilities, models,
    log-odds, and the predicted class with its score.
    """
    folded = {_folded(name): name for name in reversed(frame.columns.tolist())}
    found = {role: [folded[one] for one in usual if one in folded] for role, usual in NAMES.items()}
    plain = {role: (found[role] or [""])[0] for role in ("id", "ratio", "seed", "split")}
    label = _label(frame, found["label"])
    scores = _scores(frame, found, label, {label, *plain.values()} - {""})
    taken = {label, *plain.values(), *PredictionColumns.of(scores).named}
    model = next((name for name in found["model"] if name not in taken and frame[name].nunique() > 1), "")
    text = next((name for name in found["text"] if name not in taken), "") or _longest(frame, {*taken, model})
    return PredictionColumns.of({**plain, **scores, "label": label, "text": text, "model": model})


def score_roles(frame: pd.DataFrame, names: Sequence[str], label: str) -> dict[str, Any]:
    """The role of columns that a person named as scores: one column by what it holds, several as ratios, classes or
    models."""
    if len(names) == 1:
        filled = _filled(frame[names[0]])
        return {"scores" if len(filled) and is_list(filled.iloc[0]) else number_role(frame[names[0]]): names[0]}
    if _ratio_columns(names) == tuple(names):
        return {"models": tuple(names)}
    is_classes = set(_class_columns(frame, names, label)) == set(names) or _rows_sum_to_one(frame[list(names)])
    return {"classes" if is_classes else "models": tuple(names)}


def _folded(name: str) -> str:
    return name.strip().casefold().replace(" ", "_").replace("-", "_")


def _label(frame: pd.DataFrame, candidates: Sequence[str]) -> str:
    """The first that does not hold the words of a tool (LABEL_0), which are predictions beside a score."""
    has_score = "score" in {_folded(name) for name in frame.columns}
    if set(map(_folded, frame.columns)) == {"label", "score"} and _are_top_scores(frame):
        return ""
    for name in candidates:
        cells = _filled(frame[name])
        if has_score and len(cells) and all(_TOOL_LABEL.fullmatch(cell.strip()) for cell in cells):
            continue
        if not any(is_list(cell) for cell in cells.head(3)):
            return name
    return ""


def _are_top_scores(frame: pd.DataFrame) -> bool:
    """Whether every score is at least 0.5, as those of the likelier of two classes are."""
    score = next(name for name in frame.columns if _folded(name) == "score")
    return bool((pd.to_numeric(_filled(frame[score]), errors="coerce") >= 0.5).all())


def _scores(frame: pd.DataFrame, found: dict[str, list[str]], label: str, taken: set[str]) -> dict[str, Any]:
    """The roles that say what the classifier predicted: the first way that fits."""
    free = [name for name in frame.columns if name not in taken]
    numeric = [name for name in free if _holds_numbers(frame[name])]
    lists = [name for name in free if all(map(is_list, cells := _filled(frame[name]).head(20))) and len(cells)]
    if sure := _first(found["sure"], numeric):
        return {"probability": sure}
    if ratios := _ratio_columns([*numeric, *lists]):
        return {"models": ratios}
    if found["logit_negative"] and found["logit_positive"]:
        return {"logit_negative": found["logit_negative"][0], "logit_positive": found["logit_positive"][0]}
    if classes := _class_columns(frame, numeric, label):
        return {"classes": classes}
    if several := _model_columns(frame, lists):
        return {"models": several}
    if lists:
        return {"scores": lists[0]}
    if probability := _first(found["probability"], numeric):
        return {number_role(frame[probability]): probability}
    if several := _model_columns(frame, numeric):
        return {"models": several}
    if logit := _first(found["logit"], numeric):
        return {"logit": logit}
    answer, score = _first(found["answer"], free), _first(found["score"], numeric)
    if answer and (score or answer != label):
        return {"answer": answer, "score": score}
    return {number_role(frame[score]): score} if score else {}


def _first(candidates: Sequence[str], allowed: Sequence[str]) -> str:
    return next((name for name in candidates if name in allowed), "")


def _ratio_columns(names: Sequence[str]) -> tuple[str, ...]:
    """Columns of scores whose names hold a ratio, such as `p_1to10` or `prob_r10_s0`; without means over seeds."""
    named = [name for name in names if named_ratio(name)[0] is not None]
    single = [name for name in named if named_ratio(name)[2] != "mean"]
    return tuple(single or named)


def _class_columns(frame: pd.DataFrame, numeric: Sequence[str], label: str) -> tuple[str, ...]:
    """Two or more columns with a score for each class: by their numbers, class names, or rows that sum to 1."""
    values = {plain_label(cell) for cell in _filled(frame[label]).unique()} if label else set()
    exact = [name for name in numeric if plain_label(name) in values]
    if len(exact) > 1:
        return tuple(exact)
    for group in _groups(numeric):
        names = [plain_label(name) for name in class_names(group, sorted(values))]
        numbered = sorted(names, key=lambda one: (len(one), one)) == [str(number) for number in range(len(names))]
        known = len(values & set(names)) > 1 or (
            set(names) & {*POSITIVE_WORDS} - {"1"} and set(names) & {*NEGATIVE_WORDS} - {"0"}
        )
        if numbered or known or _rows_sum_to_one(frame[list(group)]):
            return group
    return ()


def _model_columns(frame: pd.DataFrame, names: Sequence[str]) -> tuple[str, ...]:
    """Two or more columns of scores that are no classes: those of several models."""
    for group in _groups(names):
        if all(is_list(_filled(frame[name]).iloc[0]) or number_role(frame[name]) == "probability" for name in group):
            return group
    return ()


def _groups(names: Sequence[str]) -> list[tuple[str, ...]]:
    """Columns with the same word for scores in front or behind, at least two of them, the largest group first."""
    groups: dict[str, list[str]] = {}
    for name in names:
        for found in (_PREFIX.match(name), _SUFFIX.search(name)):
            if found and len(found[0]) < len(name):
                groups.setdefault(f"{found.start() > 0} {found[0].casefold()}", []).append(name)
    return sorted((tuple(one) for one in groups.values() if len(one) > 1), key=len, reverse=True)


def _rows_sum_to_one(frame: pd.DataFrame) -> bool:
    values = frame.apply(pd.to_numeric, errors="coerce").to_numpy(dtype=float)
    return looks_like_probabilities(values) and bool(np.allclose(np.nansum(values, axis=1), 1, atol=0.01))


def number_role(cells: pd.Series) -> str:
    """Whether a column of scores holds "probability" or "logit" (log-odds): the latter when a number is negative."""
    if "prob" in str(cells.name).casefold():
        return "probability"
    values = pd.to_numeric(_filled(cells), errors="coerce").dropna().to_numpy(dtype=float)
    return "logit" if len(values) and values.min() < -1e-5 else "probability"


def _holds_numbers(cells: pd.Series) -> bool:
    """Whether most cells are numbers, with decimal comma or per cent sign or without."""
    filled = _filled(cells).str.strip()
    if filled.empty:
        return False
    return bool(filled.str.fullmatch(r"[-+]?(?:\d+[.,]?\d*|[.,]\d+)(?:[eE][-+]?\d+)?\s*%?|[-+]?inf|nan").mean() > 0.5)


def _longest(frame: pd.DataFrame, taken: set[str]) -> str:
    """The column whose cells have the most words, three or more; "" when there is none."""
    words = {
        name: float(_filled(frame[name]).str.count(r"\s").median() + 1)
        for name in frame.columns
        if name not in taken and len(_filled(frame[name])) and not is_list(_filled(frame[name]).iloc[0])
    }
    longest = max(words, key=lambda name: words[name], default="")
    return longest if longest and words[longest] >= 3 else ""


def _filled(cells: pd.Series) -> pd.Series:
    return cells[cells.notna() & (cells != "")].astype(object).astype(str)
