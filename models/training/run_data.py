"""The data of a run: the texts of its dataset as tokens, and the rows for training and evaluation."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from hashlib import sha256

import numpy as np
import pandas as pd
from transformers import PreTrainedTokenizerBase

from closecall.data.datasets.store import DatasetInfo, load_examples, load_info
from closecall.data.experiments.plans import training_ids
from closecall.data.experiments.store import ExperimentConfig, RunConfig, load_evaluation, load_experiment, load_plan
from closecall.data.io.errors import UserError
from closecall.models.encoders.loading import check_length, load_tokenizer
from closecall.models.encoders.tokenization import Tokens, cached_tokens


@dataclass(frozen=True)
class RunData:
    """An experiment's texts and the rows of one run.

    `evaluation`, `training` and `planned` have the columns id, label (int8), split and place: the text's index in
    `tokens`. `planned` are the training examples of all runs together.
    """

    experiment: ExperimentConfig
    dataset: DatasetInfo
    tokenizer: PreTrainedTokenizerBase
    tokens: Tokens
    evaluation: pd.DataFrame
    training: pd.DataFrame
    planned: pd.DataFrame

    @property
    def test(self) -> pd.DataFrame:
        return self.evaluation[self.evaluation["split"] == "test"].reset_index(drop=True)

    @property
    def validation(self) -> pd.DataFrame:
        return self.evaluation[self.evaluation["split"] == "validation"].reset_index(drop=True)


def load_run_data(experiment: str, encoder: str, max_tokens: int, check: Callable[[], None]) -> RunData:
    """The data of an experiment; `training` has every example that any of its runs is trained on.

    UserError when the dataset is missing, changed or without texts, or the encoder cannot read it.
    """
    config = load_experiment(experiment)
    info = load_info(config.dataset)
    _check_dataset(config, info)
    tokenizer = load_tokenizer(encoder)
    check_length(encoder, tokenizer, max_tokens)
    examples = load_examples(config.dataset, ["id", "text"])
    check()
    texts = examples["text"].tolist()
    tokens = cached_tokens(texts, tokenizer, max_tokens, content_sha256=_texts_sha256(texts), check=check)
    places = pd.Series(np.arange(len(examples)), index=examples["id"].to_numpy(dtype=object))
    plan = load_plan(experiment).drop_duplicates("id")
    planned = _placed(plan[["id", "label"]].assign(split="train"), places)
    evaluation = _placed(load_evaluation(experiment), places)
    return RunData(config, info, tokenizer, tokens, evaluation, training=planned, planned=planned)


def run_data_of(run: RunConfig, check: Callable[[], None]) -> RunData:
    """The data of one run: `training` has the rows of its ratio and seed, or for a checkpoint all rows of the plan."""
    encoder = run.checkpoint or run.training.encoder
    data = load_run_data(run.experiment, encoder, run.training.max_tokens, check)
    if run.checkpoint:
        return data
    chosen = training_ids(load_plan(run.experiment), ratio=run.ratio, seed=run.seed)
    rows = data.training.set_index("id").loc[chosen["id"]].reset_index()
    return replace(data, training=rows)


def training_fingerprint(run: RunConfig, data: RunData, steps: int) -> str:
    """A hash of everything that determines how this run is trained."""
    parts = [repr(run), data.dataset.content_sha256, str(steps), *data.training["id"]]
    return sha256("\0".join(parts).encode("utf-8", errors="surrogatepass")).hexdigest()


def _check_dataset(config: ExperimentConfig, info: DatasetInfo) -> None:
    if not info.has_texts:
        raise UserError(f"Dataset {info.name} has no texts to train on or to predict.")
    if config.dataset_sha256 and config.dataset_sha256 != info.content_sha256:
        raise UserError(f"Dataset {info.name} has changed since {config.id} was created. Create a new experiment.")


def _texts_sha256(texts: Sequence[str]) -> str:
    """A hash of the texts alone: a version of a dataset with other labels has the same tokens."""
    digest = sha256()
    for text in texts:
        encoded = text.encode("utf-8", errors="surrogatepass")
        digest.update(len(encoded).to_bytes(8, "little") + encoded)
    return digest.hexdigest()


def _placed(rows: pd.DataFrame, places: pd.Series) -> pd.DataFrame:
    """The rows with their place among the dataset's texts."""
    found = places.reindex(rows["id"].to_numpy(dtype=object))
    if found.isna().any():
        missing = rows["id"].to_numpy()[int(found.isna().to_numpy().argmax())]
        raise UserError(f"The dataset has no example {missing}, which this experiment needs. Create a new experiment.")
    placed = rows[["id", "label", "split"]].reset_index(drop=True)
    return placed.assign(label=placed["label"].astype(np.int8), place=found.to_numpy(dtype=np.int64))
