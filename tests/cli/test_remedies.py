"""closecall remedies: the table, JSON, files, and queueing."""

import pandas as pd
import pytest

from closecall.data.datasets.store import load_dataset
from closecall.data.experiments.store import load_experiment, run_names
from tests.cli.terminal import Terminal
from tests.makers import make_dataset, make_experiment
from tests.remedy_makers import add_remedy_runs


@pytest.fixture
def compared(closecall: Terminal) -> str:
    config = make_experiment(make_dataset(positives=150, negatives=900), ratios=(1, 10), seeds=(0, 1))
    add_remedy_runs(config, {"class-weights": (2.3, 0.3), "tfidf-logistic": (0.0, 6.0)})
    return config.id


def test_the_comparison_as_table_and_json(closecall: Terminal, compared: str) -> None:
    assert closecall("remedies", compared, "--ratio", "1:10", "--q", "0.2") == 0
    assert "20.0 %" in closecall.out and "threshold" in closecall.out
    assert all(name in closecall.out for name in ("tfidf-logistic", "class-weights", "baseline", "specificity"))
    assert "TF-IDF" in closecall.err
    content = closecall.json("remedies", compared)
    assert content["ratio"] == 10 and "1:10" in content["answer"]
    baseline, simple, weighted = content["arms"]
    assert (baseline["name"], baseline["over_plain"], simple["name"]) == ("none", None, "tfidf-logistic")
    assert weighted["over_plain"]["helps"] is False and weighted["seconds"] == 12
    assert weighted["at_half"]["recall"]["value"] > baseline["at_half"]["recall"]["value"]
    assert all(weighted[at]["true_negative_rate"] == weighted[at]["specificity"] for at in ("at_half", "at_own"))
    assert weighted["mended"] == weighted["ece_calibrated"]
    assert weighted["auc"]["low"] < weighted["auc"]["value"] < weighted["auc"]["high"]


@pytest.mark.parametrize("ending", ["csv", "jsonl", "parquet"])
def test_the_comparison_is_written(closecall: Terminal, compared: str, tmp_path, ending: str) -> None:
    out = tmp_path / f"comparison.{ending}"
    assert closecall("remedies", compared, "--out", out) == 0
    read = {"csv": pd.read_csv, "jsonl": lambda path: pd.read_json(path, lines=True), "parquet": pd.read_parquet}
    table = read[ending](out)
    assert table["remedy"].tolist() == ["none", "tfidf-logistic", "class-weights"]
    assert {"recall_half", "recall_own_low", "tnr_common_high", "auc_gain", "recall_p_holm", "ece"} <= set(table)
    assert (table["experiment"] == compared).all()


def test_remedies_are_queued_with_the_sweep_or_later(closecall: Terminal) -> None:
    make_dataset()
    assert closecall("sweep", "posts", "--ratios", "1,2", "--title", "s", "--remedies", "focal, threshold") == 0
    assert load_experiment("s").remedies == ("none", "focal") and len(run_names("s")) == 4
    assert closecall("remedies", "s", "--add", "dice,focal", "--ratios", "1:2") == 0
    assert "1 new run." in closecall.err
    assert closecall("remedies", "s", "--add", "dice", "--ratios", "2") == 0
    assert len(run_names("s")) == 5
    runs = closecall.json("status", "s")["runs"]
    assert {run["remedy"] for run in runs} == {"none", "focal", "dice"}
    assert closecall("status", "s") == 0 and "focal" in closecall.out


def test_what_cannot_be_compared(closecall: Terminal, compared: str) -> None:
    made = make_experiment(load_dataset("posts"), "plain", ratios=(1, 3), seeds=(0,))
    for words, sentence in (
        (
            ("remedies", made.id),
            "closecall remedies plain --add",
        ),
        (("remedies", compared, "--ratio", "7"), "at 1:7"),
        (("remedies", compared, "--q", "9"), "between 0 and 1"),
        (("remedies", compared, "--add", "prayer"), "remedy prayer is not known"),
        (("remedies", "nowhere"), "There is no experiment named nowhere"),
    ):
        assert closecall(*words) == 2
        assert sentence in closecall.err
