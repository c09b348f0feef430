"""The examples in docs/api run, and the pages name every public function and argument."""

import inspect
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

import closecall as cc
from closecall.api.app_process import close_app, running_app

FOLDER = Path(__file__).resolve().parents[2] / "docs" / "api"
SLOW = ("show.md", "sweep.md")
PAGES = [
    pytest.param(page.name, marks=pytest.mark.slow) if page.name in SLOW else page.name
    for page in sorted(FOLDER.glob("*.md"))
    if page.name not in ("README.md", "callback.md")  # a notebook has the callback's example
]
DOCUMENTED = {"show": cc.show, "compare": cc.compare, "sweep": cc.sweep}


@pytest.fixture
def in_folder(workspace: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    monkeypatch.chdir(tmp_path)
    yield tmp_path
    if (app := running_app()) is not None:
        close_app(app)


def blocks(page: str) -> list[str]:
    return re.findall(r"^```python\n(.*?)^```", (FOLDER / page).read_text(), re.M | re.S)


@pytest.mark.parametrize("page", PAGES)
def test_the_examples_of_a_page_run(in_folder: Path, page: str) -> None:
    if page == "sweep.md":
        from tests.tiny_bert import make_tiny_bert  # imports torch

        make_tiny_bert(in_folder / "encoder")
    names: dict[str, object] = {}
    for number, block in enumerate(blocks(page)):
        exec(compile(block, f"{page}, example {number + 1}", "exec"), names)
    assert blocks(page) and "cc" in names


@pytest.mark.parametrize("name", DOCUMENTED)
def test_every_argument_is_explained(name: str) -> None:
    text = (FOLDER / f"{name}.md").read_text() + (FOLDER / "show.md").read_text()
    assert [one for one in inspect.signature(DOCUMENTED[name]).parameters if f"`{one}`" not in text] == []


def test_every_public_member_is_explained() -> None:
    text = (FOLDER / "experiment.md").read_text()
    members = [name for name in vars(cc.Experiment) if not name.startswith("_")]
    assert len(members) > 10 and [name for name in members if not re.search(rf"`{name}\b", text)] == []
    methods = {name: one for name, one in vars(cc.Experiment).items() if inspect.isfunction(one) and name[0] != "_"}
    signatures = {name: re.search(rf"`{name}\((.*?)\)`", text) for name in methods}
    for name, method in methods.items():
        arguments = [one for one in inspect.signature(method).parameters if one != "self"]
        found = signatures[name]
        assert found is not None and re.findall(r"(\w+)=", found.group(1)) == arguments, name


def test_every_page_is_listed() -> None:
    listed, pages = (FOLDER / "README.md").read_text(), {page.name for page in FOLDER.glob("*.md")}
    assert {page for page in pages if f"({page})" not in listed} == {"README.md"}
