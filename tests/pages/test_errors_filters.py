"""The filters and the orders of the Errors page: from the URL, from the widgets, into the URL, and cleared."""

import re
from pathlib import Path

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

from closecall.analysis.metrics.outcomes import outcomes
from closecall.analysis.text import word_counts
from closecall.data.annotations.hard_cases import add_hard_cases, add_tag, load_hard_cases, set_action
from closecall.data.annotations.selections import save_selection
from closecall.data.annotations.slice_rules import Phrase
from closecall.data.annotations.slices import save_slice
from closecall.data.datasets.store import load_examples
from closecall.data.experiments.runs import load_dynamics, load_embeddings, load_run
from closecall.data.io.files import write_frame
from closecall.models.results.causes import causes_of
from closecall.models.results.run_predictions import RunPredictions
from closecall.pages.errors.filters import FILTERS, Filter
from closecall.pages.shared.runs import outcome_groups_of, run_predictions
from tests.makers import make_dataset, make_experiment
from tests.pages.errors_page import count_on, example_of, html_of, in_url, open_errors
from tests.pages_driver import headline_of

RUN = "r10-s0-none"


@pytest.fixture
def sweep(workspace: Path) -> RunPredictions:
    make_experiment(make_dataset(positives=120, negatives=480), ratios=(1, 10), seeds=(0, 1, 2))
    examples = load_examples("posts")
    examples.loc[::4, "text"] += " and one more"
    examples.loc[::12, "text"] += " and a longer end of it"
    write_frame(workspace / "datasets" / "posts" / "examples.parquet", examples)
    return run_predictions("sweep")


def in_queue(at: AppTest) -> int:
    """The number of examples in the queue, from the caption below it."""
    found = [re.fullmatch(r"(?:[\d,]+ of )?([\d,]+)(?: in the queue)?", one.value) for one in at.caption]
    return int(next(one for one in found if one).group(1).replace(",", ""))


def queue(at: AppTest, *, most: int = 20) -> list[str]:
    """The first ids of the queue, in order."""
    read = [example_of(at)]
    while len(read) < most and not at.button(key="next").disabled:
        read.append(example_of(at.button(key="next").click().run()))
    return read


ANNOTATED = (0, 5, 9)
"""The rows of the annotated examples."""
VALUES = [
    ("outcome", "fp"),
    ("text", "drive"),
    ("regex", "True"),
    ("chance", "0.2-0.6"),
    ("listed", "On the list"),
    ("listed", "Not on the list"),
    ("action", "ambiguous"),
    ("action", "undecided"),
    ("tag", "look again"),
    ("group", "always true positive"),
    ("cause", "threshold"),
    ("slice", "word:drive"),
    ("slice", "drive drive"),
    ("length", "13-15"),
    ("picked", ""),
    ("seeds", "most"),
    ("split", "validation"),
]
"""URL values of every filter. The value of `picked` is the key of a saved selection."""
TOGETHER = {"regex": {"text": r"\bdriv.\b"}, "seeds": {"outcome": "fn"}}
"""Other filters that a filter needs to change the queue."""


def annotate(predictions: RunPredictions) -> str:
    """Annotate some examples and save a slice and a selection. Returns the key of the selection."""
    some = [str(predictions.ids[row]) for row in ANNOTATED]
    add_hard_cases("sweep", some, ["x"] * len(some))
    add_tag("sweep", some, "look again")
    add_tag("sweep", [str(predictions.ids[1])], "look again later")
    set_action("sweep", some, "ambiguous")
    save_slice("sweep", "drive drive", Phrase("drive"))
    return save_selection("sweep", some, source="a table")


def expected(predictions: RunPredictions, name: str, value: str) -> int:
    """How many examples a filter should keep, computed from the files."""
    if name == "split":
        return len(run_predictions("sweep", value).ids)
    texts = load_examples("posts").set_index("id").loc[predictions.ids, "text"]
    probs, labels = predictions.pos_probs[predictions.runs.index(RUN)], predictions.labels
    has_drive, lengths = texts.str.contains(r"\bdrive\b"), word_counts(texts.tolist())
    majority = (predictions.pos_probs[predictions.ratios == 10] >= 0.5).sum(axis=0) >= 2
    groups = outcome_groups_of(predictions, threshold=0.5)
    assert groups is not None
    masks = {
        "outcome": (labels == 0) & (probs >= 0.5),
        "text": texts.str.contains("drive"),
        "regex": has_drive,
        "slice": has_drive,
        "chance": (probs >= 0.2) & (probs <= 0.6),
        "group": groups["group"] == value,
        "length": (lengths >= 13) & (lengths <= 15),
        "seeds": (labels == 1) & ~majority,
    }
    if name == "cause":
        both = [causes_of("sweep", ratio=10, outcome=outcome).examples for outcome in ("fn", "fp")]
        return sum(int((one["cause"] == value).sum()) for one in both)
    if name in masks:
        return int(masks[name].sum())
    return len(labels) - len(ANNOTATED) if value in ("undecided", "Not on the list") else len(ANNOTATED)


@pytest.mark.parametrize(("name", "value"), VALUES)
def test_every_filter_goes_from_the_url_to_the_queue_and_is_cleared(
    sweep: RunPredictions, name: str, value: str
) -> None:
    picked = annotate(sweep)
    value = value or picked
    one = next(one for one in FILTERS if one.name == name)
    at = open_errors(**{"outcome": "all", **TOGETHER.get(name, {}), name: value})
    assert at.session_state[name] == one.parse(value) != one.default
    assert not at.error
    assert 0 < in_queue(at) == expected(sweep, name, value)
    assert in_url(at, name) == value
    if one.label is None:
        assert f"chip-{name}" not in {button.key for button in at.button}
        at.session_state["more"] = True
    else:
        at.button(key=f"chip-{name}").click().run()
        assert name not in at.query_params and at.session_state[name] == one.default
        assert f"chip-{name}" not in {button.key for button in at.button}
        if name != "seeds":
            assert in_queue(at) == len(sweep.ids)


def test_the_values_cover_every_filter() -> None:
    assert {name for name, _ in VALUES} == {one.name for one in FILTERS}


@pytest.mark.parametrize("one", [one for one in FILTERS if one.parse is not str], ids=lambda one: one.name)
def test_an_invalid_value_in_the_url_becomes_the_default(sweep: RunPredictions, one: Filter) -> None:
    at = open_errors(**{one.name: "no such value"})
    if one.name != "group":  # any name is a possible group
        assert at.session_state[one.name] == one.default


def test_the_old_name_of_an_outcome_group_is_read(sweep: RunPredictions) -> None:
    at = open_errors(outcome="all", group="always hit")
    assert in_url(at, "group") == "always true positive"
    assert in_queue(at) == expected(sweep, "group", "always true positive")


def test_the_widgets_show_counts_and_write_the_url(sweep: RunPredictions) -> None:
    add_tag("sweep", [str(sweep.ids[0])], "look again")
    save_slice("sweep", "drive drive", Phrase("drive"))
    at = open_errors(outcome="all")
    at.session_state["more"] = True
    at.run()
    for name, number, value in (("tag", 1, "look again"), ("slice", 1, "drive drive"), ("action", 7, "undecided"),
                                ("listed", 1, "Not on the list")):  # fmt: skip
        shown = count_on(at, f"{name}-{number}")
        at.button(key=f"{name}-{number}").click().run()
        assert (in_url(at, name), in_queue(at)) == (value, shown)
        at.button(key=f"{name}-0").click().run()
        assert name not in at.query_params
    at.button(key="length-2").click().run()
    at.slider(key="chance-range").set_value((0.1, 0.9)).run()
    assert re.fullmatch(r"\d+-\d*", in_url(at, "length")) and in_url(at, "chance") == "0.1-0.9"
    at.session_state["more"] = False
    at.button(key="next").click().run()
    assert in_url(at, "chance") == "0.1-0.9"
    at.button(key="chip-all").click().run()
    assert in_queue(at) == len(sweep.ids)


def test_the_counts_of_outcomes_respect_the_other_filters(sweep: RunPredictions) -> None:
    at = open_errors(outcome="fp", length="13-15", text="drive")
    texts = load_examples("posts").set_index("id").loc[sweep.ids, "text"]
    lengths = word_counts(texts.tolist())
    inside = (lengths >= 13) & (lengths <= 15) & texts.str.contains("drive").to_numpy()
    names = outcomes(sweep.labels, sweep.pos_probs[sweep.runs.index(RUN)])
    for outcome in ("fn", "fp", "tp", "tn"):
        assert count_on(at, f"pick-{outcome}") == (inside & (names == outcome)).sum()


def test_the_majority_of_seeds_decides(sweep: RunPredictions) -> None:
    at = open_errors(seeds="most", outcome="fn")
    missed = expected(sweep, "seeds", "most")
    assert headline_of(at).startswith("### Most of 3 seeds") and f" {missed} of {sweep.labels.sum()} " in headline_of(
        at
    )
    assert re.search(r"predicted negative by [23]/3 seeds, mean probability", html_of(at))
    at.button(key="add").click().run()
    reason = load_hard_cases("sweep")["reasons"][0]
    assert re.fullmatch(r"false negative by most seeds at 1:10 \([01]/3 predict positive\)", reason)


def test_an_unknown_slice_is_an_error_and_ignored(sweep: RunPredictions) -> None:
    at = open_errors(outcome="all", slice="gone")
    assert len(at.error) == 1 and "gone" in at.error[0].value
    assert in_queue(at) == len(sweep.ids)


def test_order_by_margin(sweep: RunPredictions) -> None:
    rows, matrix = load_embeddings(load_run("sweep", RUN).folder)
    unit = matrix / np.linalg.norm(matrix, axis=1, keepdims=True)
    train, labels = (rows["split"] == "train").to_numpy(), rows["label"].to_numpy()
    at = open_errors(sort="margin")
    read = queue(at, most=6)
    places = rows.set_index("id").index.get_indexer(read)
    nearest = [(unit[places] @ unit[train & (labels == label)].T).max(axis=1) for label in (1, 0)]
    margins = (nearest[0] - nearest[1]).tolist()  # the own class of false negatives is positive
    assert margins == sorted(margins)
    assert in_url(at, "sort") == "margin"


def test_the_data_map_orders_training_examples_only(sweep: RunPredictions) -> None:
    assert "data map" not in open_errors().selectbox(key="sort").options
    at = open_errors(split="train", outcome="all", sort="data map")
    assert at.selectbox(key="sort").value == "data map"
    dynamics = load_dynamics(load_run("sweep", RUN))
    of_true = np.where(dynamics.labels == 1, dynamics.pos_probs, 1 - dynamics.pos_probs).mean(axis=0)
    confidence = dict(zip(dynamics.ids, of_true, strict=True))
    read = [confidence[one] for one in queue(at, most=4)]
    assert read == sorted(read) and read[0] == pytest.approx(of_true.min())


def test_the_largest_disagreement_of_seeds_comes_first(sweep: RunPredictions) -> None:
    at = open_errors(sort="seeds", outcome="all")
    probs = sweep.pos_probs[sweep.ratios == 10]
    assert example_of(at) == sweep.ids[np.argmax(probs.max(axis=0) - probs.min(axis=0))]


def test_a_selection_combines_with_other_filters(sweep: RunPredictions) -> None:
    key = save_selection("sweep", [str(one) for one in sweep.ids[:40]], source="a table")
    at = open_errors(picked=key, outcome="all", length="13-15")
    lengths = word_counts(load_examples("posts").set_index("id").loc[sweep.ids[:40], "text"].tolist())
    assert in_queue(at) == ((lengths >= 13) & (lengths <= 15)).sum()
