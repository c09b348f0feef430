"""closecall report."""

import re
from pathlib import Path

from tests.cli.terminal import Terminal
from tests.makers import make_dataset, make_experiment


def test_the_report_is_one_page_without_external_resources(closecall: Terminal, sweep: str, tmp_path: Path) -> None:
    out = tmp_path / "report.html"
    assert closecall("report", sweep, "--out", out) == 0, closecall.err
    text = out.read_text()
    assert text.count("<h2>") >= 6
    assert text.count("<figure") == 6
    outside = re.findall(r'<(?:script|link|img|iframe)[^>]+(?:src|href)="([^"]+)"', text)
    assert outside == []
    assert "Written to" in closecall.err
    assert closecall("report", sweep, "--out", tmp_path) == 2 and "is a folder" in closecall.err
    waiting = make_experiment(make_dataset("w"), "waiting", ratios=(1,), seeds=(0,), state="queued").id
    assert closecall("report", waiting, "--out", out) == 2 and "No run of waiting has finished" in closecall.err
