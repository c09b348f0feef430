"""What is not documented is not done."""

import re
import sys
import tomllib
from pathlib import Path

import typer.main

from closecall.cli import main as cli
from tests.test_contracts import imported

ROOT = Path(__file__).resolve().parents[1]
PARTS = ("analysis", "api", "charts", "cli", "closecall", "data", "models", "pages")


def test_the_readme_opens_with_a_picture_and_two_commands() -> None:
    top = (ROOT / "README.md").read_text()[:1500]
    picture = re.search(r"!\[.+\]\((.+?)\)", top)
    assert picture and (ROOT / picture.group(1)).exists()
    assert "make run" in top and "make test" in top


def test_every_page_is_in_the_readme() -> None:
    titles = re.findall(r' title="([^"]+)"', (ROOT / "app.py").read_text())
    readme = (ROOT / "README.md").read_text()
    assert len(titles) >= 8
    assert [title for title in titles if f"**{title}**" not in readme] == []


def test_every_command_is_in_the_readme() -> None:
    commands = typer.main.get_command(cli.app).commands  # type: ignore[attr-defined]
    readme = (ROOT / "README.md").read_text()
    assert [name for name in commands if f"closecall {name}" not in readme] == []


def test_every_decision_is_listed() -> None:
    listed = (ROOT / "docs/decisions/README.md").read_text()
    files = [path.name for path in (ROOT / "docs/decisions").glob("0*.md")]
    assert files and [name for name in files if f"({name})" not in listed] == []


def test_every_import_is_declared() -> None:
    """Third-party packages named by an import stand in pyproject with a lower bound."""
    declared = {name.replace("-", "_") for name in _requirements()}
    own = {"closecall"} | set(sys.stdlib_module_names)
    other_names = {"sklearn": "scikit_learn", "umap": "umap_learn"}
    files = [*ROOT.glob("*.py"), *(file for part in PARTS for file in (ROOT / part).rglob("*.py"))]
    missing = {
        f"{file.name}: {name}"
        for file in files
        for name in imported(file)
        if name not in own and other_names.get(name, name) not in declared
    }
    assert len(files) > 20 and not missing


def _requirements() -> list[str]:
    """The packages of the base install and of every extra that have a lower bound."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    wanted = [*project["dependencies"], *(one for extra in project["optional-dependencies"].values() for one in extra)]
    return [found.group(1) for one in wanted if (found := re.match(r"([\w-]+)(?:\[\w+\])?>=", one))]
