"""Tables and lines of the terminal."""

import pytest

from closecall.cli.output import print_rows, printable


def test_texts_cannot_control_the_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    print_rows([{"text": "\x1b[2J[bold]red[/bold]\nnext \u05e9 \U0001f600", "empty": "", "n": 1234, "share": 0.12345}])
    shown = capsys.readouterr().out
    assert "\x1b" not in shown and "[bold]red[/bold] next \u05e9 \U0001f600" in shown
    assert "empty" not in shown and "1,234" in shown and "0.123" in shown
    assert printable("a\tb\r\nc\x00") == "a b c\ufffd"
