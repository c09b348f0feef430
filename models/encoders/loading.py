"""Load tokenizers and models from the built-in encoder, a local folder or a hub id.

Weights are read from safetensors only, and no code that comes with a model is run. Every error is a UserError with one
sentence.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import torch
import transformers
from transformers import (
    AutoConfig,
    AutoModel,
    AutoModelForSequenceClassification,
    AutoTokenizer,
    PreTrainedConfig,
    PreTrainedModel,
    PreTrainedTokenizerBase,
)

from closecall.data.io.assets import encoder_folder
from closecall.data.io.errors import UserError
from closecall.data.io.files import file_sha256

transformers.logging.set_verbosity_error()
transformers.logging.disable_progress_bar()

LABELS = {0: "negative", 1: "positive"}
MAX_TOKENS_WITHOUT_LIMIT = 1_000_000
"""Tokenizers without a limit report a huge number."""
SHIFTED_POSITIONS = ("roberta", "xlm-roberta", "camembert", "roberta-prelayernorm", "xlm-roberta-xl", "mpnet")
"""Types whose positions begin after the padding id, so that fewer than `max_position_embeddings` can be used."""
T = TypeVar("T")


def encoder_source(encoder: str) -> str:
    """Where an encoder's files are: the built-in one for "minilm", a folder's path, or the hub id as it is.

    UserError when a folder does not exist or has no config.json.
    """
    if encoder == "minilm":
        return str(encoder_folder())
    folder = Path(encoder).expanduser()
    if not folder.is_dir():
        if encoder.startswith(("/", ".", "~")) or encoder.count("/") > 1 or "\\" in encoder:
            raise UserError(f"There is no folder {encoder}. Give a model folder or a hub id such as bert-base-uncased.")
        return encoder
    if not (folder / "config.json").exists():
        raise UserError(f"{encoder} is not a model folder: it has no config.json.")
    return str(folder.resolve())


def load_tokenizer(encoder: str) -> PreTrainedTokenizerBase:
    """The tokenizer that belongs to an encoder. UserError when there is none, or it cannot pad."""
    source = encoder_source(encoder)
    tokenizer = _fetched(encoder, lambda: AutoTokenizer.from_pretrained(source, trust_remote_code=False))
    # Without vocabulary files transformers makes an empty tokenizer that encodes every word as unknown.
    if len(tokenizer) <= len(set(tokenizer.all_special_ids)):
        raise UserError(f"{encoder} has no tokenizer files (tokenizer.json or vocab.txt). Add those of its encoder.")
    if tokenizer.pad_token_id is None:
        raise UserError(f"The tokenizer of {encoder} has no padding token; an encoder of the BERT kind is needed.")
    return tokenizer


def load_classifier(encoder: str, *, seed: int) -> PreTrainedModel:
    """The encoder with a new softmax head of two outputs, drawn from `seed`; output 1 is positive.

    A head that is stored with the weights is replaced: every run starts from the encoder alone.
    """
    source = encoder_source(encoder)
    torch.manual_seed(seed)  # for weights that are missing in the file, such as a pooler
    model: PreTrainedModel = _fetched(
        encoder,
        lambda: AutoModelForSequenceClassification.from_pretrained(
            source,
            num_labels=2,
            id2label=LABELS,
            label2id={name: index for index, name in LABELS.items()},
            ignore_mismatched_sizes=True,
            **_load_options(),
        ),
    )
    draw_head(model, seed=seed)
    return model


def load_checkpoint(checkpoint: str) -> PreTrainedModel:
    """A fine-tuned classifier with its head. UserError unless it has two outputs."""
    source = encoder_source(checkpoint)
    config = load_config(checkpoint)
    architectures = " ".join(config.architectures or [])
    if "SequenceClassification" not in architectures:
        made_as = architectures or "unknown"
        raise UserError(f"{checkpoint} is not a text classifier (it was saved as {made_as}): it has no trained head.")
    if config.num_labels != 2:
        outputs = f"{config.num_labels} output{'s' if config.num_labels != 1 else ''}"
        raise UserError(f"The classifier {checkpoint} has {outputs}; one with two is needed.")
    return _fetched(checkpoint, lambda: AutoModelForSequenceClassification.from_pretrained(source, **_load_options()))


def load_encoder(encoder: str) -> PreTrainedModel:
    """The encoder alone, without a head, as it was pretrained."""
    source = encoder_source(encoder)
    torch.manual_seed(0)
    return _fetched(encoder, lambda: AutoModel.from_pretrained(source, **_load_options()))


def load_config(encoder: str) -> PreTrainedConfig:
    """The config of an encoder or classifier."""
    source = encoder_source(encoder)
    return _fetched(encoder, lambda: AutoConfig.from_pretrained(source, trust_remote_code=False))


def weights_fingerprint(encoder: str) -> str:
    """An identifier of the weights: the file's sha256, or for a hub id the commit that was fetched."""
    file = Path(encoder_source(encoder)) / "model.safetensors"
    if file.exists():
        return file_sha256(file)
    return f"{encoder} {getattr(load_config(encoder), '_commit_hash', None)}"


def draw_head(model: PreTrainedModel, *, seed: int) -> None:
    """Draw every weight outside the encoder anew from `seed`, the way the model's own type does it."""
    torch.manual_seed(seed)
    for part in model.children():
        if part is model.base_model:
            continue
        for module in part.modules():
            for weight in module.parameters(recurse=False):
                weight._is_hf_initialized = False  # type: ignore[attr-defined]  # else _init_weights skips it
            with torch.no_grad():
                model._init_weights(module)


def check_length(encoder: str, tokenizer: PreTrainedTokenizerBase, max_tokens: int) -> None:
    """UserError when the encoder cannot read texts of `max_tokens` tokens."""
    config = load_config(encoder)
    positions = getattr(config, "max_position_embeddings", None) or MAX_TOKENS_WITHOUT_LIMIT
    if config.model_type in SHIFTED_POSITIONS:
        positions -= (config.pad_token_id or 0) + 1
    limit = min(positions, tokenizer.model_max_length or MAX_TOKENS_WITHOUT_LIMIT)
    if max_tokens > limit:
        raise UserError(f"{encoder} reads at most {limit} tokens; {max_tokens} were asked for. Lower max tokens.")


def _load_options() -> dict[str, Any]:
    return {"use_safetensors": True, "trust_remote_code": False, "dtype": torch.float32}


def _fetched(name: str, fetch: Callable[[], T]) -> T:
    """The result of `fetch`; errors of transformers become a UserError with the model's name and what to do."""
    try:
        return fetch()
    except UserError:
        raise
    except Exception as error:
        raise UserError(_error_sentence(name, str(error))) from error


def _error_sentence(name: str, message: str) -> str:
    first_line = message.strip().split("\n")[0][:200]
    if "safetensors" in message:
        return f"{name} has no model.safetensors. Only safetensors weights are read: save the model in that form."
    if "trust_remote_code" in message or "custom code" in message:
        return f"{name} needs code of its own to be run, which is not done here. Choose another encoder."
    if "couldn't connect" in message or "Max retries" in message or "offline" in message.lower():
        return f"The hub cannot be reached to fetch {name}. Give a local folder, use minilm, or try again later."
    if "is not a local folder and is not a valid model identifier" in message or "Repository Not Found" in message:
        return f"There is no folder and no model on the hub that is named {name}."
    return f"{name} cannot be loaded as an encoder ({first_line})."
