"""Predictions in the shapes that people's tools write: every row comes in with the right probability."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.special import expit, softmax
from sklearn.linear_model import LogisticRegression

from closecall.data.datasets.store import load_dataset
from closecall.data.experiments.runs import load_predictions, load_runs
from closecall.data.io.errors import UserError
from closecall.data.predictions.cells import score_list
from closecall.data.predictions.files import PredictionFile
from closecall.data.predictions.importing import (
    ImportedPredictions,
    PredictionImportRequest,
    import_predictions,
)

Import = Callable[..., ImportedPredictions]
N = 24
LABELS = (np.arange(N) % 4 == 0).astype(int)
LOGITS = np.random.default_rng(0).normal(size=(N, 2)) + np.column_stack([-2 * LABELS + 1, 2 * LABELS - 1])
PROBS = softmax(LOGITS, axis=1)
P = PROBS[:, 1]


@pytest.fixture
def bring(workspace: Path) -> Import:
    def run(path: Path, **more: Any) -> ImportedPredictions:
        return import_predictions(PredictionImportRequest((PredictionFile(path),), **more))

    return run


def probabilities(made: ImportedPredictions, run: int = 0) -> np.ndarray:
    return load_predictions(load_runs(made.experiment.id)[run]).pos_probs


def write(path: Path, **columns: Any) -> Path:
    frame = pd.DataFrame({"id": [f"e{i}" for i in range(N)], "label": LABELS, **columns})
    if path.suffix == ".jsonl":
        frame.to_json(path, orient="records", lines=True)
    elif path.suffix == ".parquet":
        frame.to_parquet(path)
    else:
        frame.to_csv(path, index=False)
    return path


def records(answers: np.ndarray) -> list[dict[str, Any]]:
    """What `pipeline(texts)` returns: the likeliest class and its probability."""
    return [{"label": f"LABEL_{k}", "score": float(PROBS[row, k])} for row, k in enumerate(answers)]


def all_scores() -> list[list[dict[str, Any]]]:
    """What `pipeline(texts, top_k=None)` returns: every class, the likeliest first."""
    return [
        [{"label": f"LABEL_{k}", "score": float(PROBS[row, k])} for k in np.argsort(-PROBS[row])] for row in range(N)
    ]


SHAPES: dict[str, Callable[[Path], Path]] = {
    "probability": lambda at: write(at / "p.csv", prob=P),
    "per cent": lambda at: write(at / "p.csv", prob=[f"{100 * p:.9f} %" for p in P]),
    "decimal commas": lambda at: write(at / "p.csv", prob=[f"{p:.9f}".replace(".", ",") for p in P]),
    "two probabilities": lambda at: write(at / "p.csv", prob_0=PROBS[:, 0], prob_1=P),
    "outputs named by a tool": lambda at: write(at / "p.parquet", LABEL_0=PROBS[:, 0], LABEL_1=P),
    "two logits": lambda at: write(at / "p.csv", logit_0=LOGITS[:, 0], logit_1=LOGITS[:, 1]),
    "outputs of a model": lambda at: write(at / "p.parquet", output_0=LOGITS[:, 0], output_1=LOGITS[:, 1]),
    "list of logits, JSON Lines": lambda at: write(at / "p.jsonl", logits=list(LOGITS.tolist())),
    "list of logits, Parquet": lambda at: write(at / "p.parquet", logits=list(LOGITS.astype(np.float64))),
    "list of probabilities, CSV": lambda at: write(at / "p.csv", probas=[str(one) for one in PROBS.tolist()]),
    "arrays as text": lambda at: write(at / "p.csv", probs=[np.array2string(one, precision=9) for one in PROBS]),
    "class to score": lambda at: write(at / "p.jsonl", scores=[{"0": a, "1": b} for a, b in PROBS.tolist()]),
    "pipeline in a column": lambda at: write(at / "p.jsonl", prediction=records(PROBS.argmax(1))),
    "pipeline in a column, as Python": lambda at: write(at / "p.csv", out=[str(r) for r in records(PROBS.argmax(1))]),
    "pipeline, all scores": lambda at: write(at / "p.jsonl", prediction=all_scores()),
    "answer and score": lambda at: write(at / "p.csv", pred_label=PROBS.argmax(1), score=PROBS.max(1)),
    "answer and p of the positive": lambda at: write(at / "p.csv", pred=PROBS.argmax(1), score=P),
    "log-odds": lambda at: write(at / "p.csv", decision_function=LOGITS[:, 1] - LOGITS[:, 0]),
}  # fmt: skip


@pytest.mark.parametrize("shape", SHAPES)
def test_every_row_comes_in_with_its_probability(bring: Import, tmp_path: Path, shape: str) -> None:
    made = bring(SHAPES[shape](tmp_path))
    one = load_predictions(load_runs(made.experiment.id)[0])
    assert one.ids.tolist() == [f"e{i}" for i in range(N)] and one.labels.tolist() == LABELS.tolist()
    assert np.allclose(one.pos_probs, P, atol=1e-7)
    assert np.allclose(one.logits, np.log(P / (1 - P)), atol=1e-4)


@pytest.mark.parametrize("shape", ["answer and score", "two probabilities", "two logits", "pipeline, all scores"])
def test_the_rare_class_may_be_number_zero(bring: Import, tmp_path: Path, shape: str) -> None:
    made = bring(SHAPES[shape](tmp_path), positive="0")
    assert np.allclose(probabilities(made), 1 - P, atol=1e-7)
    assert load_predictions(load_runs(made.experiment.id)[0]).labels.tolist() == (1 - LABELS).tolist()


def test_a_column_named_by_the_negative_class_is_turned(bring: Import, tmp_path: Path) -> None:
    made = bring(write(tmp_path / "p.csv", prob_1=P), positive="0")
    assert np.allclose(probabilities(made), 1 - P) and any("1 minus it" in note for note in made.notes)


def test_output_k_is_class_k_of_words(bring: Import, tmp_path: Path) -> None:
    frame = pd.read_csv(SHAPES["answer and score"](tmp_path)).assign(label=np.where(LABELS == 1, "mac", "pc"))
    frame["pred_label"] = [f"LABEL_{1 - k}" for k in frame["pred_label"]]
    frame.to_csv(tmp_path / "q.csv", index=False)
    made = bring(tmp_path / "q.csv", positive="mac")
    assert np.allclose(probabilities(made), P, atol=1e-7)
    assert any("LABEL_0 is mac, LABEL_1 is pc" in note for note in made.notes)


def test_predict_proba_of_scikit_learn(bring: Import, tmp_path: Path) -> None:
    truth = np.where(LABELS == 1, "spam", "ham")
    model = LogisticRegression().fit(LOGITS, truth)
    frame = pd.DataFrame(model.predict_proba(LOGITS), columns=model.classes_).assign(y_true=truth)
    frame.assign(y_pred=model.predict(LOGITS)).to_csv(tmp_path / "p.csv", index=False)
    made = bring(tmp_path / "p.csv", positive="spam")
    assert np.allclose(probabilities(made), model.predict_proba(LOGITS)[:, 1], atol=1e-7)
    examples = load_dataset(made.experiment.dataset).examples
    assert examples["id"].tolist()[:2] == ["row-000001", "row-000002"]
    assert examples["meta.y_pred"].tolist() == model.predict(LOGITS).tolist()


ARRAYS: dict[str, np.ndarray] = {
    "two logits": LOGITS,
    "two logits, 32 bits": LOGITS.astype(np.float32),
    "one column of log-odds": (LOGITS[:, 1] - LOGITS[:, 0])[:, None],
    "log-odds": LOGITS[:, 1] - LOGITS[:, 0],
    "probabilities of SetFit": PROBS,
    "p": P,
}


@pytest.mark.parametrize("kind", ARRAYS)
@pytest.mark.parametrize("suffix", ["npy", "npz"])
def test_arrays_beside_a_table(workspace: Path, tmp_path: Path, kind: str, suffix: str) -> None:
    write(tmp_path / "test.csv", text="a text", source=np.arange(N) % 3)
    array = tmp_path / f"predictions.{suffix}"
    np.save(array, ARRAYS[kind]) if suffix == "npy" else np.savez(array, outputs=ARRAYS[kind])
    file = PredictionFile(tmp_path / "test.csv", beside=array)
    made = import_predictions(PredictionImportRequest((file,)))
    assert np.allclose(probabilities(made), P, atol=1e-6)
    assert load_dataset(made.experiment.dataset).examples["meta.source"].tolist() == [str(i % 3) for i in range(N)]


def test_a_pipeline_file_beside_a_table(workspace: Path, tmp_path: Path) -> None:
    write(tmp_path / "test.csv")
    (tmp_path / "out.json").write_text(json.dumps(records(PROBS.argmax(1))))
    (tmp_path / "all.json").write_text(json.dumps(all_scores()))
    (tmp_path / "all.jsonl").write_text("\n".join(map(json.dumps, all_scores())))
    for name in ("out.json", "all.json", "all.jsonl"):
        file = PredictionFile(tmp_path / "test.csv", beside=tmp_path / name)
        made = import_predictions(PredictionImportRequest((file,)))
        assert np.allclose(probabilities(made), P, atol=1e-7)
    np.save(tmp_path / "short.npy", LOGITS[:-1])
    with pytest.raises(UserError, match=r"test.csv has 24 rows and short.npy 23"):
        import_predictions(
            PredictionImportRequest((PredictionFile(tmp_path / "test.csv", beside=tmp_path / "short.npy"),))
        )


def test_one_output_with_a_sigmoid(bring: Import, tmp_path: Path) -> None:
    made = bring(write(tmp_path / "p.csv", answer="LABEL_0", score=P))
    assert np.allclose(probabilities(made), P) and any("the one output" in note for note in made.notes)


def test_independent_outputs_are_not_summed(bring: Import, tmp_path: Path) -> None:
    own = expit(LOGITS)
    made = bring(write(tmp_path / "p.csv", prob_0=own[:, 0], prob_1=own[:, 1]))
    assert np.allclose(probabilities(made), own[:, 1], atol=1e-7) and any("sigmoid" in note for note in made.notes)


def test_scores_below_half_of_the_predicted_class_are_refused(bring: Import, tmp_path: Path) -> None:
    scores = PROBS.max(1)
    scores[[0, 1]] = [0.2, 0.9]
    with pytest.raises(UserError, match=r"below 0\.50, which cannot be with two classes"):
        bring(write(tmp_path / "p.csv", pred_label=PROBS.argmax(1), score=scores))


def test_doubts(bring: Import, tmp_path: Path) -> None:
    assert any("equals the label" in note for note in bring(write(tmp_path / "p.csv", prob=LABELS)).notes)
    rounded = bring(write(tmp_path / "p.csv", prob=(P > 0.5).astype(int)))
    assert any("every probability is 0 or 1" in note for note in rounded.notes)
    answers = bring(write(tmp_path / "p.csv", prediction=PROBS.argmax(1)))
    assert any("only predicted classes" in note for note in answers.notes)
    common = bring(write(tmp_path / "p.csv", prob_0=PROBS[:, 0], prob_1=P).rename(tmp_path / "q.csv"), positive="")
    assert not any("common one" in note for note in common.notes)
    frame = pd.read_csv(tmp_path / "q.csv")
    frame.assign(label=1 - LABELS, prob_1=1 - P, prob_0=P).to_csv(tmp_path / "r.csv", index=False)
    assert any("common one (75.0 %)" in note for note in bring(tmp_path / "r.csv").notes)


def test_rounding_is_clipped_and_noted(bring: Import, tmp_path: Path) -> None:
    probs = P.copy()
    probs[0] = 1.0000001192
    made = bring(write(tmp_path / "p.csv", prob=probs))
    assert probabilities(made)[0] == 1 and any("rounding left outside 0 to 1: 1." in note for note in made.notes)


@given(st.lists(st.floats(-50, 50), min_size=1, max_size=6))
def test_lists_of_numbers_in_every_spelling(values: list[float]) -> None:
    expected = [(str(number), value) for number, value in enumerate(values)]
    for text in (
        json.dumps(values),
        str(values),
        str(tuple(values)),
        f"tensor({values})",
        f"array({values}, dtype=float32)",
    ):
        assert score_list(text) == expected
    spaced = "[" + " ".join(repr(value) for value in values) + "]"
    assert score_list(spaced) == expected
    named = [{"label": name, "score": value} for name, value in expected]
    assert score_list(json.dumps(named)) == score_list(str([named])) == expected


@pytest.mark.parametrize("cell", ["", "abc", "[]", "{}", '["a"]', "[null]", "[0.1 0.2 ... 0.3]", '[{"label": "a"}]'])
def test_no_list(cell: str) -> None:
    with pytest.raises(ValueError):
        score_list(cell)


@pytest.mark.slow
@pytest.mark.parametrize("labels", [2, 3])
def test_a_real_pipeline_of_transformers(workspace: Path, tmp_path: Path, labels: int) -> None:
    from transformers import pipeline

    from tests.tiny_bert import make_tiny_bert

    texts = [f"{'mac apple' if label else 'windows dos'} disk {row}" for row, label in enumerate(LABELS)]
    truth = np.arange(N) % labels
    pd.DataFrame({"text": texts, "label": truth}).to_csv(tmp_path / "test.csv", index=False)
    classify = pipeline("text-classification", model=str(make_tiny_bert(tmp_path / "model", labels=labels)))
    every = classify(texts, top_k=None)
    expected = [next(one["score"] for one in row if one["label"] == "LABEL_1") for row in every]
    (tmp_path / "all.json").write_text(json.dumps(every))
    (tmp_path / "top.json").write_text(json.dumps(classify(texts)))
    for name in ("all.json", "top.json") if labels == 2 else ("all.json",):
        file = PredictionFile(tmp_path / "test.csv", beside=tmp_path / name)
        made = import_predictions(PredictionImportRequest((file,), positive="1"))
        assert np.allclose(probabilities(made), expected, atol=1e-6)
        assert load_dataset(made.experiment.dataset).examples["text"].tolist() == texts
