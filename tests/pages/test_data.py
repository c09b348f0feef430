"""The Data page: sizes and ratios of a dataset, rows set aside, built-in datasets, and the import of a file."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from streamlit.testing.v1 import AppTest

from closecall.data.datasets.builtin import BUILTINS
from closecall.data.datasets.store import Dataset, DatasetInfo, dataset_names, load_dataset, save_dataset
from tests.makers import HOSTILE, make_dataset
from tests.pages_driver import headline_of, keys_of, link_targets, open_page, page_text, table_with

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


def test_an_empty_workspace_offers_the_builtin_datasets_with_their_licences(workspace: Path) -> None:
    at = open_page("data")
    assert {f"add-{one.name}" for one in BUILTINS} <= keys_of(at, "button")
    assert all(f"Licence: {one.licence}" in page_text(at) for one in BUILTINS)


def test_a_dataset_that_is_present_can_be_opened_from_its_card(workspace: Path) -> None:
    make_dataset(BUILTINS[0].name)
    at = open_page("data", part="Add a built-in one")
    at.button(key=f"open-{BUILTINS[0].name}").click().run()
    assert at.selectbox(key="dataset").value == BUILTINS[0].name


def test_the_tab_without_datasets_is_empty(workspace: Path) -> None:
    at = open_page("data", part="Datasets")
    assert not at.dataframe and not at.exception


def test_a_dataset_shows_its_sizes_and_the_largest_ratio(workspace: Path) -> None:
    make_dataset()
    at = open_page("data")
    assert "80 positives and 400 negatives" in headline_of(at)
    assert all(part in page_text(at) for part in ("41 training positives", "1:4.8", "For 1:10 use at most 19"))
    assert ("train", "dataset=posts") in link_targets(at)
    sizes = table_with(at, "prevalence").iloc[-1]
    assert sizes[["positives", "negatives", "prevalence"]].tolist() == [80, 400, "16.7 %"]
    assert len(at.get("plotly_chart")) == 1


def test_the_url_names_the_dataset(workspace: Path) -> None:
    make_dataset("alpha")
    make_dataset("beta", positives=30, negatives=60)
    at = open_page("data", dataset="beta")
    assert at.selectbox(key="dataset").value == "beta"
    at.selectbox(key="dataset").set_value("alpha").run()
    assert at.query_params["dataset"] in ("alpha", ["alpha"])


def test_a_dataset_can_be_deleted(workspace: Path) -> None:
    make_dataset("alpha")
    make_dataset("beta")
    at = open_page("data", dataset="beta")
    at.button(key="delete-dataset").click().run()
    assert dataset_names() == ["alpha"] and at.selectbox(key="dataset").value == "alpha"


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
    assert table_with(at, "reason")["source_row"].tolist() == [7]
    assert {"download-odd-set-aside.csv", "download-odd-conflicts.csv"} <= keys_of(at, "download_button")


def test_a_dataset_without_texts_has_no_chart_and_no_way_to_train(workspace: Path) -> None:
    made = make_dataset("source")
    examples = made.examples.assign(text="", split="test")
    info = DatasetInfo(**{**vars(made.info), "name": "bare", "has_texts": False})
    save_dataset(Dataset(info, examples, made.set_aside, made.conflicts))
    at = open_page("data", dataset="bare")
    assert len(at.info) == 1 and not at.get("plotly_chart") and not link_targets(at)
    assert "training needs at least 2" in page_text(at)


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
    assert "39 positives" in headline_of(at) or "40 positives" in headline_of(at)


def test_an_invalid_import_shows_an_error_and_keeps_the_input(workspace: Path, table: Path) -> None:
    at = by_path(table)
    of(at, "multiselect", "Positive").set_value(["mac", "pc", "amiga"]).run()
    at.text_input(key=f"import-title-{table} {table.stat().st_mtime_ns}").set_value("My posts").run()
    at.button(key="import-go").click().run()
    assert "negative class" in at.error[0].value
    assert of(at, "text_input", "Title").value == "My posts"


def test_a_missing_path_shows_an_error(workspace: Path, tmp_path: Path) -> None:
    at = by_path(tmp_path / "none.csv")
    assert "none.csv" in at.error[0].value.replace("\\", "")
    assert at.text_input(key="import-path").value == str(tmp_path / "none.csv")


def test_a_server_reads_only_below_its_roots(workspace: Path, table: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CLOSECALL_ROOTS", str(workspace))
    assert str(workspace) in by_path(table).error[0].value.replace("\\", "")
