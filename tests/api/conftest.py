"""An app that is not Streamlit, for tests of what `show` registers and links to."""

import importlib
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from closecall.api import opened
from closecall.api.app_process import OpenApp


@pytest.fixture
def no_streamlit(workspace: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[OpenApp]:
    """A sleeping process in place of the app, which takes seconds to start."""
    process = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
    app = OpenApp(workspace, 8599, process, os.getpid())
    monkeypatch.setattr(opened, "open_app", lambda port: app)
    monkeypatch.setattr(importlib.import_module("closecall.api.show"), "start_app", lambda port: None)
    yield app
    process.kill()
    process.wait()
