"""Overview and Errors: errors by cause, before and after the evidence is computed, for both kinds of error."""

from pathlib import Path

import numpy as np
import pytest

from closecall.charts.report import report_html
from closecall.data.annotations.causes import evidence_folder
from closecall.data.annotations.selections import load_selection
from closecall.data.datasets.store import load_examples
from closecall.data.io.files import write_frame
from closecall.models.explain.causes import compute_evidence
from closecall.models.results.causes import causes_of
from closecall.models.results.measures.all_measures import stored_measures
from closecall.models.results.metadata_errors import chosen_column, errors_by_column
from closecall.models.results.report_content import report_content
from closecall.models.results.run_predictions import read_run_predictions
from closecall.pages.shared.escaping import escape_markdown
from tests.makers import make_dataset, make_experiment
from tests.pages.errors_page import count_on, in_url
from tests.pages_driver import keys_of, links, open_page, page_text, table_with


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
    shown = page_text(at)
    for one in stored_measures(experiment):
        assert escape_markdown(one.heading) in shown
    assert any("Collect more positives" in label for label, _ in links(at))
    (evidence_folder(experiment) / "texts.json").unlink()  # as computed by an earlier version
    at = open_page("overview")
    assert "find-causes" in keys_of(at, "button") and "Near copies in training" in page_text(at)


def test_a_link_of_a_cause_opens_its_queue_with_the_evidence(experiment: str) -> None:
    found = causes_of(experiment, ratio=10.0)
    example = found.examples.loc[found.examples["cause"] == "threshold", "id"].iloc[0]
    at = open_page("errors", ratio="1:10", outcome="fn", cause="threshold", seeds="most", example=example)
    assert at.session_state["cause"] == "threshold" and at.session_state["example"] == example
    assert "Cause: recovered by the threshold" in page_text(at) and not at.exception


def test_an_example_that_is_classified_correctly_has_no_cause(experiment: str) -> None:
    at = open_page("errors", ratio="1:10", outcome="tp", seeds="most")
    assert "Cause:" not in page_text(at)


@pytest.fixture
def with_columns(experiment: str, workspace: Path) -> str:
    examples = load_examples("posts")
    rng = np.random.default_rng(0)
    site, score = rng.choice(["mail", "forum", "web"], len(examples)), rng.integers(0, 300, len(examples))
    examples = examples.assign(**{"meta.site": site, "meta.score": score, "meta.user": examples["id"]})
    examples.loc[:60, "meta.site"] = [f"rare {row}" for row in range(61)]
    write_frame(workspace / "datasets" / "posts" / "examples.parquet", examples)
    return experiment


@pytest.mark.parametrize(("by", "value"), [("site", "mail"), ("score", ""), ("site", "other values")])
def test_a_value_of_a_column_opens_its_errors(with_columns: str, by: str, value: str) -> None:
    found = causes_of(with_columns, ratio=10.0)
    one = chosen_column(errors_by_column(with_columns, read_run_predictions(with_columns)["test"], found), by)
    row = one.table["value"].tolist().index(value) if value else 1
    at = open_page("overview", by=by)
    assert table_with(at, by.capitalize())[by.capitalize()].tolist() == one.table["value"].tolist()
    at.session_state[f"values-{one.column}-fn"] = {"selection": {"rows": [row]}}
    at.run()
    assert not at.exception
    picked = "picked" in at.query_params
    assert picked == (value == "other values") and picked != ("slice" in at.query_params)
    if picked:
        assert set(load_selection(with_columns, in_url(at, "picked")).ids) == set(one.errors[row])
    else:
        # Errors counts examples on which as many seeds are wrong as right by their mean probability.
        assert in_url(at, "slice") == one.table["rule"][row]
        assert count_on(at, "pick-fn") >= len(one.errors[row]) > 0


def test_the_column_is_in_the_url_and_the_skipped_one_says_why(with_columns: str) -> None:
    at = open_page("overview", by="score")
    assert at.selectbox(key="by").value == "score"
    at.selectbox(key="by").set_value("user").run()
    assert not at.exception and "its own value" in page_text(at)


def test_without_columns_there_is_no_table(experiment: str) -> None:
    assert "by" not in keys_of(open_page("overview"), "selectbox")


def test_without_errors_there_is_nothing_to_compare(workspace: Path) -> None:
    make_experiment(make_dataset(), ratios=(1, 3), seeds=(0,), with_embeddings=False, d_prime=16.0)
    at = open_page("overview", by="class")
    assert causes_of("sweep", ratio=3.0).examples.empty and not at.exception
    assert not any("by class" in one.label for one in at.expander)
    report = report_html(report_content("sweep", q=0.1))
    assert "no missed positives" in report
