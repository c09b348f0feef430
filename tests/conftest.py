"""Each test has a workspace of its own and leaves no cache behind."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import settings

from closecall.data.io.assets import assets_folder, assets_status

# A time limit for one example fails on a busy machine and says nothing about the code.
settings.register_profile("closecall", deadline=None)
settings.load_profile("closecall")


@pytest.fixture
def workspace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A real, empty workspace folder that CLOSECALL_HOME names."""
    import streamlit as st

    folder = tmp_path / "workspace"
    folder.mkdir()
    monkeypatch.setenv("CLOSECALL_HOME", str(folder))
    st.cache_data.clear()
    st.cache_resource.clear()
    yield folder
    st.cache_data.clear()
    st.cache_resource.clear()


@pytest.fixture
def real_assets() -> Path:
    """The assets of the workspace that tests run beside; absent assets skip the test."""
    if not os.environ.get("CLOSECALL_ASSETS") and not Path("workspace/assets").is_dir():
        pytest.skip("no built-in assets here: set CLOSECALL_ASSETS or fetch them with `make run`")
    if not all(one.present for one in assets_status()):
        pytest.skip("the built-in assets are not complete: fetch them with `make run`")
    return assets_folder()
