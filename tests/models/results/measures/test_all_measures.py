"""Questions about a whole experiment, answered from real files: overlap with its remedies, the curve, missing parts."""

from dataclasses import asdict, replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from closecall.analysis.causes.experiment_overlap import compare_arms
from closecall.analysis.causes.sparsity import fit_power_law
from closecall.analysis.causes.sparsity import more_positives as by_curve
from closecall.data.annotations.causes import CauseEvidence, EvidenceInfo, empty_columns, save_evidence
from closecall.data.annotations.text_evidence import TextEvidence, save_text_evidence
from closecall.data.experiments.run_tables import RunTable
from closecall.data.experiments.runs import RunStatus, load_run, save_predictions, write_status
from closecall.data.experiments.store import add_run, experiment_folder, run_folder, save_experiment
from closecall.data.io.files import read_frame, write_frame
from closecall.models.results.measures.all_measures import measures_of, stored_measures
from closecall.models.results.measures.curve import PROBE, RUNS
from closecall.models.results.measures.measure import ANSWERS, Measure
from closecall.models.results.run_predictions import read_run_predictions
from tests.makers import make_dataset, make_experiment

CURVE = {
    "points": [{"positives": n, "recall": r, "lowest": r, "highest": r} for n, r in ((20, 0.5), (40, 0.6), (80, 0.65))],
    "positives": 80, "sampled": 80, "negatives": 400, "test_positives": 40, "now": [0.65, 0.6, 0.7],
    "doubled": [0.66, 0.6, 0.72], "gain": [0.01, -0.01, 0.03], "answer": "absent", "needed": None,
}  # fmt: skip


def finished(config: str, ids: np.ndarray, labels: np.ndarray, texts: TextEvidence, probe: np.ndarray | None) -> None:
    """Store evidence without any cause, and the numbers on the texts."""
    info, frame = EvidenceInfo("", {}), empty_columns(ids, labels)
    save_evidence(config, CauseEvidence(info, frame, pd.DataFrame({"id": ids})))
    scores = {"id": [], "score": []} if probe is None else {"id": ids, "score": probe}
    save_text_evidence(config, texts, pd.DataFrame(scores))


@pytest.fixture
def weak(workspace: Path) -> RunTable:
    """Three seeds at 1:1 and 1:10 that rank badly, with a curve that is flat."""
    make_experiment(
        make_dataset(positives=1200, negatives=3600), ratios=(1, 3), seeds=(0, 1, 2), d_prime=1.0, with_embeddings=False
    )
    return read_run_predictions("sweep")["test"]


def by_key(found: list[Measure]) -> dict[str, Measure]:
    return {one.key: one for one in found}


def add_remedy(test: RunTable, name: str, shift: float) -> None:
    """A remedy of every seed at the largest ratio whose positives score higher by `shift` in log-odds."""
    for seed in (0, 1, 2):
        source = load_run("sweep", f"r3-s{seed}-none")
        run = replace(source.config, remedy=name)
        add_run(run)
        folder = run_folder("sweep", run.name)
        frame = read_frame(source.folder / "predictions.parquet")
        logit = frame["logit"] + shift * frame["label"]
        save_predictions(folder, frame.assign(logit=logit, pos_prob=(1 / (1 + np.exp(-logit))).astype(np.float32)))
        write_status(folder, RunStatus(state="done"))


def test_overlap_is_present_where_no_method_and_no_positive_helps(weak: RunTable) -> None:
    worse = np.random.default_rng(0).normal(size=len(weak.ids)) + weak.labels * 0.3
    finished("sweep", weak.ids, weak.labels, TextEvidence("", curve=CURVE), worse)
    found = by_key(stored_measures("sweep"))["overlap"]
    assert found.answer == "present" and found.values["ratio"] == 3
    (arm,) = found.values["arms"]
    runs = weak.pos_probs[weak.ratios == 3]
    (known,) = compare_arms(weak.labels, {"probe": (np.tile(worse, (3, 1)), runs)})
    assert arm["gain"] == asdict(known)["gain"] and arm["title"] == PROBE


def test_a_remedy_that_ranks_better_rules_overlap_out(weak: RunTable) -> None:
    worse = np.zeros(len(weak.ids))
    add_remedy(weak, "focal", 2.0)
    finished("sweep", weak.ids, weak.labels, TextEvidence("", curve=CURVE), worse)
    found = by_key(stored_measures("sweep"))["overlap"]
    assert (found.answer, found.values["because"]) == ("absent", "arm")
    assert {arm["title"] for arm in found.values["arms"]} == {"focal loss", PROBE}
    at_other_ratio = by_key(stored_measures("sweep", ratio=1))["overlap"]
    assert {arm["title"] for arm in at_other_ratio.values["arms"]} == {PROBE}


def test_without_texts_each_question_says_what_is_missing(weak: RunTable) -> None:
    missing = {"closeness": "No embeddings.", "curve": "No plan.", "words": "No texts."}
    finished("sweep", weak.ids, weak.labels, TextEvidence("", not_measured=missing), None)
    found = by_key(stored_measures("sweep"))
    assert {key: found[key].sentence for key in ("closeness", "positives", "words")} == {
        "closeness": "No embeddings.", "positives": "No plan.", "words": "No texts.",
    }  # fmt: skip
    assert (found["overlap"].answer, found["overlap"].values["because"]) == ("not measurable", "arms")
    assert all(one.answer in ANSWERS for one in found.values())


def test_before_the_texts_are_compared_the_command_is_named(weak: RunTable) -> None:
    save_evidence(
        "sweep",
        CauseEvidence(EvidenceInfo("", {}), empty_columns(weak.ids, weak.labels), pd.DataFrame({"id": weak.ids})),
    )
    assert by_key(stored_measures("sweep"))["words"].sentence.endswith("closecall causes sweep")


@pytest.mark.parametrize(("training", "answer"), [([1, 200], "present"), ([30, 200], "absent"), ([3, 90], "too few")])
def test_suspect_labels_of_test_and_training_are_compared(weak: RunTable, training: list[int], answer: str) -> None:
    positives = np.flatnonzero(weak.labels == 1)
    frame = empty_columns(weak.ids, weak.labels).assign(suspect=False)
    frame.loc[positives[: len(positives) // 20], "suspect"] = True  # 5 %
    frame.loc[positives[-len(positives) // 50 :], "near_copy_label"] = 0  # 2 % more: a near copy is labelled negative
    info = EvidenceInfo("", {}, training_suspects={"positive": training})
    evidence = CauseEvidence(info, frame, pd.DataFrame({"id": weak.ids}))
    assert by_key(measures_of("sweep", weak, evidence, ratio=3))["labels"].answer == answer
    unknown = replace(evidence, info=EvidenceInfo("", {}))
    assert by_key(measures_of("sweep", weak, unknown, ratio=3))["labels"].answer == "not measurable"


def test_without_evidence_or_runs_there_are_no_measures(weak: RunTable) -> None:
    assert stored_measures("sweep") == [] and measures_of("sweep", weak, None, ratio=3) == []
    finished("sweep", weak.ids, weak.labels, TextEvidence(""), None)
    assert stored_measures("sweep", ratio=7) == []


def test_the_runs_of_a_fixed_negatives_sweep_are_the_curve(workspace: Path) -> None:
    config = make_experiment(
        make_dataset(positives=240, negatives=720), ratios=(2, 4, 8), seeds=(0, 1, 2), with_embeddings=False
    )
    save_experiment(replace(config, sweep="fixed_negatives"))
    path = experiment_folder("sweep") / "plan.parquet"
    plan = read_frame(path)
    positives = plan[(plan["label"] == 1) & (plan["rank"] < 40)]
    negatives = plan[(plan["label"] == 0) & (plan["rank"] < 80)]
    write_frame(path, pd.concat([positives, negatives]).assign(sweep="fixed_negatives"))
    test = read_run_predictions("sweep")["test"]
    finished("sweep", test.ids, test.labels, TextEvidence("", curve=CURVE), None)
    values = by_key(stored_measures("sweep"))["positives"].values
    assert values["source"] == RUNS and [one["positives"] for one in values["points"]] == [10, 20, 40]
    assert (values["positives"], values["negatives"]) == (40, 80)
    errors = [(one["positives"], 1 - one["recall"]) for one in values["points"]]
    known = by_curve(fit_power_law(*np.array(errors).T, resamples=2), 40, test_positives=int(test.labels.sum()))
    assert values["gain"][0] == pytest.approx(known.gain.value, abs=1e-9)
    save_experiment(config)
    assert by_key(stored_measures("sweep"))["positives"].values["source"] == PROBE


def test_large_test_sets_are_sampled_by_class(weak: RunTable, monkeypatch: pytest.MonkeyPatch) -> None:
    finished("sweep", weak.ids, weak.labels, TextEvidence("", curve=CURVE), np.zeros(len(weak.ids)))
    whole = by_key(stored_measures("sweep"))["overlap"].values
    monkeypatch.setattr("closecall.models.results.measures.overlap.PER_CLASS", 300)
    sampled = by_key(stored_measures("sweep"))["overlap"].values
    assert sampled["rate"] == pytest.approx(whole["rate"], abs=0.08) and sampled["rate"] != whole["rate"]
    (own,), (other,) = sampled["arms"], whole["arms"]
    assert own["gain"]["high"] - own["gain"]["low"] > other["gain"]["high"] - other["gain"]["low"]
