"""Data: what a dataset holds, what was left out, and the way from a file to a dataset."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from streamlit.testing.v1 import AppTest

from closecall.data.datasets.store import Dataset, DatasetInfo, load_dataset, save_dataset
from tests.makers import HOSTILE, make_dataset
from tests.pages_driver import links, open_page, page_text

OWN = "Import your own"


@pytest.fixture
def table(tmp_path: Path) -> Path:
    """A CSV of posts of three topics, two of them empty, with a hostile text and a copy."""
    rng = np.random.default_rng(0)
    words = ["disk", "drive", "screen", "cable", "paper", "train"]
    rows = [(" ".join(rng.choice(words, 6)) + f" {n}", ("mac", "pc", "amiga")[n % 3], f"u{n % 20}") for n in range(120)]
    rows[3] = ("", "mac", "u3")
    rows[4] = (HOSTILE[0], "pc", "u4")
    rows[7] = (rows[1][0], "pc", "u7")
    path = tmp_path / "posts.csv"
    pd.DataFrame(rows, columns=["post", "topic", "author"]).to_csv(path, index=False)
    return path


def by_path(path: Path) -> AppTest:
    at = open_page("data", part=OWN)
    at.segmented_control(key="import-way").set_value("Path on the server").run()
    return at.text_input(key="import-path").set_value(str(path)).run()


def of(at: AppTest, kind: str, label: str):
    return next(one for one in at.get(kind) if label in one.label)


def test_an_empty_workspace_offers_the_built_in_texts_with_their_licences(workspace: Path) -> None:
    text = page_text(open_page("data"))
    assert "Newsgroups, close pair" in text
    assert "Add to the workspace" in text
    assert "Licence: The package is under the MIT licence" in text


def test_a_dataset_tells_its_sizes_and_the_ratios_it_can_give(workspace: Path) -> None:
    make_dataset()
    at = open_page("data")
    assert "80 positives and 400 negatives" in page_text(at)
    assert "With all 41 training positives the ratios go up to 1:4.8; for 1:10 take at most 19 of them" in page_text(at)
    assert ("Train classifiers on it", "dataset=posts") in links(at)
    sizes = next(one.value for one in at.dataframe if "positives" in one.value)
    assert sizes["positives"].tolist()[-1] == 80


def test_the_url_names_the_dataset(workspace: Path) -> None:
    make_dataset("alpha")
    make_dataset("beta", positives=30, negatives=60)
    assert "30 positives and 60 negatives" in page_text(open_page("data", dataset="beta"))


def test_rows_set_aside_and_conflicts_are_listed_with_their_row_numbers(workspace: Path) -> None:
    made = make_dataset("source")
    twice = made.examples.iloc[[5, 100]].assign(text=HOSTILE[0], key="k")[["key", "id", "label", "source_row", "text"]]
    info = replace(made.info, name="odd", notes=("**bold** note",))
    save_dataset(Dataset(info, made.examples, made.set_aside, twice))
    at = open_page("data", dataset="odd")
    labels = [one.label for one in at.expander]
    assert "1 row set aside" in labels
    assert "1 text with both labels" in labels
    assert "1 row: empty text" in page_text(at)
    assert r"\*\*bold\*\* note" in page_text(at)
    assert HOSTILE[0] not in page_text(at)
    rows = next(one.value for one in at.dataframe if "reason" in one.value)
    assert rows["source_row"].tolist() == [7]


def test_predictions_without_texts_or_training_are_said_to_be_so(workspace: Path) -> None:
    made = make_dataset("source")
    examples = made.examples.assign(text="", split="test")
    info = DatasetInfo(**{**vars(made.info), "name": "bare", "has_texts": False})
    save_dataset(Dataset(info, examples, made.set_aside, made.conflicts))
    text = page_text(open_page("data", dataset="bare"))
    assert "came without texts" in text
    assert "training needs at least 2" in text


def test_a_file_becomes_a_dataset(workspace: Path, table: Path) -> None:
    at = by_path(table)
    assert of(at, "selectbox", "Text column").value == "post"
    assert of(at, "selectbox", "Group column").value == "author"
    of(at, "selectbox", "Group column").set_value("(none)").run()
    of(at, "multiselect", "Positive").set_value(["amiga"]).run()
    at.button(key="import-go").click().run()
    assert [one.message for one in at.exception] == []
    made = load_dataset("posts")
    assert made.info.positive_classes == ("amiga",)
    assert sorted(made.set_aside["source_row"]) == [5, 9]
    assert "39 positives" in page_text(at) or "40 positives" in page_text(at)


def test_what_is_wrong_is_told_in_a_sentence_and_what_was_typed_stays(workspace: Path, table: Path) -> None:
    at = by_path(table)
    of(at, "multiselect", "Positive").set_value(["mac", "pc", "amiga"]).run()
    at.text_input(key=f"import-title-{table} {table.stat().st_mtime_ns}").set_value("My posts").run()
    at.button(key="import-go").click().run()
    assert "Name at least one negative class" in page_text(at)
    assert of(at, "text_input", "Title").value == "My posts"


def test_a_path_that_is_not_there_is_told(workspace: Path, tmp_path: Path) -> None:
    assert "There is no file" in page_text(by_path(tmp_path / "none.csv"))


def test_a_server_for_others_reads_only_below_its_roots(
    workspace: Path, table: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CLOSECALL_ROOTS", str(workspace))
    assert "is not below a folder that this server may read from" in page_text(by_path(table)).replace("\\", "")
