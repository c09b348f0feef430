"""Record real trainings of a tiny BERT: the same training, the Trainer's logits, and a run like any other."""

import copy
import random
import shutil
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import torch
from scipy.special import softmax
from torch import nn
from transformers import AutoTokenizer, DataCollatorWithPadding, Trainer

import closecall
from closecall.analysis.causes.overfitting import gaps_of_history
from closecall.data.annotations.causes import evidence_folder, load_evidence
from closecall.data.datasets.store import load_dataset
from closecall.data.experiments.runs import (
    load_dynamics,
    load_embeddings,
    load_metrics,
    load_predictions,
    load_projection,
    load_run,
    read_status,
)
from closecall.data.experiments.store import load_evaluation, load_experiment, load_plan, run_folder
from closecall.data.io.errors import UserError
from closecall.data.io.files import read_frame
from closecall.models.encoders.checkpoints import checkpoint_of
from closecall.models.encoders.inference import run_inference
from closecall.models.encoders.label_mapping import log_odds
from closecall.models.encoders.loading import load_checkpoint, load_tokenizer
from closecall.models.encoders.tokenization import tokenise
from closecall.models.explain.causes import compute_evidence
from closecall.models.integrations.callback import CloseCallCallback
from closecall.models.integrations.reading import undisturbed
from closecall.models.queue import jobs
from closecall.models.results.example_tables import data_map_table
from closecall.models.runtime.child_process import CODE_FOLDER, child_environment
from tests.models.integrations.scripts import callback, load_model, make_trainer, posts, spam, tokenised
from tests.tiny_bert import make_tiny_bert

RUN = "r3-s7-none"


@pytest.fixture
def tiny(workspace: Path) -> Path:
    return make_tiny_bert(workspace / "tiny-bert")


@pytest.fixture
def flat_maps(monkeypatch: pytest.MonkeyPatch) -> None:
    """Principal components instead of UMAP, which compiles for 15 s in each process."""
    monkeypatch.setattr("closecall.models.encoders.projection.FEWEST", 10_000)


def random_states() -> tuple[object, ...]:
    return random.getstate(), np.random.get_state()[1].tolist(), torch.get_rng_state().tolist()


def weights(model: nn.Module) -> dict[str, torch.Tensor]:
    return {name: value.clone() for name, value in model.state_dict().items()}


def test_a_small_training_is_recorded_whole(workspace: Path, tiny: Path) -> None:
    """So few texts that the map needs no UMAP, and they are tokenised by the callback."""
    data = spam(positives=2, negatives=3)
    data["test"] = posts("test", 2, 2, seed=5)
    trainer = make_trainer(workspace / "out", tiny, tokenised(data, tiny), [callback(data, "spam")], num_train_epochs=1)
    trainer.train()
    (run,) = closecall.load_runs("spam")
    assert run.name == "r1.5-s7-none" and run.status.state == "done" and run.has_projection
    logits = trainer.predict(tokenised(data, tiny)["test"]).predictions
    np.testing.assert_allclose(load_predictions(run).logits, np.diff(logits, axis=1)[:, 0], atol=1e-6)
    assert load_dynamics(run).pos_probs.shape == (1, 5) and load_metrics(run)["history"][0]["epoch"] == 1


def test_texts_that_cannot_be_read_at_the_end_do_not_end_the_script(workspace: Path, tiny: Path) -> None:
    """The batch of two texts that is read before the training is well-formed, the whole test set is not."""
    data = tokenised(spam(positives=2, negatives=3), tiny)
    pad = DataCollatorWithPadding(AutoTokenizer.from_pretrained(tiny))

    def collate(rows):
        if len(rows) > 2:
            raise ValueError("a row without input_ids")
        return pad(rows)

    recorder = callback(data, "spam", data_collator=collate)
    trainer = make_trainer(workspace / "out", tiny, data, [recorder], num_train_epochs=1)
    assert trainer.train().global_step == 1
    status = read_status(run_folder("spam", "r1.5-s7-none"))
    assert status.state == "failed" and "a row without input_ids" in status.message


def test_a_module_that_is_frozen_in_evaluation_mode_stays_so() -> None:
    model = nn.Sequential(nn.Dropout(), nn.Linear(2, 2)).train()
    model[0].eval()
    with undisturbed(model):
        assert not model[1].training and not torch.is_grad_enabled()
    assert model.training and not model[0].training and model[1].training


@pytest.mark.slow
def test_the_training_is_the_same_with_and_without(workspace: Path, tiny: Path, flat_maps: None) -> None:
    """Weights bit for bit, with dropout, random states and the mode of the model."""
    data = tokenised(spam(), tiny)
    ends = []
    for title in ("", "spam 1:3"):
        callbacks = [callback(data, title)] if title else []
        model = load_model(tiny)
        trainer = make_trainer(workspace / f"out{title}", tiny, data, callbacks, model=model, eval_strategy="epoch")
        trainer.train()
        ends.append((weights(model), random_states(), model.training))
    (plain, states, mode), (recorded, states_too, mode_too) = ends
    assert all(torch.equal(plain[name], recorded[name]) for name in plain)
    assert states == states_too and mode == mode_too


@pytest.mark.slow
def test_logits_are_those_of_predict_and_the_run_is_like_any_other(
    workspace: Path, tiny: Path, flat_maps: None
) -> None:
    data = tokenised(spam(), tiny)
    trainer = make_trainer(workspace / "out", tiny, data, [callback(data)], num_train_epochs=3)
    trainer.train()
    run = load_run("spam", RUN)
    assert run.status.state == "done" and load_experiment("spam").kind == "recorded"
    frame = read_frame(run.folder / "predictions.parquet")
    for split in ("test", "validation"):
        own = frame[frame["split"] == split]
        logits = trainer.predict(data[split]).predictions
        assert own["id"].tolist() == list(data[split]["id"]) and own["label"].tolist() == list(data[split]["label"])
        assert np.array_equal(own[["logit_negative", "logit_positive"]].to_numpy(), logits)
        np.testing.assert_allclose(own["pos_prob"], softmax(logits.astype(float), axis=1)[:, 1], rtol=1e-6)
    rows, embeddings = load_embeddings(run.folder)
    assert rows["id"].tolist() == [*data["test"]["id"], *data["train"]["id"]]
    assert load_projection(run.folder)["id"].tolist() == rows["id"].tolist()
    table = data_map_table(run)
    assert set(table["id"]) == set(data["train"]["id"]) and (table["epochs"] == 3).all() and (table["text"] != "").all()
    gaps = gaps_of_history(load_metrics(run)["history"])
    assert gaps["epoch"].tolist() == [1, 2, 3] and (gaps["train_positives"] == 12).all()
    # What is kept is the classifier: the product's own inference gives the same numbers.
    checkpoint = checkpoint_of(run)
    assert checkpoint is not None and checkpoint.positive == (1,)
    tokens = tokenise(list(data["test"]["text"]), load_tokenizer(checkpoint.source), checkpoint.max_tokens)
    again = run_inference(load_checkpoint(checkpoint.source), tokens, np.arange(len(tokens)))
    np.testing.assert_allclose(load_predictions(run).logits, np.diff(again.logits, axis=1)[:, 0], atol=1e-5)
    np.testing.assert_allclose(embeddings[: len(tokens)], again.embeddings, atol=1e-5)
    assert load_dataset("spam").examples["meta.source"].isin(["mail", "chat"]).all()


@pytest.mark.slow
def test_dynamics_are_the_probabilities_after_each_epoch(workspace: Path, tiny: Path, flat_maps: None) -> None:
    """Against the model of each epoch, copied while it was trained; also where the best one is loaded at the end."""
    data = tokenised(spam(), tiny)
    kept: list[nn.Module] = []

    class Keeper(CloseCallCallback):
        def on_epoch_end(self, args, state, control, **given):
            super().on_epoch_end(args, state, control, **given)
            kept.append(copy.deepcopy(given["model"]))

    splits = {name: data[name] for name in ("train", "validation", "test")}
    keeper = Keeper("spam 1:3", **splits, id="id", positive="spam")
    # The largest loss counts as the best, so that the model of the first epoch is loaded.
    best = {"metric_for_best_model": "eval_loss", "greater_is_better": True, "load_best_model_at_end": True}
    best |= {"save_strategy": "epoch", "eval_strategy": "epoch"}
    trainer = make_trainer(workspace / "out", tiny, data, [keeper], **best)
    trainer.train()
    dynamics = load_dynamics(load_run("spam", RUN))
    assert dynamics.pos_probs.shape == (2, 48) and dynamics.ids.tolist() == list(data["train"]["id"])
    for epoch, model in enumerate(kept):
        other = make_trainer(workspace / "other", tiny, data, [], model=model)
        probs = softmax(other.predict(data["train"]).predictions.astype(float), axis=1)[:, 1]
        np.testing.assert_allclose(dynamics.pos_probs[epoch], probs, rtol=1e-5)
    final = softmax(trainer.predict(data["test"]).predictions.astype(float), axis=1)[:, 1]
    np.testing.assert_allclose(load_predictions(load_run("spam", RUN)).pos_probs, final, rtol=1e-6)


@pytest.mark.slow
def test_callbacks_of_one_experiment_compare_ratios(workspace: Path, tiny: Path, flat_maps: None) -> None:
    """The second adds its training examples; other test examples and finished runs are refused before the training."""
    large = spam(positives=6, negatives=36)
    small = spam()
    small["train"] = large["train"].select(range(12))
    for data, title in ((small, "spam 1:1"), (large, "spam 1:6")):
        data = tokenised(data, tiny)
        make_trainer(workspace / "out", tiny, data, [callback(data, title)], num_train_epochs=1).train()
    config = load_experiment("spam")
    assert config.ratios == (1, 6) and config.seeds == (7,) and config.title == "spam"
    assert [run.name for run in closecall.load_runs("spam")] == ["r1-s7-none", "r6-s7-none"]
    assert load_dataset(config.dataset).info.content_sha256 == config.dataset_sha256
    assert set(load_plan("spam")["id"]) == set(large["train"]["id"])
    with pytest.raises(UserError, match="finished run r6-s7-none"):
        make_trainer(workspace / "out", tiny, data, [callback(data)]).train()
    make_trainer(workspace / "out", tiny, data, [callback(data, overwrite=True)], num_train_epochs=1).train()
    other = copy.copy(data)
    other["test"] = data["test"].select(range(5, 30))
    with pytest.raises(UserError, match="16 are missing, 0 are new"):
        make_trainer(workspace / "out", tiny, data, [callback(other, seed=8)]).train()


@pytest.mark.slow
def test_causes_follow_from_a_recorded_run(
    workspace: Path, tiny: Path, flat_maps: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By the command of the Overview page, which embeds the texts before fine-tuning too, and in the script itself.

    Where the machine has bf16, the script's own fp32 stays.
    """
    data = tokenised(spam(), tiny)
    make_trainer(workspace / "out", tiny, data, [callback(data)], num_train_epochs=1).train()
    command = [sys.executable, "-m", "closecall.models.explain.causes", "spam"]
    assert subprocess.run(command, cwd=CODE_FOLDER, env=child_environment(1)).returncode == 0
    evidence = load_evidence("spam")
    assert evidence is not None and evidence.examples["id"].tolist() == list(data["test"]["id"])
    rows, _ = load_embeddings(workspace / "experiments" / "spam" / "frozen")
    assert rows["id"].isin(data["train"]["id"]).sum() == 48
    for folder in (evidence_folder("spam"), workspace / "experiments" / "spam" / "frozen"):
        shutil.rmtree(folder)
    monkeypatch.setattr("closecall.models.runtime.devices.has_bf16", lambda: True)
    assert compute_evidence("spam").examples["id"].tolist() == list(data["test"]["id"])
    assert load_embeddings(workspace / "experiments" / "spam" / "frozen")[0].equals(rows)
    with pytest.raises(UserError, match="recorded from a training script"):
        jobs.cancel("spam", RUN)


class Failing(Trainer):
    def compute_loss(self, model, inputs, *rest, **more):
        if self.state.global_step == 3:
            raise RuntimeError("out of memory")
        return super().compute_loss(model, inputs, *rest, **more)


@pytest.mark.slow
def test_an_interrupted_training_leaves_a_run_that_says_so(workspace: Path, tiny: Path, flat_maps: None) -> None:
    """Also where the process goes on, as a notebook does; the next training of this name replaces it."""
    data = tokenised(spam(), tiny)
    with pytest.raises(RuntimeError, match="out of memory"):
        make_trainer(workspace / "out", tiny, data, [callback(data)], kind=Failing).train()
    folder = run_folder("spam", RUN)
    deadline = time.monotonic() + 20
    while read_status(folder).state == "running" and time.monotonic() < deadline:
        time.sleep(0.1)
    status = read_status(folder)
    assert status.state == "interrupted" and "Run the script again" in status.message
    assert not load_run("spam", RUN).has_predictions
    make_trainer(workspace / "out", tiny, data, [callback(data)], num_train_epochs=1).train()
    assert load_run("spam", RUN).status.state == "done"


class Weighted(Trainer):
    """A loss of its own, as scripts for rare classes have it."""

    def compute_loss(self, model, inputs, return_outputs=False, **more):
        labels = inputs.pop("labels")
        outputs = model(**inputs)
        if outputs.logits.shape[1] == 1:
            loss = nn.functional.binary_cross_entropy_with_logits(outputs.logits[:, 0], labels.float())
        else:
            weight = torch.ones(outputs.logits.shape[1])
            weight[1] = 3.0
            loss = nn.functional.cross_entropy(outputs.logits, labels, weight=weight)
        return (loss, outputs) if return_outputs else loss


@pytest.mark.slow
@pytest.mark.parametrize(("outputs", "positive"), [(2, "ham"), (5, "spam"), (1, "spam")])
def test_other_heads_with_a_loss_of_their_own(
    workspace: Path, tiny: Path, flat_maps: None, outputs: int, positive: str
) -> None:
    data = tokenised(spam(positives=20, negatives=20), tiny)
    model = load_model(tiny, labels=outputs)
    recorder = callback(data, "spam", positive=positive)
    trainer = make_trainer(workspace / "out", tiny, data, [recorder], model=model, kind=Weighted, num_train_epochs=1)
    trainer.train()
    run = load_run("spam", "r1-s7-none")
    logits = trainer.predict(data["test"]).predictions.astype(float)
    wanted = 1 / (1 + np.exp(-logits[:, 0])) if outputs == 1 else softmax(logits, axis=1)[:, int(positive == "spam")]
    own = load_predictions(run)
    np.testing.assert_allclose(own.pos_probs, wanted, rtol=1e-5)
    assert own.labels.tolist() == [int(label == int(positive == "spam")) for label in data["test"]["label"]]
    # The product's own inference reads the kept classifier in the same way.
    checkpoint = checkpoint_of(run)
    assert checkpoint is not None and checkpoint.positive == (int(outputs > 1 and positive == "spam"),)
    tokens = tokenise(list(data["test"]["text"]), load_tokenizer(checkpoint.source), checkpoint.max_tokens)
    again = run_inference(load_checkpoint(checkpoint.source), tokens, np.arange(len(tokens)), embed=False)
    np.testing.assert_allclose(
        log_odds(again.logits, checkpoint.positive, checkpoint.sigmoid), own.logits, rtol=1e-4, atol=1e-5
    )


@pytest.mark.slow
def test_texts_that_are_not_tokenised_and_a_cap(workspace: Path, tiny: Path, flat_maps: None) -> None:
    """Frames without ids, and fewer training examples read than there are: the logits stay those of predict."""
    data = spam()
    ready = tokenised(data, tiny)
    frames = {name: data[name].to_pandas().drop(columns="id") for name in data}
    frames["train"]["label"] = frames["train"]["label"].astype("int32")
    recorder = CloseCallCallback("plain", **frames, positive=1, ratio=4, seed=3, max_train=10, max_tokens=24)
    trainer = make_trainer(workspace / "out", tiny, ready, [recorder])
    trainer.train()
    run = load_run("plain", "r4-s3-none")
    logits = trainer.predict(ready["test"]).predictions
    np.testing.assert_allclose(load_predictions(run).logits, np.diff(logits, axis=1)[:, 0], atol=1e-6)
    dynamics = load_dynamics(run)
    assert dynamics.pos_probs.shape == (2, 10) and dynamics.labels.sum() == 5
    assert (run.config.n_positives, run.config.n_negatives) == (12, 36)
    notes = load_metrics(run)["notes"]
    assert "was given" in notes[0] and "10 of 48" in notes[1]
    assert len(load_evaluation("plain")) == 24 + 41 and len(load_dataset("plain").examples) == 24 + 41 + 48


@pytest.mark.slow
def test_adapters_of_peft(workspace: Path, tiny: Path, flat_maps: None) -> None:
    peft = pytest.importorskip("peft", reason="peft is not installed")
    data = tokenised(spam(), tiny)
    setting = peft.LoraConfig(task_type="SEQ_CLS", r=4, target_modules=["query", "value"])
    model = peft.get_peft_model(load_model(tiny), setting)
    trainer = make_trainer(workspace / "out", tiny, data, [callback(data)], model=model)
    trainer.train()
    run = load_run("spam", RUN)
    logits = trainer.predict(data["test"]).predictions
    frame = read_frame(run.folder / "predictions.parquet").query("split == 'test'")
    assert np.array_equal(frame[["logit_negative", "logit_positive"]].to_numpy(), logits)
    assert run.has_embeddings
    merged = load_checkpoint(checkpoint_of(run).source)  # type: ignore[union-attr]
    tokens = tokenise(list(data["test"]["text"]), load_tokenizer(str(tiny)), 24)
    again = run_inference(merged, tokens, np.arange(len(tokens)), embed=False)
    np.testing.assert_allclose(again.logits, logits, atol=1e-5)
    assert any("lora" in name for name in model.state_dict())


@pytest.mark.slow
def test_what_cannot_be_recorded_is_refused_before_the_training(workspace: Path, tiny: Path) -> None:
    data = spam(positives=2, negatives=3)
    for changes, words in (
        ({"positive": "spm"}, "ham, spam"),
        ({"text": "body"}, "'body'"),
        ({"id": "source"}, "twice"),
    ):
        with pytest.raises(UserError, match=words):
            make_trainer(workspace / "out", tiny, tokenised(data, tiny), [callback(data, **changes)]).train()
    assert closecall.experiment_ids() == []
    for bad in ({"title": " "}, {"max_train": 2}, {"report_to": "nowhere"}):
        with pytest.raises(UserError):
            callback(data, **{"title": "spam", **bad})
