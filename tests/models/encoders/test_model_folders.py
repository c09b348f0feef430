"""Model folders that cannot be used are refused by one sentence that names what they are."""

import json
import re
import shlex
import struct
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.numpy import load_file, save_file

from closecall.data.io.errors import UserError
from closecall.models.encoders import loading, model_folders
from closecall.models.encoders.model_check import check_model
from closecall.models.encoders.model_folders import check_model_folder, tensor_shapes
from tests.tiny_bert import make_tiny_bert
from tests.tiny_encoders import make_tiny_encoder


def write_header(folder: Path, header: object, length: int | None = None) -> None:
    content = json.dumps(header).encode()
    (folder / "model.safetensors").write_bytes(struct.pack("<Q", length or len(content)) + content)


def cut(folder: Path) -> None:
    weights = folder / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:-100])


def change_config(folder: Path, **changes: object) -> None:
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps({**config, **changes}))


def own(name: str, content: str = "{}", *, architecture: str = "BertModel") -> Callable[[Path], None]:
    def write(folder: Path) -> None:
        (folder / name).write_text(content)
        change_config(folder, architectures=[architecture])

    return write


BROKEN: dict[str, tuple[Callable[[Path], object], str]] = {
    "absurd header": (lambda folder: write_header(folder, {}, 2**60), "damaged .*longer than the file"),
    "empty weights": (lambda folder: (folder / "model.safetensors").write_bytes(b""), "damaged"),
    "header is a list": (lambda folder: write_header(folder, []), "damaged"),
    "header without offsets": (lambda folder: write_header(folder, {"a": {"shape": [1]}}), "damaged"),
    "no JSON header": (lambda folder: (folder / "model.safetensors").write_bytes(b"\2" + bytes(7) + b"xx"), "damaged"),
    "cut off": (cut, "damaged .*length does not fit"),
    "no weights": (lambda folder: (folder / "model.safetensors").unlink(), r"no model\.safetensors"),
    "no config": (lambda folder: (folder / "config.json").unlink(), r"no config\.json"),
    "broken config": (lambda folder: (folder / "config.json").write_text("{"), "cannot be read as JSON"),
    "config is a list": (lambda folder: (folder / "config.json").write_text("[]"), "does not hold a JSON object"),
    "no type": (lambda folder: (folder / "config.json").write_text("{}"), "names no model_type"),
    "an encoder": (lambda folder: change_config(folder, architectures=["BertForMaskedLM"]), "not a text classifier"),
    "setfit": (own("config_setfit.json"), "SetFit folder"),
    "sentence-transformers": (own("modules.json", "[]"), "sentence-transformers folder"),
}


@pytest.mark.parametrize("kind", BROKEN)
def test_a_folder_that_cannot_be_a_classifier(tmp_path: Path, kind: str) -> None:
    folder = make_tiny_bert(tmp_path / "model", labels=2)
    check_model_folder(folder, classifier=True)
    spoil, sentence = BROKEN[kind]
    spoil(folder)
    with pytest.raises(UserError, match=sentence) as refused:
        check_model_folder(folder, classifier=True)
    assert str(folder) in str(refused.value) and "\n" not in str(refused.value)


@pytest.mark.parametrize("kind", ["setfit", "sentence-transformers", "an encoder"])
def test_such_folders_are_encoders_all_the_same(tmp_path: Path, kind: str) -> None:
    folder = make_tiny_bert(tmp_path / "model")
    BROKEN[kind][0](folder)
    check_model_folder(folder, classifier=False)


def test_a_model_in_a_folder_inside_is_named(tmp_path: Path) -> None:
    make_tiny_bert(tmp_path / "0_Transformer")
    with pytest.raises(UserError, match="Give one inside it: 0_Transformer"):
        check_model_folder(tmp_path, classifier=False)


def test_parts_of_weights_are_checked_each(tmp_path: Path) -> None:
    folder = make_tiny_bert(tmp_path / "model")
    weights, names = load_file(folder / "model.safetensors"), sorted(load_file(folder / "model.safetensors"))
    (folder / "model.safetensors").unlink()
    index = {}
    for part, half in enumerate((names[::2], names[1::2])):
        file = f"model-{part}.safetensors"
        save_file({name: weights[name] for name in half}, folder / file, metadata={"format": "pt"})
        index |= dict.fromkeys(half, file)
    (folder / "model.safetensors.index.json").write_text(json.dumps({"weight_map": index, "metadata": {}}))
    check_model_folder(folder, classifier=False)
    loading.load_encoder(str(folder))
    fingerprint = loading.weights_fingerprint(str(folder))
    (folder / "model-1.safetensors").write_bytes(b"x")
    assert loading.weights_fingerprint(str(folder)) != fingerprint
    with pytest.raises(UserError, match=r"model-1\.safetensors is damaged"):
        check_model_folder(folder, classifier=False)


def test_shapes_are_those_of_the_tensors(tmp_path: Path) -> None:
    save_file({"a": np.zeros((2, 3)), "b": np.zeros(0, np.float32)}, tmp_path / "w.safetensors")
    assert tensor_shapes(tmp_path / "w.safetensors") == {"a": [2, 3], "b": [0]}


def test_the_line_for_pickled_weights_converts_them(tmp_path: Path) -> None:
    folder = make_tiny_bert(tmp_path / "it's mine", labels=2)
    before = load_file(folder / "model.safetensors")
    (folder / "model.safetensors").unlink()
    torch.save({name: torch.from_numpy(values) for name, values in before.items()}, folder / "pytorch_model.bin")
    with pytest.raises(UserError, match=r"no model\.safetensors, only a pickle") as refused:
        check_model_folder(folder, classifier=True)
    command = re.search(r"python -c .*$", str(refused.value))
    assert command is not None
    exec(shlex.split(command.group())[2], {})
    after = load_file(folder / "model.safetensors")
    assert after.keys() == before.keys() and all(np.array_equal(after[name], before[name]) for name in before)
    check_model_folder(folder, classifier=True)
    loading.load_checkpoint(str(folder))


UNFIT: dict[str, Callable[[Path], object]] = {
    "hidden size": lambda folder: change_config(folder, hidden_size=48),
    "layers": lambda folder: change_config(folder, num_hidden_layers=3),
    "vocabulary": lambda folder: change_config(folder, vocab_size=50),
    "type": lambda folder: change_config(
        folder, model_type="distilbert", architectures=["DistilBertForSequenceClassification"]
    ),
}


@pytest.mark.parametrize("kind", UNFIT)
def test_weights_that_do_not_fit_the_config_are_never_drawn_at_random(tmp_path: Path, kind: str) -> None:
    folder = make_tiny_bert(tmp_path / "model", labels=2)
    UNFIT[kind](folder)
    for load in (loading.load_checkpoint, lambda name: loading.load_classifier(name, seed=0), loading.load_encoder):
        with pytest.raises(UserError, match=r"do not fit its config\.json"):
            load(str(folder))


def test_a_head_that_is_not_stored_is_refused_as_a_classifier_only(tmp_path: Path) -> None:
    folder, bare = make_tiny_bert(tmp_path / "model", labels=2), make_tiny_bert(tmp_path / "bare")
    (folder / "model.safetensors").write_bytes((bare / "model.safetensors").read_bytes())
    with pytest.raises(UserError, match=r"2 are missing .*classifier\.bias"):
        loading.load_checkpoint(str(folder))
    loading.load_classifier(str(folder), seed=0)


def test_what_an_encoder_was_trained_for_is_not_inherited(tmp_path: Path) -> None:
    folder = make_tiny_bert(tmp_path / "model", labels=4, problem_type="multi_label_classification")
    assert loading.load_classifier(str(folder), seed=0).config.problem_type == "single_label_classification"


def test_the_check_finds_a_strange_tokenizer_and_damaged_weights(tmp_path: Path, workspace: Path) -> None:
    folder, other = make_tiny_bert(tmp_path / "model", labels=2), make_tiny_encoder(tmp_path / "other", "roberta")
    weights = load_file(folder / "model.safetensors")
    assert check_model(str(folder), classifier=True, max_tokens=32).problem_type is None
    weights["classifier.bias"][0] = np.nan
    save_file(weights, folder / "model.safetensors", metadata={"format": "pt"})
    with pytest.raises(UserError, match="NaN or infinite"):
        check_model(str(folder), classifier=True, max_tokens=32)
    check_model(str(folder), classifier=False, max_tokens=32)
    for name in ("tokenizer.json", "tokenizer_config.json"):
        (folder / name).write_bytes((other / name).read_bytes())
    with pytest.raises(UserError, match="tokenizer of another model"):
        check_model(str(folder), classifier=False, max_tokens=32)


@pytest.mark.slow
def test_the_check_runs_in_a_process_of_its_own(tmp_path: Path, workspace: Path) -> None:
    code = "import sys; from closecall.models.encoders.model_check import check_model as check; "
    code += "print(check(sys.argv[1], classifier=True, max_tokens=int(sys.argv[2])), 'torch' in sys.modules)"
    folder = make_tiny_bert(tmp_path / "model", labels=3)
    fine = subprocess.run([sys.executable, "-c", code, str(folder), "64"], capture_output=True, text=True)
    assert "LABEL_2" in fine.stdout and "False" in fine.stdout, fine.stderr
    refused = subprocess.run([sys.executable, "-c", code, str(folder), "65"], capture_output=True, text=True)
    assert "UserError" in refused.stderr and "at most 64 tokens" in refused.stderr


def test_a_lora_adapter_without_peft_names_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    adapter = {"peft_type": "LORA", "task_type": "SEQ_CLS", "base_model_name_or_path": "some/bert"}
    (tmp_path / "adapter_config.json").write_text(json.dumps(adapter))
    with pytest.raises(UserError, match=r"LoRA adapter without adapter_model\.safetensors"):
        check_model_folder(tmp_path, classifier=True)
    save_file({"a": np.zeros(1)}, tmp_path / "adapter_model.safetensors")
    monkeypatch.setattr(model_folders, "is_installed", lambda package: False)
    with pytest.raises(UserError, match="LoRA adapter; merging it into some/bert needs PEFT: pip install"):
        check_model_folder(tmp_path, classifier=True)
    for changes, sentence in (({"peft_type": "IA3"}, "kind IA3"), ({"task_type": "CAUSAL_LM"}, "task CAUSAL_LM")):
        (tmp_path / "adapter_config.json").write_text(json.dumps({**adapter, **changes}))
        with pytest.raises(UserError, match=sentence):
            check_model_folder(tmp_path, classifier=True)


def test_weights_of_pretraining_may_lack_a_pooler_and_have_old_names(tmp_path: Path) -> None:
    folder = make_tiny_bert(tmp_path / "model")
    weights = load_file(folder / "model.safetensors")
    old = {"LayerNorm.weight": "LayerNorm.gamma", "LayerNorm.bias": "LayerNorm.beta"}
    renamed = {}
    for name, values in weights.items():
        if "pooler" not in name:
            end = next((end for end in old if name.endswith(end)), "")
            renamed["bert." + name.removesuffix(end) + old.get(end, "")] = values + 0.5 if end else values
    renamed["cls.predictions.bias"] = np.zeros(3, np.float32)  # of the head for masked words
    save_file(renamed, folder / "model.safetensors", metadata={"format": "pt"})
    expected = weights["embeddings.LayerNorm.weight"] + 0.5
    for model in (loading.load_encoder(str(folder)), loading.load_classifier(str(folder), seed=0).bert):
        assert np.array_equal(model.embeddings.LayerNorm.weight.detach().numpy(), expected)
