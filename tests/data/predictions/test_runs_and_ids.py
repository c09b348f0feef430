"""Several ratios, seeds and models; rows without ids; rows of a dataset; metadata; the same content twice."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from closecall.data.datasets.store import dataset_names, load_dataset
from closecall.data.experiments.runs import load_predictions, load_runs
from closecall.data.experiments.store import experiment_ids, load_evaluation
from closecall.data.io.errors import UserError
from closecall.data.predictions.files import PredictionFile
from closecall.data.predictions.importing import (
    ImportedPredictions,
    PredictionImportRequest,
    import_predictions,
)
from closecall.data.predictions.sources import prediction_sources
from tests.makers import make_dataset

N = 24
LABELS = (np.arange(N) % 4 == 0).astype(int)
P = np.where(LABELS == 1, 0.7, 0.2) + np.arange(N) / 1000


def frame(**more: Any) -> pd.DataFrame:
    return pd.DataFrame({"id": [f"e{i}" for i in range(N)], "label": LABELS, **more})


def bring(path: Path, **more: Any) -> ImportedPredictions:
    return import_predictions(PredictionImportRequest((PredictionFile(path),), **more))


@pytest.fixture
def at(workspace: Path, tmp_path: Path) -> Path:
    return tmp_path


def test_a_column_for_each_ratio(at: Path) -> None:
    frame(p_1to1=P, p_1to10=P / 2, source="a").to_csv(at / "p.csv", index=False)
    made = bring(at / "p.csv")
    assert made.experiment.ratios == (1, 10) and made.others == ()
    runs = [load_predictions(run).pos_probs for run in load_runs(made.experiment.id)]
    assert np.allclose(runs, [P, P / 2])
    assert load_dataset(made.experiment.dataset).examples["meta.source"].tolist() == ["a"] * N


def test_a_column_for_each_model_makes_an_experiment_each(at: Path) -> None:
    frame(prob_bert=P, prob_roberta=P / 2).to_csv(at / "p.csv", index=False)
    made = bring(at / "p.csv", title="Mine")
    assert [one.title for one in (made.experiment, *made.others)] == ["Mine: prob_bert", "Mine: prob_roberta"]
    assert made.experiment.dataset == made.others[0].dataset and dataset_names() == ["mine"]
    assert np.allclose(load_predictions(load_runs(made.others[0].id)[0]).pos_probs, P / 2)
    long = pd.concat([frame(prob=P, model="a", ratio=1), frame(prob=P / 2, model="b", ratio=1)])
    long.to_csv(at / "long.csv", index=False)
    made = bring(at / "long.csv")
    assert [one.title.rpartition(" ")[2] for one in (made.experiment, *made.others)] == ["a", "b"]


def test_rows_without_ids_are_numbered_in_each_run(at: Path) -> None:
    rows = pd.concat([frame(prob=P, ratio=1), frame(prob=P / 2, ratio=10)]).drop(columns="id")
    rows.to_csv(at / "p.csv", index=False)
    made = bring(at / "p.csv")
    assert load_evaluation(made.experiment.id)["id"].tolist() == [f"row-{i:06d}" for i in range(1, N + 1)]
    assert any("ids are the numbers of the rows" in note for note in made.notes)
    rows.assign(text=[f"text {i}" for i in range(2 * N)]).to_csv(at / "q.csv", index=False)
    with pytest.raises(UserError, match=r"q.csv, row 26: the text of id 'row-000001' is text 24, but text 0"):
        bring(at / "q.csv")


def test_rows_in_the_order_of_a_dataset(at: Path) -> None:
    source = make_dataset()
    test = source.examples[source.examples["split"] == "test"]
    np.save(at / "p.npy", np.where(test["label"] == 1, 0.8, 0.3))
    made = bring(at / "p.npy", dataset=source.name, in_order=True)
    one = load_predictions(load_runs(made.experiment.id)[0])
    assert one.ids.tolist() == test["id"].tolist() and one.labels.tolist() == test["label"].tolist()
    assert np.allclose(one.pos_probs, np.where(test["label"] == 1, 0.8, 0.3))
    assert any("split test of posts" in note for note in made.notes)
    with pytest.raises(UserError, match=r"p.npy has no ids. If its rows are the examples of posts in the order"):
        bring(at / "p.npy", dataset=source.name)
    np.save(at / "short.npy", np.full(7, 0.5))
    with pytest.raises(UserError, match=r"short.npy has 7 rows, as many as no part of dataset posts: test"):
        bring(at / "short.npy", dataset=source.name, in_order=True)
    with pytest.raises(UserError, match="Name the dataset whose order"):
        bring(at / "p.npy", in_order=True)


def test_labels_may_come_from_the_dataset_and_ids_regain_their_zeros(at: Path) -> None:
    source = make_dataset()
    examples = source.examples.assign(id=[f"{i:05d}" for i in range(len(source.examples))])
    from dataclasses import replace

    from closecall.data.datasets.store import save_dataset

    save_dataset(replace(source, examples=examples, info=replace(source.info, name="zeros")))
    test = examples[examples["split"] == "test"]
    lost = pd.DataFrame({"id": test["id"].astype(int), "prob": np.where(test["label"] == 1, 0.8, 0.3)})
    lost.to_csv(at / "p.csv", index=False)
    made = bring(at / "p.csv", dataset="zeros")
    assert load_evaluation(made.experiment.id)["id"].tolist() == test["id"].tolist()
    assert any("had lost their leading zeros" in note for note in made.notes)
    lost.assign(id=lost["id"] + 90_000_000).to_csv(at / "q.csv", index=False)
    with pytest.raises(UserError, match=r"is not in dataset zeros"):
        bring(at / "q.csv", dataset="zeros")


def test_further_columns_are_kept_and_those_beyond_the_limit_named(at: Path) -> None:
    more = {f"c{i:02d}": np.arange(N) for i in range(30)}
    frame(prob=P, **more).to_csv(at / "p.csv", index=False)
    made = bring(at / "p.csv")
    kept = [name for name in load_dataset(made.experiment.dataset).examples if name.startswith("meta.")]
    assert kept == [f"meta.c{i:02d}" for i in range(20)]
    assert any("10 further columns are not kept: c20, " in note for note in made.notes)
    rows = pd.concat([frame(prob=P, ratio=1, epoch=3, source="a"), frame(prob=P, ratio=2, epoch=5, source="a")])
    rows.to_csv(at / "q.csv", index=False)
    made = bring(at / "q.csv")
    assert "meta.source" in load_dataset(made.experiment.dataset).examples
    assert any("differ between the runs of an example: epoch" in note for note in made.notes)


def test_the_same_content_is_not_written_twice(at: Path) -> None:
    frame(prob=P).to_csv(at / "p.csv", index=False)
    frame(prob=P).to_parquet(at / "q.parquet")
    first = bring(at / "p.csv", reuse=True)
    again = bring(at / "q.parquet", reuse=True)
    assert (first.is_new, again.is_new) == (True, False) and again.experiment.id == first.experiment.id
    frame(prob=P + 0.001).to_csv(at / "p.csv", index=False)
    other = bring(at / "p.csv", reuse=True)
    assert other.is_new and len(experiment_ids()) == 2
    assert bring(at / "p.csv").is_new


def test_files_that_belong_together(at: Path) -> None:
    folder = at / "folder"
    folder.mkdir()
    frame().to_csv(folder / "test.csv", index=False)
    for ratio in (1, 10):
        np.save(folder / f"p_1to{ratio}.npy", P / ratio)
    files, notes = prediction_sources([str(folder)], at)
    assert {(Path(str(one.beside)).name, one.ratio) for one in files} == {("p_1to1.npy", 1), ("p_1to10.npy", 10)}
    assert "p_1to10.npy holds the scores of test.csv." in notes
    made = import_predictions(PredictionImportRequest(files))
    assert made.experiment.ratios == (1, 10)
    for split in ("validation", "test"):
        frame(prob=P).assign(id=[f"{split}{i}" for i in range(N)]).to_csv(at / f"preds_{split}.csv", index=False)
    files, _ = prediction_sources([str(at / "preds_test.csv"), str(at / "preds_validation.csv")], at)
    made = import_predictions(PredictionImportRequest(files))
    assert load_evaluation(made.experiment.id)["split"].value_counts().to_dict() == {"test": N, "validation": N}
    for model in ("bert", "roberta"):
        frame(prob=P).to_csv(at / f"{model}.csv", index=False)
    files, _ = prediction_sources([str(at / "bert.csv"), str(at / "roberta.csv")], at)
    assert [one.model for one in files] == ["bert", "roberta"]
    with pytest.raises(UserError, match="There is no file of predictions in"):
        (at / "empty").mkdir()
        prediction_sources([str(at / "empty")], at)
