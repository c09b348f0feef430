"""What an experiment's texts show: against scikit-learn and direct calls, a far control, imported predictions."""

from dataclasses import asdict, replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score

from closecall.analysis.causes.separability import separability
from closecall.analysis.causes.sparsity import positive_count_curve
from closecall.analysis.causes.vocabulary import missing_mass, unseen_word_share
from closecall.data.annotations.text_evidence import load_probe, load_text_evidence
from closecall.data.datasets.checks import load_check
from closecall.data.datasets.store import datasets_folder, load_examples
from closecall.data.experiments.plans import training_ids
from closecall.data.experiments.runs import load_embeddings, load_runs, save_embeddings
from closecall.data.experiments.store import ExperimentConfig, experiment_folder, load_plan, save_experiment
from closecall.data.io.files import write_frame, write_json
from closecall.models.explain.causes import compute_evidence
from closecall.models.explain.dataset_check import check_dataset
from closecall.models.explain.experiment.texts import text_evidence
from closecall.models.explain.frozen_space import NO_EMBEDDINGS
from tests.makers import make_dataset, make_experiment
from tests.tiny_bert import make_tiny_bert


@pytest.fixture
def sweep(workspace: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ExperimentConfig:
    """An experiment of 60 training positives and a small BERT, where no asset is downloaded."""
    monkeypatch.setenv("CLOSECALL_ASSETS", str(tmp_path / "none"))
    config = make_experiment(make_dataset(positives=120, negatives=720), ratios=(1, 6), seeds=(0, 1))
    training = replace(config.training, encoder=str(make_tiny_bert(workspace / "tiny-bert")), max_tokens=16)
    config = replace(config, training=training)
    save_experiment(config)
    for run in load_runs(config.id):
        write_json(run.folder / "config.json", asdict(replace(run.config, training=training)))
    return config


def rows_of(config: ExperimentConfig) -> tuple[pd.DataFrame, np.ndarray]:
    rows, embeddings = load_embeddings(experiment_folder(config.id) / "frozen")
    return rows.set_index("id"), np.asarray(embeddings)


def test_the_numbers_are_those_of_the_plan_and_the_test_split(sweep: ExperimentConfig) -> None:
    compute_evidence(sweep.id)
    found = load_text_evidence(sweep.id)
    assert found is not None and found.closeness and found.curve and found.words
    rows, embeddings = rows_of(sweep)
    near = separability(embeddings, rows["label"])
    assert found.closeness["auc"][0] == near.probe.auc.value and found.closeness["p"] == near.probe.p
    assert found.closeness["null"][1] == near.probe.null.low and found.closeness["per_class"] == near.per_class
    assert found.closeness["one_nn_error"][0] == near.one_nn.error.value
    assert found.closeness["answer"] == "not measurable" and "far control" in found.not_measured["control"]

    own = training_ids(load_plan(sweep.id), ratio=6, seed=0)
    train = rows.index.get_indexer(pd.Index(own["id"]))
    test = np.flatnonzero(rows["split"] == "test")
    labels = rows["label"].to_numpy()
    curve = positive_count_curve(embeddings[train], labels[train], embeddings[test], labels[test])
    by_count = 1 - curve.groupby("positives")["error"].mean()
    assert {one["positives"]: one["recall"] for one in found.curve["points"]} == pytest.approx(by_count.to_dict())
    assert (found.curve["positives"], found.curve["negatives"]) == (60, 360)
    assert found.curve["doubled"][0] == pytest.approx(found.curve["now"][0] + found.curve["gain"][0])

    unit = embeddings / np.linalg.norm(embeddings, axis=1, keepdims=True)
    model = LogisticRegression(max_iter=2000).fit(unit[train], labels[train])
    probe = load_probe(sweep.id)
    assert probe.index.tolist() == rows.index[test].tolist()
    known = roc_auc_score(labels[test], model.decision_function(unit[test]))
    assert roc_auc_score(labels[test], probe.to_numpy()) == pytest.approx(known, abs=1e-6)

    texts = load_examples("posts", ["id", "text", "label", "split"]).set_index("id")
    here = texts[texts["label"] == 1]
    positives = here.loc[here.index.isin(own["id"]), "text"].tolist()
    assert found.words["missing"]["positives"] == pytest.approx(missing_mass(positives))
    unseen = unseen_word_share(here.loc[here["split"] == "test", "text"].tolist(), positives)
    assert found.words["unseen"]["positives"] == pytest.approx(unseen)


def test_the_far_control_is_embedded_as_the_experiment_is(sweep: ExperimentConfig, workspace: Path) -> None:
    aside = pd.DataFrame(
        {
            "source_row": range(60),
            "id": [f"car-{n}" for n in range(60)],
            "reason": "class cars is neither positive nor negative",
            "text": [f"engine gear wheel {n}" for n in range(60)],
        }
    )
    write_frame(datasets_folder() / "posts" / "set_aside.parquet", aside)
    texts, seen = load_examples("posts", ["id", "text", "label", "split", "group"]), list[float]()
    found, _ = text_evidence(sweep, "x", load_plan(sweep.id), texts, seen.append)
    assert found.closeness is not None and found.closeness["control"] == "left-out classes"
    far, near = found.closeness["control_auc"], found.closeness["auc"]
    assert found.closeness["difference"][0] == pytest.approx(far[0] - near[0]) and seen[-1] == 1
    missing = replace(sweep.training, encoder=str(workspace / "nowhere"))
    found, _ = text_evidence(replace(sweep, training=missing), "x", load_plan(sweep.id), texts, seen.append)
    assert found.closeness is not None and "control_auc" not in found.closeness and found.not_measured["control"]


def test_without_embeddings_the_closeness_of_the_datasets_check_is_taken(
    workspace: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CLOSECALL_ASSETS", str(tmp_path / "none"))
    config = make_experiment(make_dataset(), ratios=(1,), seeds=(0,), with_embeddings=False)
    found, probe = text_evidence(config, "x", load_plan(config.id), load_examples("posts"), lambda share: None)
    assert found.closeness is None and found.curve is None and probe.empty and found.words is not None
    assert found.not_measured == {"closeness": NO_EMBEDDINGS, "curve": NO_EMBEDDINGS}
    check = check_dataset("posts")
    row = next(one for one in check.rows if one.key == "closeness")
    found, _ = text_evidence(config, "x", load_plan(config.id), load_examples("posts"), lambda share: None)
    assert load_check("posts") == check
    assert found.closeness is not None and found.closeness["auc"] == row.values["auc"]


def test_imported_predictions_name_what_is_missing(sweep: ExperimentConfig) -> None:
    imported = replace(sweep, kind="imported")
    nothing = load_plan(sweep.id)[:0]
    texts = load_examples("posts", ["id", "text", "label", "split"])
    found, probe = text_evidence(imported, "x", nothing, texts, lambda share: None)
    assert found.closeness is not None and probe.empty
    for name in ("curve", "words"):
        assert getattr(found, name) is None
        assert found.not_measured[name].endswith("imported predictions do not name their training texts.")


def test_too_few_negatives_leave_the_positives_words_alone(sweep: ExperimentConfig) -> None:
    plan = load_plan(sweep.id)
    few = plan[(plan["seed"] == 0) & ((plan["label"] == 1) | (plan["rank"] < 60))]
    found, _ = text_evidence(sweep, "x", few, load_examples("posts"), lambda share: None)
    assert found.words is not None and found.words["answer"] == "too few" and found.words["needed"] == 120
    assert 0 < found.words["unseen_share"] < 1 and 0 < found.words["missing_mass"] < 1


@pytest.mark.slow
def test_the_numbers_are_computed_again_when_their_input_changes(sweep: ExperimentConfig) -> None:
    compute_evidence(sweep.id)
    first = load_text_evidence(sweep.id)
    compute_evidence(sweep.id)
    assert load_text_evidence(sweep.id) == first
    rows, embeddings = load_embeddings(experiment_folder(sweep.id) / "frozen")
    save_embeddings(experiment_folder(sweep.id) / "frozen", rows, np.asarray(embeddings) * [-1, *[1] * 15] + 0.5)
    compute_evidence(sweep.id)
    second = load_text_evidence(sweep.id)
    assert first is not None and second is not None and second.content != first.content
    assert second.closeness != first.closeness and second.words == first.words
