"""Small shared pieces of the pages: escaped text, search, the evidence of all runs."""

from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from closecall.data.io.errors import UserError
from closecall.pages.shared.cached_io import first_words, search, texts_of
from closecall.pages.shared.example_card import strip
from closecall.pages.shared.highlight import escaped, highlighted
from closecall.pages.shared.neighbours import neighbours
from closecall.pages.shared.runs import outcome_groups_of, run_predictions
from tests.makers import HOSTILE, make_dataset, make_experiment


def test_text_is_escaped_also_where_words_are_marked() -> None:
    shown = highlighted("<b>Mac</b> & mac's \x00", ["mac", "b"])
    assert shown == "&lt;<mark>b</mark>&gt;<mark>Mac</mark>&lt;/<mark>b</mark>&gt; &amp; mac&#x27;s \ufffd"
    assert all("<" not in escaped(text) for text in HOSTILE)


def test_first_words_stand_on_one_line() -> None:
    assert first_words("a\n\n b\tc") == "a b c"
    assert first_words("x" * 500, 20) == "x" * 19 + "…"


def test_search_is_plain_or_a_pattern() -> None:
    column = pa.chunked_array([pa.array(["A.B", "aXb", "\u00c4pfel", ""], type=pa.large_string())])
    assert search(column, "a.b", pattern=False).tolist() == [True, False, False, False]
    assert search(column, "a.b", pattern=True).tolist() == [True, True, False, False]
    assert search(column, "\u00e4PFEL", pattern=False).tolist() == [False, False, True, False]
    with pytest.raises(UserError, match="not a regular expression"):
        search(column, "(a", pattern=True)


def test_evidence_holds_every_run_and_example(workspace: Path) -> None:
    dataset = make_dataset()
    make_experiment(dataset, ratios=(1, 5), seeds=(0, 1))
    evidence = run_predictions("sweep")
    assert evidence.pos_probs.shape == (4, int((dataset.examples["split"] == "test").sum()))
    assert not np.isnan(evidence.pos_probs).any()
    groups = outcome_groups_of(evidence, threshold=0.5)
    assert groups is not None
    assert len(groups) == len(evidence.ids)
    found = neighbours(workspace / "experiments" / "sweep" / "runs" / "r5-s0-none", str(evidence.ids[0]))
    assert isinstance(found, dict)
    assert found[1].cosines == tuple(sorted(found[1].cosines, reverse=True))
    assert texts_of("posts").starts(evidence.ids[:2])[0]


def test_the_strip_draws_a_bar_for_each_run() -> None:
    drawn = strip(1, np.array([0.2, np.nan]), np.array([1.0, 5.0]), np.array([0, 0]), threshold=0.5, own=(1.0, 0))
    assert drawn.count('class="cut"') == 1
    assert "1:1, seed 0: .20, miss" in drawn
    assert "not told" in drawn
