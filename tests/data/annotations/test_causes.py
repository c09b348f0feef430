"""The evidence on causes on disk, and its alignment with examples and runs."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from closecall.data.annotations.causes import (
    COLUMNS,
    CauseEvidence,
    EvidenceInfo,
    align,
    empty_columns,
    evidence_folder,
    load_evidence,
    load_info,
    run_column,
    save_evidence,
)
from tests.makers import make_dataset, make_experiment


def evidence(ids: list[str]) -> CauseEvidence:
    n = len(ids)
    frame = empty_columns(np.array(ids, dtype=object), np.zeros(n))
    frame = frame.assign(tokens=range(n), tokens_read=1, window_sample=[True] + [pd.NA] * (n - 1)).astype(COLUMNS)
    runs = {run_column("tuned_other_of_10", "r1"): pd.array([3] + [pd.NA] * (n - 1), dtype="Int8")}
    runs |= {run_column(name, "r1"): np.arange(n, dtype=np.float32) for name in ("window_high", "window_low")}
    info = EvidenceInfo("digest", {"r1": "x"}, {"not read": "why"}, "2026")
    return CauseEvidence(info, frame, pd.DataFrame({"id": ids, **runs}))


def test_evidence_is_read_as_it_was_written(workspace: Path) -> None:
    make_experiment(make_dataset(), "sweep", ratios=(1,), seeds=(0,))
    assert load_info("sweep") is None and load_evidence("sweep") is None
    written = evidence(["a", "b", "c"])
    save_evidence("sweep", written)
    read = load_evidence("sweep")
    assert read is not None and read.info == written.info == load_info("sweep")
    pd.testing.assert_frame_equal(read.examples, written.examples)
    assert read.runs.equals(written.runs)
    some = load_evidence("sweep", runs=["other"])
    assert some is not None and list(some.runs) == ["id"]


@pytest.mark.parametrize("content", ['{"version": 99, "content": "", "runs": {}}', '{"other": 1}'])
def test_evidence_of_another_version_is_not_read(workspace: Path, content: str) -> None:
    make_experiment(make_dataset(), "sweep", ratios=(1,), seeds=(0,))
    save_evidence("sweep", evidence(["a"]))
    (evidence_folder("sweep") / "info.json").write_text(content)
    assert load_evidence("sweep") is None


def test_evidence_is_aligned_by_id_and_run() -> None:
    found = align(evidence(["a", "b", "c"]), np.array(["c", "x", "a"], dtype=object), ["r2", "r1"])
    assert found.number("tokens").tolist()[::2] == [2, 0] and np.isnan(found.number("tokens")[1])
    assert found.cut.tolist() == [True, False, False] and found.sampled.tolist() == [False, False, True]
    high = found.by_run["window_high"]
    assert np.isnan(high[0]).all() and high[1].tolist()[::2] == [2, 0] and np.isnan(high[1, 1])
    assert found.by_run["tuned_other_of_10"][1, 2] == 3


def test_without_evidence_everything_is_missing() -> None:
    found = align(None, np.array(["a", "b"], dtype=object), ["r1"])
    assert found.info is None and not found.cut.any() and not found.sampled.any()
    assert np.isnan(found.by_run["window_low"]).all() and found.by_run["window_low"].shape == (1, 2)
