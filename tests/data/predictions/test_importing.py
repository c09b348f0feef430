"""Predictions made elsewhere: what comes in is what is shown, and what does not fit is named with its row and mend."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy.special import expit, logit

from closecall.data.datasets.store import dataset_names, load_dataset
from closecall.data.exchange.table_files import write_table
from closecall.data.exchange.tables import Provenance
from closecall.data.experiments.runs import load_metrics, load_predictions, load_runs
from closecall.data.experiments.store import experiment_ids, load_evaluation, load_experiment, load_plan
from closecall.data.io.errors import UserError
from closecall.data.predictions.class_scores import log_odds
from closecall.data.predictions.columns import PredictionColumns
from closecall.data.predictions.files import PredictionFile
from closecall.data.predictions.importing import (
    ImportedPredictions,
    PredictionImportRequest,
    import_predictions,
)
from closecall.data.predictions.rows import ratio_number
from tests.makers import make_dataset

OWN = PredictionColumns(id="id", label="label", probability="probability", text="text", ratio="ratio")
Maker = Callable[..., ImportedPredictions]


def predictions(n: int = 24, *, seed: int = 0, **more: object) -> pd.DataFrame:
    """n predictions of which a quarter are positives, ranked well above the others."""
    labels = (np.arange(n) % 4 == 0).astype(int)
    probs = expit(np.random.default_rng(seed).normal(size=n) + 4 * labels - 2)
    frame = pd.DataFrame({"id": [f"e{i:02d}" for i in range(n)], "label": labels, "probability": probs})
    return frame.assign(text=[f"text {i}" for i in range(n)], **more)


def imported(*files: PredictionFile, columns: PredictionColumns | None = None) -> ImportedPredictions:
    return import_predictions(PredictionImportRequest(files, columns))


@pytest.fixture
def bring(workspace: Path, tmp_path: Path) -> Maker:
    """Write a frame as p.csv and import it."""

    def write_and_import(
        frame: pd.DataFrame, columns: PredictionColumns | None = None, **more: Any
    ) -> ImportedPredictions:
        frame.to_csv(tmp_path / "p.csv", index=False)
        request = PredictionImportRequest((PredictionFile(tmp_path / "p.csv"),), columns)
        return import_predictions(replace(request, **more))

    return write_and_import


def test_one_file_with_several_ratios(bring: Maker) -> None:
    frames = [predictions(seed=n, ratio=ratio) for n, ratio in enumerate(("1:1", "1:10"))]
    made = bring(pd.concat(frames), title="From elsewhere")
    config = load_experiment(made.experiment.id)
    assert (config.kind, config.ratios, config.seeds) == ("imported", (1.0, 10.0), (0,))
    runs = load_runs(config.id)
    assert [(run.name, run.status.state) for run in runs] == [("r1-s0-none", "done"), ("r10-s0-none", "done")]
    for run, frame in zip(runs, frames, strict=True):
        one = load_predictions(run)
        assert one.ids.tolist() == frame["id"].tolist() and one.labels.tolist() == frame["label"].tolist()
        assert np.allclose(one.pos_probs, frame["probability"], atol=1e-6)
        assert np.allclose(one.logits, logit(frame["probability"]), atol=1e-4)
        assert load_metrics(run)["source"] == "p.csv"
    source = load_dataset(config.dataset)
    assert source.info.has_texts and source.info.content_sha256 == config.dataset_sha256
    assert source.examples["text"][3] == "text 3" and set(source.examples["split"]) == {"test"}
    assert load_evaluation(config.id)["id"].tolist() == source.examples["id"].tolist()
    assert load_plan(config.id).empty


def test_several_files_in_three_forms_each_with_its_ratio(workspace: Path, tmp_path: Path) -> None:
    one, two, three = (predictions(seed=n).drop(columns="text") for n in range(3))
    one.to_csv(tmp_path / "a.csv", index=False)
    two.iloc[::-1].to_json(tmp_path / "b.jsonl", orient="records", lines=True)
    three.to_parquet(tmp_path / "c.parquet")
    files = [
        PredictionFile(tmp_path / name, ratio=ratio) for name, ratio in (("a.csv", 1), ("b.jsonl", 3), ("c.parquet", 9))
    ]
    made = imported(*files, PredictionFile(one.to_csv().encode(), "upload.csv", ratio=9, seed=1))
    runs = load_runs(made.experiment.id)
    assert [run.name for run in runs] == ["r1-s0-none", "r3-s0-none", "r9-s0-none", "r9-s1-none"]
    assert np.allclose(load_predictions(runs[1]).pos_probs, two["probability"], atol=1e-6)
    assert not load_dataset(made.experiment.dataset).info.has_texts


def test_log_odds_and_two_logits_are_equivalent(bring: Maker) -> None:
    frame = predictions()
    odds = logit(frame["probability"])
    single = bring(frame.assign(logit=odds), PredictionColumns(id="id", label="label", logit="logit"))
    pair = frame.assign(logit_0=1 - odds / 2, logit_1=1 + odds / 2).drop(columns="probability")
    for made in (single, bring(pair)):
        one = load_predictions(load_runs(made.experiment.id)[0])
        assert np.allclose(one.pos_probs, frame["probability"], atol=1e-6)
        assert np.allclose(one.logits, odds, atol=1e-4)


def test_certainty_and_infinity_have_finite_log_odds(bring: Maker) -> None:
    frame = predictions()
    frame.loc[[0, 1], "probability"] = [1.0, 0.0]
    made = bring(frame)
    one = load_predictions(load_runs(made.experiment.id)[0])
    assert one.pos_probs[:2].tolist() == [1.0, 0.0]
    assert one.logits[:2].round(1).tolist() == [16.1, -16.1]
    assert any("p.csv: 2 probabilities are 0 or 1" in note for note in made.notes)
    odds = logit(frame["probability"])
    made = bring(frame.assign(logit=odds), PredictionColumns(id="id", label="label", logit="logit"))
    one = load_predictions(load_runs(made.experiment.id)[0])
    assert np.isfinite(one.logits).all() and one.logits[0] > 30 and any("infinite" in note for note in made.notes)


def test_the_worked_log_odds() -> None:
    assert log_odds(np.array([0.5, 0.8, 0.2])).tolist() == pytest.approx([0, np.log(4), -np.log(4)])
    assert [ratio_number(text) for text in ("10", "1:10", " 2.5 ")] == [10, 10, 2.5]


def test_a_dataset_of_the_workspace_gives_splits_and_checks_labels(bring: Maker) -> None:
    source = make_dataset()
    frame = source.examples[["id", "class_name"]].rename(columns={"class_name": "label"})
    frame["probability"] = np.where(frame["label"] == "mac", 0.8, 0.3)
    made = bring(frame, dataset="posts")
    assert made.experiment.dataset == "posts" and dataset_names() == ["posts"]
    assert set(load_evaluation(made.experiment.id)["split"]) == {"validation", "test"}
    assert "240 training examples were left out." in made.notes
    with pytest.raises(UserError, match=r"p.csv, row 2: the label of id 'post-00000' is not the one of dataset posts"):
        bring(frame.assign(label=frame["label"].map({"mac": "pc", "pc": "mac"})), dataset="posts")
    with pytest.raises(UserError, match=r"row 482: id 'x' is not in dataset posts \(ids that are not: 1\)"):
        bring(pd.concat([frame, pd.DataFrame({"id": ["x"], "label": ["pc"], "probability": [0.1]})]), dataset="posts")


def test_the_positive_class_must_be_named_or_evident(bring: Maker) -> None:
    frame = predictions().replace({"label": {0: "pc", 1: "mac"}})
    with pytest.raises(UserError, match="which label is the positive class: 'mac' or 'pc'"):
        bring(frame)
    made = bring(frame, positive="mac")
    info = load_dataset(made.experiment.dataset).info
    assert (info.positive_classes, info.negative_classes) == (("mac",), ("pc",))
    for words in (
        {0: "no", 1: "Yes"},
        {0: "False", 1: "True"},
        {0: "neg", 1: "pos"},
        {0: "-1", 1: "1"},
        {0: "0.0", 1: "1.0"},
    ):
        made = bring(predictions().assign(label=predictions()["label"].map(words)))
        assert load_dataset(made.experiment.dataset).examples["label"].sum() == 6


def with_cell(row: int, column: str, value: object) -> pd.DataFrame:
    frame = predictions().astype(object)
    frame.loc[row, column] = value
    return frame


def two_runs(change: Callable[[pd.DataFrame], pd.DataFrame]) -> pd.DataFrame:
    return pd.concat([predictions(ratio=1), change(predictions(ratio=2, seed=1))])


BAD = {
    "above one": (with_cell(3, "probability", 1.3), r"p.csv, row 5, column probability: '1.3' is not a probability"),
    "missing": (with_cell(3, "probability", ""), r"row 5, column probability: '' is not a probability"),
    "not a number": (with_cell(3, "probability", "nan"), r"row 5, column probability: 'nan' is not a probability"),
    "per cent": (predictions().assign(probability=np.arange(24) * 4), r"row 3, .* per cent, divide it by 100"),
    "per cent sign": (with_cell(0, "probability", "87%"), r"row 2, .* per cent, divide it by 100"),
    "decimal comma": (with_cell(0, "probability", "0,87"), r"row 2, .* decimal point, not a comma"),
    "log-odds": (predictions().assign(probability=np.arange(24) - 12.0), r"row 2, .* log-odds, choose it as such"),
    "no id": (with_cell(4, "id", " "), r"row 6, column id: there is no id"),
    "no label": (with_cell(4, "label", None), r"row 6, column label: there is no label"),
    "third label": (with_cell(5, "label", "?"), r"3 values: '0' \(17\), .*'\?', is first in p.csv, row 7"),
    "one label": (predictions().assign(label=1), r"only one value"),
    "id twice": (with_cell(6, "id", "e01"), r"row 8: id 'e01' is in run r1-s0-none already \(p.csv, row 3\)"),
    "no label column": (predictions().drop(columns="label"), r"p.csv: name the label column.* Its columns are 'id'"),
    "no score column": (predictions().drop(columns="probability"), r"p.csv: name one of: the probability column"),
    "bad ratio": (predictions(ratio="many"), r"row 2, column ratio: 'many' is not a ratio"),
    "bad seed": (predictions(seed_="x").rename(columns={"seed_": "seed"}), r"row 2, column seed: 'x' is not a seed"),
    "bad split": (predictions(split="holdout two"), r"p.csv: .*holdout two"),
    "only training": (predictions(split="train"), r"test split has no positive"),
    "positives gone": (predictions(split=np.where(np.arange(24) % 4, "test", "dev")), r"test split has no positive"),
    "id missing": (two_runs(lambda f: f.iloc[:-2]), r"row 24: id 'e22' is missing in run r2-s0-none; 2 of 24 ids"),
    "label differs": (
        two_runs(lambda f: f.assign(label=1 - f["label"])),
        r"row 26: the label of id 'e00' is 0, but 1 in p.csv, row 2",
    ),
    "split differs": (
        two_runs(lambda f: f).assign(split=["test"] * 47 + ["dev"]),
        r"row 49: the split of id 'e23' is validation, but test in p.csv, row 25",
    ),
}  # fmt: skip


@pytest.mark.parametrize("what", BAD)
def test_what_does_not_fit_is_named_and_nothing_is_left(bring: Maker, what: str) -> None:
    frame, message = BAD[what]
    with pytest.raises(UserError, match=message):
        bring(frame)
    assert experiment_ids() == [] and dataset_names() == []


def test_common_examples_only(bring: Maker) -> None:
    made = bring(two_runs(lambda f: f.iloc[:-2]), common_only=True)
    assert "2 examples that some run lacks were left out." in made.notes
    assert {len(load_predictions(run).ids) for run in load_runs(made.experiment.id)} == {22}


def test_likely_mistakes_are_noted(bring: Maker) -> None:
    frame = predictions()
    turned = bring(frame.assign(probability=1 - frame["probability"]))
    assert any("ranks negatives above positives (AUC 0.0" in note for note in turned.notes)
    sure = bring(frame.assign(probability=np.maximum(frame["probability"], 1 - frame["probability"])))
    assert any("the probability of the predicted class" in note for note in sure.notes)
    assert any("No ratio was given" in note for note in sure.notes)
    assert any("no validation split" in note for note in sure.notes)
    silent = bring(predictions(ratio=5, split=np.where(np.arange(24) < 12, "test", "dev")))
    assert silent.notes == ()


def test_ratios_are_given_once(workspace: Path, tmp_path: Path) -> None:
    predictions(ratio=2).to_csv(tmp_path / "with.csv", index=False)
    predictions().to_csv(tmp_path / "without.csv", index=False)
    with pytest.raises(UserError, match=r"with.csv has a ratio column, and a ratio was given beside it"):
        imported(PredictionFile(tmp_path / "with.csv", ratio=2))
    with pytest.raises(UserError, match=r"without.csv: give the ratio of its run"):
        imported(PredictionFile(tmp_path / "with.csv"), PredictionFile(tmp_path / "without.csv"))
    with pytest.raises(UserError, match=r"without.csv, row 2: id 'e00' is in run r1-s0-none already"):
        imported(*[PredictionFile(tmp_path / "without.csv")] * 2)
    assert dataset_names() == []


def test_a_failed_write_leaves_nothing(bring: Maker, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("closecall.data.predictions.saving.save_predictions", full)
    with pytest.raises(OSError):
        bring(predictions())
    assert experiment_ids() == [] and dataset_names() == []


def test_a_column_cannot_be_two_things(bring: Maker) -> None:
    with pytest.raises(UserError, match="'id' is chosen for two things"):
        bring(predictions(), PredictionColumns(id="id", label="id", probability="probability"))
    with pytest.raises(UserError, match="name only one of"):
        bring(predictions(), PredictionColumns(id="id", label="label", probability="probability", logit="probability"))
    with pytest.raises(UserError, match="both logit columns"):
        bring(predictions(), PredictionColumns(id="id", label="label", logit_positive="probability"))
    with pytest.raises(UserError, match="at least one file"):
        imported()


@pytest.mark.parametrize("form", ["csv", "jsonl", "parquet"])
def test_an_own_export_comes_back_without_a_changed_character(workspace: Path, tmp_path: Path, form: str) -> None:
    texts = ["=1+1", "'=1+1", "a\x00b", "\\u0000", "-5", " +x", '"q"\r\n,;\t\u05e9\u202e\U0001f600', "plain"]
    frame = predictions(8, ratio=3).assign(text=texts, id=[f"=e{i}" for i in range(8)])
    path = tmp_path / f"export.{form}"
    write_table(frame, path, Provenance("posts", "0" * 64, "sweep"))
    made = imported(PredictionFile(path, seed=0), columns=OWN)
    examples = load_dataset(made.experiment.dataset).examples
    expected = texts if form == "csv" else [text.replace("\x00", " ") for text in texts]
    assert examples["text"].tolist() == expected and examples["id"].tolist() == frame["id"].tolist()
