"""A real BERT small enough for tests: two layers, random weights, a WordPiece vocabulary of its own."""

import string
from pathlib import Path

import torch
from transformers import BertConfig, BertForSequenceClassification, BertModel, BertTokenizer

WORDS = (
    "disk drive card monitor board memory cable system price works problem help anyone install "
    "mac quadra powerbook centris apple scsi simm windows dos ibm isa bios vga pentium"
)
SPECIAL = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
LETTERS = string.ascii_lowercase + string.digits


def make_tiny_bert(folder: Path, *, labels: int | None = None, seed: int = 0, **changes: object) -> Path:
    """Write an encoder folder (with `labels`, a classifier of so many outputs) and return it.

    2 layers, 32 hidden, 2 heads, 64 positions; knows the words of `tests.makers` whole and spells all others.
    """
    folder.mkdir(parents=True, exist_ok=True)
    vocabulary = [*SPECIAL, *WORDS.split(), *LETTERS, *(f"##{letter}" for letter in LETTERS)]
    (folder / "vocab.txt").write_text("\n".join(vocabulary) + "\n")
    tokenizer = BertTokenizer(vocab=str(folder / "vocab.txt"), do_lower_case=True, model_max_length=64)
    tokenizer.save_pretrained(folder)
    sizes = {"vocab_size": len(vocabulary), "hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 2}
    more = {"intermediate_size": 64, "max_position_embeddings": 64, "pad_token_id": 0}
    torch.manual_seed(seed)
    config = BertConfig(**{**sizes, **more, **({"num_labels": labels} if labels else {}), **changes})
    model = BertForSequenceClassification(config) if labels else BertModel(config)
    model.save_pretrained(folder)
    return folder
