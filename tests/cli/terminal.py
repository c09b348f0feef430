"""Run commands of the terminal in the test's process."""

import json
import sys
from typing import Any

import pytest

from closecall.cli.main import main


class Terminal:
    """Runs commands; returns the exit code and keeps what was printed in `out` and `err`."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
        self._monkeypatch, self._capsys = monkeypatch, capsys
        self.out = self.err = ""

    def __call__(self, *words: object) -> int:
        self._monkeypatch.setattr(sys, "argv", ["closecall", *map(str, words)])
        try:
            main()
            code = 0
        except SystemExit as end:
            code = int(end.code or 0)
        self.out, self.err = self._capsys.readouterr()
        return code

    def json(self, *words: object) -> Any:
        """The JSON that a command prints."""
        assert self(*words, "--json") == 0, self.err
        return json.loads(self.out)

    def json_lines(self, *words: object) -> list[dict[str, Any]]:
        """The JSON objects that a command prints, one a line."""
        assert self(*words, "--json") == 0, self.err
        return [json.loads(line) for line in self.out.splitlines()]
