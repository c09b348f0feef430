"""Columns proposed from the names and cells of tables as people have them."""

import json
from typing import Any

import pandas as pd
import pytest

from closecall.data.predictions.columns import PredictionColumns
from closecall.data.predictions.files import named_ratio
from closecall.data.predictions.proposals import propose_columns, score_roles
from closecall.data.predictions.scores import class_names

HALF = ["0.5", "0.25"]
LIST = ["[-1.5, 2.0]", "[0.5, 0.1]"]
PIPELINE = [json.dumps({"label": f"LABEL_{k}", "score": 0.9}) for k in (0, 1)]
TABLES: dict[str, tuple[dict[str, list[str]], dict[str, Any]]] = {
    "truth before prediction": (
        {"y_true": ["0", "1"], "label": ["LABEL_0", "LABEL_1"], "score": ["0.9", "0.8"]},
        {"label": "y_true", "answer": "label", "score": "score"},
    ),
    "a pipeline alone has no truth": (
        {"label": ["LABEL_0", "LABEL_1"], "score": ["0.9", "0.8"]},
        {"answer": "label", "score": "score"},
    ),
    "words of a tool are no truth": (
        {"id": ["a", "b"], "label": ["LABEL_0", "LABEL_1"], "class": ["pc", "mac"], "score": ["0.9", "0.8"]},
        {"id": "id", "label": "class", "answer": "label", "score": "score"},
    ),
    "prob_1 before score": (
        {"label": ["0", "1"], "score": HALF, "prob_1": HALF},
        {"label": "label", "probability": "prob_1"},
    ),
    "pred_proba_1 before score": (
        {"label": ["0", "1"], "score": HALF, "pred_proba_1": HALF},
        {"label": "label", "probability": "pred_proba_1"},
    ),
    "score alone": ({"label": ["0", "1"], "score": HALF}, {"label": "label", "probability": "score"}),
    "predicted class and scikit-learn's score": (
        {"y_true": ["0", "1"], "y_pred": ["0", "1"], "y_score": HALF},
        {"label": "y_true", "probability": "y_score"},
    ),
    "answers alone": ({"label": ["0", "1"], "prediction": ["0", "1"]}, {"label": "label", "answer": "prediction"}),
    "two probabilities": (
        {"label": ["0", "1"], "prob_0": HALF, "prob_1": HALF},
        {"label": "label", "classes": ("prob_0", "prob_1")},
    ),
    "three classes": (
        {"label": ["neg", "pos"], "prob_neg": HALF, "prob_neu": HALF, "prob_pos": HALF},
        {"label": "label", "classes": ("prob_neg", "prob_neu", "prob_pos")},
    ),
    "classes as columns": (
        {"label": ["pc", "mac"], "mac": HALF, "pc": HALF, "other": HALF},
        {"label": "label", "classes": ("mac", "pc")},
    ),
    "two logits": (
        {"label": ["0", "1"], "logit_0": ["1", "2"], "logit_1": ["-1", "2"]},
        {"label": "label", "classes": ("logit_0", "logit_1")},
    ),
    "named logits": (
        {"label": ["0", "1"], "logit_negative": ["1", "2"], "logit_positive": ["-1", "2"]},
        {"label": "label", "logit_negative": "logit_negative", "logit_positive": "logit_positive"},
    ),
    "list of logits": ({"label": ["0", "1"], "logits": LIST}, {"label": "label", "scores": "logits"}),
    "pipeline in a column": ({"label": ["0", "1"], "prediction": PIPELINE}, {"label": "label", "scores": "prediction"}),
    "ratios": (
        {"label": ["0", "1"], "p_1to1": HALF, "p_1to10": HALF},
        {"label": "label", "models": ("p_1to1", "p_1to10")},
    ),
    "ratios of an own export": (
        {"label": ["0", "1"], "prob_r1_s0": HALF, "prob_r1_s1": HALF, "prob_r1_mean": HALF},
        {"label": "label", "models": ("prob_r1_s0", "prob_r1_s1")},
    ),
    "models": (
        {"label": ["0", "1"], "p_bert": ["0.1", "0.7"], "p_roberta": ["0.2", "0.6"]},
        {"label": "label", "models": ("p_bert", "p_roberta")},
    ),
    "log-odds": ({"label": ["0", "1"], "margin": ["-1", "2"]}, {"label": "label", "logit": "margin"}),
    "a text without a usual name": (
        {"label": ["0", "1"], "prob": HALF, "headline": ["three words here", "and four of them"]},
        {"label": "label", "probability": "prob", "text": "headline"},
    ),
    "a usual name in other letters": (
        {"ID": ["a", "b"], "Pos Prob": HALF, "logit": ["1", "2"], "Text": ["a", "b"], "y": ["0", "1"]},
        {"id": "ID", "label": "y", "probability": "Pos Prob", "text": "Text"},
    ),
    "a column of models": (
        {"label": ["0", "1"], "prob": HALF, "model": ["a", "b"], "ratio": ["1", "1"]},
        {"label": "label", "probability": "prob", "model": "model", "ratio": "ratio"},
    ),
    "nothing": ({"a": ["x", "y"], "b": ["x", "y"]}, {}),
}  # fmt: skip


@pytest.mark.parametrize("what", TABLES)
def test_proposals(what: str) -> None:
    cells, roles = TABLES[what]
    assert propose_columns(pd.DataFrame(cells)) == PredictionColumns.of(roles)


def test_named_score_columns_get_the_role_of_their_cells() -> None:
    frame = pd.DataFrame(
        {"y": ["a", "b"], "q": HALF, "z": ["-1", "1"], "l": LIST, "a": ["0.3", "0.4"], "b": ["0.7", "0.6"]}
    )
    roles = [score_roles(frame, names, "y") for names in (["q"], ["z"], ["l"], ["a", "b"], ["q", "b"])]
    assert roles == [
        {"probability": "q"}, {"logit": "z"}, {"scores": "l"}, {"classes": ("a", "b")}, {"models": ("q", "b")}
    ]  # fmt: skip


def test_classes_in_the_names_of_columns() -> None:
    assert class_names(["prob_neg", "prob_neu", "prob_pos"], []) == ("neg", "neu", "pos")
    assert class_names(["prob0", "prob1"], []) == ("0", "1")
    assert class_names(["neg prob", "pos prob"], []) == ("neg", "pos")
    assert class_names(["p_very_bad", "p_very_good"], ["very_bad", "very_good"]) == ("very_bad", "very_good")
    assert class_names(["mac", "man"], []) == ("mac", "man")


def test_ratios_in_names() -> None:
    names = ["p_1to10", "prob_r2.5_s3", "bert_1:3", "preds 1 to 5", "prob_1", "r1-s0-none", "p_bert"]
    assert [named_ratio(name) for name in names] == [
        (10, None, ""), (2.5, 3, ""), (3, None, "bert"), (5, None, ""), (None, None, "1"), (1, 0, ""),
        (None, None, "bert"),
    ]  # fmt: skip
