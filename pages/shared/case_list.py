"""The hard-case list as pages use it: read when its log changed, written record by record, each taken back by key."""

from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import unquote

import pandas as pd
import streamlit as st

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


def annotations(experiment: str) -> pd.DataFrame:
    """Everything people said about examples, on the list or not, with `id` as index."""
    return _said(experiment, log_mark(experiment))[0]


def history(experiment: str, one: str) -> list[dict[str, Any]]:
    """All records about an example in the order of writing, as `data.annotations.hard_cases.load_history`."""
    _, records, about = _said(experiment, log_mark(experiment))
    return [records[number] for number in about.get(one, [])]


def log_mark(experiment: str) -> tuple[int, int]:
    """Changes whenever someone says something about an example of the experiment."""
    path = hard_cases_log(experiment)
    if not path.exists():
        return (0, 0)
    found = path.stat()
    return (found.st_mtime_ns, found.st_size)


def listed_ids(experiment: str) -> set[str]:
    """The ids on the list now."""
    frame = annotations(experiment)
    return set(frame.index[frame["listed"]])


def tags_in_use(experiment: str) -> list[str]:
    """All tags that some example carries, in alphabetical order."""
    tags = annotations(experiment)["tags"]
    return sorted({tag for joined in tags.unique() for tag in tags_of(str(joined))}, key=str.casefold)


def add(experiment: str, ids: Sequence[str], reasons: Sequence[str], origin: Origin) -> None:
    """Put examples on the list with a reason each."""
    _done(experiment, [add_hard_cases(experiment, ids, reasons, origin=origin, who=person())])


def remove(experiment: str, ids: Sequence[str]) -> None:
    """Take examples off the list."""
    _done(experiment, [remove_hard_cases(experiment, ids, who=person())])


def note(experiment: str, one: str, text: str, reason: str = "", origin: Origin = NOWHERE) -> None:
    """Write the note of an example, when it changed; with a reason it comes on the list too. One step to take back."""
    if text != known(experiment, one, "note"):
        keys = _listing(experiment, [one], [reason] if text else [], origin)
        _done(experiment, [*keys, set_note(experiment, [one], text, who=person())])


def act(experiment: str, one: str, action: str, reason: str = "", origin: Origin = NOWHERE) -> None:
    """Decide what to do with an example, as `note`."""
    if action != known(experiment, one, "action"):
        act_all(experiment, [one], action, [reason] if action and reason else [], origin)


def act_all(
    experiment: str, ids: Sequence[str], action: str, reasons: Sequence[str] = (), origin: Origin = NOWHERE
) -> None:
    """Decide what to do with examples; with reasons they come on the list too. One step to take back."""
    keys = _listing(experiment, ids, reasons, origin)
    _done(experiment, [*keys, set_action(experiment, ids, action, who=person())])


def tag_all(
    experiment: str, ids: Sequence[str], tag: str, reasons: Sequence[str] = (), origin: Origin = NOWHERE
) -> None:
    """Give examples a tag, as `act_all`. UserError for a tag that cannot be one."""
    key = add_tag(experiment, ids, tag, who=person())
    _done(experiment, [*_listing(experiment, ids, reasons, origin), key])


def untag(experiment: str, one: str, tag: str) -> None:
    """Take a tag from an example."""
    _done(experiment, [remove_tag(experiment, [one], tag, who=person())])


def decide(experiment: str, parts: Sequence[tuple[Sequence[str], Sequence[str], Origin]], action: str) -> None:
    """Put many examples on the list with an action, in one step. A part: ids, a reason for each, where found."""
    keys = []
    for ids, reasons, origin in parts:
        keys.append(add_hard_cases(experiment, ids, reasons, origin=origin, who=person()))
        keys.append(set_action(experiment, ids, action, who=person()))
    _done(experiment, keys)


def relabel(experiment: str, one: str, label: str) -> None:
    """Write the class that an example should have; naming one makes relabelling its action. One step to take back."""
    if label == known(experiment, one, "new_label"):
        return
    keys = [set_new_label(experiment, [one], label, who=person())]
    if label and known(experiment, one, "action") != "relabel":
        keys.append(set_action(experiment, [one], "relabel", who=person()))
    _done(experiment, keys)


def retag(experiment: str, one: str, tags: Sequence[str]) -> None:
    """Give an example exactly these tags. One step to take back."""
    before = tags_of(known(experiment, one, "tags"))
    keys: list[str] = []
    try:
        keys += (add_tag(experiment, [one], tag, who=person()) for tag in tags if tag not in before)
        keys += (remove_tag(experiment, [one], tag, who=person()) for tag in before if tag not in tags)
    finally:
        if keys:
            _done(experiment, keys)


def tags_of(joined: str) -> list[str]:
    """The tags in a cell of `annotations`."""
    return [tag for tag in joined.split("; ") if tag]


def take_over(experiment: str, ids: Sequence[str], changes: Sequence[Mapping[str, Any]], source: str) -> None:
    """Write what a list from outside changes, as one step."""
    _done(experiment, [import_changes(experiment, ids, changes, source=source, who=person())])


def known(experiment: str, one: str, column: str) -> str:
    """One column of what is known of an example, "" when nobody touched it."""
    frame = annotations(experiment)
    return str(frame.at[one, column]) if one in frame.index else ""


def can_undo(experiment: str) -> bool:
    """Whether this session did something that it can take back."""
    return bool(st.session_state.get(_UNDO, {}).get(experiment))


def undo_last(experiment: str) -> list[str]:
    """Take back this session's last step. The ids it was about; others' steps stay."""
    steps = st.session_state.get(_UNDO, {}).get(experiment, [])
    if not steps:
        return []
    ids: list[str] = []
    for key in reversed(steps.pop()):
        record = undo(experiment, key=key, who=person())
        ids = list(record["ids"]) if record else ids
    return ids


def take_back(experiment: str) -> None:
    """`undo_last` as a button's callback."""
    undo_last(experiment)


def _listing(experiment: str, ids: Sequence[str], reasons: Sequence[str], origin: Origin) -> list[str]:
    """Put those on the list that are not on it, when there are reasons."""
    listed = listed_ids(experiment)
    new = [(one, reason) for one, reason in zip(ids, reasons, strict=False) if reason and one not in listed]
    if not new:
        return []
    fresh, why = zip(*new, strict=True)
    return [add_hard_cases(experiment, fresh, why, origin=origin, who=person())]


def _done(experiment: str, keys: list[str]) -> None:
    st.session_state.setdefault(_UNDO, {}).setdefault(experiment, []).append(keys)


@st.cache_resource(max_entries=8, show_spinner=False)
def _said(experiment: str, mark: tuple[int, int]) -> tuple[pd.DataFrame, list[dict[str, Any]], dict[str, list[int]]]:
    records = load_history(experiment)
    about: dict[str, list[int]] = {}
    for number, record in enumerate(records):
        for one in record["ids"]:
            about.setdefault(str(one), []).append(number)
    return annotations_of(records).set_index("id", drop=False), records, about


# Who is reading: a name given once, kept by the session and the browser, written beside what is said of examples.

_COOKIE = "closecall-person"
_LONGEST = 60
# The browser keeps the name itself, as it is typed: no name is ever written into this script.
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


def person() -> str:
    """The reader's name, "" when none is given: this session's, else the one that the browser kept."""
    if "kept-person" not in st.session_state:
        st.session_state["kept-person"] = _tidy(unquote(st.context.cookies.get(_COOKIE, "")))
    return str(st.session_state["kept-person"])


def choose_person() -> None:
    """The box for the name. Drawn in the side bar."""
    if "person" not in st.session_state:
        st.session_state["person"] = person()
    st.text_input(
        "Your name (optional)",
        key="person",
        max_chars=_LONGEST,
        on_change=_keep,
        help="Written beside what you add, note, tag and decide. This browser remembers it.",
    )
    st.html(_REMEMBER, unsafe_allow_javascript=True)


def _keep() -> None:
    st.session_state["kept-person"] = _tidy(st.session_state["person"])


def _tidy(name: str) -> str:
    return " ".join("".join(letter if letter.isprintable() else " " for letter in name).split())[:_LONGEST]
