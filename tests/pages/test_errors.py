"""The Errors page: the queue, the example, the filters in the URL, the list."""

from pathlib import Path

import numpy as np
import pytest

from closecall.analysis.formatting import share_text
from closecall.analysis.metrics.outcomes import OUTCOME_NAMES, confusion
from closecall.data.annotations.hard_cases import load_hard_cases
from closecall.data.annotations.selections import save_selection
from closecall.data.datasets.store import delete_dataset, load_examples
from closecall.data.experiments.runs import load_dynamics, load_runs
from closecall.data.experiments.store import load_evaluation, load_plan
from closecall.data.io.files import write_frame
from closecall.pages.shared.escaping import escape_markdown
from closecall.pages.shared.runs import run_predictions
from tests.makers import HOSTILE, make_dataset, make_experiment
from tests.pages.errors_page import count_on, example_of, html_of, in_url, open_errors, row_keys
from tests.pages_driver import headline_of, page_text


@pytest.fixture
def sweep(workspace: Path) -> Path:
    make_experiment(make_dataset(positives=120, negatives=480), ratios=(1, 10), seeds=(0, 1))
    return workspace


def test_without_an_experiment_it_links_to_train(workspace: Path) -> None:
    at = open_errors()
    assert len(at.info) == 1 and not at.button
    assert [one.proto.page for one in at.get("page_link")] == ["train"]


def test_without_a_finished_run_it_has_no_queue(workspace: Path) -> None:
    make_experiment(make_dataset(), ratios=(1, 3), seeds=(0,), state="queued")
    at = open_errors()
    assert len(at.info) == 1 and not row_keys(at)


def test_it_opens_on_the_false_negatives_of_the_largest_ratio(sweep: Path) -> None:
    at = open_errors()
    predictions = run_predictions("sweep")
    counts = confusion(predictions.labels, predictions.pos_probs[predictions.runs.index("r10-s0-none")])
    finding = headline_of(at)
    assert "1:10" in finding and f" {counts.fn} of {counts.n_positives} " in finding
    for right, n in ((counts.tp, counts.n_positives), (counts.tn, counts.n_negatives)):
        assert escape_markdown(share_text(right, n)) in page_text(at)
    assert 0 < len(row_keys(at)) <= 12
    assert all(key.startswith("row-fn-") for key in row_keys(at))
    assert OUTCOME_NAMES["fn"].capitalize() in at.button(key="pick-fn").label


def test_a_link_sets_ratio_threshold_and_outcome(sweep: Path) -> None:
    at = open_errors(ratio="1:1", threshold="0.3", outcome="tp")
    assert "1:1 " in headline_of(at)
    assert escape_markdown("Threshold 0.30") in page_text(at)
    assert all(key.startswith("row-tp-") for key in row_keys(at))


def test_next_and_previous_move_through_the_queue(sweep: Path) -> None:
    at = open_errors()
    first = example_of(at)
    at.button(key="next").click().run()
    second = example_of(at)
    assert second != first
    at.button(key="previous").click().run()
    assert example_of(at) == first


def test_adding_opens_the_next_example_and_undo_returns(sweep: Path) -> None:
    at = open_errors()
    first = example_of(at)
    at.button(key="add").click().run()
    assert example_of(at) != first
    cases = load_hard_cases("sweep")
    assert cases["id"].tolist() == [first]
    assert cases["reasons"][0].startswith("false negative at 1:10 (probability 0.")
    assert (cases["ratio"][0], cases["seed"][0], cases["threshold"][0]) == (10, 0, 0.5)
    at.button(key="undo").click().run()
    assert example_of(at) == first
    assert load_hard_cases("sweep").empty


def test_an_action_and_a_note_add_the_example_to_the_list(sweep: Path) -> None:
    at = open_errors()
    first = example_of(at)
    at.text_area(key=f"note-{first}").set_value("the label is wrong").run()
    at.button(key="decide-1").click().run()
    assert example_of(at) != first
    case = load_hard_cases("sweep").iloc[0]
    assert (case["id"], case["action"], case["note"]) == (first, "relabel", "the label is wrong")
    at.button(key="previous").click().run()
    assert at.text_area(key=f"note-{first}").value == "the label is wrong"


def test_search_narrows_the_queue_and_is_in_the_url(sweep: Path) -> None:
    at = open_errors(outcome="all")
    at.text_input(key="text").set_value("POWERBOOK").run()
    assert in_url(at, "text") == "POWERBOOK"
    labels = [at.button(key=key).label for key in row_keys(at)]
    assert labels and all("powerbook" in label.lower() or len(label) > 60 for label in labels)
    assert "<mark>powerbook</mark>" in html_of(at)


def test_an_invalid_regular_expression_is_an_error_and_stays_in_the_search(sweep: Path) -> None:
    at = open_errors(text="(mac", regex="True")
    assert len(at.error) == 1 and "regular expression" in at.error[0].value
    assert at.text_input(key="text").value == "(mac"
    at.text_input(key="text").set_value(r"\bmac\b|scsi").run()
    assert not at.error


def test_an_example_outside_the_filters_is_shown_with_a_message(sweep: Path) -> None:
    at = open_errors(outcome="fn", example="post-00123")
    assert example_of(at) == "post-00123"
    assert len(at.info) == 1 and "post-00123" in html_of(at)


def test_a_changed_filter_opens_the_first_match(sweep: Path) -> None:
    at = open_errors()
    missed = example_of(at)
    at.button(key="pick-tn").click().run()
    assert example_of(at) != missed
    assert not at.info


def test_hostile_texts_are_shown_as_text(sweep: Path) -> None:
    examples = load_examples("posts")
    examples.loc[examples["split"] == "test", "text"] = HOSTILE[0]
    write_frame(sweep / "datasets" / "posts" / "examples.parquet", examples)
    at = open_errors(outcome="all")
    assert "&lt;script&gt;alert(&#x27;x&#x27;)&lt;/script&gt; **bold**" in html_of(at)
    assert "<script>alert" not in html_of(at)
    assert "\\<script\\>alert" in at.button(key=row_keys(at)[0]).label


def test_without_embeddings_nearest_examples_are_replaced_by_a_caption(workspace: Path) -> None:
    make_experiment(make_dataset(), ratios=(1, 3), seeds=(0,), with_embeddings=False)
    at = open_errors()
    assert 'near-pair">' not in html_of(at)
    assert any("embeddings" in one.value for one in at.caption)


def test_a_deleted_dataset_leaves_ids_and_numbers(sweep: Path) -> None:
    delete_dataset("posts")
    at = open_errors()
    assert 'class="reading whole"' not in html_of(at)
    assert "post" in at.button(key=row_keys(at)[0]).label


def test_a_lost_positive_shows_the_nearest_added_negatives(sweep: Path) -> None:
    at = open_errors(group="lost at 1:10")
    added = next(one for one in at.expander if "1:1" in one.label and "1:10" in one.label)
    shown = [one.proto.body for one in added.get("html")]
    assert len(shown) == 3 and all("cosine" in body for body in shown)


def test_training_examples_have_their_training_probabilities(sweep: Path) -> None:
    at = open_errors(split="train", outcome="all")
    assert "training positives" in headline_of(at)
    plan = load_plan("sweep")
    positives = int((plan[plan["seed"] == 0]["label"] == 1).sum())
    assert count_on(at, "pick-all") == 11 * positives
    assert load_examples("posts").set_index("id").at[example_of(at), "split"] == "train"


def test_training_probabilities_are_those_of_the_last_epoch(sweep: Path) -> None:
    predictions = run_predictions("sweep", "train")
    run = load_runs("sweep")[0]
    dynamics = load_dynamics(run)
    probs = predictions.of(run)
    assert np.allclose(probs[[predictions.place(one) for one in dynamics.ids]], dynamics.pos_probs[-1])
    assert np.isnan(probs).sum() == len(predictions.ids) - len(dynamics.ids)
    ids = {str(one) for each in load_runs("sweep") for one in load_dynamics(each).ids}
    assert set(predictions.ids) == ids


def test_a_selection_is_read_in_its_own_order(sweep: Path) -> None:
    tests = load_evaluation("sweep").query("split == 'test'")["id"].tolist()
    picks = [tests[40], tests[3], tests[120], "post-gone"]
    key = save_selection("sweep", picks, source="lasso on <b>the map</b>")
    at = open_errors(picked=key, sort="as picked", outcome="all")
    assert "asso on \\<b\\>the map" in at.button(key="chip-picked").label
    assert "4, 3 in" in at.button(key="chip-picked").label
    read = [example_of(at)]
    for _ in range(2):
        at.button(key="next").click().run()
        read.append(example_of(at))
    assert read == picks[:3]
    at.button(key="chip-picked").click().run()
    assert "picked" not in at.query_params
    assert at.selectbox(key="sort").value == "confidence"


def test_an_unknown_selection_is_an_error_and_ignored(sweep: Path) -> None:
    at = open_errors(picked="0123456789ab")
    assert len(at.error) == 1 and "0123456789ab" in at.error[0].value
    assert row_keys(at)
