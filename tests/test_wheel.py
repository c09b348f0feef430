"""What a stranger installs: sdist and wheel, used in empty environments without the checkout."""

import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tarfile
import time
import urllib.request
import venv
import zipfile
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pandas as pd
import pytest

from tests.tiny_bert import make_tiny_bert

pytestmark = [pytest.mark.wheel, pytest.mark.timeout(1500)]
ROOT = Path(__file__).resolve().parents[1]
HEAVY = ("torch", "transformers", "accelerate", "safetensors", "umap")
OPEN_EVERY_PAGE = """
import sys
from pathlib import Path
import closecall
from streamlit.testing.v1 import AppTest
folder = Path(closecall.__file__).parent
pages = sorted(str(page.relative_to(folder)) for page in (folder / "pages").glob("*/page.py"))
assert len(pages) == 12, pages
for page in pages:
    at = AppTest.from_file(str(folder / "app.py"), default_timeout=60).run()
    at.switch_page(page).run()
    assert not at.exception, (page, [one.message for one in at.exception])
print([name for name in ("torch", "transformers", "accelerate", "umap") if name in sys.modules])
"""


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the sdist and the wheel that is built from it, from a copy of the tracked files."""
    folder = tmp_path_factory.mktemp("build")
    source = folder / "source"
    listed = subprocess.run(
        ["git", "ls-files", "-co", "--exclude-standard", "-z"], cwd=ROOT, capture_output=True, check=True
    )
    for name in filter(None, listed.stdout.decode().split("\0")):
        if (ROOT / name).is_symlink() or (ROOT / name).exists():
            (source / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, source / name, follow_symlinks=False)
    subprocess.run([sys.executable, "-m", "build", "--outdir", str(folder), str(source)], check=True)
    direct = [sys.executable, "-m", "build", "--wheel", "--outdir", str(folder / "direct"), str(source)]
    subprocess.run(direct, check=True)
    return folder


def wheel(folder: Path) -> Path:
    return next(folder.glob("*.whl"))


def contents(path: Path) -> dict[str, int]:
    """The files of a wheel with their checksums, without its own records."""
    with zipfile.ZipFile(path) as archive:
        return {one.filename: one.CRC for one in archive.infolist() if not one.filename.endswith("/RECORD")}


class Environment:
    """An empty virtual environment with the wheel, run from a folder outside the checkout."""

    def __init__(self, folder: Path, requirement: str) -> None:
        self.folder, self.home = folder, folder / "home"
        self.home.mkdir(parents=True)
        venv.create(folder / "venv", with_pip=True)
        self.bin = folder / "venv" / "bin"
        install = [
            "-m",
            "pip",
            "install",
            "--quiet",
            "--disable-pip-version-check",
            "-c",
            str(ROOT / "constraints.txt"),
        ]
        self.python(*install, requirement, timeout=1200)

    @property
    def variables(self) -> dict[str, str]:
        clean = {name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "CLOSECALL"))}
        assets = {"CLOSECALL_ASSETS": os.environ["CLOSECALL_ASSETS"]} if "CLOSECALL_ASSETS" in os.environ else {}
        return {**clean, **assets, "CLOSECALL_HOME": str(self.home / "workspace"), "OMP_NUM_THREADS": "1"}

    def python(self, *arguments: str, timeout: float = 300) -> subprocess.CompletedProcess[str]:
        return self.run("python", *arguments, timeout=timeout, check=True)

    def run(
        self, program: str, *arguments: str, timeout: float = 300, check: bool = False
    ) -> subprocess.CompletedProcess[str]:
        command = [str(self.bin / program), *arguments]
        done = subprocess.run(
            command, cwd=self.home, env=self.variables, capture_output=True, text=True, timeout=timeout
        )
        assert not check or done.returncode == 0, done.stderr[-3000:]
        return done

    @contextmanager
    def serve(self) -> Iterator[str]:
        """`closecall app` on a free port, ended afterwards."""
        with closing(socket.socket()) as free:
            free.bind(("localhost", 0))
            port = free.getsockname()[1]
        command = [str(self.bin / "closecall"), "app", "--no-browser", "--port", str(port)]
        server = subprocess.Popen(command, cwd=self.home, env=self.variables, start_new_session=True)
        try:
            wait_for(f"http://localhost:{port}/_stcore/health")
            yield f"http://localhost:{port}"
        finally:
            os.killpg(server.pid, signal.SIGTERM)
            server.wait(timeout=30)


COMPARE = """
import sys
import closecall as cc
import pandas as pd
df = pd.read_csv("predictions.csv")
first = df[df["ratio"] == 1]
runs = {f"1:{r}": df[df["ratio"] == r]["probability"].to_numpy() for r in (1, 10)}
e = cc.compare(runs, truth=first, text="text", label="label", id="id", positive="mac", split="split")
print(e.ratios, len(e.errors("tp")), len(e.verdict().headline) > 0, e.causes(collect=False).of)
page = cc.show(first, text="text", label="label", prob="probability", positive="mac", id="id", split="split")
print(page.url.startswith("http://localhost:"), sorted({"torch", "streamlit"} & set(sys.modules)))
"""


def wait_for(address: str, seconds: float = 60) -> None:
    deadline = time.monotonic() + seconds
    while True:
        try:
            with urllib.request.urlopen(address, timeout=2):
                return
        except OSError:
            assert time.monotonic() < deadline, f"{address} does not answer"
            time.sleep(0.2)


def predictions(folder: Path) -> Path:
    """Predictions at two ratios with texts, as a CSV."""
    rows = [
        {"id": f"{split}-{n}", "text": f"post number {n} about {'mac' if n % 3 == 0 else 'pc'} hardware",
         "label": "mac" if n % 3 == 0 else "pc", "split": split, "ratio": ratio,
         "probability": 0.2 + 0.6 * (n % 3 == 0) - 0.01 * ratio * (n % 2)}
        for ratio in (1, 10) for split in ("validation", "test") for n in range(90)
    ]  # fmt: skip
    path = folder / "predictions.csv"
    pd.DataFrame(rows).to_csv(path, index=False)
    return path


def test_the_wheel_has_one_top_level_name_and_its_files(built: Path) -> None:
    names = contents(wheel(built))
    assert {name.split("/")[0] for name in names if ".dist-info/" not in name} == {"closecall"}
    needed = (
        "app.py",
        "py.typed",
        ".streamlit/config.toml",
        "pages/shared/icon.svg",
        "api/show.py",
        "cli/main.py",
        "data/io/files.py",
    )
    assert [name for name in needed if f"closecall/{name}" not in names] == []


def test_the_sdist_builds_the_same_wheel(built: Path) -> None:
    assert contents(wheel(built)) == contents(wheel(built / "direct"))
    with tarfile.open(next(built.glob("*.tar.gz"))) as archive:
        assert any(name.endswith("/LICENSE") for name in archive.getnames())


def test_the_base_install_opens_imported_predictions_without_torch(built: Path, tmp_path: Path) -> None:
    environment = Environment(tmp_path, str(wheel(built)))
    probe = f"import importlib.util as u; print([n for n in {HEAVY!r} if u.find_spec(n)])"
    assert environment.python("-c", probe).stdout.strip() == "[]"

    light = "import sys, closecall; print(closecall.__version__, 'streamlit' in sys.modules, 'numpy' in sys.modules)"
    assert environment.python("-c", light).stdout.split()[1:] == ["False", "False"]

    csv = predictions(environment.home)
    imported = environment.run(
        "closecall", "import-predictions", str(csv), "--positive", "mac", "--title", "Mine", "--yes"
    )
    assert imported.returncode == 0, imported.stderr
    assert environment.python("-c", OPEN_EVERY_PAGE).stdout.strip() == "[]"
    assert environment.run("closecall", "report", "mine", "--out", "report.html").returncode == 0
    assert "<html" in (environment.home / "report.html").read_text()

    config = "import os; from closecall.models.runtime.child_process import PACKAGE_FOLDER as p; os.chdir(p)\n"
    config += (
        "from streamlit import config as c; print(c.get_option('theme.primaryColor'), c.get_option('server.address'))"
    )
    assert environment.python("-c", config).stdout.split() == ["#0072B2", "localhost"]
    with environment.serve() as address, urllib.request.urlopen(address, timeout=10) as answer:
        assert answer.status == 200

    written = environment.python("-c", COMPARE).stdout
    assert written.split("\n")[:2] == ["(1, 10) 30 True 30", "True []"]

    refused = environment.run("closecall", "demo")
    assert refused.returncode == 2 and re.fullmatch(r"[^\n]*closecall\[train\][^\n]*\n", refused.stderr), refused.stderr


def test_with_the_train_extra_it_trains(built: Path, tmp_path: Path) -> None:
    environment = Environment(tmp_path, f"{wheel(built)}[train]")
    texts = [
        {
            "text": f"{'mac apple' if n % 4 == 0 else 'pc dos'} computer number {n} of many",
            "topic": "mac" if n % 4 == 0 else "pc",
        }
        for n in range(400)
    ]
    pd.DataFrame(texts).to_csv(environment.home / "posts.csv", index=False)
    encoder = make_tiny_bert(environment.home / "encoder")
    for command in (
        ["import", "posts.csv", "--text-column", "text", "--label-column", "topic", "--positive", "mac", "--yes"],
        ["sweep", "posts", "--ratios", "1,2", "--epochs", "1", "--max-tokens", "16", "--encoder", str(encoder),
         "--title", "Small", "--wait"],
        ["verdict", "small"],
        ["report", "small", "--out", "report.html"],
    ):  # fmt: skip
        done = environment.run("closecall", *command)
        assert done.returncode == 0, done.stderr[-2000:]
    runs = environment.home / "workspace" / "experiments" / "small" / "runs"
    assert sorted(path.name for path in runs.glob("*/predictions.parquet")) == ["predictions.parquet"] * 2
    environment.python("-c", OPEN_EVERY_PAGE)
