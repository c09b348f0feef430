"""The hard-case list for pages: cached reading, changes with undo, and the name of the reviewer.

Every change appends records to the experiment's log. A change is one undo step of this session, also when it wrote
several records.
"""

from collections.abc import Sequence
from urllib.parse import unquote

import pandas as pd
import streamlit as st

from closecall.data.annotations.hard_case_log import ImportedChange, LogRecord
from closecall.data.annotations.hard_cases import (
    NOWHERE,
    Origin,
    add_hard_cases,
    add_tag,
    annotations_of,
    hard_cases_log,
    import_changes,
    load_history,
    remove_hard_cases,
    remove_tag,
    set_action,
    set_new_label,
    set_note,
    undo,
)

_UNDO = "undo-keys"
_COOKIE = "closecall-person"
_LONGEST_NAME = 60
# The script stores the typed name in a cookie. The name is never part of the script.
_REMEMBER = f"""<script>
if (!window.personKept) {{
  window.personKept = true;
  document.addEventListener("input", (event) => {{
    if (!event.target.closest(".st-key-person")) {{ return; }}
    const name = encodeURIComponent(event.target.value.trim());
    document.cookie = `{_COOKIE}=${{name}}; path=/; max-age=${{name ? 31536000 : 0}}; samesite=strict`;
  }}, true);
}}
</script>"""


def annotations(experiment: str) -> pd.DataFrame:
    """All annotations of examples, on the list or not, with `id` as index. Columns as `load_annotations`."""
    return _read_log(experiment, log_stamp(experiment))[0]


def history(experiment: str, one: str) -> list[LogRecord]:
    """The records about one example, oldest first, as `data.annotations.hard_cases.load_history`."""
    _, records, about = _read_log(experiment, log_stamp(experiment))
    return [records[number] for number in about.get(one, [])]


def log_stamp(experiment: str) -> tuple[int, int]:
    """Modification time (ns) and size of the log: the cache key of all annotations. (0, 0) when there is no log."""
    path = hard_cases_log(experiment)
    if not path.exists():
        return (0, 0)
    written = path.stat()
    return (written.st_mtime_ns, written.st_size)


def listed_ids(experiment: str) -> set[str]:
    """The ids that are on the list."""
    frame = annotations(experiment)
    return set(frame.index[frame["listed"]])


def tags_in_use(experiment: str) -> list[str]:
    """All tags in use, in alphabetical order."""
    tags = annotations(experiment)["tags"]
    return sorted({tag for joined in tags.unique() for tag in tags_of(str(joined))}, key=str.casefold)


def add(experiment: str, ids: Sequence[str], reasons: Sequence[str], origin: Origin) -> None:
    """Add examples to the list, each with a reason."""
    _push_undo(experiment, [add_hard_cases(experiment, ids, reasons, origin=origin, who=person())])


def remove(experiment: str, ids: Sequence[str]) -> None:
    """Remove examples from the list."""
    _push_undo(experiment, [remove_hard_cases(experiment, ids, who=person())])


def note(experiment: str, one: str, text: str, reason: str = "", origin: Origin = NOWHERE) -> None:
    """Set the note of an example. With a reason, a note that is not empty also adds the example to the list."""
    if text != annotation(experiment, one, "note"):
        keys = _listing(experiment, [one], [reason] if text else [], origin)
        _push_undo(experiment, [*keys, set_note(experiment, [one], text, who=person())])


def act(
    experiment: str, one: str, action: str, reason: str = "", origin: Origin = NOWHERE, *, new_label: str = ""
) -> None:
    """Set the action of an example and, where given, its proposed label, with the listing rule of `note`."""
    keys = []
    if action != annotation(experiment, one, "action"):
        keys += _listing(experiment, [one], [reason] if action else [], origin)
        keys.append(set_action(experiment, [one], action, who=person()))
    if new_label and new_label != annotation(experiment, one, "new_label"):
        keys.append(set_new_label(experiment, [one], new_label, who=person()))
    if keys:
        _push_undo(experiment, keys)


def act_all(
    experiment: str, ids: Sequence[str], action: str, reasons: Sequence[str] = (), origin: Origin = NOWHERE
) -> None:
    """Set the action of several examples. With reasons, they are also added to the list."""
    keys = _listing(experiment, ids, reasons, origin)
    _push_undo(experiment, [*keys, set_action(experiment, ids, action, who=person())])


def tag_all(
    experiment: str, ids: Sequence[str], tag: str, reasons: Sequence[str] = (), origin: Origin = NOWHERE
) -> None:
    """Add a tag to several examples, with the listing rule of `act_all`. Raises UserError for an invalid tag."""
    key = add_tag(experiment, ids, tag, who=person())
    _push_undo(experiment, [*_listing(experiment, ids, reasons, origin), key])


def untag(experiment: str, one: str, tag: str) -> None:
    """Remove a tag from an example."""
    _push_undo(experiment, [remove_tag(experiment, [one], tag, who=person())])


def add_with_action(experiment: str, parts: Sequence[tuple[Sequence[str], Sequence[str], Origin, str]]) -> None:
    """Add examples to the list and set their action. Each part: ids, their reasons, origin, action ("" for none)."""
    keys = []
    for ids, reasons, origin, action in parts:
        keys.append(add_hard_cases(experiment, ids, reasons, origin=origin, who=person()))
        if action:
            keys.append(set_action(experiment, ids, action, who=person()))
    _push_undo(experiment, keys)


def relabel(experiment: str, one: str, label: str) -> None:
    """Set the proposed label of an example. A label that is not empty also sets the action to relabel."""
    if label == annotation(experiment, one, "new_label"):
        return
    keys = [set_new_label(experiment, [one], label, who=person())]
    if label and annotation(experiment, one, "action") != "relabel":
        keys.append(set_action(experiment, [one], "relabel", who=person()))
    _push_undo(experiment, keys)


def retag(experiment: str, one: str, tags: Sequence[str]) -> None:
    """Replace the tags of an example. Raises UserError for an invalid tag; the tags before it are kept."""
    before = tags_of(annotation(experiment, one, "tags"))
    keys: list[str] = []
    try:
        keys += (add_tag(experiment, [one], tag, who=person()) for tag in tags if tag not in before)
        keys += (remove_tag(experiment, [one], tag, who=person()) for tag in before if tag not in tags)
    finally:
        if keys:
            _push_undo(experiment, keys)


def tags_of(joined: str) -> list[str]:
    """Split the `tags` column of `annotations`."""
    return [tag for tag in joined.split("; ") if tag]


def import_list(experiment: str, ids: Sequence[str], changes: Sequence[ImportedChange], source: str) -> None:
    """Write the changes of an imported list. `source` names its file."""
    _push_undo(experiment, [import_changes(experiment, ids, changes, source=source, who=person())])


def annotation(experiment: str, one: str, column: str) -> str:
    """One column of an example's annotations, "" when it has none."""
    frame = annotations(experiment)
    return str(frame.at[one, column]) if one in frame.index else ""


def can_undo(experiment: str) -> bool:
    """Whether this session has a change to undo."""
    return bool(st.session_state.get(_UNDO, {}).get(experiment))


def undo_last(experiment: str) -> list[str]:
    """Undo this session's last change and return the ids that it changed. Changes of others stay."""
    steps = st.session_state.get(_UNDO, {}).get(experiment, [])
    if not steps:
        return []
    ids: list[str] = []
    for key in reversed(steps.pop()):
        record = undo(experiment, key=key, who=person())
        ids = list(record["ids"]) if record else ids
    return ids


def undo_callback(experiment: str) -> None:
    """`undo_last` as the callback of a button."""
    undo_last(experiment)


def _listing(experiment: str, ids: Sequence[str], reasons: Sequence[str], origin: Origin) -> list[str]:
    """Add the examples that are not on the list and have a reason."""
    listed = listed_ids(experiment)
    new = [(one, reason) for one, reason in zip(ids, reasons, strict=False) if reason and one not in listed]
    if not new:
        return []
    fresh, why = zip(*new, strict=True)
    return [add_hard_cases(experiment, fresh, why, origin=origin, who=person())]


def _push_undo(experiment: str, keys: list[str]) -> None:
    st.session_state.setdefault(_UNDO, {}).setdefault(experiment, []).append(keys)


@st.cache_resource(max_entries=8, show_spinner=False)
def _read_log(experiment: str, mark: tuple[int, int]) -> tuple[pd.DataFrame, list[LogRecord], dict[str, list[int]]]:
    records = load_history(experiment)
    about: dict[str, list[int]] = {}
    for number, record in enumerate(records):
        for one in record["ids"]:
            about.setdefault(str(one), []).append(number)
    return annotations_of(records).set_index("id", drop=False), records, about


def person() -> str:
    """The reviewer's name: that of this session, else the one in the browser's cookie, else ""."""
    if "kept-person" not in st.session_state:
        st.session_state["kept-person"] = _clean_name(unquote(st.context.cookies.get(_COOKIE, "")))
    return str(st.session_state["kept-person"])


def choose_person() -> None:
    """The input for the reviewer's name, for the sidebar."""
    if "person" not in st.session_state:
        st.session_state["person"] = person()
    st.text_input(
        "Your name (optional)",
        key="person",
        max_chars=_LONGEST_NAME,
        on_change=_keep_name,
        help="Stored with your annotations. This browser remembers it.",
    )
    st.html(_REMEMBER, unsafe_allow_javascript=True)


def _keep_name() -> None:
    st.session_state["kept-person"] = _clean_name(st.session_state["person"])


def _clean_name(name: str) -> str:
    return " ".join("".join(letter if letter.isprintable() else " " for letter in name).split())[:_LONGEST_NAME]
