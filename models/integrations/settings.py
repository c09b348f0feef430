"""A script's training arguments as the settings of a run."""

import math
from collections.abc import Sequence
from typing import Any

import torch
from torch import nn

from closecall.data.experiments.store import RECORDED, ExperimentConfig, RunConfig, TrainingConfig
from closecall.data.io.errors import UserError
from closecall.models.integrations.reading import encoder_of, plain_model
from closecall.models.training.run import versions


def training_settings(args: Any, model: nn.Module, *, steps: int, max_tokens: int) -> TrainingConfig:
    """What the arguments of a Trainer say, kept within the limits of `TrainingConfig`.

    A batch counts all processes and accumulated steps. The encoder is what the model was loaded from, or the built-in
    one when it was loaded from nowhere: it embeds the texts before fine-tuning.
    """
    batch = args.per_device_train_batch_size * args.gradient_accumulation_steps * args.world_size
    return TrainingConfig(
        encoder=encoder_name(model) or "minilm",
        epochs=int(_within(math.ceil(args.num_train_epochs), 1, 100)),
        batch_size=int(_within(batch, 1, 1024)),
        learning_rate=_within(args.learning_rate, 1e-7, 1.0),
        max_tokens=int(_within(max_tokens, 8, 8192)),
        warmup_share=round(_within(args.get_warmup_steps(steps) / max(1, steps), 0.0, 0.9), 4),
        weight_decay=_within(args.weight_decay, 0.0, 1.0),
        max_grad_norm=_within(args.max_grad_norm or 0.0, 0.0, 1000.0),
        freeze_word_embeddings=_frozen_words(model),
    )


def run_record(
    args: Any, state: Any, run: RunConfig, experiment: ExperimentConfig, notes: Sequence[str]
) -> dict[str, Any]:
    """The part of metrics.json on how a run was made, with the names of `models.training.run.run_record`."""
    return {
        "kind": RECORDED,
        "dataset": experiment.dataset,
        "dataset_sha256": experiment.dataset_sha256,
        "encoder": run.training.encoder,
        "ratio": run.ratio,
        "remedy": run.remedy,
        "seeds": {"run": run.seed, "plan": experiment.plan_seed, "split": 0},
        "n_positives": run.n_positives,
        "n_negatives": run.n_negatives,
        "max_tokens": run.training.max_tokens,
        "device": args.device.type,
        "threads": torch.get_num_threads(),
        "processes": args.world_size,
        "precision": "bf16" if args.bf16 else "fp16" if args.fp16 else "fp32",
        "versions": versions(),
        "steps": state.global_step,
        "epochs": round(state.epoch or 0.0, 3),
        "notes": list(notes),
    }


def encoder_name(model: nn.Module) -> str:
    """The folder or hub id that the model was loaded from; "" for a model made from a config."""
    return str(getattr(getattr(plain_model(model), "config", None), "_name_or_path", "") or "")


def check_whole_model(args: Any) -> None:
    """UserError when no process has the whole model: then a callback can't read with it."""
    if getattr(args, "deepspeed", None) or getattr(args, "fsdp", None):
        raise UserError(
            "With FSDP or DeepSpeed no process has the whole model, so the callback cannot read texts with it. "
            "Train with DDP, or import the predictions of trainer.predict."
        )


def _frozen_words(model: nn.Module) -> bool:
    encoder = encoder_of(model)
    words = encoder.get_input_embeddings() if hasattr(encoder, "get_input_embeddings") else None  # type: ignore
    return words is not None and not any(weight.requires_grad for weight in words.parameters())


def _within(value: float, low: float, high: float) -> float:
    return min(max(float(value), low), high)
