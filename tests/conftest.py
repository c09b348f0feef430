"""Each test has a workspace of its own and leaves no cache behind."""

from collections.abc import Iterator
from pathlib import Path

import pytest


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
