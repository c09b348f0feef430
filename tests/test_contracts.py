"""The parts of the import contracts that the checker cannot read: app.py, the links, and what is banned everywhere."""

import ast
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
ROOMS = ("analysis", "api", "charts", "cli", "data", "models", "pages")


def imported(path: Path) -> set[str]:
    """The top names of everything that a file imports, at its head or inside its functions."""
    return {name.split(".")[0] for name in imported_modules(path)}


def imported_modules(path: Path) -> set[str]:
    """The modules that a file imports, at its head or inside its functions."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found |= {one.name for one in node.names}
        elif isinstance(node, ast.ImportFrom):
            found.add(node.module or "")
    return found


def sources() -> list[Path]:
    """Every Python file of the product."""
    return [file for room in ROOMS for file in (ROOT / room).rglob("*.py")]


def test_app_imports_streamlit_and_pages_only() -> None:
    modules = imported_modules(ROOT / "app.py")
    assert {name for name in modules if not name.startswith("closecall.pages.")} == {"streamlit"}


def test_every_room_is_linked_into_the_package() -> None:
    for room in (*ROOMS, "app.py", ".streamlit"):
        assert (ROOT / "closecall" / room).resolve() == ROOT / room


def test_no_room_is_imported_by_its_bare_name() -> None:
    assert len(sources()) > 50
    assert [file.name for file in sources() if imported(file) & {*ROOMS, "app"}] == []


def test_no_private_name_crosses_a_folder() -> None:
    crossings = []
    for file in sources():
        for node in ast.walk(ast.parse(file.read_text())):
            if isinstance(node, ast.ImportFrom) and str(node.module).startswith("closecall."):
                folder = str(node.module).rpartition(".")[0].removeprefix("closecall.").replace(".", "/")
                private = [one.name for one in node.names if one.name.startswith("_")]
                if private and str(file.parent.relative_to(ROOT)) != folder:
                    crossings.append(f"{file.relative_to(ROOT)}: {private}")
    assert crossings == []


def test_no_folder_is_crowded() -> None:
    folders = {file.parent for file in sources()}
    modules = {folder: [one for one in folder.glob("*.py") if one.name != "__init__.py"] for folder in folders}
    assert {str(folder): len(files) for folder, files in modules.items() if len(files) > 16} == {}
