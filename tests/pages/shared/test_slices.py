"""Slices on pages: the members by every rule, also for unknown ids."""

from pathlib import Path

import numpy as np
import pytest

from closecall.data.annotations.selections import save_selection
from closecall.data.annotations.slice_rules import Column, Length, Phrase, Picked
from closecall.data.annotations.slices import delete_slice, save_slice
from closecall.data.datasets.store import delete_dataset, load_examples
from closecall.data.io.errors import UserError
from closecall.data.io.files import write_frame
from closecall.pages.shared.runs import run_predictions
from closecall.pages.shared.slices import slice_members, slice_names
from tests.makers import make_dataset, make_experiment


@pytest.fixture
def ids(workspace: Path) -> np.ndarray:
    make_experiment(make_dataset(), ratios=(1,), seeds=(0,), with_embeddings=False)
    return run_predictions("sweep").ids


def test_members_by_every_rule(ids: np.ndarray) -> None:
    texts = make_dataset("copy").examples.set_index("id")["text"]
    for name, rule in (
        ("m", Phrase("MAC")),
        ("s", Length(13, 13)),
        ("n", Length(14)),
        ("c", Column("class_name", "pc")),
    ):
        save_slice("sweep", name, rule)
    save_slice("sweep", "p", Picked(save_selection("sweep", ids[[3, 1]], source="lasso")))
    assert slice_names("sweep") == ["m", "s", "n", "c", "p"]
    assert slice_members("sweep", "m", ids).tolist() == ["mac" in texts[one].split() for one in ids]
    lengths = np.array([len(texts[one].split()) for one in ids])
    assert slice_members("sweep", "s", ids).tolist() == (lengths == 13).tolist()
    assert slice_members("sweep", "n", ids).tolist() == (lengths >= 14).tolist()
    assert slice_members("sweep", "p", ids).sum() == 2
    assert slice_members("sweep", "p", ids)[[1, 3]].all()
    assert slice_members("sweep", "c", ids).sum() == (run_predictions("sweep").labels == 0).sum()
    assert not slice_members("sweep", "m", np.array(["nobody"], dtype=object)).any()


def test_a_rule_in_written_form_needs_no_saved_slice(ids: np.ndarray) -> None:
    save_slice("sweep", "m", Phrase("mac"))
    assert (slice_members("sweep", "word:mac", ids) == slice_members("sweep", "m", ids)).all()


def test_a_change_of_the_log_is_read_at_once(ids: np.ndarray) -> None:
    one = save_slice("sweep", "m", Phrase("mac"))
    assert slice_names("sweep") == ["m"]
    delete_slice("sweep", one.key)
    assert slice_names("sweep") == []
    with pytest.raises(UserError, match="no slice named m"):
        slice_members("sweep", "m", ids)


def test_rules_that_need_a_deleted_dataset_are_refused(ids: np.ndarray) -> None:
    delete_dataset("posts")
    with pytest.raises(UserError, match="no texts of dataset posts"):
        slice_members("sweep", "word:mac", ids)
    with pytest.raises(UserError, match="no column class_name"):
        slice_members("sweep", "column:class_name=pc", ids)


def test_a_range_of_a_column_selects_numbers_and_dates(ids: np.ndarray, workspace: Path) -> None:
    examples = load_examples("posts")
    numbers = np.arange(len(examples))
    dates = [f"1993-{1 + one % 12:02d}-{1 + one % 28:02d}" for one in numbers]
    examples = examples.assign(**{"meta.score": numbers.astype(str), "meta.sent": dates})
    write_frame(workspace / "datasets" / "posts" / "examples.parquet", examples)
    places = examples.set_index("id")["meta.score"].loc[ids].astype(int)
    inside = slice_members("sweep", "range:meta.score=20..90", ids)
    assert inside.tolist() == ((places >= 20) & (places <= 90)).tolist() and inside.any()
    april = slice_members("sweep", "range:meta.sent=1993-04-01..1993-04-30", ids)
    assert april.tolist() == (places % 12 == 3).tolist() and april.any()
    for rule in ("range:meta.score=a..b", "range:class_name=1..2"):
        with pytest.raises(UserError, match="not a range of numbers or dates"):
            slice_members("sweep", rule, ids)
    with pytest.raises(UserError, match=r"no column meta\.none"):
        slice_members("sweep", "range:meta.none=1..2", ids)
