"""Hugging Face's Trainer on a list of sentences, with the usual or the fastest settings."""

import tempfile
from collections.abc import Callable
from typing import Any

import torch
import transformers
from transformers import (
    AutoModelForSequenceClassification,
    AutoTokenizer,
    DataCollatorWithPadding,
    PrinterCallback,
    Trainer,
    TrainingArguments,
)

from benchmarks.peers.children import Job, serve
from benchmarks.peers.texts import sentences
from closecall.data.io.assets import encoder_folder

transformers.logging.disable_progress_bar()
WARM_UP = 4
MAX_TOKENS = 128


def prepare(job: Job) -> Callable[[], Job]:
    """Job: threads, batch_size, dynamic (padding to the batch's longest, not to 128), bf16, by_length, rows."""
    torch.set_num_threads(job["threads"])
    tokenizer = AutoTokenizer.from_pretrained(encoder_folder())
    model = AutoModelForSequenceClassification.from_pretrained(encoder_folder(), num_labels=2, dtype=torch.float32)
    texts, labels = sentences()

    def rows(chosen: list[int]) -> list[dict[str, Any]]:
        padding = False if job["dynamic"] else "max_length"
        encoded = tokenizer([texts[i] for i in chosen], truncation=True, max_length=MAX_TOKENS, padding=padding)
        return [
            {**{name: encoded[name][at] for name in encoded}, "labels": int(labels[i])} for at, i in enumerate(chosen)
        ]

    def trainer(chosen: list[int], folder: str) -> Trainer:
        arguments = TrainingArguments(
            output_dir=folder,
            per_device_train_batch_size=job["batch_size"],
            num_train_epochs=1,
            learning_rate=5e-5,
            bf16=job["bf16"],
            train_sampling_strategy="group_by_length" if job["by_length"] else "random",
            use_cpu=True,
            report_to="none",
            save_strategy="no",
            logging_strategy="no",
            disable_tqdm=True,
        )
        collator = DataCollatorWithPadding(tokenizer) if job["dynamic"] else None
        return Trainer(model, arguments, train_dataset=rows(chosen), processing_class=tokenizer, data_collator=collator)

    def train(chosen: list[int]) -> None:
        with tempfile.TemporaryDirectory() as folder:
            made = trainer(chosen, folder)
            made.remove_callback(PrinterCallback)
            made.train()

    train(job["rows"][: WARM_UP * job["batch_size"]])

    def work() -> Job:
        train(job["rows"])
        return {}

    return work


if __name__ == "__main__":
    serve(prepare)
