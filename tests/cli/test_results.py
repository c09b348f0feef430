"""Commands that read results: errors, causes, slices, data-map, verdict, counts."""

import json
from html import escape
from pathlib import Path

import pandas as pd
import pytest

from closecall.analysis.causes.verdict import CAUSES
from closecall.analysis.ratio.changes import SOURCES
from closecall.data.datasets.store import load_examples
from closecall.data.experiments.runs import RunStatus, write_status
from closecall.data.experiments.store import experiment_folder, run_folder
from closecall.data.io.files import write_frame
from tests.cli.terminal import Terminal
from tests.makers import make_dataset, make_experiment
from tests.planted import WORD, make_planted


def test_data_map_is_listed_written_and_printed(closecall: Terminal, sweep: str, tmp_path: Path) -> None:
    assert closecall("data-map", sweep, "--ratio", "1:10", "--seed", 1, "--out", tmp_path / "map.csv") == 0
    written = pd.read_csv(tmp_path / "map.csv")
    assert written["confidence"].round(4).eq(0.7).all() and set(written["split"]) == {"train"}
    assert written["label"].tolist() == sorted(written["label"], reverse=True)
    assert closecall("data-map", sweep, "--ratio", 10) == 0 and ": 0/" in closecall.err
    assert closecall("data-map", sweep, "--ratio", 10, "--json") == 0
    assert {"variability", "region", "margin"} <= set(json.loads(closecall.out.splitlines()[0]))
    (run_folder(sweep, "r10-s0-none") / "dynamics.npz").unlink()
    assert closecall("data-map", sweep, "--ratio", 10) == 2 and "has no training dynamics" in closecall.err


def test_errors_are_listed_written_and_printed(closecall: Terminal, sweep: str, tmp_path: Path) -> None:
    assert closecall("errors", sweep, "--ratio", "1:10", "--out", tmp_path / "e.csv") == 0
    written = pd.read_csv(tmp_path / "e.csv")
    assert set(written["outcome"]) == {"fn"} and set(written["ratio"]) == {10}
    assert closecall("errors", sweep, "--ratio", 10) == 0 and written["id"][0] in closecall.out
    assert closecall("errors", sweep, "--ratio", 10, "--outcome", "fn,fp", "--json") == 0
    rows = [json.loads(line) for line in closecall.out.splitlines()]
    assert {row["outcome"] for row in rows} == {"fn", "fp"} and rows[0]["experiment"] == sweep
    assert closecall("errors", sweep, "--ratio", 7) == 2 and "Finished runs" in closecall.err
    assert closecall("errors", sweep, "--ratio", 10, "--outcome", "miss") == 2 and "is not an outcome" in closecall.err
    assert closecall("errors", sweep, "--ratio", 10, "--out", tmp_path / "e.xls") == 2 and ".parquet" in closecall.err


def test_causes_are_listed_written_and_printed(closecall: Terminal, tmp_path: Path) -> None:
    sweep = make_experiment(make_dataset(), ratios=(1, 10), seeds=(0, 1, 2)).id
    assert closecall("causes", sweep, "--outcome", "tp") == 2 and "not an outcome with causes" in closecall.err
    assert closecall("causes", sweep, "--ratio", 7) == 2 and "no finished run 1:7. Finished" in closecall.err
    assert closecall("causes", sweep, "--remedy", "focal") == 2 and "1:10 with the remedy focal" in closecall.err
    assert not (experiment_folder(sweep) / "causes").exists()
    assert closecall("causes", sweep) == 0
    assert "at 1:10, threshold 0.50, by most of 3 seeds" in closecall.err and "Auditing (" in closecall.err
    assert "Recovered by the threshold" in closecall.out and "95 % CI" in closecall.out
    content = closecall.json("causes", sweep, "--ratio", "1:10", "--out", tmp_path / "c.csv")
    assert "Auditing" not in closecall.err  # stored
    written = pd.read_csv(tmp_path / "c.csv")
    assert len(content["examples"]) == len(written) == sum(one["errors"] for one in content["causes"]) > 0
    assert set(written["ratio"]) == {10} and written["evidence"].notna().all() and written["text"].notna().all()
    assert content["reference"]["ratio"] == 1 and len(content["reference"]["thresholds"]) == 3
    assert list(written["id"]) == [one["id"] for one in content["examples"]]
    assert closecall.json("causes", sweep, "--outcome", "fp")["of"] > content["of"]
    measures = closecall.json("verdict", sweep)["measures"]
    assert measures == content["measures"] and {"overlap", "positives", "words"} <= {one["key"] for one in measures}
    assert closecall("report", sweep, "--out", tmp_path / "r.html") == 0
    report = (tmp_path / "r.html").read_text()
    assert all(one["title"] in report and escape(one["sentence"]) in report for one in measures)


def test_causes_need_a_finished_run(closecall: Terminal) -> None:
    queued = make_experiment(make_dataset(), ratios=(1, 10), seeds=(0,), state="queued").id
    assert closecall("causes", queued) == 2
    assert closecall.err == f"No run of {queued} has finished yet. To follow it: closecall status {queued}\n"


def test_causes_follow_the_embeddings(closecall: Terminal) -> None:
    sweep = make_experiment(make_dataset(), ratios=(1, 10), seeds=(0,)).id
    write_status(experiment_folder(sweep) / "frozen", RunStatus(state="queued"))
    assert closecall("causes", sweep) == 0 and f"closecall resume {sweep}" in closecall.err


def test_errors_are_counted_by_a_column(closecall: Terminal, workspace: Path, tmp_path: Path) -> None:
    sweep = make_experiment(make_dataset(), ratios=(1, 10), seeds=(0, 1, 2)).id
    examples = load_examples("posts")
    examples["meta.site"] = ["mail", "forum"] * (len(examples) // 2)
    write_frame(workspace / "datasets" / "posts" / "examples.parquet", examples)
    assert closecall("causes", sweep, "--by", "site") == 0
    assert "No value of site" in closecall.out and "mail" in closecall.out and "/" in closecall.out
    assert not (experiment_folder(sweep) / "causes").exists()
    content = closecall.json("causes", sweep, "--by", "meta.site", "--ratio", "1:10", "--out", tmp_path / "b.csv")
    rows = pd.DataFrame(content["values"])
    assert content["column"] == "meta.site" and rows["n"].sum() == 26 and rows["wrong"].sum() > 0
    assert pd.read_csv(tmp_path / "b.csv")["value"].tolist() == rows["value"].tolist()
    assert closecall("causes", sweep, "--by", "colour") == 2 and "Columns that can be: site" in closecall.err


def test_a_threshold_lies_between_0_and_1(closecall: Terminal, sweep: str) -> None:
    assert closecall("errors", sweep, "--ratio", "10", "--threshold", "1.5") == 2


def test_slices_are_listed_written_and_printed(closecall: Terminal, tmp_path: Path) -> None:
    sweep = make_planted().id
    assert closecall("slices", sweep, "--ratio", 5, "--out", tmp_path / "s.csv") == 0
    assert f"“{WORD}”" in closecall.err and "Benjamini-Hochberg" in closecall.err
    written = pd.read_csv(tmp_path / "s.csv")
    assert (
        written["rule"][0] == f"word:{WORD}"
        and bool(written["stands_out"][0])
        and set(written["run"]) == {"r5-s0-none"}
    )
    assert closecall("slices", sweep, "--ratio", "1:5") == 0 and WORD in closecall.out
    assert closecall("slices", sweep, "--ratio", 5, "--outcome", "fp", "--threshold", 0.2, "--json") == 0
    rows = [json.loads(line) for line in closecall.out.splitlines()]
    assert {row["outcome"] for row in rows} == {"fp"} and rows[0]["threshold"] == 0.2
    assert closecall("slices", sweep, "--ratio", 5, "--outcome", "tp") == 2
    assert closecall("slices", sweep, "--ratio", 7) == 2 and "Finished runs" in closecall.err


def test_verdict_as_text_and_json(closecall: Terminal, sweep: str) -> None:
    assert closecall("verdict", sweep) == 0
    assert closecall.out.count("confidence") >= 1 and "/" in closecall.out
    content = closecall.json("verdict", sweep)
    assert content["test_positives"] == 26 and content["runs"] == 4
    assert {one["cause"] for one in content["findings"]} <= {cause.key for cause in CAUSES}
    parts = content["comparison"]["parts"]
    assert parts["ranking"]["value"] + parts["threshold"]["value"] == pytest.approx(parts["drop"]["value"])
    for former, name in (("seed_reach", "seed_half_width"), ("flagged_b", "false_positives_b")):
        assert parts[former] == parts[name]
    assert content["headline"] and len(content["comparisons"]) == 1
    drop = content["comparison"]["drop"]
    assert drop["low"] <= drop["value"] <= drop["high"] and set(drop["variances"]) == set(SOURCES)


def test_a_verdict_needs_two_ratios(closecall: Terminal) -> None:
    one = make_experiment(make_dataset(), "one", ratios=(1,), seeds=(0,), with_embeddings=False).id
    assert closecall("verdict", one) == 2
    assert "has finished runs at 1:1" in closecall.err


def test_counts_of_the_motivating_question(closecall: Terminal) -> None:
    content = closecall.json("counts", "92/100,92/100", "80/100,98/100")
    assert content["first"]["d_prime"] == pytest.approx(2.810, abs=5e-4)
    assert content["second"]["d_prime"] == pytest.approx(2.895, abs=5e-4)
    assert content["parts"]["ranking"] == pytest.approx(-0.012, abs=5e-4)
    assert content["parts"]["threshold"] == pytest.approx(0.132, abs=5e-4)
    assert content["prior_only_at_1_10"]["recall"] == pytest.approx(0.721, abs=5e-4)
    assert closecall("counts", "92/100,92/100", "80/100,98/100") == 0
    assert all(number in closecall.out for number in ("92/100", "80/100", "12.0 points", "-1.2", "13.2", "72.1 %"))


@pytest.mark.parametrize("wrong", ["92", "92/100", "101/100,92/100", "92/100,9/0", "a/b,c/d"])
def test_invalid_counts(closecall: Terminal, wrong: str) -> None:
    assert closecall("counts", wrong, "80/100,98/100") == 2
    assert repr(wrong) in closecall.err
    assert closecall("counts", "92/100,92/100", "80/90,98/100") == 2 and "same examples" in closecall.err
