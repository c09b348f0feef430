"""Check what the texts of a dataset can show before any training, in a process of its own.

    python -m closecall.models.explain.dataset_check DATASET

Stored by `data.datasets.checks`. Importing this module does not import torch.
"""

import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from hashlib import sha256
from typing import Any

import numpy as np
import pandas as pd

from closecall.analysis.causes.separability import balanced_sample, overlap, separability
from closecall.data.datasets.checks import VERSION, CheckRow, DatasetCheck, check_folder, load_check, save_check
from closecall.data.datasets.near_copies import near_copies
from closecall.data.datasets.store import DatasetInfo, load_examples, load_info
from closecall.data.experiments.runs import RunStatus
from closecall.data.io.assets import NEWSGROUPS
from closecall.data.io.errors import UserError
from closecall.data.io.workspace import now
from closecall.models.explain.dataset_measures import (
    FEWEST,
    class_row,
    class_table,
    closeness_row,
    copies_row,
    curve_row,
    headline,
    length_row,
    purity_row,
    size_row,
    words_row,
)
from closecall.models.explain.far_control import FarControl, far_control
from closecall.models.explain.text_embeddings import (
    BUILT_IN,
    MAX_TOKENS,
    OnShare,
    encoder_embeddings,
    is_downloaded,
    why_no_encoder,
    word_embeddings,
)
from closecall.models.runtime.background_job import job_status, run_job, start_job, stop_job
from closecall.models.runtime.progress import Progress

PER_CLASS = 500
"""Texts of each class that are embedded, at most."""
READ_PER_CLASS = 5_000
"""Texts of each class whose words and tokens are counted, at most."""
_PHASES = {"comparing texts": 10, "counting words": 10, "embedding texts": 70, "comparing classes": 10}
"""The phases and their usual shares of the time, in percent."""
Report = Callable[[Progress], None]


@dataclass(frozen=True)
class _Embedded:
    """The embedded sample: `rows` has the columns of examples, `own` (n, d); `control` (m, d), None without one."""

    rows: pd.DataFrame
    own: np.ndarray
    control: np.ndarray | None
    encoder: str
    note: str


def check_dataset(name: str, *, encoder: str = BUILT_IN, report: Report = lambda progress: None) -> DatasetCheck:
    """Closeness, sparsity, leak, lengths and test size of a dataset; a stored check of the same input is reused.

    Texts are embedded by the encoder, or by word weights where it is missing. UserError for an unknown dataset and one
    without texts.
    """
    started = time.perf_counter()
    info = _with_texts(name)
    content = check_digest(info, encoder)
    stored = load_check(name)
    if stored is not None and stored.content == content:
        return stored
    examples = load_examples(name, ["id", "text", "label", "class_name", "split"])
    others = _text_rows(examples, encoder, report)
    sample = _balanced(examples)
    control = far_control(name, sample.loc[sample["label"] == 1, "text"].tolist()) if len(sample) else None
    embedded = _embed(sample, control, encoder, lambda share: _tell(report, "embedding texts", share))
    _tell(report, "comparing classes", 0)
    said, rows, classes = _embedding_rows(embedded, control, _count(examples, "train"))
    notes = [note for note in (embedded.note, _control_note(embedded, control)) if note]
    seconds = time.perf_counter() - started
    check = DatasetCheck(content, said, (*rows, *others), tuple(notes), classes, embedded.encoder, seconds, now())
    save_check(name, check)
    return check


def check_digest(info: DatasetInfo, encoder: str = BUILT_IN) -> str:
    """Hash of the input: the texts, labels and splits, and whether the encoder and the built-in control are there."""
    parts = [str(VERSION), info.content_sha256, encoder, why_no_encoder(encoder), str(is_downloaded(NEWSGROUPS.name))]
    return sha256("\0".join(parts).encode()).hexdigest()


def current_check(name: str) -> DatasetCheck | None:
    """The stored check of the current texts and encoder, or None."""
    stored = load_check(name)
    return stored if stored is not None and stored.content == check_digest(load_info(name)) else None


def start_check(name: str) -> None:
    """Start the check in a process that outlives the app, unless it is running. UserError for an unknown dataset."""
    _with_texts(name)
    start_job(check_folder(name), "closecall.models.explain.dataset_check", name)


def stop_check(name: str) -> None:
    """Terminate a running check; no partial result is stored."""
    stop_job(check_folder(name))


def check_status(name: str) -> RunStatus | None:
    """The status of the check that was started last; None when none was."""
    return job_status(check_folder(name))


_NO_CONTROL = (
    "There is no far control: no class was left out at import, and the built-in newsgroup posts are not downloaded "
    "(closecall assets)."
)


def _control_note(embedded: _Embedded, control: FarControl | None) -> str:
    if not len(embedded.rows):
        return ""
    return control.note if control else _NO_CONTROL


def _text_rows(examples: pd.DataFrame, encoder: str, report: Report) -> tuple[CheckRow, ...]:
    """The rows that need no embeddings: unseen words, near copies, lengths, test size."""
    pairs = near_copies(examples, progress=lambda sentence, share: _tell(report, "comparing texts", share))
    _tell(report, "counting words", 0)
    read = _sample(examples, READ_PER_CLASS)
    tokens = _tokens(read["text"].tolist(), encoder)
    lengths = length_row(read["label"].to_numpy(), tokens)
    return words_row(read), copies_row(examples, pairs), lengths, size_row(_count(examples, "test"))


def _with_texts(name: str) -> DatasetInfo:
    info = load_info(name)
    if not info.has_texts:
        raise UserError(f"{name} has no texts, so they cannot be checked.")
    return info


def _tell(report: Report, phase: str, share: float) -> None:
    """Report the progress of a phase, share 0 to 1."""
    names = list(_PHASES)
    before = sum(_PHASES[name] for name in names[: names.index(phase)])
    report(Progress(phase, step=round(before + _PHASES[phase] * share), steps=sum(_PHASES.values())))


def _sample(examples: pd.DataFrame, per_class: int) -> pd.DataFrame:
    """A random sample of at most so many examples of each class."""
    shuffled = examples.sample(frac=1, random_state=0)
    return shuffled.groupby("label", sort=False).head(per_class)


def _balanced(examples: pd.DataFrame) -> pd.DataFrame:
    """As many training and test positives as negatives, at most PER_CLASS of each; empty with fewer than FEWEST."""
    pool = examples[examples["split"].isin(("train", "test"))]
    if len(pool) == 0 or min((pool["label"] == label).sum() for label in (0, 1)) < FEWEST:
        return pool[:0]
    return pool.iloc[balanced_sample(pool["label"], max_per_class=PER_CLASS)].reset_index(drop=True)


def _count(examples: pd.DataFrame, split: str) -> int:
    """The number of positives of a split."""
    return int(((examples["split"] == split) & (examples["label"] == 1)).sum())


def _tokens(texts: list[str], encoder: str) -> np.ndarray | None:
    """The number of tokens of each text (n,); None without an encoder."""
    if why_no_encoder(encoder):
        return None
    from closecall.models.explain.window_scores import whole_lengths  # imports torch

    return whole_lengths(texts, encoder)


def _embed(sample: pd.DataFrame, control: FarControl | None, encoder: str, on_share: OnShare) -> _Embedded:
    """The sample and its control, embedded in the same way."""
    if not len(sample):
        return _Embedded(sample, np.empty((0, 1)), None, "", "")
    if missing := why_no_encoder(encoder):
        return _embed_by_words(sample, control, missing)
    found = encoder_embeddings([*sample["text"], *(control.texts if control else ())], encoder, on_share)
    own, far = found[: len(sample)], found[len(sample) :] if control else None
    note = (
        f"Closeness, nearest negatives and the curve are from {len(sample):,} training and test texts, half of each "
        f"class, embedded by {encoder} before training, at most {MAX_TOKENS} tokens each."
    )
    return _Embedded(sample, own, far, encoder, note)


def _embed_by_words(sample: pd.DataFrame, control: FarControl | None, missing: str) -> _Embedded:
    note = (
        f"Closeness, nearest negatives and the curve are from {len(sample):,} training and test texts, half of each "
        f"class. They were compared by their words (TF-IDF and truncated SVD), not by meaning: {missing}."
    )
    try:
        own = word_embeddings(sample["text"].tolist())
    except UserError as error:
        return _Embedded(sample[:0], np.empty((0, 1)), None, "", str(error))
    return _Embedded(sample, own, word_embeddings(control.texts) if control else None, "", note)


def _embedding_rows(
    found: _Embedded, control: FarControl | None, n_positives: int
) -> tuple[str, tuple[CheckRow, ...], tuple[dict[str, Any], ...]]:
    """The headline, the rows that need embeddings, and the table of negative classes."""
    name = control.name if control else ""
    if not len(found.rows):
        rows = (
            closeness_row(None, None, None, name),
            purity_row(None),
            class_row(None),
            curve_row(found.rows, found.own, n_positives=n_positives),
        )
        return headline(None, None, None, name), rows, ()
    near = separability(found.own, found.rows["label"], max_per_class=PER_CLASS)
    far = separability(found.control, control.labels) if control and found.control is not None else None
    answer = overlap(near, far)
    table = class_table(found.rows, found.own)
    classes = (
        [] if table is None else [{str(key): value for key, value in row.items()} for row in table.to_dict("records")]
    )
    rows = (
        closeness_row(near, far, answer, name),
        purity_row(near),
        class_row(table),
        curve_row(found.rows, found.own, n_positives=n_positives),
    )
    return headline(near, far, answer, name), rows, tuple(classes)


def main(name: str) -> int:
    """Run the check and write its status. Returns the exit code: 0 when done, 1 when it failed."""
    return run_job(check_folder(name), lambda report: check_dataset(name, report=report))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
