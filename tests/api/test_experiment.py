"""closecall.Experiment: the results of the pages as frames and objects."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import average_precision_score, recall_score, roc_auc_score

import closecall as cc
from closecall.api.results import shown_causes
from closecall.data.annotations.hard_cases import add_hard_cases
from closecall.data.experiments.runs import RunStatus, load_runs, write_status
from closecall.models.results.causes import causes_of
from closecall.models.results.verdict import verdict_content, verdict_on, verdict_words
from tests.api.frames import scored_frame, shifted
from tests.makers import make_dataset, make_experiment

TEST = scored_frame(400)
P1, P10 = TEST["p"].to_numpy(), shifted(TEST["p"], -2.3)
SPAM = (TEST["y"] == "spam").to_numpy()


@pytest.fixture
def compared(workspace: Path) -> cc.Experiment:
    return cc.compare(
        {"1:1": [P1, P1**1.1], "1:10": [P10, P10**1.1]}, truth=TEST, text="text", label="y", positive="spam"
    )


def test_the_verdict_is_that_of_the_pages(compared: cc.Experiment) -> None:
    verdict = compared.verdict()
    assert verdict_content(compared.id, verdict) == verdict_content(compared.id, verdict_on(compared.id))
    assert repr(verdict).split("\n") == verdict_words(verdict_on(compared.id))
    html = verdict._repr_html_()
    assert verdict.headline in html and all(one.sentences[0] in html for one in verdict.findings)


def test_the_causes_are_those_of_the_pages(compared: cc.Experiment) -> None:
    found, expected = compared.causes(collect=False), causes_of(compared.id, ratio=10)
    pd.testing.assert_frame_equal(found.summary, expected.summary)
    pd.testing.assert_frame_equal(found.examples, expected.examples)
    assert set(found.table()["id"]) == set(expected.examples["id"])
    n = len(expected.examples)
    assert repr(found).startswith(f"{n} false negatives of 100 at 1:10, threshold 0.50, by most of 2 seeds.")
    assert f"/{n}" in repr(found) and repr(found).count("Not measured") == len({why for _, why in found.not_measured})
    assert "<table>" in found._repr_html_() and "Unexplained" in found._repr_html_()
    assert compared.causes("fp", "1:1", collect=False).outcome == "fp"
    with pytest.raises(cc.UserError, match="not an outcome"):
        compared.causes("tp", collect=False)


def test_html_of_causes_escapes_what_files_hold(compared: cc.Experiment) -> None:
    found = causes_of(compared.id, ratio=10)
    hostile = found.summary.assign(title="<img src=x onerror=alert(1)>")
    assert "<img" not in shown_causes(type(found)(**{**vars(found), "summary": hostile}))._repr_html_()


def test_metrics_agree_with_scikit_learn(compared: cc.Experiment) -> None:
    by_run = compared.metrics(by_run=True, prevalence=SPAM.mean()).set_index(["ratio", "seed"])
    for key, probs in {(1, 0): P1, (10, 0): P10, (10, 1): P10**1.1}.items():
        row = by_run.loc[key]
        assert row["auc"] == pytest.approx(roc_auc_score(SPAM, probs))
        assert row["recall"] == recall_score(SPAM, probs >= 0.5)
        assert row["average_precision"] == pytest.approx(average_precision_score(SPAM, probs))
    table = compared.metrics()
    assert table["ratio"].tolist() == [1, 10] and table["seeds"].tolist() == [2, 2]
    assert table["recall"].iloc[1] == pytest.approx(by_run.loc[10, "recall"].mean())
    with pytest.raises(cc.UserError, match="prevalence is 9"):
        compared.metrics(prevalence=9)


def test_errors_are_those_of_a_run(compared: cc.Experiment) -> None:
    misses = compared.errors()
    assert set(misses["id"]) == set(TEST.index[SPAM & (P10 < 0.5)].astype(str)) and (misses["ratio"] == 10).all()
    alarms = compared.errors("fp", ratio="1:1", seed=1, threshold=0.3)
    assert set(alarms["id"]) == set(TEST.index[~SPAM & (P1**1.1 >= 0.3)].astype(str))
    assert misses["pos_prob"].is_monotonic_increasing and misses["text"].str.startswith("post").all()
    with pytest.raises(cc.UserError, match="no finished run 1:5"):
        compared.errors(ratio=5)
    with pytest.raises(cc.UserError, match="'five' is not a ratio"):
        compared.errors(ratio="five")


def test_hard_cases_go_to_a_file(compared: cc.Experiment, tmp_path: Path) -> None:
    assert compared.hard_cases().empty
    ids = compared.errors()["id"].head(2).tolist()
    add_hard_cases(compared.id, ids, ["missed"] * 2)
    compared.hard_cases().to_csv(tmp_path / "hard.csv", index=False)
    back = pd.read_csv(tmp_path / "hard.csv", dtype={"id": str})
    assert back["id"].tolist() == ids and back["reasons"].tolist() == ["missed"] * 2
    assert back["meta.source"].tolist() == TEST.loc[[int(one) for one in ids], "source"].tolist()


def test_text_and_html_of_an_experiment(compared: cc.Experiment) -> None:
    assert compared.ratios == (1, 10) and all(isinstance(one, int) for one in compared.ratios)
    assert repr(compared) == (
        f"Experiment('{compared.id}'): dataset {compared.config.dataset}, 1:1 and 1:10, seeds 0 and 1; runs: 4 done"
    )
    assert compared.url is None and "Open in the app" not in compared._repr_html_()
    assert any("no validation split" in note for note in compared.notes)
    assert compared.notes[0] in compared._repr_html_()
    with pytest.raises(cc.UserError, match=r"There is no page 'error'\. The pages are confusion, data"):
        compared.show("error")


def test_experiments_are_listed_and_loaded(compared: cc.Experiment) -> None:
    make_experiment(make_dataset(), "trained", ratios=(1, 2.5), seeds=(0,), with_embeddings=False)
    listed = cc.experiments().set_index("id")
    assert set(listed.index) == {"trained", compared.id} and listed.loc["trained", "ratios"] == (1, 2.5)
    assert listed.loc[compared.id, ["kind", "runs", "done"]].tolist() == ["imported", 4, 4]
    assert cc.load("trained").ratios == (1, 2.5) and cc.load(compared.id) == compared
    with pytest.raises(cc.UserError, match=r"There is no experiment named nothing\. Known experiments: "):
        cc.load("nothing")


def test_an_empty_workspace_lists_nothing(workspace: Path) -> None:
    assert cc.experiments().empty and "id" in cc.experiments()


def test_progress_and_waiting(workspace: Path, capsys: pytest.CaptureFixture[str]) -> None:
    make_experiment(make_dataset(), "trained", ratios=(1, 3), seeds=(0,), with_embeddings=False)
    experiment = cc.load("trained")
    assert experiment.wait() is experiment and "2 of 2 runs done" in capsys.readouterr().err
    run = load_runs("trained")[1]
    write_status(run.folder, RunStatus(state="failed", message="out of memory"))
    progress = experiment.progress()
    assert progress["state"].tolist() == ["done", "failed"] and progress["message"].tolist() == ["", "out of memory"]
    assert np.allclose(progress["done"], [1, 0]) and progress["ratio"].tolist() == [1, 3]
    with pytest.raises(cc.UserError, match=r"not done: r3-s0-none \(failed\)\. out of memory"):
        experiment.wait()
    write_status(run.folder, RunStatus())
    with pytest.raises(TimeoutError, match="not done after 0 seconds"):
        experiment.wait(timeout=0)


def test_without_a_finished_run_the_sentence_says_so(workspace: Path) -> None:
    make_experiment(make_dataset(), "queued", ratios=(1, 3), seeds=(0,), state="queued")
    with pytest.raises(cc.UserError, match="No run of queued has finished yet"):
        cc.load("queued").metrics()
    with pytest.raises(cc.UserError, match="finished"):
        cc.load("queued").errors()


@pytest.mark.slow
def test_results_need_no_torch(compared: cc.Experiment) -> None:
    """The modules that the API imports do not import torch, which the base install lacks."""
    code = "import sys, closecall as cc; e = cc.load(sys.argv[1]); e.verdict(); e.causes(collect=False); e.metrics()"
    code += "; print(sorted({'torch', 'streamlit', 'transformers'} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code, compared.id], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
