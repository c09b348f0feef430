"""Real encoders of eleven families small enough for tests: two layers, random weights, their own tokenizers."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import tokenizers
import torch
from tokenizers.pre_tokenizers import ByteLevel
from tokenizers.trainers import BpeTrainer, UnigramTrainer
from transformers import (
    AlbertTokenizer,
    AutoConfig,
    AutoModel,
    AutoModelForSequenceClassification,
    BertTokenizer,
    DebertaV2Tokenizer,
    GPT2Tokenizer,
    PreTrainedTokenizerBase,
    RobertaTokenizer,
    XLMRobertaTokenizer,
    XLNetTokenizer,
)

from tests.tiny_bert import LETTERS, SPECIAL, WORDS

LINES = [WORDS, " ".join(LETTERS), WORDS.upper(), " ".join(LETTERS.upper())]
ANGLED = ["<s>", "<pad>", "</s>", "<unk>", "<mask>"]
"""Special tokens of RoBERTa in their order: padding has the id 1, and positions begin after it."""
COMMON = {"hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 64}
MAKERS: dict[str, tuple[Callable[[], PreTrainedTokenizerBase], dict[str, Any]]] = {}


def make_tiny_encoder(folder: Path, family: str, *, labels: int | None = None, seed: int = 0, **changes: Any) -> Path:
    """Write an encoder folder of a family (with `labels`, a classifier of so many outputs) and return it.

    2 layers, 32 hidden, 2 heads, reads 64 tokens; words of `tests.tiny_bert` or their pieces.
    """
    make_tokenizer, sizes = MAKERS[family]
    tokenizer = make_tokenizer()
    tokenizer.save_pretrained(folder)
    named = {"num_labels": labels} if labels else {}
    config = AutoConfig.for_model(family, **{"vocab_size": len(tokenizer), **sizes, **named, **changes})
    torch.manual_seed(seed)
    made = AutoModelForSequenceClassification.from_config(config) if labels else AutoModel.from_config(config)
    made.save_pretrained(folder)
    return folder


def word_pieces() -> PreTrainedTokenizerBase:
    vocabulary = [*SPECIAL, *WORDS.split(), *LETTERS, *(f"##{letter}" for letter in LETTERS)]
    return BertTokenizer(vocab={piece: index for index, piece in enumerate(vocabulary)}, do_lower_case=True)


def _bytes(specials: list[str]) -> tuple[dict[str, int], list[tuple[str, str]]]:
    trained = tokenizers.Tokenizer(tokenizers.models.BPE())
    trained.pre_tokenizer = ByteLevel(add_prefix_space=False)
    trained.train_from_iterator(
        LINES,
        BpeTrainer(vocab_size=400, special_tokens=specials, initial_alphabet=ByteLevel.alphabet(), show_progress=False),
    )
    model = json.loads(trained.to_str())["model"]
    return model["vocab"], [tuple(one) for one in model["merges"]]


def _pieces(specials: list[str], unknown: str) -> list[tuple[str, float]]:
    trained = tokenizers.Tokenizer(tokenizers.models.Unigram())
    trained.pre_tokenizer = tokenizers.pre_tokenizers.Metaspace()
    trained.train_from_iterator(
        LINES, UnigramTrainer(vocab_size=200, special_tokens=specials, unk_token=unknown, show_progress=False)
    )
    return [tuple(one) for one in json.loads(trained.to_str())["model"]["vocab"]]


def roberta_tokenizer() -> PreTrainedTokenizerBase:
    vocabulary, merges = _bytes(ANGLED)
    return RobertaTokenizer(vocab=vocabulary, merges=merges, model_max_length=64)


def gpt2_tokenizer() -> PreTrainedTokenizerBase:
    vocabulary, merges = _bytes(["<|endoftext|>"])
    return GPT2Tokenizer(vocab=vocabulary, merges=merges)


def deberta_tokenizer() -> PreTrainedTokenizerBase:
    return DebertaV2Tokenizer(vocab=_pieces(["[PAD]", "[CLS]", "[SEP]", "[UNK]", "[MASK]"], "[UNK]"), unk_id=3)


def xlm_roberta_tokenizer() -> PreTrainedTokenizerBase:
    return XLMRobertaTokenizer(vocab=_pieces(ANGLED, "<unk>"))


def albert_tokenizer() -> PreTrainedTokenizerBase:
    return AlbertTokenizer(vocab=_pieces(["<pad>", "<unk>", "[CLS]", "[SEP]", "[MASK]"], "<unk>"))


def xlnet_tokenizer() -> PreTrainedTokenizerBase:
    specials = ["<unk>", "<s>", "</s>", "<cls>", "<sep>", "<pad>", "<mask>", "<eod>", "<eop>"]
    return XLNetTokenizer(vocab=_pieces(specials, "<unk>"))


MAKERS |= {
    "bert": (word_pieces, {**COMMON, "max_position_embeddings": 64}),
    "roberta": (roberta_tokenizer, {**COMMON, "max_position_embeddings": 66}),
    "distilbert": (
        word_pieces,
        {"dim": 32, "n_layers": 2, "n_heads": 2, "hidden_dim": 64, "max_position_embeddings": 64},
    ),
    "deberta": (roberta_tokenizer, {**COMMON, "max_position_embeddings": 64, "relative_attention": True,
                                    "pos_att_type": ["c2p", "p2c"], "pad_token_id": 1}),
    "deberta-v2": (
        deberta_tokenizer,
        {**COMMON, "max_position_embeddings": 64, "relative_attention": True, "pos_att_type": ["p2c", "c2p"],
         "position_buckets": 16, "share_att_key": True, "norm_rel_ebd": "layer_norm", "position_biased_input": False},
    ),
    "electra": (word_pieces, {**COMMON, "max_position_embeddings": 64, "embedding_size": 16}),
    "xlm-roberta": (xlm_roberta_tokenizer, {**COMMON, "max_position_embeddings": 66}),
    "albert": (albert_tokenizer, {**COMMON, "max_position_embeddings": 64, "embedding_size": 16}),
    "modernbert": (
        word_pieces,
        {**COMMON, "max_position_embeddings": 64, "local_attention": 8, "global_attn_every_n_layers": 2,
         "pad_token_id": 0, "cls_token_id": 2, "sep_token_id": 3, "bos_token_id": 2, "eos_token_id": 3},
    ),
    "gpt2": (gpt2_tokenizer, {"n_embd": 32, "n_layer": 2, "n_head": 2, "n_positions": 64, "bos_token_id": 0,
                              "eos_token_id": 0}),
    "xlnet": (xlnet_tokenizer, {"d_model": 32, "n_layer": 2, "n_head": 2, "d_inner": 64}),
}  # fmt: skip
