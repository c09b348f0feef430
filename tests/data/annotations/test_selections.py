"""Selections: the same picks make the same key, what is read back is what was picked."""

from pathlib import Path

import pytest

from closecall.data.annotations.selections import load_selection, save_selection
from closecall.data.experiments.store import experiment_folder
from closecall.data.io.errors import UserError
from tests.makers import make_dataset, make_experiment


@pytest.fixture
def sweep(workspace: Path) -> str:
    return make_experiment(make_dataset(), ratios=(1,), seeds=(0,), with_embeddings=False).id


def test_picks_come_back_in_their_order_under_a_key_of_their_content(sweep: str) -> None:
    key = save_selection(sweep, ["b", "a", "\u202eשלום\x00"], source="lasso at 1:10")
    assert load_selection(sweep, key).ids == ("b", "a", "\u202eשלום\x00")
    assert load_selection(sweep, key).source == "lasso at 1:10"
    assert save_selection(sweep, ["b", "a", "\u202eשלום\x00"], source="lasso at 1:10") == key
    assert save_selection(sweep, ["a", "b"], source="lasso at 1:10") != key


def test_selections_that_cannot_be_read_are_refused(sweep: str) -> None:
    with pytest.raises(UserError, match="Pick at least one"):
        save_selection(sweep, [], source="lasso")
    with pytest.raises(UserError, match="no selection 0123"):
        load_selection(sweep, "0123")
    with pytest.raises(UserError, match="not the name"):
        load_selection(sweep, "../../etc/passwd")
    key = save_selection(sweep, ["a"], source="lasso")
    (experiment_folder(sweep) / "selections" / f"{key}.json").write_text('{"schema": 1}')
    with pytest.raises(UserError, match="Select the examples again"):
        load_selection(sweep, key)
