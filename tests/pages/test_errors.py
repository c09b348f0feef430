"""The Errors page: the queue, the example, the filters in the URL, the list."""

from pathlib import Path

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

from closecall.data.annotations.hard_cases import load_hard_cases
from closecall.data.annotations.selections import save_selection
from closecall.data.datasets.store import delete_dataset, load_examples
from closecall.data.experiments.runs import load_dynamics, load_runs
from closecall.data.experiments.store import load_evaluation, load_plan
from closecall.data.io.files import write_frame
from closecall.pages.shared.runs import run_predictions
from tests.makers import HOSTILE, make_dataset, make_experiment

APP = str(Path(__file__).resolve().parents[2] / "app.py")


@pytest.fixture
def sweep(workspace: Path) -> Path:
    make_experiment(make_dataset(positives=120, negatives=480), ratios=(1, 10), seeds=(0, 1))
    return workspace


def opened(**query: str) -> AppTest:
    at = AppTest.from_file(APP, default_timeout=30).run()
    at.switch_page("pages/errors/page.py")
    for name, value in query.items():
        at.query_params[name] = value
    return at.run()


def html(at: AppTest) -> str:
    return "\n".join(one.proto.body for one in at.get("html"))


def rows(at: AppTest) -> list[str]:
    return [one.key for one in at.button if one.key and one.key.startswith("row-")]


def in_url(at: AppTest, name: str) -> str:
    value = at.query_params[name]
    return str(value if isinstance(value, str) else value[-1])


def example(at: AppTest) -> str:
    return in_url(at, "example")


def test_without_experiment_it_shows_the_way_on(workspace: Path) -> None:
    at = opened()
    assert not at.exception
    assert at.info[0].value == "There is no experiment yet."


def test_while_runs_wait_it_says_so(workspace: Path) -> None:
    make_experiment(make_dataset(), ratios=(1, 3), seeds=(0,), state="queued")
    assert "No run of this experiment has finished" in opened().info[0].value


def test_it_opens_on_the_misses_of_the_largest_ratio(sweep: Path) -> None:
    at = opened()
    assert not at.exception
    assert at.markdown[0].value.startswith("### 1:10 misses")
    assert 0 < len(rows(at)) <= 12
    assert all(key.startswith("row-fn-") for key in rows(at))
    assert at.button(key="pick-fn").label.startswith("✕ Misses")


def test_a_link_sets_ratio_threshold_and_outcome(sweep: Path) -> None:
    at = opened(ratio="1:1", threshold="0.3", outcome="tp")
    assert at.markdown[0].value.startswith("### 1:1")
    assert "Cut at \\.30" in at.markdown[1].value
    assert all(key.startswith("row-tp-") for key in rows(at))


def test_next_and_previous_move_through_the_queue(sweep: Path) -> None:
    at = opened()
    first = example(at)
    at.button(key="next").click().run()
    second = example(at)
    assert second != first
    at.button(key="previous").click().run()
    assert example(at) == first


def test_adding_goes_on_to_the_next_and_undo_comes_back(sweep: Path) -> None:
    at = opened()
    first = example(at)
    at.button(key="add").click().run()
    assert example(at) != first
    cases = load_hard_cases("sweep")
    assert cases["id"].tolist() == [first]
    assert cases["reasons"][0].startswith("missed at 1:10 (probability ")
    assert (cases["ratio"][0], cases["seed"][0], cases["threshold"][0]) == (10, 0, 0.5)
    at.button(key="undo").click().run()
    assert example(at) == first
    assert load_hard_cases("sweep").empty


def test_an_action_and_a_note_put_the_example_on_the_list(sweep: Path) -> None:
    at = opened()
    first = example(at)
    at.text_area(key=f"note-{first}").set_value("the label is wrong").run()
    at.button(key="decide-1").click().run()
    assert example(at) != first
    case = load_hard_cases("sweep").iloc[0]
    assert (case["id"], case["action"], case["note"]) == (first, "relabel", "the label is wrong")
    at.button(key="previous").click().run()
    assert at.text_area(key=f"note-{first}").value == "the label is wrong"


def test_search_narrows_the_queue_and_lives_in_the_url(sweep: Path) -> None:
    at = opened(outcome="all")
    at.text_input(key="text").set_value("POWERBOOK").run()
    assert in_url(at, "text") == "POWERBOOK"
    assert all(
        "powerbook" in at.button(key=key).label.lower() or len(at.button(key=key).label) > 60 for key in rows(at)
    )
    assert "<mark>powerbook</mark>" in html(at)


def test_a_broken_pattern_is_one_sentence_and_the_search_stays(sweep: Path) -> None:
    at = opened(text="(mac", regex="True")
    assert not at.exception
    assert "not a regular expression" in at.error[0].value
    assert at.text_input(key="text").value == "(mac"
    at.text_input(key="text").set_value(r"\bmac\b|scsi").run()
    assert not at.error


def test_an_example_outside_the_filter_is_shown_and_told(sweep: Path) -> None:
    at = opened(outcome="fn", example="post-00123")
    assert example(at) == "post-00123"
    assert "not in the queue" in at.info[0].value


def test_a_changed_filter_moves_on_to_the_first_match(sweep: Path) -> None:
    at = opened()
    missed = example(at)
    at.button(key="pick-tn").click().run()
    assert example(at) != missed
    assert not at.info


def test_hostile_texts_are_shown_as_text(sweep: Path) -> None:
    examples = load_examples("posts")
    examples.loc[examples["split"] == "test", "text"] = HOSTILE[0]
    write_frame(sweep / "datasets" / "posts" / "examples.parquet", examples)
    at = opened(outcome="all")
    assert not at.exception
    assert "&lt;script&gt;alert(&#x27;x&#x27;)&lt;/script&gt; **bold**" in html(at)
    assert "<script>alert" not in html(at)
    assert "\\<script\\>alert" in at.button(key=rows(at)[0]).label


def test_predictions_without_embeddings_say_what_is_missing(workspace: Path) -> None:
    make_experiment(make_dataset(), ratios=(1, 3), seeds=(0,), with_embeddings=False)
    at = opened()
    assert not at.exception
    assert any("no embeddings" in one.value for one in at.caption)


def test_a_deleted_dataset_leaves_ids_and_numbers(sweep: Path) -> None:
    delete_dataset("posts")
    at = opened()
    assert not at.exception
    assert "No text came" in html(at)
    assert "post" in at.button(key=rows(at)[0]).label


def test_a_lost_positive_names_the_negatives_that_came_in(sweep: Path) -> None:
    at = opened(group="lost at 1:10")
    assert not at.exception
    assert any("Lost between 1:1 and 1:10" in one.label for one in at.expander)


def test_training_examples_are_read_with_what_training_said(sweep: Path) -> None:
    at = opened(split="train", outcome="all")
    assert not at.exception
    assert "training positives" in at.markdown[0].value
    assert "when it last trained on the text" in at.markdown[1].value
    trained = load_plan("sweep")
    positives = int((trained[trained["seed"] == 0]["label"] == 1).sum())
    assert at.button(key="pick-all").label == f"All **{11 * positives:,}**"
    assert load_examples("posts").set_index("id").at[example(at), "split"] == "train"


def test_training_probabilities_are_of_the_last_epoch(sweep: Path) -> None:
    evidence = run_predictions("sweep", "train")
    run = load_runs("sweep")[0]
    dynamics = load_dynamics(run)
    told = evidence.of(run)
    assert np.allclose(told[[evidence.place(one) for one in dynamics.ids]], dynamics.pos_probs[-1])
    assert np.isnan(told).sum() == len(evidence.ids) - len(dynamics.ids)
    ids = {str(one) for each in load_runs("sweep") for one in load_dynamics(each).ids}
    assert set(evidence.ids) == ids


def test_a_selection_cuts_the_queue_down_in_its_own_order(sweep: Path) -> None:
    tests = load_evaluation("sweep").query("split == 'test'")["id"].tolist()
    picks = [tests[40], tests[3], tests[120], "post-gone"]
    key = save_selection("sweep", picks, source="lasso on <b>the map</b>")
    at = opened(picked=key, sort="as picked", outcome="all")
    assert not at.exception
    assert "asso on \\<b\\>the map" in at.button(key="chip-picked").label
    assert "4, 3 of them in test" in at.button(key="chip-picked").label
    read = [example(at)]
    for _ in range(2):
        at.button(key="next").click().run()
        read.append(example(at))
    assert read == picks[:3]
    at.button(key="chip-picked").click().run()
    assert "picked" not in at.query_params
    assert at.selectbox(key="sort").value == "confidence"


def test_a_selection_that_is_not_there_is_told(sweep: Path) -> None:
    at = opened(picked="0123456789ab")
    assert not at.exception
    assert "has no selection 0123456789ab" in at.error[0].value
    assert rows(at)
