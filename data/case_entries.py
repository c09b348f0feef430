"""What the records of a hard-case log add up to: one entry for each example that someone touched."""

from collections.abc import Sequence
from typing import Any

Entry = dict[str, Any]
Record = dict[str, Any]
ORIGIN = ("run", "ratio", "seed", "split", "threshold")


def folded(records: Sequence[Record]) -> list[Entry]:
    """The entries after all records, in the order of adding; those never on the list come first."""
    entries: dict[str, Entry] = {}
    for number, record in enumerate(records):
        apply_record(entries, record, number)
    return sorted(entries.values(), key=lambda entry: entry["place"])


def apply_record(entries: dict[str, Entry], record: Record, number: int) -> None:
    """Let one record change the entries of its ids. An op of a later version changes nothing."""
    for place, one in enumerate(record["ids"]):
        entry = entries.setdefault(one, _fresh(one))
        if record["op"] == "import":
            _take(entry, record, (number, place))
        else:
            _change(entry, record, (number, place))


def history_of(records: Sequence[Record]) -> list[Record]:
    """The whole records in the order of writing, with `undone`: whether one was taken back; without those of undo."""
    sound = [record for record in records if _is_whole(record)]
    gone = {record.get("of") for record in sound if record["op"] == "undo"}
    return [{**record, "undone": record["key"] in gone} for record in sound if record["op"] != "undo"]


def _change(entry: Entry, record: Record, place: tuple[int, int]) -> None:
    op = record["op"]
    if op == "add":
        reasons = record.get("reasons", [])
        _list(entry, record, place, reasons[place[1]] if place[1] < len(reasons) else [])
    elif op == "remove":
        entry.update(listed=False, reasons=[])
    elif op in ("note", "action"):
        entry[op] = str(record.get(op, ""))
    elif op == "relabel":
        entry["new_label"] = str(record.get("label", ""))
    elif op == "tag":
        _tag(entry, [str(record.get("tag", ""))], [])
    elif op == "untag":
        _tag(entry, [], [str(record.get("tag", ""))])


def _take(entry: Entry, record: Record, place: tuple[int, int]) -> None:
    """What an imported list says of one example: only what it changes is in the record."""
    changes = record.get("changes", [])
    change: dict[str, Any] = changes[place[1]] if place[1] < len(changes) else {}
    if change.get("listed") is True:
        _list(entry, record, place, change.get("reasons", []))
    elif change.get("listed") is False:
        entry.update(listed=False, reasons=[])
    entry.update({name: str(change[name]) for name in ("note", "action", "new_label") if name in change})
    _tag(entry, change.get("tags_added", []), change.get("tags_removed", []))


def _list(entry: Entry, record: Record, place: tuple[int, int], reasons: Sequence[str]) -> None:
    if not entry["listed"]:
        entry.update({name: record.get(name) for name in ORIGIN})
        entry.update(listed=True, added=record.get("time", ""), who=record.get("who", ""), place=place)
    entry["reasons"] += [reason for reason in reasons if reason not in entry["reasons"]]


def _tag(entry: Entry, added: Sequence[str], removed: Sequence[str]) -> None:
    kept = [tag for tag in entry["tags"] if tag not in removed]
    entry["tags"] = kept + [tag for tag in added if tag not in kept]


def _fresh(one: str) -> Entry:
    texts = dict.fromkeys(("note", "action", "new_label", "added", "who", "run", "split"), "")
    numbers = dict.fromkeys(("ratio", "seed", "threshold"))
    return {"id": one, "reasons": [], "tags": [], **texts, **numbers, "listed": False, "place": (-1, 0)}


def _is_whole(record: Record) -> bool:
    return all(isinstance(record.get(name), kind) for name, kind in (("op", str), ("key", str), ("ids", list)))
