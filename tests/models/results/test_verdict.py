"""The verdict as plain values, and thresholds that validation cannot choose."""

from pathlib import Path

import numpy as np
import pytest

from closecall.data.experiments.store import run_folder
from closecall.data.io.files import read_frame, write_frame
from closecall.models.results.ratio_pairs import decomposed, prior_shift
from closecall.models.results.valid_runs import valid_runs
from closecall.models.results.verdict import verdict_content, verdict_on, verdict_words
from tests.makers import make_dataset, make_experiment


@pytest.fixture
def sweep(workspace: Path) -> str:
    dataset = make_dataset(positives=240, negatives=1200)
    return make_experiment(dataset, ratios=(1, 3, 10), seeds=(0, 1), with_embeddings=False).id


def raise_scores(experiment: str, split: str, run: str = "") -> None:
    """Move the scores of one split of one run, or of all, by 2.5 in the log-odds."""
    for path in (run_folder(experiment, "x").parent).glob(f"{run or '*'}/predictions.parquet"):
        frame = read_frame(path)
        here = frame["split"] == split
        odds = frame.loc[here, "pos_prob"] / (1 - frame.loc[here, "pos_prob"]) * np.exp(2.5)
        frame.loc[here, "pos_prob"] = odds / (1 + odds)
        write_frame(path, frame)


def test_the_parts_are_those_of_the_ratios_page_and_the_report(sweep: str) -> None:
    content = verdict_content(sweep, verdict_on(sweep))
    parts = decomposed(*valid_runs(sweep), 1, 10)
    assert parts is not None and parts.chosen_on == "validation"
    shown = content["comparison"]["parts"]
    assert shown["ranking"]["value"] == parts.ranking.value and shown["threshold"]["low"] == parts.threshold.low
    assert shown["drop"]["value"] == pytest.approx(content["comparison"]["drop"]["value"])
    assert [one["parts"] is None for one in content["comparisons"]] == [True, False]


def test_the_parts_leave_failed_runs_out(sweep: str) -> None:
    """A run that ranks at chance and predicts both classes has not collapsed, so that it is among the valid runs."""
    path = run_folder(sweep, "r10-s1-none") / "predictions.parquet"
    frame = read_frame(path)
    write_frame(path, frame.assign(pos_prob=np.random.default_rng(0).permutation(frame["pos_prob"])))
    content = verdict_content(sweep, verdict_on(sweep))
    assert [one["kind"] for one in content["failed_runs"]] == ["outlier"]
    assert len(valid_runs(sweep)[0].pos_probs) == 6 and content["comparison"]["parts"]["n_seeds"] == 1


def test_where_validation_has_other_scores_nothing_is_chosen_on_it(sweep: str) -> None:
    assert prior_shift(*valid_runs(sweep), (1, 3, 10)) is not None
    raise_scores(sweep, "validation")
    content = verdict_content(sweep, verdict_on(sweep))
    assert content["validation"]["classes"] == ("positives", "negatives") and not content["validation"]["usable"]
    assert "validation" in [one["cause"] for one in content["findings"]]
    assert all(one["moved"] is None and one["excess"] is None for one in content["comparisons"])
    assert content["comparison"]["parts"]["chosen_on"] == "test"
    assert prior_shift(*valid_runs(sweep), (1, 3, 10)) is None
    assert not any("chosen on validation, recall" in line for line in verdict_words(verdict_on(sweep)))


def test_another_share_of_positives_is_in_text_and_json(sweep: str) -> None:
    content = verdict_content(sweep, verdict_on(sweep))
    assert not content["validation"]["prevalence_differs"] and content["validation"]["usable"]
    path = run_folder(sweep, "x").parents[1] / "evaluation.parquet"
    frame = read_frame(path)
    dropped = (frame["split"] == "validation") & (frame["label"] == 0) & (np.arange(len(frame)) % 10 > 0)
    write_frame(path, frame[~dropped])
    content = verdict_content(sweep, verdict_on(sweep))
    assert content["validation"]["prevalence_differs"] and content["validation"]["usable"]
    assert content["comparison"]["moved"] is not None
    (said,) = [one for one in content["findings"] if one["cause"] == "prevalence"]
    text = " ".join(said["sentences"])
    assert f"{content['validation']['n_positives']}/" in text and "80/480" in text
    assert any(text in line for line in verdict_words(verdict_on(sweep)))
