"""The filters of the Errors page: from a link, from the page, into the URL and away again; and the orders."""

import re
from pathlib import Path

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

from closecall.analysis.errors.neighbours import contrast_neighbours
from closecall.analysis.metrics.outcomes import outcomes
from closecall.analysis.text import word_counts
from closecall.data.annotations.hard_cases import add_hard_cases, add_tag, set_action
from closecall.data.annotations.selections import save_selection
from closecall.data.annotations.slice_rules import Phrase
from closecall.data.annotations.slices import save_slice
from closecall.data.datasets.store import load_examples
from closecall.data.experiments.runs import load_dynamics, load_embeddings, load_run
from closecall.data.io.files import write_frame
from closecall.pages.shared.runs import RunPredictions, outcome_groups_of, run_predictions
from tests.makers import make_dataset, make_experiment
from tests.pages.test_errors import example, in_url, opened

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
    said = [re.fullmatch(r"(?:[\d,]+ of )?([\d,]+)(?: in the queue)?", one.value) for one in at.caption]
    return int(next(one for one in said if one).group(1).replace(",", ""))


def queue(at: AppTest, *, most: int = 20) -> list[str]:
    """The first ids of the queue, read one after the other."""
    read = [example(at)]
    while len(read) < most and not at.button(key="next").disabled:
        read.append(example(at.button(key="next").click().run()))
    return read


def counted(at: AppTest, key: str) -> int:
    return int(re.search(r"\*\*([\d,]+)\*\*", at.button(key=key).label).group(1).replace(",", ""))  # type: ignore[union-attr]


def expected(evidence: RunPredictions, name: str, value: str) -> np.ndarray:
    """Which examples a filter should keep, worked out from the files anew."""
    examples = load_examples("posts").set_index("id").loc[evidence.ids]
    probs = evidence.pos_probs[evidence.runs.index(RUN)]
    words = word_counts(examples["text"].tolist())
    if name == "length":
        return (words >= 13) & (words <= 15)
    if name == "slice":
        return examples["text"].str.contains(rf"\b{value.removeprefix('word:').removeprefix('drive ')}\b").to_numpy()
    if name == "chance":
        return (probs >= 0.2) & (probs <= 0.6)
    if name == "group":
        groups = outcome_groups_of(evidence, threshold=0.5)
        assert groups is not None
        return (groups["group"] == value).to_numpy()
    some = np.isin(np.arange(len(evidence.ids)), [0, 5, 9])
    return ~some if value in ("undecided", "Not on the list") else some


LINKS = [
    ("tag", "look again"),
    ("action", "ambiguous"),
    ("action", "undecided"),
    ("listed", "On the list"),
    ("listed", "Not on the list"),
    ("slice", "word:drive"),
    ("slice", "drive drive"),
    ("length", "13-15"),
    ("chance", "0.2-0.6"),
    ("group", "always hit"),
]


def test_a_link_narrows_the_queue_and_a_chip_widens_it(sweep: RunPredictions) -> None:
    some = [str(sweep.ids[place]) for place in (0, 5, 9)]
    add_hard_cases("sweep", some, ["x"] * 3)
    add_tag("sweep", some, "look again")
    add_tag("sweep", [str(sweep.ids[1])], "look again later")
    set_action("sweep", some, "ambiguous")
    save_slice("sweep", "drive drive", Phrase("drive"))
    at = opened(outcome="all")
    for name, value in LINKS:
        at.query_params[name] = value
        at.run()
        assert [one.message for one in at.exception] == [] and not at.error
        assert 0 < in_queue(at) == expected(sweep, name, value).sum() < len(sweep.ids)
        assert in_url(at, name) == value
        at.button(key=f"chip-{name}").click().run()
        assert name not in at.query_params
        assert in_queue(at) == len(sweep.ids)


def test_filters_on_the_page_count_and_go_into_the_url(sweep: RunPredictions) -> None:
    add_tag("sweep", [str(sweep.ids[0])], "look again")
    save_slice("sweep", "drive drive", Phrase("drive"))
    at = opened(outcome="all")
    at.session_state["more"] = True
    at.run()
    for name, number, value in (("tag", 1, "look again"), ("slice", 1, "drive drive"), ("action", 7, "undecided"),
                                ("listed", 1, "Not on the list")):  # fmt: skip
        promised = counted(at, f"{name}-{number}")
        at.button(key=f"{name}-{number}").click().run()
        assert (in_url(at, name), in_queue(at)) == (value, promised)
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


def test_counts_of_the_outcomes_compose_with_the_other_filters(sweep: RunPredictions) -> None:
    at = opened(outcome="fp", length="13-15", text="drive")
    examples = load_examples("posts").set_index("id").loc[sweep.ids]
    inside = expected(sweep, "length", "13-15") & examples["text"].str.contains("drive").to_numpy()
    names = outcomes(sweep.labels, sweep.pos_probs[sweep.runs.index(RUN)])
    for outcome in ("fn", "fp", "tp", "tn"):
        assert counted(at, f"pick-{outcome}") == (inside & (names == outcome)).sum()


def test_most_seeds_decide_when_asked(sweep: RunPredictions) -> None:
    at = opened(seeds="most", outcome="fn")
    same = sweep.ratios == 10
    missed = (sweep.labels == 1) & ((sweep.pos_probs[same] >= 0.5).sum(axis=0) < 2)
    assert in_queue(at) == missed.sum()
    assert at.markdown[0].value == f"### Most of 3 seeds at 1:10 miss {missed.sum()} positives of {sweep.labels.sum()}."
    facts = "".join(one.proto.body for one in at.get("html"))
    assert re.search(r"called negative by [23] of 3 seeds, mean probability", facts)
    assert in_url(at, "seeds") == "most"
    at.button(key="add").click().run()
    at.button(key="chip-seeds").click().run()
    assert "seeds" not in at.query_params


def test_an_unknown_slice_is_told_and_left_out(sweep: RunPredictions) -> None:
    at = opened(outcome="all", slice="gone")
    assert "no slice named gone" in at.error[0].value
    assert in_queue(at) == len(sweep.ids)


def test_the_margin_is_that_of_the_contrast_neighbours(sweep: RunPredictions) -> None:
    rows, matrix = load_embeddings(load_run("sweep", RUN).folder)
    train = (rows["split"] == "train").to_numpy()
    at = opened(sort="margin")
    read = queue(at, most=6)
    places = rows.set_index("id").index.get_indexer(read)
    margins = contrast_neighbours(matrix[places], matrix[train], rows.loc[train, "label"])["margin"].tolist()
    assert margins == sorted(margins)
    assert in_url(at, "sort") == "margin"


def test_the_data_map_orders_training_examples_only(sweep: RunPredictions) -> None:
    assert "data map" not in opened().selectbox(key="sort").options
    at = opened(split="train", outcome="all", sort="data map")
    assert at.selectbox(key="sort").value == "data map"
    dynamics = load_dynamics(load_run("sweep", RUN))
    of_true = np.where(dynamics.labels == 1, dynamics.pos_probs, 1 - dynamics.pos_probs).mean(axis=0)
    confidence = dict(zip(dynamics.ids, of_true, strict=True))
    read = [confidence[one] for one in queue(at, most=4)]
    assert read == sorted(read) and read[0] == pytest.approx(of_true.min())


def test_seeds_that_disagree_come_first(sweep: RunPredictions) -> None:
    at = opened(sort="seeds", outcome="all")
    probs = sweep.pos_probs[sweep.ratios == 10]
    assert example(at) == sweep.ids[np.argmax(probs.max(axis=0) - probs.min(axis=0))]


def test_picks_compose_with_other_filters(sweep: RunPredictions) -> None:
    key = save_selection("sweep", [str(one) for one in sweep.ids[:40]], source="a table")
    at = opened(picked=key, outcome="all", length="13-15")
    assert in_queue(at) == expected(sweep, "length", "13-15")[:40].sum()
