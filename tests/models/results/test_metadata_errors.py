"""Errors by column: counts against own counting, rules and ids that select them, what is skipped, the sentence."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy.stats import fisher_exact

from closecall.analysis.causes.miss_wording import CausesOfErrors
from closecall.charts.report import report_html
from closecall.data.annotations.causes import CauseEvidence, EvidenceInfo, empty_columns, save_evidence
from closecall.data.datasets.store import delete_dataset, load_examples, metadata_columns
from closecall.data.io.errors import UserError
from closecall.data.io.files import write_frame
from closecall.models.results.causes import causes_of
from closecall.models.results.metadata_errors import (
    ColumnErrors,
    chosen_column,
    column_rows,
    column_sentence,
    errors_by_column,
)
from closecall.models.results.report_content import report_content
from closecall.models.results.run_predictions import read_run_predictions
from tests.makers import make_dataset, make_experiment


@pytest.fixture
def found(workspace: Path) -> CausesOfErrors:
    """The false negatives at 1:10, with columns of which `site` has half of them in one value."""
    make_experiment(make_dataset(positives=240, negatives=1200), ratios=(1, 10), seeds=(0, 1, 2))
    found = causes_of("sweep", ratio=10)
    examples = load_examples("posts")
    rng = np.random.default_rng(0)
    missed = examples["id"].isin(found.examples["id"]).to_numpy()
    site = np.where(missed & (rng.random(len(examples)) < 0.7), "forum", rng.choice(["mail", "forum"], len(examples)))
    extra = {"meta.site": site, "meta.user": examples["id"], "meta.score": rng.integers(0, 500, len(examples))}
    write_frame(workspace / "datasets" / "posts" / "examples.parquet", examples.assign(**extra, group="same"))
    return found


def columns_of(found: CausesOfErrors) -> list[ColumnErrors]:
    return errors_by_column("sweep", read_run_predictions("sweep")["test"], found)


def test_counts_and_tests_agree_with_own_counting(found: CausesOfErrors) -> None:
    assert metadata_columns("posts") == ["class_name", "group", "meta.site", "meta.user", "meta.score"]
    one = chosen_column(columns_of(found), "site")
    examples = load_examples("posts")
    own = examples[(examples["split"] == "test") & (examples["label"] == 1)]
    missed = own["id"].isin(found.examples["id"])
    table = one.table.set_index("value")
    assert table["n"].sum() == len(own) and table["wrong"].sum() == missed.sum() == len(found.examples)
    for value, errors in zip(one.table["value"], one.errors, strict=True):
        inside = own["meta.site"] == value
        assert set(errors) == set(own.loc[missed & inside, "id"]) and table.loc[value, "n"] == inside.sum()
        counts = pd.crosstab(inside, missed).to_numpy()
        assert table.loc[value, "p"] == pytest.approx(fisher_exact(counts).pvalue)
    assert one.table["difference"].is_monotonic_decreasing
    assert table.loc["forum", "rule"] == "column:meta.site=forum"


def test_quartiles_have_rules_and_unique_columns_say_why_they_are_skipped(found: CausesOfErrors) -> None:
    columns = columns_of(found)
    assert columns[0].column == "meta.site" and [one.column for one in columns[-1:]] == ["meta.user"]
    score = chosen_column(columns, "meta.score")
    assert score.kind == "numbers" and len(score.table) == 4
    assert score.table["rule"].str.match(r"range:meta\.score=\d+\.\.\d+$").all()
    user = chosen_column(columns, "user")
    assert user.table.empty and not user.significant and "its own value" in column_sentence(user)
    # Class and group have one value among the positives.
    assert {one.column for one in columns} == {"meta.site", "meta.score", "meta.user"}


def test_an_unknown_column_lists_the_known_ones(found: CausesOfErrors) -> None:
    with pytest.raises(UserError, match=r"compared by colour\. Columns that can be: site, score, user\."):
        chosen_column(columns_of(found), "colour")


def test_the_sentence_names_the_value_with_more_errors(found: CausesOfErrors) -> None:
    columns = columns_of(found)
    site = chosen_column(columns, "site")
    assert site.significant
    forum = site.table.set_index("value").loc["forum"]
    sentence = column_sentence(site)
    assert "with site “forum” have more false negatives" in sentence and f"{forum['wrong']}/{forum['n']}" in sentence
    assert "No value of score" in column_sentence(chosen_column(columns, "score"))
    rows = column_rows(site)
    assert rows.iloc[0].tolist()[0] == "forum" and len(rows) == 2


def test_the_report_shows_significant_columns_only(found: CausesOfErrors) -> None:
    content = report_content("sweep", q=0.1)
    assert ("fn", "meta.site") in {(one.outcome, one.column) for one in content.by_column}
    page = report_html(content)
    assert "False negatives at 1:10 by site" in page and "by score" not in page


def test_the_class_of_the_nearest_negative_needs_the_evidence(found: CausesOfErrors, workspace: Path) -> None:
    examples = load_examples("posts")
    negatives = examples["label"] == 0
    examples.loc[negatives, "class_name"] = np.where(np.arange(negatives.sum()) % 2 == 0, "dos", "windows")
    write_frame(workspace / "datasets" / "posts" / "examples.parquet", examples)
    assert "nearest_negative" not in {one.column for one in columns_of(found)}

    test = read_run_predictions("sweep")["test"]
    near = np.random.default_rng(1).choice(examples.loc[negatives, "id"].to_numpy(), len(test.ids))
    stored = empty_columns(test.ids, test.labels).assign(nearest_negative=near)
    save_evidence("sweep", CauseEvidence(EvidenceInfo("", {}), stored, pd.DataFrame({"id": test.ids})))
    one = chosen_column(columns_of(found), "class of the nearest negative")
    names, nearest = examples.set_index("id")["class_name"], pd.Series(near, index=test.ids)
    own = names.loc[nearest[test.ids[test.labels == 1]]]
    assert one.table.set_index("value")["n"].to_dict() == own.value_counts().to_dict()
    for value, errors in zip(one.table["value"], one.errors, strict=True):
        assert (names.loc[nearest[list(errors)]] == value).all()
    assert set(one.table["value"]) == {"dos", "windows"} and (one.table["rule"] == "").all()
    positives = columns_of(causes_of("sweep", ratio=10, outcome="fp"))
    assert set(chosen_column(positives, "class").table["value"]) == {"dos", "windows"}


def test_nothing_is_compared_without_errors_or_dataset(found: CausesOfErrors) -> None:
    test = read_run_predictions("sweep")["test"]
    none = causes_of("sweep", ratio=10, threshold=0.0)
    assert none.examples.empty and errors_by_column("sweep", test, none) == []
    delete_dataset("posts")
    assert errors_by_column("sweep", test, found) == []
