"""Slices: what is saved comes back, records fold, two people and a crash do no harm, rules check themselves."""

import subprocess
import sys
from pathlib import Path

import pytest

from closecall.data.annotations.slice_rules import (
    Column,
    Length,
    Phrase,
    Picked,
    Range,
    Rule,
    read_rule,
    rule_from,
    rule_record,
)
from closecall.data.annotations.slices import (
    delete_slice,
    find_slice,
    load_slices,
    rename_slice,
    restore_slice,
    save_slice,
    slices_log,
)
from closecall.data.io.errors import UserError
from tests.makers import HOSTILE, make_dataset, make_experiment

RULES = [
    Phrase("scsi drive"),
    Phrase(HOSTILE[2]),
    Length(3, 9),
    Length(0),
    Column("meta.a b", "=cmd|' /C calc'!A0"),
    Range("meta.a b", "-3.5", "8"),
    Range("meta.sent", "1993-04-01T08:00:00+02:00", "1993-05-01"),
    Picked("0123456789ab"),
]


@pytest.fixture
def sweep(workspace: Path) -> str:
    return make_experiment(make_dataset(), ratios=(1,), seeds=(0,), with_embeddings=False).id


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.written[:20])
def test_a_rule_comes_back_from_its_record_and_its_written_form(rule: Rule) -> None:
    assert rule_from(rule_record(rule)) == rule
    assert read_rule(rule.written) == rule


def test_invalid_rules_are_refused_or_skipped() -> None:
    assert read_rule("hard ones") is None
    assert read_rule("note: hard ones") is None
    ranges = ("length:a-b", "length:9-3", "length:-1-3", "range:meta.a=3", "range:id=1..2", "range:meta.a=..2")
    for written in (*ranges, "word: ", "column:id=3", "picked:../x"):
        with pytest.raises(UserError):
            read_rule(written)
    with pytest.raises(UserError, match="at most 200"):
        Phrase("x" * 201)


def test_slices_are_saved_renamed_deleted_and_restored(sweep: str) -> None:
    first = save_slice(sweep, "  drives \n and\x00disks ", Phrase("scsi"), who="ada")
    save_slice(sweep, HOSTILE[0], Length(3, 9))
    assert [one.name for one in load_slices(sweep)] == ["drives and disks", HOSTILE[0]]
    assert load_slices(sweep)[0] == first
    rename_slice(sweep, first.key, "drives")
    assert find_slice(sweep, "drives").rule == Phrase("scsi")
    delete_slice(sweep, first.key)
    with pytest.raises(UserError, match=r"no slice named drives\. Known slices: <script>"):
        find_slice(sweep, "drives")
    with pytest.raises(UserError, match="gone"):
        rename_slice(sweep, first.key, "disks")
    restore_slice(sweep, first.key)
    assert load_slices(sweep)[0].name == "drives"


def test_a_name_is_given_once(sweep: str) -> None:
    one = save_slice(sweep, "drives", Phrase("scsi"))
    two = save_slice(sweep, "short", Length(0, 9))
    with pytest.raises(UserError, match="already"):
        save_slice(sweep, " drives", Phrase("disk"))
    with pytest.raises(UserError, match="already"):
        rename_slice(sweep, two.key, "drives")
    rename_slice(sweep, one.key, "drives ")
    for name in ("", " \x00 ", "x" * 81):
        with pytest.raises(UserError):
            save_slice(sweep, name, Phrase("disk"))


def test_two_people_who_use_one_name_at_once_lose_nothing(sweep: str) -> None:
    save_slice(sweep, "drives", Phrase("scsi"))
    line = slices_log(sweep).read_bytes()
    other = line.replace(b'"key": "', b'"key": "f').replace(b"scsi", b"disk")
    slices_log(sweep).write_bytes(line + other)
    assert [(one.name, one.rule) for one in load_slices(sweep)] == [
        ("drives", Phrase("scsi")),
        ("drives (2)", Phrase("disk")),
    ]


def test_an_incomplete_line_and_records_of_a_later_version_lose_nothing_else(sweep: str) -> None:
    one = save_slice(sweep, "drives", Phrase("scsi"))
    with slices_log(sweep).open("ab") as log:
        log.write(b'{"op": "save", "key": "k1", "name": "later", "rule": {"kind": "regex", "pattern": "x"}}\n')
        log.write(b'{"op": "paint", "of": "' + one.key.encode() + b'"}\n{"op": "delete", "of": "')
    save_slice(sweep, "short", Length(0, 9))
    assert [one.name for one in load_slices(sweep)] == ["drives", "short"]


def test_processes_that_write_at_once_lose_no_slice(sweep: str) -> None:
    code = (
        "import sys\nfrom closecall.data.annotations.slice_rules import Phrase\n"
        "from closecall.data.annotations.slices import save_slice\n"
        "for n in range(15): save_slice(sys.argv[1], f'{sys.argv[2]} {n}', Phrase(f'w{n}'))"
    )
    writers = [subprocess.Popen([sys.executable, "-c", code, sweep, name]) for name in ("ada", "bob")]
    assert [writer.wait(timeout=60) for writer in writers] == [0, 0]
    assert len({one.name for one in load_slices(sweep)}) == 30
