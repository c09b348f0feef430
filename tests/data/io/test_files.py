"""Files are whole or as before, whatever happens in between."""

import multiprocessing
import os
import signal
import time
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from closecall.data.io.errors import UserError
from closecall.data.io.files import (
    append_line,
    atomic_write,
    file_sha256,
    read_frame,
    read_json,
    read_lines,
    write_array,
    write_arrays,
    write_folder,
    write_frame,
    write_json,
    write_text,
)


def test_json_comes_back_as_written(tmp_path: Path) -> None:
    content = {"schema": 1, "text": "äöü \u202e 😀 \x00", "number": np.float64(0.5), "list": np.arange(3)}
    write_json(tmp_path / "a" / "one.json", content)
    assert read_json(tmp_path / "a" / "one.json") == {**content, "number": 0.5, "list": [0, 1, 2]}


def test_a_failed_write_leaves_the_old_file_and_nothing_else(tmp_path: Path) -> None:
    path = tmp_path / "one.txt"
    write_text(path, "old")
    with pytest.raises(RuntimeError), atomic_write(path) as temporary:
        temporary.write_text("half")
        raise RuntimeError
    assert path.read_text() == "old"
    assert [one.name for one in tmp_path.iterdir()] == ["one.txt"]


def test_unpaired_surrogates_do_not_stop_a_write(tmp_path: Path) -> None:
    write_text(tmp_path / "one.txt", "a\ud800b")
    assert (tmp_path / "one.txt").read_text(encoding="utf-8") == "a?b"


@pytest.mark.parametrize("content", ["", "{", "[1, 2]", "\x00"])
def test_broken_json_is_one_sentence_that_names_the_file(tmp_path: Path, content: str) -> None:
    path = tmp_path / "status.json"
    path.write_text(content)
    with pytest.raises(UserError, match=r"status\.json"):
        read_json(path)


def test_missing_files_are_named(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"gone\.json is missing"):
        read_json(tmp_path / "gone.json")
    with pytest.raises(UserError, match=r"gone\.parquet is missing"):
        read_frame(tmp_path / "gone.parquet")


def test_a_broken_parquet_file_is_named(tmp_path: Path) -> None:
    path = tmp_path / "predictions.parquet"
    path.write_bytes(b"PAR1 not really")
    with pytest.raises(UserError, match=r"predictions\.parquet"):
        read_frame(path)


def test_frames_and_arrays_come_back(tmp_path: Path) -> None:
    frame = pd.DataFrame({"id": ["a", "b"], "x": np.float32([1, 2])})
    write_frame(tmp_path / "f.parquet", frame)
    pd.testing.assert_frame_equal(read_frame(tmp_path / "f.parquet"), frame, check_dtype=False)
    write_array(tmp_path / "a.npy", np.eye(3))
    np.testing.assert_array_equal(np.load(tmp_path / "a.npy"), np.eye(3))
    write_arrays(tmp_path / "a.npz", {"ids": np.array(["x", "ü"])})
    with np.load(tmp_path / "a.npz", allow_pickle=False) as stored:
        assert stored["ids"].tolist() == ["x", "ü"]


def test_objects_are_never_pickled(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="pickle"):
        write_array(tmp_path / "a.npy", np.array([{}], dtype=object))
    assert list(tmp_path.iterdir()) == []


def test_a_folder_replaces_the_old_one_or_nothing(tmp_path: Path) -> None:
    folder = tmp_path / "set"
    write_folder(folder, lambda fresh: write_text(fresh / "a" / "old.txt", "1"))

    def broken(fresh: Path) -> None:
        write_text(fresh / "new.txt", "2")
        raise RuntimeError

    with pytest.raises(RuntimeError):
        write_folder(folder, broken)
    assert (folder / "a" / "old.txt").exists()
    write_folder(folder, lambda fresh: write_text(fresh / "new.txt", "2"))
    assert [one.name for one in folder.iterdir()] == ["new.txt"]
    assert [one.name for one in tmp_path.iterdir()] == ["set"]


def test_an_incomplete_line_loses_only_itself(tmp_path: Path) -> None:
    log = tmp_path / "log.jsonl"
    append_line(log, {"n": 1})
    with log.open("ab") as out:
        out.write(b'{"n": 2, "te')
    append_line(log, {"n": 3})
    assert [one["n"] for one in read_lines(log)] == [1, 3]


def _write_many(path: Path, start: int) -> None:
    for number in range(start, start + 100):
        append_line(path, {"n": number, "text": "x" * 500})


def test_two_writers_do_not_mix(tmp_path: Path) -> None:
    log = tmp_path / "log.jsonl"
    context = multiprocessing.get_context("fork")
    writers = [context.Process(target=_write_many, args=(log, start)) for start in (0, 100)]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join(timeout=30)
    assert sorted(one["n"] for one in read_lines(log)) == list(range(200))


def _rewrite_for_ever(path: Path) -> None:
    number = 0
    while True:
        write_json(path, {"first": number, "filler": "x" * 100_000, "last": number})
        number += 1


def test_a_file_killed_during_a_write_is_complete(tmp_path: Path) -> None:
    path = tmp_path / "one.json"
    context = multiprocessing.get_context("fork")
    for _ in range(5):
        writer = context.Process(target=_rewrite_for_ever, args=(path,))
        writer.start()
        time.sleep(0.15)
        os.kill(writer.pid, signal.SIGKILL)
        writer.join(timeout=10)
        content = read_json(path)
        assert content["first"] == content["last"]


def test_sha256(tmp_path: Path) -> None:
    path = tmp_path / "abc"
    path.write_bytes(b"abc")
    assert file_sha256(path) == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
