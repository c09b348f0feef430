"""The errors of a run as a table: outcomes at a threshold, most confident first, and what is refused."""

from pathlib import Path

import pytest

from closecall.data.annotations.hard_cases import add_hard_cases
from closecall.data.datasets.store import datasets_folder, delete_dataset, load_examples
from closecall.data.exchange.tables import hard_case_table
from closecall.data.experiments.runs import load_predictions, load_run
from closecall.data.io.errors import UserError
from closecall.data.io.files import write_frame
from closecall.models.results.example_tables import errors_table
from tests.makers import make_dataset, make_experiment


@pytest.fixture
def experiment(workspace: Path) -> str:
    return make_experiment(make_dataset(), ratios=(1, 10), seeds=(0, 1), with_embeddings=False).id


def test_false_negatives_are_those_of_the_run(experiment: str) -> None:
    predictions = load_predictions(load_run(experiment, "r10-s1-none"))
    expected = set(predictions.ids[(predictions.labels == 1) & (predictions.pos_probs < 0.4)])
    table = errors_table(experiment, ratio=10, seed=1, outcome="fn", threshold=0.4)
    assert set(table["id"]) == expected and set(table["outcome"]) == {"fn"}
    assert table["pos_prob"].is_monotonic_increasing
    assert (table["pos_prob"] == table["prob_r10_s1"]).all()
    everything = errors_table(experiment, ratio=10, outcome="tp, tn,fp ,fn")
    assert len(everything) == len(predictions.ids)
    assert len(errors_table(experiment, ratio=1, split="validation", outcome="tn")) > 0


def test_an_example_at_the_threshold_is_predicted_positive(experiment: str) -> None:
    table = errors_table(experiment, ratio=10, outcome=("tp", "fp"))
    lowest = float(table["pos_prob"].min())
    assert len(errors_table(experiment, ratio=10, outcome=("tp", "fp"), threshold=lowest)) == len(table)


def test_further_columns_of_the_dataset_are_exported(experiment: str) -> None:
    path = datasets_folder() / "posts" / "examples.parquet"
    examples = load_examples("posts")
    write_frame(path, examples.assign(**{"meta.source": [f"from {one}" for one in examples["id"]]}))
    table = errors_table(experiment, ratio=10)
    assert table["meta.source"].tolist() == [f"from {one}" for one in table["id"]]
    add_hard_cases(experiment, table["id"].tolist()[:2], ["missed"] * 2)
    cases = hard_case_table(experiment)
    assert cases["meta.source"].tolist() == [f"from {one}" for one in cases["id"]]
    for frame in (table, cases):
        names = frame.columns.tolist()
        assert names.index("meta.source") < min(names.index(one) for one in names if one.startswith("prob_r"))


def test_without_its_dataset_an_experiment_still_exports(experiment: str) -> None:
    delete_dataset("posts")
    table = errors_table(experiment, ratio=10, outcome="fn")
    assert len(table) and set(table["text"]) == {""} and set(table["label"]) == {1}


@pytest.mark.parametrize(
    ("choices", "message"),
    [
        ({"ratio": 7}, r"no finished run 1:7. Finished runs: r1-s0-none"),
        ({"ratio": 10, "seed": 9}, "no finished run r10-s9-none"),
        ({"ratio": 10, "outcome": "misses"}, "misses is not an outcome"),
        ({"ratio": 10, "outcome": ()}, "Nothing is not an outcome"),
        ({"ratio": 10, "split": "train"}, "no predictions for the split 'train'"),
    ],
)
def test_unknown_runs_outcomes_and_splits_are_refused(
    experiment: str, choices: dict[str, float | str], message: str
) -> None:
    with pytest.raises(UserError, match=message):
        errors_table(experiment, **choices)  # type: ignore[arg-type]
