"""The cause of every error: one of each is planted, as false negatives and as false positives."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from closecall.analysis.causes.miss_wording import CausesOfErrors, causes_table, chance_sentence, evidence_sentences
from closecall.data.annotations.causes import CauseEvidence, EvidenceInfo, empty_columns, run_column
from closecall.data.io.errors import UserError
from closecall.models.results.causes import causes_of, decide_causes
from closecall.models.results.run_predictions import RunPredictions
from tests.makers import make_dataset, make_experiment

SEEDS = 3
RATIOS = (1.0, 10.0)
PLANTED = ("threshold", "suspect", "near copy", "not read", "not similar", "seed", "overlap", "nothing")
CAUSES = (
    "threshold",
    "suspect label",
    "suspect label",
    "not read",
    "no similar example",
    "seed",
    "overlap",
    "unexplained",
)
EACH, CORRECT = 6, 60
RUNS = [f"r{ratio:g}-s{seed}-none" for ratio in RATIOS for seed in range(SEEDS)]


def table(split: str, labels: np.ndarray, probs: np.ndarray) -> RunPredictions:
    ids = np.array([f"{split}-{place}" for place in range(len(labels))], dtype=object)
    ratios, seeds = np.repeat(RATIOS, SEEDS), np.tile(np.arange(SEEDS), len(RATIOS))
    remedies = np.full(len(RUNS), "none", dtype=object)
    own = ("experiment", split, ())
    return RunPredictions(
        split, ids, labels, tuple(RUNS), ratios, seeds, remedies, probs, "experiment", pd.Index(ids), own
    )


def planted() -> tuple[RunPredictions, RunPredictions, CauseEvidence]:
    """False negatives at 1:10 of each kind in PLANTED, then correct positives and negatives.

    The negatives' scores at 1:10 are those at 1:1 lowered by .3, so that the reference threshold is near .2. Validation
    has the same positives, and negatives from the same distribution.
    """
    kinds = np.array([*np.repeat(PLANTED, EACH), *["correct"] * CORRECT, *["negative"] * 80], dtype=object)
    labels = (kinds != "negative").astype(np.int8)
    at_1 = np.where(labels == 1, 0.8, 0.0)
    at_10 = np.where(kinds == "correct", 0.8, np.where(kinds == "threshold", 0.4, 0.05))
    at_1[labels == 0] = np.linspace(0, 0.55, 80)
    at_10[labels == 0] = np.maximum(at_1[labels == 0] - 0.3, 0)
    probs = np.array([at_1] * SEEDS + [at_10] * SEEDS)
    probs[:SEEDS, kinds == "overlap"] = 0.1
    probs[SEEDS, kinds == "seed"] = 0.9  # one of three seeds finds it
    rng = np.random.default_rng(0)
    negatives = rng.uniform(0, 0.55, 100)
    known = np.r_[np.ones(int(labels.sum()), np.int8), np.zeros(len(negatives), np.int8)]
    others = np.array([negatives] * SEEDS + [np.maximum(negatives - 0.3, 0)] * SEEDS)
    validation = table("validation", known, np.hstack([probs[:, labels == 1], others]))
    test = table("test", labels, probs)
    info = EvidenceInfo("", dict.fromkeys(RUNS, ""), calibration={"positive": 200, "negative": 200})
    return test, validation, CauseEvidence(info, *stored(test, kinds))


def stored(test: RunPredictions, kinds: np.ndarray) -> tuple[pd.DataFrame, pd.DataFrame]:
    examples = empty_columns(test.ids, test.labels).assign(
        suspect=kinds == "suspect",
        self_confidence=0.03,
        other_class_neighbours=np.where(kinds == "suspect", 5, 1),
        near_copy=np.where(kinds == "near copy", "copy", ""),
        near_copy_split=np.where(kinds == "near copy", "train", ""),
        near_copy_label=pd.array([0 if kind == "near copy" else pd.NA for kind in kinds], dtype="Int8"),
        near_copy_jaccard=np.where(kinds == "near copy", 0.8, np.nan),
        p_positive=np.where(kinds == "not similar", 0.01, 0.6),
        nearest_positive="near",
        positive_cosine=0.4,
        p_negative=0.6,
        frozen_other_of_10=np.where(kinds == "overlap", 9, 1),
        tokens=np.where(np.isin(kinds, ["not read", "nothing"]), 300, 50),
        tokens_read=np.where(np.isin(kinds, ["not read", "nothing"]), 128, 50),
        window_sample=True,
    )
    cut = examples["tokens"].to_numpy() > 128
    columns = {
        "tuned_other_of_10": np.where(kinds == "overlap", 8, 1),
        "window_high": np.where(cut, np.where(kinds == "not read", 0.9, 0.2), np.nan),
        "window_low": np.where(cut, 0.05, np.nan),
    }
    runs = {run_column(name, run): values for run in RUNS for name, values in columns.items()}
    return examples, pd.DataFrame({"id": test.ids, **runs})


def exchanged(table: RunPredictions) -> RunPredictions:
    """The same with the classes exchanged; the ratios too, since false positives are referred to the largest."""
    probs = 1 - np.vstack([table.pos_probs[SEEDS:], table.pos_probs[:SEEDS]])
    return replace(table, labels=1 - table.labels, pos_probs=probs)


def exchanged_evidence(evidence: CauseEvidence) -> CauseEvidence:
    names = {"p_positive": "p_negative", "p_negative": "p_positive", "nearest_positive": "nearest_negative"}
    names |= {
        "nearest_negative": "nearest_positive",
        "positive_cosine": "negative_cosine",
        "negative_cosine": "positive_cosine",
    }
    examples = evidence.examples.rename(columns=names).assign(
        label=1 - evidence.examples["label"], near_copy_label=1 - evidence.examples["near_copy_label"]
    )
    high = [run_column("window_high", run) for run in RUNS]
    low = [run_column("window_low", run) for run in RUNS]
    runs = evidence.runs.assign(
        **{name: 1 - evidence.runs[other] for name, other in zip([*high, *low], [*low, *high], strict=True)}
    )
    return CauseEvidence(evidence.info, examples, runs)


def assigned(found: CausesOfErrors) -> dict[str, str]:
    return dict(zip(found.examples["id"], found.examples["cause"], strict=True))


EXPECTED = {f"test-{place}": cause for place, cause in enumerate(np.repeat(CAUSES, EACH).tolist())}


def test_each_planted_cause_is_assigned() -> None:
    found = decide_causes(*planted(), ratio=10)
    assert assigned(found) == EXPECTED and found.not_measured == ()
    assert (found.seeds, found.of, len(found.examples)) == (3, 108, 48)
    summary = found.summary.set_index("cause")
    assert summary["errors"].to_dict() == dict(zip(*np.unique(CAUSES, return_counts=True), strict=True)) | {
        key: EACH * CAUSES.count(key) for key in CAUSES
    }
    assert summary.index[summary["reported"]].tolist() == ["threshold", "not read"]
    assert summary["p"].notna().tolist() == [key in ("not read", "no similar example") for key in summary.index]
    assert summary.loc["not read", "of_correct"] == 80  # true negatives
    assert summary.loc["seed", "of_correct"] == 60
    assert found.reference is not None and found.reference.ratio == 1
    assert np.allclose(found.reference.thresholds, 0.2, atol=0.02)


def test_a_cause_that_is_not_measured_is_not_said_to_be_absent() -> None:
    test, validation, _ = planted()
    found = decide_causes(test, replace(validation, labels=np.zeros_like(validation.labels)), None, ratio=10)
    example = found.examples.loc[found.examples["cause"] == "unexplained", "id"].iloc[0]
    assert [key for key, _ in found.not_measured] == [
        "threshold", "suspect label", "not read", "no similar example", "overlap",
    ]  # fmt: skip
    assert evidence_sentences(found, example) == [("unexplained", "None of these holds: depends on the seed.")]


def test_suspect_labels_are_compared_with_the_training_examples() -> None:
    test, validation, evidence = planted()
    for counts, reported in (([1, 200], True), ([30, 200], False)):
        info = replace(evidence.info, training_suspects={"positive": counts, "negative": [0, 500]})
        found = decide_causes(test, validation, replace(evidence, info=info), ratio=10)
        row = found.summary.set_index("cause").loc["suspect label"]
        assert (row["holds"], row["of_class"], bool(row["reported"])) == (2 * EACH, 108, reported)
        words = chance_sentence(row.to_dict() | {"cause": "suspect label"}, "fn")
        assert f"{counts[0]}/200" in words and f"{2 * EACH}/108" in words


def test_false_positives_have_the_same_causes_with_classes_exchanged() -> None:
    test, validation, evidence = planted()
    found = decide_causes(exchanged(test), exchanged(validation), exchanged_evidence(evidence), ratio=1, outcome="fp")
    assert assigned(found) == EXPECTED
    assert found.reference is not None and found.reference.ratio == 10
    none = decide_causes(exchanged(test), exchanged(validation), exchanged_evidence(evidence), ratio=10, outcome="fp")
    assert dict(none.not_measured)["threshold"] == "The false-negative rate of 1:10 is the reference itself."


def test_all_causes_that_hold_are_kept_in_order() -> None:
    test, validation, evidence = planted()
    evidence.examples.loc[0, "frozen_other_of_10"] = 9
    evidence.runs[[run_column("tuned_other_of_10", run) for run in RUNS]] = 8
    test.pos_probs[:SEEDS, 0] = 0.1
    evidence.examples.loc[0, "p_positive"] = 0.05
    first = decide_causes(test, validation, evidence, ratio=10).examples.set_index("id").loc["test-0"]
    assert first["causes"] == ("threshold", "no similar example", "overlap") and first["cause"] == "threshold"


def test_overlap_needs_an_error_at_every_ratio_and_both_spaces() -> None:
    test, validation, evidence = planted()
    overlap = EACH * PLANTED.index("overlap")
    test.pos_probs[:SEEDS, overlap] = 0.9
    evidence.examples.loc[overlap + 1, "frozen_other_of_10"] = 5
    evidence.runs.loc[overlap + 2, [run_column("tuned_other_of_10", run) for run in RUNS]] = 5
    found = assigned(decide_causes(test, validation, evidence, ratio=10))
    causes = [found[f"test-{overlap + place}"] for place in range(4)]
    assert causes[1:] == ["unexplained", "unexplained", "overlap"] and causes[0] == "unexplained"
    first = decide_causes(test, validation, evidence, ratio=10).summary.set_index("cause")
    assert first.loc["overlap", "correct"] == 0
    evidence.examples.loc[len(PLANTED) * EACH, "frozen_other_of_10"] = 9
    evidence.runs.loc[len(PLANTED) * EACH, [run_column("tuned_other_of_10", run) for run in RUNS]] = 9
    second = decide_causes(test, validation, evidence, ratio=10).summary.set_index("cause")
    assert second.loc["overlap", "correct"] == 1  # a correct example among negatives


def test_sentences_give_the_evidence() -> None:
    found = decide_causes(*planted(), ratio=10)
    words = {cause: evidence_sentences(found, example)[0] for example, cause in EXPECTED.items()}
    assert all(key == cause for cause, (key, _) in words.items())
    rate = f"{100 * found.reference.rate:.1f}"  # type: ignore[union-attr]
    assert words["threshold"][1].startswith("Mean probability 0.40. It is predicted negative at threshold 0.50 and")
    assert words["threshold"][1].endswith(f"the false-positive rate of 1:1 on validation ({rate} %).")
    assert words["not read"][1] == "The encoder read 128 of 300 tokens. 3 of 3 seeds classify a later part as positive."
    assert (
        "near, has a cosine of 0.40" in words["no similar example"][1] and "p = 0.010" in words["no similar example"][1]
    )
    assert words["seed"][1] == "2 of 3 seeds misclassify it."
    assert "9 are negatives before fine-tuning and 8 after" in words["overlap"][1]
    assert words["unexplained"][1].startswith("None of these holds: recovered by the threshold, suspect label")
    suspect, copy = (evidence_sentences(found, f"test-{place}")[0][1] for place in (EACH, 2 * EACH))
    assert suspect.endswith("probability of 0.03. 5 of its 5 nearest training texts are negatives.")
    assert copy == "Its near copy copy (training, Jaccard 0.80) has the other label."
    table = causes_table(found)
    assert len(table) == 48 and set(table["cause"]) == {MISS for MISS in found.summary["title"]}
    with pytest.raises(ValueError, match="not among the errors"):
        evidence_sentences(found, "test-60")


def test_without_evidence_only_threshold_and_seeds_are_judged() -> None:
    test, validation, _ = planted()
    found = decide_causes(test, validation, None, ratio=10)
    assert found.summary["cause"].tolist() == ["threshold", "seed", "unexplained"]
    missing = dict(found.not_measured)
    assert list(missing) == ["suspect label", "not read", "no similar example", "overlap"]
    assert missing["overlap"].endswith("Run: closecall causes experiment")
    assert evidence_sentences(found, "test-47")[0][0] == "unexplained"


def test_what_was_not_measured_is_named() -> None:
    test, validation, evidence = planted()
    evidence.examples["p_positive"] = np.nan
    reasons = {
        "no similar example:positive": "Too few.",
        "not read:r10-s0-none": "No checkpoint.",
        "not read:r1-s0-none": "Other.",
    }
    runs = {run: "" for run in RUNS if run != "r10-s2-none"}
    info = EvidenceInfo("", runs, reasons)
    kept = [name for name in evidence.runs if not name.endswith(":r10-s2-none")]
    found = decide_causes(test, validation, CauseEvidence(info, evidence.examples, evidence.runs[kept]), ratio=10)
    missing, later = dict(found.not_measured), "The evidence was computed before r10-s2-none finished."
    assert missing["no similar example"] == "Too few." and missing["overlap"] == later
    assert missing["not read"] == f"No checkpoint. {later}"
    assert "no similar example" not in set(found.summary["cause"])


def test_one_seed_and_one_ratio() -> None:
    test, validation, evidence = planted()

    def first(one: RunPredictions) -> RunPredictions:
        return replace(
            one,
            runs=one.runs[:1],
            ratios=one.ratios[:1],
            seeds=one.seeds[:1],
            remedies=one.remedies[:1],
            pos_probs=one.pos_probs[:1],
        )

    found = decide_causes(first(test), first(validation), evidence, ratio=1)
    assert dict(found.not_measured) == {
        "threshold": "The false-positive rate of 1:1 is the reference itself.",
        "seed": "This needs 3 seeds; 1:1 has 1.",
    }
    assert set(found.examples["cause"]) == {"overlap"}
    alone = decide_causes(first(test), first(validation), None, ratio=1)
    assert set(alone.examples["cause"]) == {"unexplained"}
    words = evidence_sentences(alone, alone.examples["id"].iloc[0])
    assert words == [("unexplained", "No cause could be measured.")]


def test_validation_of_one_class_gives_no_threshold() -> None:
    test, validation, evidence = planted()
    found = decide_causes(test, replace(validation, labels=np.zeros_like(validation.labels)), evidence, ratio=10)
    assert found.reference is None and "both classes" in dict(found.not_measured)["threshold"]
    assert EXPECTED["test-0"] == "threshold" and assigned(found)["test-0"] == "unexplained"


def test_validation_with_other_scores_gives_no_threshold() -> None:
    test, validation, evidence = planted()
    probs = np.where(validation.labels == 0, np.minimum(validation.pos_probs + 0.2, 1), validation.pos_probs)
    found = decide_causes(test, replace(validation, pos_probs=probs), evidence, ratio=10)
    assert found.reference is None and "scores of the negatives" in dict(found.not_measured)["threshold"]
    assert "threshold" not in set(found.summary["cause"])


def test_wrong_requests_are_refused() -> None:
    with pytest.raises(UserError, match=r"fn .*or fp"):
        decide_causes(*planted(), ratio=10, outcome="tp")
    with pytest.raises(UserError, match=r"no finished run at 1:3 .*1:1, 1:10"):
        decide_causes(*planted(), ratio=3)
    with pytest.raises(UserError, match="focal"):
        decide_causes(*planted(), ratio=10, remedy="focal")


def test_causes_of_an_experiment_on_disk(workspace: object) -> None:
    make_experiment(make_dataset(), "sweep", ratios=(1, 3), seeds=(0, 1, 2))
    found = causes_of("sweep", ratio=3)
    assert len(found.examples) == found.summary["errors"].sum() and found.seeds == 3
    with pytest.raises(UserError, match="no experiment named"):
        causes_of("other", ratio=3)
