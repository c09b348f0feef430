"""LoRA adapters: merged into their base model, they give the logits of PEFT."""

from pathlib import Path

import numpy as np
import pytest
import torch
from transformers import AutoModel, AutoModelForSequenceClassification, AutoTokenizer

from closecall.data.io.errors import UserError
from closecall.models.encoders import loading
from closecall.models.encoders.inference import run_inference
from closecall.models.encoders.model_check import check_model
from closecall.models.encoders.model_folders import check_model_folder
from closecall.models.encoders.tokenization import tokenise
from tests.tiny_encoders import make_tiny_encoder

peft = pytest.importorskip("peft")
TEXTS = ["mac quadra simm", "windows dos ibm pentium disk drive card", "a"]


def slow(*values: object) -> object:
    return pytest.param(*values, marks=pytest.mark.slow)


def make_adapter(folder: Path, base: Path, *, labels: int, task: str = "SEQ_CLS") -> np.ndarray:
    """Write an adapter with weights drawn at random to `folder`; the logits of PEFT for TEXTS."""
    torch.manual_seed(1)
    model = AutoModelForSequenceClassification.from_pretrained(base, num_labels=labels)
    tuned = peft.get_peft_model(model, peft.LoraConfig(task_type=task, r=4, lora_alpha=8)).eval()
    with torch.no_grad():
        for name, weight in tuned.named_parameters():
            if "lora_" in name or "modules_to_save" in name:
                weight.normal_(0, 0.3)
    tuned.save_pretrained(folder)
    tokenizer = AutoTokenizer.from_pretrained(base)
    with torch.inference_mode():
        return np.concatenate([tuned(**tokenizer(text, return_tensors="pt")).logits.numpy() for text in TEXTS])


@pytest.mark.parametrize(("family", "labels"), [("bert", 2), slow("roberta", 3), slow("gpt2", 2)])
def test_a_merged_adapter_gives_the_logits_of_peft(workspace: Path, tmp_path: Path, family: str, labels: int) -> None:
    base = make_tiny_encoder(tmp_path / "base", family)
    expected = make_adapter(tmp_path / "adapter", base, labels=labels)
    adapter = str(tmp_path / "adapter")
    check_model_folder(tmp_path / "adapter", classifier=True)
    assert len(check_model(adapter, classifier=True, max_tokens=32).id2label) == labels
    tokens = tokenise(TEXTS, loading.load_tokenizer(adapter), 64)
    found = run_inference(loading.load_checkpoint(adapter), tokens, np.arange(len(TEXTS))).logits
    np.testing.assert_allclose(found, expected, atol=1e-5)
    assert loading.encoder_source(adapter).startswith(str(workspace / "cache" / "merged"))
    assert loading.weights_fingerprint(adapter) != loading.weights_fingerprint(str(base))


@pytest.mark.slow
def test_another_adapter_in_the_same_folder_is_merged_anew(workspace: Path, tmp_path: Path) -> None:
    base = make_tiny_encoder(tmp_path / "base", "bert")
    sources = set()
    for labels in (2, 3):
        make_adapter(tmp_path / "adapter", base, labels=labels)
        sources.add(loading.encoder_source(str(tmp_path / "adapter")))
        assert loading.load_checkpoint(str(tmp_path / "adapter")).num_labels == labels
    assert len(sources) == 2


@pytest.mark.slow
def test_another_base_model_in_several_files_is_merged_anew(workspace: Path, tmp_path: Path) -> None:
    sources = set()
    for seed in (0, 1):
        base = make_tiny_encoder(tmp_path / "base", "bert", seed=seed)
        AutoModel.from_pretrained(base).save_pretrained(base, max_shard_size="30KB")
        (base / "model.safetensors").unlink(missing_ok=True)
        if seed == 0:
            make_adapter(tmp_path / "adapter", base, labels=2)
        sources.add(loading.encoder_source(str(tmp_path / "adapter")))
    assert len(sources) == 2 and len(list(base.glob("model-*.safetensors"))) > 1


def test_an_adapter_serves_as_an_encoder(workspace: Path, tmp_path: Path) -> None:
    base = make_tiny_encoder(tmp_path / "base", "bert")
    make_adapter(tmp_path / "adapter", base, labels=2)
    merged = loading.load_classifier(str(tmp_path / "adapter"), seed=0)
    plain = loading.load_classifier(str(base), seed=0)
    tuned, own = (one.bert.encoder.layer[0].attention.self.query.weight for one in (merged, plain))
    assert not torch.allclose(tuned, own)
    assert torch.equal(merged.classifier.weight, plain.classifier.weight)


def test_an_adapter_whose_base_model_is_gone_is_named(workspace: Path, tmp_path: Path) -> None:
    base = make_tiny_encoder(tmp_path / "base", "bert")
    make_adapter(tmp_path / "adapter", base, labels=2)
    base.rename(tmp_path / "moved")
    with pytest.raises(UserError, match=f"There is no folder {base}"):
        loading.load_checkpoint(str(tmp_path / "adapter"))
