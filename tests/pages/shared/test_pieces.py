"""Small shared parts of the pages: escaping, highlighting, search, the predictions of all runs."""

from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from closecall.analysis.metrics.outcomes import OUTCOME_NAME
from closecall.data.io.errors import UserError
from closecall.pages.shared.cached_io import first_words, search, texts_of
from closecall.pages.shared.escaping import escape_html, highlight_words
from closecall.pages.shared.examples import probability_strip
from closecall.pages.shared.neighbours import neighbours
from closecall.pages.shared.runs import outcome_groups_of, run_predictions
from tests.makers import HOSTILE, make_dataset, make_experiment


def test_text_is_escaped_also_where_words_are_marked() -> None:
    shown = highlight_words("<b>Mac</b> & mac's \x00", ["mac", "b"])
    assert shown == "&lt;<mark>b</mark>&gt;<mark>Mac</mark>&lt;/<mark>b</mark>&gt; &amp; mac&#x27;s \ufffd"
    assert all("<" not in escape_html(text) for text in HOSTILE)


def test_first_words_are_on_one_line() -> None:
    assert first_words("a\n\n b\tc") == "a b c"
    assert first_words("x" * 500, 20) == "x" * 19 + "…"


def test_search_finds_a_string_or_a_regular_expression() -> None:
    column = pa.chunked_array([pa.array(["A.B", "aXb", "\u00c4pfel", ""], type=pa.large_string())])
    assert search(column, "a.b", pattern=False).tolist() == [True, False, False, False]
    assert search(column, "a.b", pattern=True).tolist() == [True, True, False, False]
    assert search(column, "\u00e4PFEL", pattern=False).tolist() == [False, False, True, False]
    with pytest.raises(UserError, match="regular expression"):
        search(column, "(a", pattern=True)


def test_run_predictions_have_every_run_and_example(workspace: Path) -> None:
    dataset = make_dataset()
    make_experiment(dataset, ratios=(1, 5), seeds=(0, 1))
    table = run_predictions("sweep")
    assert table.pos_probs.shape == (4, int((dataset.examples["split"] == "test").sum()))
    assert not np.isnan(table.pos_probs).any()
    groups = outcome_groups_of(table, threshold=0.5)
    assert groups is not None
    assert len(groups) == len(table.ids)
    found = neighbours(workspace / "experiments" / "sweep" / "runs" / "r5-s0-none", str(table.ids[0]))
    assert isinstance(found, dict)
    assert found[1].cosines == tuple(sorted(found[1].cosines, reverse=True))
    assert texts_of("posts").starts(table.ids[:2])[0]


def test_the_probability_strip_has_a_bar_for_each_run() -> None:
    probs, ratios, seeds = np.array([0.2, np.nan]), np.array([1.0, 5.0]), np.array([0, 0])
    drawn = probability_strip(1, probs, ratios, seeds, threshold=0.5, own=(1.0, 0))
    assert drawn.count('class="threshold"') == 1
    assert f"1:1, seed 0: 0.20, {OUTCOME_NAME['fn']}" in drawn
    assert drawn.count('class="bar"') == 1 and drawn.count('class="bar own"') == 1
