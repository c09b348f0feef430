"""Overview and Errors: errors by cause, before and after the evidence is computed, for both kinds of error."""

from pathlib import Path

import pytest

from closecall.models.explain.causes import compute_evidence
from closecall.models.results.causes import causes_of
from tests.makers import make_dataset, make_experiment
from tests.pages_driver import keys_of, links, open_page, page_text


@pytest.fixture
def experiment(workspace: Path) -> str:
    return make_experiment(make_dataset(positives=240, negatives=1200), ratios=(1, 3, 10), seeds=(0, 1)).id


def cause_links(at) -> dict[str, str]:
    return {query: label for label, query in links(at) if "cause=" in query}


def test_scores_alone_show_what_the_threshold_recovers(experiment: str) -> None:
    at = open_page("overview")
    found = causes_of(experiment, ratio=10.0)
    recovered = int((found.examples["cause"] == "threshold").sum())
    (label,) = {label for query, label in cause_links(at).items() if "cause=threshold" in query}
    assert f": {recovered} (" in label
    assert "find-causes" in keys_of(at, "button")
    assert not at.exception


def test_false_positives_are_shown_by_the_switch(experiment: str) -> None:
    at = open_page("overview")
    at.segmented_control(key="causes-of").set_value("fp").run()
    assert not at.exception and all("outcome=fp" in query for query in cause_links(at))


def test_the_evidence_is_shown_where_it_was_computed(experiment: str) -> None:
    compute_evidence(experiment)
    at = open_page("overview")
    assert "find-causes" not in keys_of(at, "button")
    assert "Near copies in training" in page_text(at) and "Suspect labels" in page_text(at)


def test_a_link_of_a_cause_opens_its_queue_with_the_evidence(experiment: str) -> None:
    found = causes_of(experiment, ratio=10.0)
    example = found.examples.loc[found.examples["cause"] == "threshold", "id"].iloc[0]
    at = open_page("errors", ratio="1:10", outcome="fn", cause="threshold", seeds="most", example=example)
    assert at.session_state["cause"] == "threshold" and at.session_state["example"] == example
    assert "Cause: recovered by the threshold" in page_text(at) and not at.exception


def test_an_example_that_is_classified_correctly_has_no_cause(experiment: str) -> None:
    at = open_page("errors", ratio="1:10", outcome="tp", seeds="most")
    assert "Cause:" not in page_text(at)
