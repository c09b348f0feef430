import json
from pathlib import Path

import pytest
import torch
from safetensors import safe_open

from closecall.data.experiments.store import TrainingConfig
from closecall.models.encoders import loading
from closecall.models.training.resume import FILE, drop_resume, load_resume, restore, save_resume
from closecall.models.training.steps import freeze_word_embeddings, make_optimizer
from tests.tiny_bert import make_tiny_bert


@pytest.fixture
def tiny(tmp_path: Path) -> Path:
    return make_tiny_bert(tmp_path / "tiny")


def made(tiny: Path, seed: int):
    model = loading.load_classifier(str(tiny), seed=seed).train()
    freeze_word_embeddings(model)
    return model, make_optimizer(model, TrainingConfig(learning_rate=1e-2))


def step(model, optimizer) -> float:
    """One step with dropout, so that it depends on the random state too."""
    loss = model(input_ids=torch.tensor([[2, 6, 7, 3]]), labels=torch.tensor([1])).loss
    loss.backward()
    optimizer.step()
    optimizer.zero_grad()
    return float(loss.detach())


def keep(folder: Path, model, optimizer, fingerprint: str = "this") -> None:
    probs = torch.tensor([[0.25, float("nan")]])
    save_resume(
        folder, model, optimizer, fingerprint=fingerprint, step=3, pos_probs=probs, history=[{"epoch": 1}], seconds=1.5
    )


def test_training_goes_on_as_if_nothing_had_happened(tiny: Path, tmp_path: Path) -> None:
    model, optimizer = made(tiny, 0)
    for _ in range(3):
        step(model, optimizer)
    keep(tmp_path, model, optimizer)
    expected = [step(model, optimizer) for _ in range(3)]

    torch.manual_seed(99)
    fresh, fresh_optimizer = made(tiny, 0)
    resume = load_resume(tmp_path, fingerprint="this")
    assert resume is not None and (resume.step, resume.seconds, resume.history) == (3, 1.5, [{"epoch": 1}])
    assert resume.pos_probs[0, 0] == 0.25 and resume.pos_probs[0, 1].isnan()
    restore(resume, fresh, fresh_optimizer)
    assert [step(fresh, fresh_optimizer) for _ in range(3)] == expected
    for ours, theirs in zip(fresh.parameters(), model.parameters(), strict=True):
        assert torch.equal(ours, theirs)


def test_before_the_first_step_there_are_no_moments(tiny: Path, tmp_path: Path) -> None:
    model, optimizer = made(tiny, 0)
    keep(tmp_path, model, optimizer)
    expected = step(model, optimizer)
    fresh, fresh_optimizer = made(tiny, 0)
    resume = load_resume(tmp_path, fingerprint="this")
    assert resume is not None
    restore(resume, fresh, fresh_optimizer)
    assert step(fresh, fresh_optimizer) == expected


def test_the_file_is_safetensors_without_what_is_frozen(tiny: Path, tmp_path: Path) -> None:
    model, optimizer = made(tiny, 0)
    step(model, optimizer)
    keep(tmp_path, model, optimizer)
    with safe_open(tmp_path / FILE, framework="pt") as stored:
        names = set(stored.keys())
        assert json.loads(stored.metadata()["history"]) == [{"epoch": 1}]
    assert {"random.cpu", "pos_probs", "weight.classifier.weight", "exp_avg.classifier.weight"} <= names
    assert not any("word_embeddings" in name for name in names)
    assert [path.name for path in tmp_path.iterdir() if path.is_file()] == [FILE]


def test_another_training_or_a_broken_file_is_not_resumed(tiny: Path, tmp_path: Path) -> None:
    assert load_resume(tmp_path, fingerprint="this") is None
    keep(tmp_path, *made(tiny, 0))
    assert load_resume(tmp_path, fingerprint="that") is None
    whole = (tmp_path / FILE).read_bytes()
    (tmp_path / FILE).write_bytes(whole[: len(whole) // 2])
    assert load_resume(tmp_path, fingerprint="this") is None
    drop_resume(tmp_path)
    drop_resume(tmp_path)
    assert not (tmp_path / FILE).exists()
