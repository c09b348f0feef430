"""The check of a dataset: by word weights and by a small BERT, stored, reused, run in a process, cancelled."""

import sys
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from closecall.data.datasets.checks import check_folder, load_check
from closecall.data.datasets.store import Dataset, DatasetInfo, delete_dataset, load_info, save_dataset
from closecall.data.io.errors import UserError
from closecall.models.explain.dataset_check import (
    check_dataset,
    check_digest,
    check_status,
    current_check,
    main,
    start_check,
    stop_check,
)
from closecall.models.explain.far_control import far_control
from closecall.models.explain.text_embeddings import encoder_embeddings, word_embeddings
from closecall.models.runtime.progress import Progress
from tests.makers import make_dataset
from tests.tiny_bert import make_tiny_bert

KEYS = ["closeness", "neighbours", "classes", "positives", "words", "copies", "length", "test size"]


@pytest.fixture
def no_assets(workspace: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A workspace without the built-in encoder and texts."""
    monkeypatch.setenv("CLOSECALL_ASSETS", str(tmp_path / "none"))
    return workspace


def with_left_out(name: str, count: int) -> Dataset:
    """A dataset whose import left out so many texts of the class cars."""
    made = make_dataset("source")
    text = "engine gear wheel brake and a long road " * 10
    aside = pd.DataFrame(
        {
            "source_row": np.arange(count),
            "id": [f"car-{n}" for n in range(count)],
            "reason": "class cars is neither positive nor negative",
            "text": [f"{text[:190]} {n}" for n in range(count)],
        }
    )
    return save_dataset(Dataset(replace(made.info, name=name), made.examples, aside, made.conflicts))


def test_without_an_encoder_words_are_compared_and_it_is_said(no_assets: Path) -> None:
    make_dataset()
    seen: list[Progress] = []
    check = check_dataset("posts", report=seen.append)
    answers = {row.key: row.answer for row in check.rows}
    assert list(answers) == KEYS and check.encoder == ""
    assert answers["closeness"] == answers["classes"] == answers["length"] == "not measurable"
    assert check.rows[0].values["auc"][0] > 0.9 and check.rows[0].values["per_class"] == 67
    assert "by their words" in check.notes[0] and "the built-in encoder is not downloaded" in check.notes[0]
    assert "no far control" in check.notes[1]
    shares = [one.step / one.steps for one in seen]
    assert shares == sorted(shares) and shares[0] == 0 and {one.phase for one in seen} >= {"comparing texts"}


def test_without_torch_it_is_said(no_assets: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    make_dataset(positives=40, negatives=80)
    monkeypatch.setitem(sys.modules, "torch", None)
    assert "PyTorch is not installed" in check_dataset("posts").notes[0]


def test_a_stored_check_is_reused_until_its_input_changes(no_assets: Path) -> None:
    make_dataset(positives=40, negatives=80)
    first = check_dataset("posts")
    assert load_check("posts") == first == check_dataset("posts") == current_check("posts")
    info = load_info("posts")
    assert check_digest(replace(info, content_sha256="other")) != first.content == check_digest(info)
    assert check_digest(info, "another-encoder") != first.content


def test_a_small_bert_embeds_the_texts(no_assets: Path, tmp_path: Path) -> None:
    encoder = str(make_tiny_bert(tmp_path / "tiny", max_position_embeddings=128))
    with_left_out("posts", 60)
    check = check_dataset("posts", encoder=encoder)
    answers = {row.key: row.answer for row in check.rows}
    assert check.encoder == encoder and answers["closeness"] != "not measurable" and answers["length"] == "no"
    assert "left-out classes: " in check.rows[0].number and "(cars)" in check.notes[1]
    texts = [f"disk drive {n} mac" for n in range(7)]
    shares: list[float] = []
    embeddings = encoder_embeddings(texts, encoder, shares.append)
    alone = [encoder_embeddings([text], encoder, lambda share: None)[0] for text in texts]
    assert np.allclose(embeddings, alone, atol=0.02) and np.allclose(np.linalg.norm(embeddings, axis=1), 1, atol=1e-3)
    assert shares[-1] == 1.0


def test_classes_left_out_at_import_are_the_control_when_there_are_enough(no_assets: Path) -> None:
    with_left_out("enough", 60)
    positives = ["mac " * 100] * 70
    control = far_control("enough", positives)
    assert control is not None and control.labels.sum() == 60 == len(control.texts) / 2
    assert max(map(len, control.texts)) <= 200
    delete_dataset("source")
    with_left_out("few", 49)
    assert far_control("few", positives) is None and far_control("enough", positives[:49]) is None


def test_too_few_texts_are_said_not_raised(no_assets: Path) -> None:
    make_dataset(positives=12, negatives=30)
    check = check_dataset("posts")
    assert check.headline == "There are too few texts to tell how close the classes are." and not check.classes
    assert [row.key for row in check.rows] == KEYS and check.rows[0].answer == "too few"


def test_texts_without_a_common_word_are_not_compared(no_assets: Path) -> None:
    made = make_dataset("source")
    examples = made.examples.assign(text=[f"word{n}" for n in range(len(made.examples))])
    save_dataset(Dataset(replace(made.info, name="apart"), examples, made.set_aside, made.conflicts))
    assert check_dataset("apart").notes == ("No two texts share a word, so they cannot be compared by their words.",)
    with pytest.raises(UserError, match="share a word"):
        word_embeddings(["one", "two"])


def test_a_dataset_without_texts_cannot_be_checked(no_assets: Path) -> None:
    made = make_dataset("source")
    info = DatasetInfo(**{**vars(made.info), "name": "bare", "has_texts": False})
    save_dataset(Dataset(info, made.examples.assign(text=""), made.set_aside, made.conflicts))
    with pytest.raises(UserError, match="no texts"):
        start_check("bare")
    assert main("bare") == 1 and "no texts" in check_status("bare").message  # type: ignore[union-attr]


def test_a_check_runs_in_a_process(no_assets: Path) -> None:
    make_dataset(positives=40, negatives=80)
    assert check_status("posts") is None
    start_check("posts")
    start_check("posts")
    deadline = time.monotonic() + 60
    while (status := check_status("posts")) is not None and status.state == "running" and time.monotonic() < deadline:
        time.sleep(0.1)
    assert status is not None and status.state == "done" and current_check("posts") is not None


def test_a_running_check_can_be_stopped(no_assets: Path) -> None:
    make_dataset(positives=40, negatives=80)
    start_check("posts")
    stop_check("posts")
    status = check_status("posts")
    assert status is not None and status.state == "cancelled" and load_check("posts") is None
    assert check_folder("posts").is_dir()
    stop_check("posts")  # nothing to stop
