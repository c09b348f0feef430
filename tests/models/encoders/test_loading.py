import io
import json
from pathlib import Path

import huggingface_hub.constants
import pytest
import sentencepiece
import torch
from transformers import AutoModelForSequenceClassification, RobertaConfig

from closecall.data.io.errors import UserError
from closecall.models.encoders import loading
from tests.tiny_bert import make_tiny_bert
from tests.tiny_encoders import LINES, make_tiny_encoder


@pytest.fixture
def tiny(tmp_path: Path) -> Path:
    return make_tiny_bert(tmp_path / "tiny")


def test_a_folder_is_its_own_source_and_a_hub_id_stays_as_it_is(tiny: Path) -> None:
    assert loading.encoder_source(str(tiny)) == str(tiny.resolve())
    assert loading.encoder_source("someone/some-bert") == "someone/some-bert"
    assert loading.encoder_source("some-bert") == "some-bert"


@pytest.mark.parametrize("name", ["/no/such/folder", "./absent", "~/absent", "a/b/c"])
def test_a_missing_folder_is_named(name: str) -> None:
    with pytest.raises(UserError, match="There is no folder"):
        loading.encoder_source(name)


def test_a_folder_without_config_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"no config\.json"):
        loading.load_tokenizer(str(tmp_path))


def test_a_folder_without_tokenizer_files_is_refused(tiny: Path) -> None:
    for name in ("tokenizer.json", "vocab.txt", "tokenizer_config.json"):
        (tiny / name).unlink(missing_ok=True)
    with pytest.raises(UserError, match="no tokenizer files"):
        loading.load_tokenizer(str(tiny))


BRACKETS = {"pad_id": 0, "bos_id": 1, "eos_id": 2, "unk_id": 3, "pad_piece": "[PAD]", "bos_piece": "[CLS]"}
PIECES: dict[str, tuple[str, dict[str, object]]] = {
    "deberta-v2": (
        "spm.model",
        {**BRACKETS, "eos_piece": "[SEP]", "unk_piece": "[UNK]", "user_defined_symbols": ["[MASK]"]},
    ),
    "albert": (
        "spiece.model",
        {"pad_id": 0, "unk_id": 1, "bos_id": -1, "eos_id": -1, "control_symbols": ["[CLS]", "[SEP]", "[MASK]"]},
    ),
    "xlm-roberta": ("sentencepiece.bpe.model", {}),
}
"""By family: the name of the file with its pieces, and the special pieces in it."""


@pytest.mark.parametrize("family", PIECES)
def test_a_tokenizer_that_is_only_a_sentencepiece_file(tmp_path: Path, family: str) -> None:
    name, special = PIECES[family]
    folder, written = make_tiny_encoder(tmp_path / family, family), io.BytesIO()
    for file in folder.glob("token*"):
        file.unlink()
    sizes = {"vocab_size": 120, "hard_vocab_limit": False, "minloglevel": 2}
    lines = iter(LINES * 3)
    sentencepiece.SentencePieceTrainer.train(sentence_iterator=lines, model_writer=written, **sizes, **special)
    (folder / name).write_bytes(written.getvalue())
    tokenizer, pieces = loading.load_tokenizer(str(folder)), sentencepiece.SentencePieceProcessor()
    pieces.LoadFromSerializedProto(written.getvalue())
    text = "mac quadra, Disk 9"
    assert tokenizer.tokenize(text.lower()) == pieces.encode(text.lower(), out_type=str)
    assert tokenizer.pad_token_id is not None


def test_a_missing_package_for_the_tokenizer_is_named() -> None:
    raised = "`tiktoken` is required to read a `tiktoken` file. Install it with `pip install tiktoken`."
    assert "pip install sentencepiece tiktoken" in loading._error_sentence("some/model", raised)


def test_pickled_weights_are_refused(tiny: Path) -> None:
    weights = loading.load_encoder(str(tiny)).state_dict()
    (tiny / "model.safetensors").unlink()
    torch.save(weights, tiny / "pytorch_model.bin")
    for load in (loading.load_encoder, lambda name: loading.load_classifier(name, seed=0)):
        with pytest.raises(UserError, match=r"no model\.safetensors"):
            load(str(tiny))


def test_code_that_comes_with_a_model_is_not_run(tiny: Path) -> None:
    config = json.loads((tiny / "config.json").read_text())
    auto = {"AutoConfig": "own.Config", "AutoModel": "own.Model", "AutoModelForSequenceClassification": "own.Head"}
    (tiny / "config.json").write_text(json.dumps({**config, "model_type": "own", "auto_map": auto}))
    (tiny / "own.py").write_text(f"open({str(tiny / 'ran')!r}, 'w')")
    with pytest.raises(UserError, match="needs code of its own"):
        loading.load_encoder(str(tiny))
    assert not (tiny / "ran").exists()


def test_a_broken_weights_file_is_one_sentence(tiny: Path) -> None:
    (tiny / "model.safetensors").write_bytes(b"not safetensors")
    with pytest.raises(UserError, match="cannot be loaded") as shown:
        loading.load_encoder(str(tiny))
    assert "\n" not in str(shown.value)


def test_an_unreachable_hub_is_a_user_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_OFFLINE", True)
    with pytest.raises(UserError, match="hub cannot be reached"):
        loading.load_config("someone/some-bert-that-is-not-cached")


def test_the_head_is_drawn_from_the_seed(tiny: Path) -> None:
    heads = [loading.load_classifier(str(tiny), seed=seed).classifier.weight for seed in (0, 0, 1)]
    assert torch.equal(heads[0], heads[1])
    assert not torch.equal(heads[0], heads[2])
    assert heads[0].shape == (2, 32)


@pytest.mark.parametrize("labels", [2, 3])
def test_a_head_that_came_with_the_weights_is_not_kept(tmp_path: Path, labels: int) -> None:
    tuned = make_tiny_bert(tmp_path / "tuned", labels=labels)
    fresh = loading.load_classifier(str(tuned), seed=0)
    theirs = AutoModelForSequenceClassification.from_pretrained(tuned)
    assert torch.equal(fresh.bert.pooler.dense.weight, theirs.bert.pooler.dense.weight)
    assert fresh.classifier.weight.shape == (2, 32)
    assert not torch.equal(fresh.classifier.weight, theirs.classifier.weight[:2])
    assert fresh.classifier.bias.abs().max() == 0
    assert 0.01 < float(fresh.classifier.weight.detach().std()) < 0.03
    assert fresh.config.id2label == {0: "negative", 1: "positive"}


def test_a_checkpoint_must_be_a_classifier(tmp_path: Path, tiny: Path) -> None:
    for labels in (1, 2, 3):
        folder = make_tiny_bert(tmp_path / str(labels), labels=labels)
        assert loading.load_checkpoint(str(folder)).num_labels == labels
    with pytest.raises(UserError, match="not a text classifier"):
        loading.load_checkpoint(str(tiny))


def test_texts_longer_than_the_positions_are_refused(tiny: Path) -> None:
    tokenizer = loading.load_tokenizer(str(tiny))
    loading.check_length(str(tiny), tokenizer, 64)
    with pytest.raises(UserError, match="at most 64 tokens; 65"):
        loading.check_length(str(tiny), tokenizer, 65)


def test_positions_that_begin_after_the_padding_id_are_not_counted(tiny: Path) -> None:
    RobertaConfig(max_position_embeddings=66, pad_token_id=1, vocab_size=100).save_pretrained(tiny)
    tokenizer = loading.load_tokenizer(str(make_tiny_bert(tiny.parent / "other")))
    tokenizer.model_max_length = 10**30
    loading.check_length(str(tiny), tokenizer, 64)
    with pytest.raises(UserError, match="at most 64 tokens"):
        loading.check_length(str(tiny), tokenizer, 65)


def test_weights_have_different_fingerprints(tmp_path: Path, tiny: Path) -> None:
    other = make_tiny_bert(tmp_path / "other", seed=1)
    assert loading.weights_fingerprint(str(tiny)) == loading.weights_fingerprint(str(tiny))
    assert loading.weights_fingerprint(str(tiny)) != loading.weights_fingerprint(str(other))
