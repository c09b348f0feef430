"""The Errors page: the further columns of the open example."""

from pathlib import Path

import pytest

from closecall.data.datasets.store import datasets_folder, load_examples
from closecall.data.io.files import write_frame
from tests.makers import make_dataset, make_experiment
from tests.pages.errors_page import example_of, html_of, open_errors


@pytest.fixture
def experiment(workspace: Path) -> str:
    return make_experiment(make_dataset(), ratios=(1, 10), seeds=(0,), with_embeddings=False).id


def add_columns(**columns: object) -> None:
    """Further columns for the dataset, as an import keeps them."""
    path = datasets_folder() / "posts" / "examples.parquet"
    write_frame(path, load_examples("posts").assign(**{f"meta.{name}": cells for name, cells in columns.items()}))


def test_the_further_columns_are_shown_and_escaped(experiment: str) -> None:
    ids = load_examples("posts")["id"]
    add_columns(source=[f"<b>{one}</b>" for one in ids], empty="", missing=None, long="x" * 1000)
    page = open_errors()
    html = html_of(page)
    shown = html[html.index("data-metadata") :].split("</div>")[0]
    assert f"source <strong>&lt;b&gt;{example_of(page)}&lt;/b&gt;</strong>" in shown
    assert "empty" not in shown and "missing" not in shown and "x" * 199 + "…" in shown and "x" * 200 not in shown


def test_nothing_is_shown_without_further_columns(experiment: str) -> None:
    assert "data-metadata" not in html_of(open_errors())
