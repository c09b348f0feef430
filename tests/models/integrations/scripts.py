"""A small training script on a tiny BERT, as a user of the Trainer writes it."""

from pathlib import Path
from typing import Any

import numpy as np
import torch
from datasets import ClassLabel, Dataset, DatasetDict, Features, Value
from transformers import (
    AutoModelForSequenceClassification,
    AutoTokenizer,
    DataCollatorWithPadding,
    Trainer,
    TrainingArguments,
)

from closecall.models.integrations.callback import CloseCallCallback
from tests.makers import NEGATIVE_WORDS, POSITIVE_WORDS, SHARED_WORDS

WORDS = Value("string")
FEATURES = Features({"id": WORDS, "text": WORDS, "label": ClassLabel(names=["ham", "spam"]), "source": WORDS})


def posts(name: str, positives: int, negatives: int, *, seed: int) -> Dataset:
    """Short posts with words of their class; positives first."""
    rng = np.random.default_rng(seed)
    labels = [1] * positives + [0] * negatives
    texts = []
    for label in labels:
        own = POSITIVE_WORDS if label else NEGATIVE_WORDS
        texts.append(" ".join([*rng.choice(SHARED_WORDS, rng.integers(2, 9)), *rng.choice(own, 2)]))
    ids = [f"{name}-{label}-{row}" for row, label in enumerate(labels)]
    sources = ["mail" if row % 2 else "chat" for row in range(len(ids))]
    return Dataset.from_dict({"id": ids, "text": texts, "label": labels, "source": sources}, features=FEATURES)


def spam(*, positives: int = 12, negatives: int = 36) -> DatasetDict:
    return DatasetDict(
        train=posts("train", positives, negatives, seed=0),
        validation=posts("validation", 8, 16, seed=1),
        test=posts("test", 10, 31, seed=2),
    )


def load_model(tiny: Path, *, labels: int = 2, seed: int = 0, **changes: Any) -> Any:
    torch.manual_seed(seed)
    return AutoModelForSequenceClassification.from_pretrained(tiny, num_labels=labels, **changes)


def tokenised(data: DatasetDict, tiny: Path) -> DatasetDict:
    tokenizer = AutoTokenizer.from_pretrained(tiny)
    return data.map(lambda batch: tokenizer(batch["text"], truncation=True, max_length=24), batched=True)


def make_trainer(
    out: Path, tiny: Path, data: DatasetDict, callbacks: list[Any], *, model: Any = None, kind: type[Trainer] = Trainer,
    **changes: Any,
) -> Trainer:  # fmt: skip
    """A Trainer as in the examples of transformers; `changes` are further training arguments."""
    tokenizer = AutoTokenizer.from_pretrained(tiny)
    settings = {"num_train_epochs": 2, "learning_rate": 3e-3, "seed": 7, "per_device_train_batch_size": 8}
    quiet = {
        "report_to": "none",
        "disable_tqdm": True,
        "save_strategy": "no",
        "logging_strategy": "no",
    }
    args = TrainingArguments(output_dir=str(out), use_cpu=True, **{**settings, **quiet, **changes})
    return kind(
        model=model or load_model(tiny), args=args, train_dataset=data["train"], eval_dataset=data["validation"],
        processing_class=tokenizer, data_collator=DataCollatorWithPadding(tokenizer), callbacks=callbacks,
    )  # fmt: skip


def callback(data: DatasetDict, title: str = "spam 1:3", **changes: Any) -> CloseCallCallback:
    columns = {"text": "text", "label": "label", "id": "id", "positive": "spam"}
    splits = {name: data[name] for name in ("train", "validation", "test")}
    return CloseCallCallback(title, **{**splits, **columns, **changes})
