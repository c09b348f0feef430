"""The two faces, app.py and cli.py, keep to the import contracts that the checker cannot read of single modules."""

import ast
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
HEAVY = {"torch", "transformers", "accelerate"}


def imported(path: Path) -> set[str]:
    """The top names of everything that a file imports, at its head or inside its functions."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found |= {one.name.split(".")[0] for one in node.names}
        elif isinstance(node, ast.ImportFrom):
            found.add((node.module or "").split(".")[0])
    return found


def test_app_imports_streamlit_and_pages_only() -> None:
    assert imported(ROOT / "app.py") == {"streamlit", "pages"}


def test_cli_needs_neither_streamlit_nor_torch() -> None:
    assert imported(ROOT / "cli.py") & (HEAVY | {"streamlit", "app"}) == set()
    assert "models" in imported(ROOT / "cli.py")


def test_cli_takes_only_the_report_from_the_pages() -> None:
    modules = {
        node.module
        for node in ast.walk(ast.parse((ROOT / "cli.py").read_text()))
        if isinstance(node, ast.ImportFrom) and str(node.module).startswith("pages")
    }
    assert modules == {"pages.compare._report_file"}


def test_nothing_imports_the_faces() -> None:
    files = [file for part in ("analysis", "models", "data", "pages") for file in (ROOT / part).rglob("*.py")]
    assert len(files) > 50
    assert [file.name for file in files if imported(file) & {"app", "cli"}] == []
