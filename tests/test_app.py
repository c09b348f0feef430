"""The app as a whole: every page opens, by its own address, without torch."""

import subprocess
import sys
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from tests.makers import make_dataset, make_experiment

ROOT = Path(__file__).resolve().parents[1]
PAGES = sorted(str(path.relative_to(ROOT)) for path in (ROOT / "pages").glob("*/page.py"))


def test_no_page_lies_directly_in_pages() -> None:
    """Streamlit would serve it without app.py until some session has opened the front page."""
    assert [path.name for path in (ROOT / "pages").glob("*.py")] == ["__init__.py"]


def test_the_navigation_names_every_page() -> None:
    app = (ROOT / "app.py").read_text()
    assert len(PAGES) >= 8
    assert [page for page in PAGES if page not in app] == []


@pytest.mark.parametrize("page", PAGES)
def test_every_page_opens_in_an_empty_workspace(workspace: Path, page: str) -> None:
    at = AppTest.from_file(str(ROOT / "app.py"), default_timeout=30).run()
    at.switch_page(page).run()
    assert [one.message for one in at.exception] == []


@pytest.mark.parametrize("page", PAGES)
def test_every_page_opens_on_a_full_experiment(workspace: Path, page: str) -> None:
    make_experiment(make_dataset(), ratios=(1, 3), seeds=(0, 1))
    at = AppTest.from_file(str(ROOT / "app.py"), default_timeout=30).run()
    at.switch_page(page).run()
    assert [one.message for one in at.exception] == []


@pytest.mark.parametrize("page", PAGES)
def test_every_page_opens_while_all_runs_wait(workspace: Path, page: str) -> None:
    make_experiment(make_dataset(), ratios=(1, 3), seeds=(0,), state="queued")
    at = AppTest.from_file(str(ROOT / "app.py"), default_timeout=30).run()
    at.switch_page(page).run()
    assert [one.message for one in at.exception] == []


@pytest.mark.parametrize("page", PAGES)
def test_every_page_opens_without_texts_and_embeddings(workspace: Path, page: str) -> None:
    make_experiment(make_dataset(), ratios=(1, 3), seeds=(0,), with_embeddings=False)
    at = AppTest.from_file(str(ROOT / "app.py"), default_timeout=30).run()
    at.switch_page(page).run()
    assert [one.message for one in at.exception] == []


def test_opening_the_app_does_not_import_torch(workspace: Path) -> None:
    make_experiment(make_dataset(), ratios=(1, 3), seeds=(0,))
    pages = "\n".join(f"at.switch_page({page!r}).run()" for page in PAGES)
    code = (
        "import sys\n"
        "from streamlit.testing.v1 import AppTest\n"
        "at = AppTest.from_file('app.py', default_timeout=60).run()\n"
        f"{pages}\n"
        "heavy = {'torch', 'transformers', 'accelerate', 'umap'} & set(sys.modules)\n"
        "sys.exit(f'imported {heavy}' if heavy else 0)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr[-2000:]
