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
from closecall.models.encoders.model_folders import (
    is_adapter,
    pickle_sentence,
    read_adapter_config,
    read_model_config,
    weights_digest,
)

LABELS = {0: "negative", 1: "positive"}
MAX_TOKENS_WITHOUT_LIMIT = 1_000_000
"""Tokenizers without a limit report a huge number."""
SHIFTED_POSITIONS = (
    *("roberta", "xlm-roberta", "camembert", "roberta-prelayernorm", "xlm-roberta-xl", "mpnet"),
    *("data2vec-text", "ibert", "longformer", "xmod"),
)
"""Types whose positions begin after the padding id, so that fewer than `max_position_embeddings` can be used."""
FULL_PRECISION = ("deberta",)
"""Types whose attention overflows in bf16."""
SHOWN_WEIGHTS = 3
T = TypeVar("T")


def encoder_source(encoder: str) -> str:
    """Where an encoder's files are: the built-in one for "minilm", a folder's path, or the hub id as it is.

    For a LoRA adapter: the folder of its base model with the adapter merged in. UserError when a folder does not exist
    or has no config.json.
    """
    if encoder == "minilm":
        return str(encoder_folder())
    folder = Path(encoder).expanduser()
    if not folder.is_dir():
        if encoder.startswith(("/", ".", "~")) or encoder.count("/") > 1 or "\\" in encoder:
            raise UserError(f"There is no folder {encoder}. Give a model folder or a hub id such as bert-base-uncased.")
        return encoder
    if is_adapter(folder):
        return _merged(folder)
    read_model_config(folder)
    return str(folder.resolve())


def load_tokenizer(encoder: str) -> PreTrainedTokenizerBase:
    """The tokenizer that belongs to an encoder, with a token to pad with: see `_set_padding`.

    UserError when there is none, when it cannot pad, and when its texts need more than token ids.
    """
    source = encoder_source(encoder)
    tokenizer = _fetched(encoder, lambda: AutoTokenizer.from_pretrained(source, trust_remote_code=False))
    # Without vocabulary files transformers makes an empty tokenizer that encodes every word as unknown.
    if len(tokenizer) <= len(set(tokenizer.all_special_ids)):
        raise UserError(f"{encoder} has no tokenizer files (tokenizer.json or vocab.txt). Add those of its encoder.")
    _set_padding(tokenizer, load_config(encoder), encoder)
    if any(_encoded_letter(tokenizer)[1]):
        raise UserError(
            f"{encoder} numbers the segments of a text (token_type_ids), as XLNet does; that is not done here. Choose "
            "another encoder."
        )
    return tokenizer


def load_classifier(encoder: str, *, seed: int) -> PreTrainedModel:
    """The encoder with a new softmax head of two outputs, drawn from `seed`; output 1 is positive.

    A head that is stored with the weights is replaced: every run starts from the encoder alone. UserError when weights
    of the encoder itself are missing or have other shapes than its config says.
    """
    source = encoder_source(encoder)
    torch.manual_seed(seed)  # for weights that are missing in the file, such as a pooler
    named = {"num_labels": 2, "id2label": LABELS, "label2id": {name: index for index, name in LABELS.items()}}
    model, info = _fetched(encoder, lambda: _loaded(AutoModelForSequenceClassification, source, **named))
    _check_weights(encoder, info, inside=model.base_model_prefix)
    if getattr(model.config, "problem_type", None):
        model.config.problem_type = "single_label_classification"
    draw_head(model, seed=seed)
    return _prepared(model, encoder)


def load_checkpoint(checkpoint: str) -> PreTrainedModel:
    """A fine-tuned classifier with its head. UserError unless all of its weights are there."""
    source = encoder_source(checkpoint)
    config = load_config(checkpoint)
    architectures = " ".join(config.architectures or [])
    if "SequenceClassification" not in architectures:
        made_as = architectures or "unknown"
        raise UserError(f"{checkpoint} is not a text classifier (it was saved as {made_as}): it has no trained head.")
    model, info = _fetched(checkpoint, lambda: _loaded(AutoModelForSequenceClassification, source))
    _check_weights(checkpoint, info)
    return _prepared(model, checkpoint)


def load_encoder(encoder: str) -> PreTrainedModel:
    """The encoder alone, without a head, as it was pretrained. UserError as for `load_classifier`."""
    source = encoder_source(encoder)
    torch.manual_seed(0)
    model, info = _fetched(encoder, lambda: _loaded(AutoModel, source))
    _check_weights(encoder, info, inside="")
    return _prepared(model, encoder)


def load_config(encoder: str) -> PreTrainedConfig:
    """The config of an encoder or classifier."""
    source = encoder_source(encoder)
    return _fetched(encoder, lambda: AutoConfig.from_pretrained(source, trust_remote_code=False))


def weights_fingerprint(encoder: str) -> str:
    """An identifier of the weights: the files' sha256, or for a hub id the commit that was fetched."""
    digest = weights_digest(Path(encoder_source(encoder)))
    return digest or f"{encoder} {getattr(load_config(encoder), '_commit_hash', None)}"


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
    """UserError when the encoder cannot read texts of `max_tokens` tokens. A limit below 1 means that there is none."""
    config = load_config(encoder)
    positions = getattr(config, "max_position_embeddings", None) or 0
    if config.model_type in SHIFTED_POSITIONS:
        positions -= (config.pad_token_id or 0) + 1
    limits = [limit for limit in (positions, tokenizer.model_max_length or 0) if limit >= 1]
    limit = min(limits, default=MAX_TOKENS_WITHOUT_LIMIT)
    if max_tokens > limit:
        raise UserError(f"{encoder} reads at most {limit} tokens; {max_tokens} were asked for. Lower max tokens.")


def _load_options() -> dict[str, Any]:
    return {"use_safetensors": True, "trust_remote_code": False, "dtype": torch.float32}


def _loaded(kind: Any, source: str, **named: Any) -> tuple[PreTrainedModel, dict[str, Any]]:
    """A model, and which of its weights were missing or had other shapes in the file."""
    options = {**_load_options(), "ignore_mismatched_sizes": True, "output_loading_info": True}
    return kind.from_pretrained(source, **named, **options)


def _check_weights(name: str, info: dict[str, Any], inside: str | None = None) -> None:
    """UserError for weights that were missing or did not fit; transformers would draw them at random.

    With `inside` only the weights of that part count ("" for all), and poolers do not: pretraining may leave them out.
    """
    lost = {str(one) for one in info["missing_keys"]} | {str(one[0]) for one in info["mismatched_keys"]}
    if inside is not None:
        lost = {one for one in lost if one.startswith(f"{inside}." if inside else "") and "pooler" not in one}
    if lost:
        shown = ", ".join(sorted(lost)[:SHOWN_WEIGHTS]) + (" ..." if len(lost) > SHOWN_WEIGHTS else "")
        raise UserError(
            f"The weights of {name} do not fit its config.json: {len(lost)} are missing or have another shape "
            f"({shown}). Save the model again."
        )


def _prepared(model: PreTrainedModel, encoder: str) -> PreTrainedModel:
    """The model, its padding known to heads that read the last token, its attention kept out of bf16 if need be."""
    if isinstance(getattr(model, "score", None), torch.nn.Linear):
        model.config.pad_token_id = load_tokenizer(encoder).pad_token_id
    if model.config.model_type in FULL_PRECISION:
        _keep_full_precision(model.base_model)
    return model


def _keep_full_precision(module: Any) -> None:
    """Compute this module in fp32, also within an autocast."""
    forward = module.forward

    def full(*given: Any, **named: Any) -> Any:
        with torch.autocast(module.device.type, enabled=False):
            return forward(*given, **named)

    module.forward = full


def _set_padding(tokenizer: PreTrainedTokenizerBase, config: PreTrainedConfig, name: str) -> None:
    """Make sure that the tokenizer pads with a token that the model has an embedding for.

    A GPT-2 has no padding token: its end-of-text token is used, unless texts end with it. Padding is masked.
    """
    size = getattr(config, "vocab_size", None) or len(tokenizer)
    candidates = [tokenizer.pad_token_id, getattr(config, "pad_token_id", None)]
    if _encoded_letter(tokenizer)[0][-1:] != [tokenizer.eos_token_id]:
        candidates.append(tokenizer.eos_token_id)
    usable = [one for one in candidates if isinstance(one, int) and 0 <= one < min(size, len(tokenizer))]
    if not usable:
        raise UserError(
            f"{name} has no token to pad with. Set one and save: tokenizer.pad_token = tokenizer.unk_token; "
            f"tokenizer.save_pretrained({name!r})."
        )
    if usable[0] != tokenizer.pad_token_id:
        tokenizer.pad_token = tokenizer.convert_ids_to_tokens(usable[0])


def _encoded_letter(tokenizer: PreTrainedTokenizerBase) -> tuple[list[int], list[int]]:
    """Token and segment ids of a short text, special tokens included; the tokenizer's own settings stay as they are."""
    rules = getattr(tokenizer, "backend_tokenizer", None)
    if rules is None:
        encoded = tokenizer("a")
        return list(encoded["input_ids"]), list(encoded.get("token_type_ids") or ())
    found = rules.encode("a")
    own = [i for i, inside in enumerate(found.attention_mask) if inside]
    return [found.ids[i] for i in own], [found.type_ids[i] for i in own]


def _merged(folder: Path) -> str:
    """The folder of an adapter's base model with the adapter merged in."""
    from closecall.models.encoders.adapters import merged_folder

    base = str(read_adapter_config(folder).get("base_model_name_or_path") or "")
    if not base or Path(base) == folder:
        raise UserError(f"{folder} is a LoRA adapter that names no base model (base_model_name_or_path).")
    return str(_fetched(str(folder), lambda: merged_folder(folder, encoder_source(base), _load_options())))


def _fetched(name: str, fetch: Callable[[], T]) -> T:
    """The result of `fetch`; errors of transformers become a UserError with the model's name and what to do.

    Messages and bars of transformers are turned off here, not at import: a training script keeps its own.
    """
    transformers.logging.set_verbosity_error()
    transformers.logging.disable_progress_bar()
    try:
        return fetch()
    except UserError:
        raise
    except Exception as error:
        raise UserError(_error_sentence(name, str(error))) from error


def _error_sentence(name: str, message: str) -> str:
    first_line = message.strip().split("\n")[0][:200]
    if "sentencepiece" in message or "tiktoken" in message:
        needed = "pip install sentencepiece tiktoken"
        return f"The tokenizer of {name} must be converted first. Install what that needs: {needed}."
    if "safetensors" in message and "deserializing" not in message:
        if (Path(name) / "pytorch_model.bin").exists():
            return pickle_sentence(name)
        return f"{name} has no model.safetensors. Only safetensors weights are read: save the model in that form."
    if "trust_remote_code" in message or "custom code" in message:
        return f"{name} needs code of its own to be run, which is not done here. Choose another encoder."
    if "couldn't connect" in message or "Max retries" in message or "offline" in message.lower():
        return f"The hub cannot be reached to fetch {name}. Give a local folder, use minilm, or try again later."
    if "is not a local folder and is not a valid model identifier" in message or "Repository Not Found" in message:
        return f"There is no folder and no model on the hub that is named {name}."
    return f"{name} cannot be loaded as an encoder ({first_line})."
