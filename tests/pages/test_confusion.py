"""The Confusion page: the matrix at a threshold, its links, threshold rules, run comparison and calibration."""

from pathlib import Path

import pandas as pd
import pytest
from streamlit.testing.v1 import AppTest

from closecall.analysis.metrics.prevalence import precision_at
from closecall.data.annotations.selections import load_selection
from closecall.data.experiments.runs import load_predictions, load_runs
from closecall.data.experiments.store import run_folder
from closecall.pages.confusion.run_comparison import MATCHING, matched_threshold
from tests.makers import make_dataset, make_experiment
from tests.pages_driver import headline_of, keys_of, link_targets, open_page, page_text, table_with


@pytest.fixture
def sweep(workspace: Path) -> str:
    return make_experiment(make_dataset(positives=240, negatives=1200), ratios=(1, 10), seeds=(0, 1)).id


def counts(experiment: str, run: str, threshold: float) -> tuple[int, int]:
    frame = pd.read_parquet(run_folder(experiment, run) / "predictions.parquet")
    frame = frame[frame["split"] == "test"]
    called = frame["pos_prob"].astype(float) >= threshold
    return int((called & (frame["label"] == 1)).sum()), int((called & (frame["label"] == 0)).sum())


def test_without_an_experiment_or_a_finished_run_it_links_to_the_train_page(workspace: Path) -> None:
    assert link_targets(open_page("confusion")) == [("train", "")]
    make_experiment(make_dataset(), ratios=(1, 3), seeds=(0,), state="queued")
    assert ("train", "") in link_targets(open_page("confusion"))


def test_the_url_chooses_run_and_threshold(sweep: str) -> None:
    at = open_page("confusion", ratio="1:1", seed="1", threshold="0.3")
    tp, fp = counts(sweep, "r1-s1-none", 0.3)
    assert all(part in headline_of(at) for part in ("0.30", "1:1 ", f"{80 - tp} false neg", f"{fp} false pos"))


def test_every_cell_links_to_its_examples(sweep: str) -> None:
    at = open_page("confusion", ratio="1:10", seed="0", threshold="0.25")
    queries = [query for _, query in link_targets(at)]
    for outcome in ("tp", "fn", "fp", "tn"):
        expected = f"experiment={sweep}&ratio=1%3A10&seed=0&threshold=0.25&outcome={outcome}"
        assert expected in queries


def test_the_slider_changes_the_matrix_and_the_headline(sweep: str) -> None:
    at = open_page("confusion")
    at.slider(key="threshold").set_value(0.1).run()
    tp, fp = counts(sweep, "r10-s0-none", 0.1)
    assert all(part in headline_of(at) for part in ("0.10", f"{80 - tp} false neg", f"{fp} false pos"))
    bodies = [one.proto.body for one in at.get("html")]
    cells = [body for body in bodies if body.startswith('<div class="cell-number">')]
    assert cells == [f'<div class="cell-number">{number:,}</div>' for number in (tp, 80 - tp, fp, 400 - fp)]


@pytest.mark.parametrize(
    ("linked", "shown"),
    [("Of the class", "Of the class"), ("Of the predicted class", "Of the predicted class"),
     ("Of the call", "Of the predicted class")],
)  # fmt: skip
def test_the_url_chooses_the_view_also_by_its_former_name(sweep: str, linked: str, shown: str) -> None:
    at = open_page("confusion", show=linked)
    assert at.segmented_control(key="show").value == shown


def test_threshold_rules_are_chosen_on_validation_and_reported_on_test(sweep: str) -> None:
    rules = table_with(open_page("confusion"), "rule")
    tp, _ = counts(sweep, "r10-s0-none", 0.5)
    assert len(rules) == 6 and rules.loc[0, "threshold"] == "0.50"
    assert rules.loc[0, "recall"].endswith(f"{tp}/80")


def change_validation(experiment: str, *, shift: float = 0.0, share: float = 1.0) -> None:
    """Raise the validation scores of every run by `shift`, and keep a `share` of its negatives."""
    for folder in run_folder(experiment, "x").parent.iterdir():
        path = folder / "predictions.parquet"
        frame = pd.read_parquet(path)
        here = frame["split"] == "validation"
        frame.loc[here, "pos_prob"] = (frame.loc[here, "pos_prob"] + shift).clip(upper=1)
        negatives = frame.index[here & (frame["label"] == 0)]
        frame.drop(negatives[int(share * len(negatives)) :]).to_parquet(path, index=False)


def test_rules_that_need_validation_are_withheld_where_its_scores_differ(sweep: str) -> None:
    assert not open_page("confusion").warning
    change_validation(sweep, shift=0.3)
    at = open_page("confusion")
    assert len(at.warning) == 1
    assert table_with(at, "rule")["rule"].tolist() == ["0.50", "training prevalence"]
    run, other = (one for one in load_runs(sweep) if one.config.seed == 0)
    assert "differ" in matched_threshold(run, other, 0.5, 0.1, MATCHING[1])[1]


def test_another_share_of_positives_in_validation_is_said_and_the_rules_stay(sweep: str) -> None:
    change_validation(sweep, share=0.1)
    at = open_page("confusion")
    (said,) = at.warning
    assert "66.7 %" in said.value and "(80/480)" in said.value
    assert len(table_with(at, "rule")) == 6


def pair_cells(at: AppTest) -> dict[str, int]:
    """The number of examples in each cell of the run comparison."""
    cells = [one for one in at.button if str(one.key).startswith("pair-")]
    return {str(one.key): int(one.label.split("**")[1].replace(",", "")) for one in cells}


def test_the_run_comparison_has_a_matrix_for_each_class(sweep: str) -> None:
    at = open_page("confusion", below="Against another run", ratio="1:10")
    cells = pair_cells(at)
    assert len(cells) == 8 and sum(cells.values()) == 480
    assert "McNemar" in page_text(at)
    tp, _ = counts(sweep, "r10-s0-none", 0.5)
    assert cells["pair-1-right-in-both"] + cells["pair-1-broken"] == tp


def test_a_cell_lists_its_examples_and_opens_them_as_a_queue(sweep: str) -> None:
    at = open_page("confusion", below="Against another run", ratio="1:10")
    fixed = pair_cells(at)["pair-1-fixed"]
    at.button(key="pair-1-fixed").click().run()
    assert f"{fixed} positive" in page_text(at)
    at.button(key="read-1-fixed").click().run()
    assert [one.message for one in at.exception] == []
    assert len(load_selection(sweep, at.query_params["picked"]).ids) == fixed
    assert at.query_params["ratio"] == "1:10"


def test_the_other_threshold_is_matched_by_false_positive_rate_or_precision_on_validation(sweep: str) -> None:
    runs = {run.name: run for run in load_runs(sweep)}
    a, b = runs["r10-s0-none"], runs["r1-s0-none"]
    val_a, val_b = load_predictions(a, "validation"), load_predictions(b, "validation")
    fpr = (val_a.pos_probs[val_a.labels == 0] >= 0.4).mean()
    threshold, source = matched_threshold(a, b, 0.4, 0.1, MATCHING[1])
    assert (val_b.pos_probs[val_b.labels == 0] >= threshold).mean() <= fpr + 1e-9 and "on validation" in source
    recall = (val_a.pos_probs[val_a.labels == 1] >= 0.4).mean()
    wanted = precision_at(recall, fpr, q=0.1)
    threshold, _ = matched_threshold(a, b, 0.4, 0.1, MATCHING[2])
    reached = [float((val_b.pos_probs[val_b.labels == label] >= threshold).mean()) for label in (1, 0)]
    assert precision_at(*reached, q=0.1) >= wanted - 1e-9
    at = open_page("confusion", below="Against another run", ratio="1:10")
    at.button_group(key="against-matching").set_value(MATCHING[2]).run()
    assert "chosen on validation" in page_text(at)


def test_the_calibration_tab_draws_the_reliability_curve(sweep: str) -> None:
    at = open_page("confusion", below="Calibration")
    assert "reliability" in keys_of(at, "plotly_chart") and "temperature" in page_text(at)
