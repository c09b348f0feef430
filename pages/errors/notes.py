"""Tags and note of an example, the keys that lead into their inputs, and the history of its annotations."""

from datetime import datetime

import streamlit as st

from closecall.analysis.formatting import count_text
from closecall.data.annotations.hard_case_log import LogRecord
from closecall.data.io.errors import UserError
from closecall.pages.errors.actions import origin_of, reason_of
from closecall.pages.errors.queue import Queue
from closecall.pages.shared import case_list
from closecall.pages.shared.escaping import escape_html

HISTORY_ENTRIES = 100
# T, N and their buttons move the cursor into an input in the browser, without a round trip: otherwise the first letters
# typed would act as keys. Escape leaves the input. Until then every letter goes to the input, also when it is drawn
# again meanwhile. The script contains no data and installs itself once.
_BOX_KEYS = """<script>
if (!window.boxKeysReady) {
  window.boxKeysReady = true;
  const boxes = {t: ".st-key-tag-box input", n: ".st-key-note-box textarea"};
  const buttons = {t: ".st-key-tag-key button", n: ".st-key-note-key button"};
  const find = (name) => document.querySelector(boxes[name]);
  const typing = (at) => at.isContentEditable || ["INPUT", "TEXTAREA", "SELECT"].includes(at.tagName);
  const inside = (at) => Object.keys(boxes).find((name) => at === find(name));
  let writing = "";
  const enter = (name) => { if (find(name)) { writing = name; find(name).focus(); } };
  document.addEventListener("keydown", (event) => {
    const plain = !event.ctrlKey && !event.metaKey && !event.altKey;
    const name = event.key.toLowerCase();
    if (event.key === "Escape") {
      const left = event.target;
      writing = "";
      if (inside(left)) { setTimeout(() => left.blur(), 100); }  // after the last letter was received
    } else if (writing && !typing(event.target) && find(writing)) {
      event.stopImmediatePropagation();
      find(writing).focus();
    } else if (plain && name in boxes && !typing(event.target) && find(name)) {
      event.preventDefault();
      enter(name);
    }
  }, true);
  document.addEventListener("pointerdown", () => { writing = ""; }, true);
  document.addEventListener("click", (event) => {
    const pressed = Object.keys(buttons).find((name) => event.target.closest(buttons[name]));
    if (pressed) { enter(pressed); }
  });
}
</script>"""


def install_box_keys() -> None:
    """Install the script for T, N and Escape. For the sidebar, which is not drawn again by a key."""
    st.html(_BOX_KEYS, unsafe_allow_javascript=True)


def note_and_tags(queue: Queue, experiment: str, example: str) -> None:
    """The inputs for tags and note. Their keys contain the example's id, so input never goes to another example."""
    _tags(queue, experiment, example)
    _note(queue, experiment, example)


def _tags(queue: Queue, experiment: str, example: str) -> None:
    key = f"tags-{example}"
    stored = case_list.tags_of(queue.annotation(example, "tags"))
    _show_stored(key, stored)
    with st.container(key="tag-box"):
        st.multiselect(
            "Tags",
            sorted({*case_list.tags_in_use(experiment), *stored}, key=str.casefold),
            key=key,
            accept_new_options=True,
            placeholder="Tags: type one and press Enter",
            on_change=_save_tags,
            args=(queue, experiment, example, key),
            label_visibility="collapsed",
        )
    if error := st.session_state.pop("tag-error", ""):
        st.caption(f":red[{error}]")


def _note(queue: Queue, experiment: str, example: str) -> None:
    key = f"note-{example}"
    _show_stored(key, queue.annotation(example, "note"))
    with st.container(key="note-box"):
        st.text_area(
            "Note",
            key=key,
            height=68,
            placeholder="Note: Escape saves it and adds the example to the list",
            on_change=_save_note,
            args=(queue, experiment, example, key),
            label_visibility="collapsed",
        )


def _show_stored(key: str, stored: str | list[str]) -> None:
    """Set an input to the stored value when that has changed, for example by another reviewer."""
    if key not in st.session_state or st.session_state.get(f"{key}-kept") != stored:
        st.session_state[key] = st.session_state[f"{key}-kept"] = stored


def _save_tags(queue: Queue, experiment: str, example: str, key: str) -> None:
    stored = case_list.tags_of(case_list.annotation(experiment, example, "tags"))
    shown = st.session_state.get(f"{key}-kept", stored)
    wanted = [" ".join(str(tag).split()) for tag in st.session_state[key]]
    try:
        for tag in dict.fromkeys(tag for tag in wanted if tag not in stored):
            case_list.tag_all(experiment, [example], tag, [reason_of(queue, example)], origin_of(queue))
        for tag in shown:  # only tags that this reviewer saw: one that another reviewer has just added stays
            if tag not in wanted and tag in stored:
                case_list.untag(experiment, example, tag)
    except UserError as error:
        st.session_state["tag-error"] = str(error)
    st.session_state.pop(f"{key}-kept", None)  # show the stored tags


def _save_note(queue: Queue, experiment: str, example: str, key: str) -> None:
    case_list.note(experiment, example, st.session_state[key], reason_of(queue, example), origin_of(queue))


def show_history(experiment: str, example: str) -> None:
    """The annotation records of an example in a collapsed list, newest first; undone records are struck through."""
    records = case_list.history(experiment, example)
    if not records:
        return
    lines = [_entry(record, example) for record in reversed(records[-HISTORY_ENTRIES:])]
    st.html(
        f'<details class="history"><summary class="quiet">History of this example: '
        f"{count_text(len(records), 'entry', 'entries')}</summary>"
        f'<ol class="quiet">{"".join(lines)}</ol></details>'
    )


def _entry(record: LogRecord, example: str) -> str:
    who = str(record.get("who", "")) or "no name"
    text = f"{_time_text(str(record.get('time', '')))}, {escape_html(who)}: {escape_html(_change(record, example))}"
    return f"<li><s>{text}</s> (undone)</li>" if record["undone"] else f"<li>{text}</li>"


def _change(record: LogRecord, example: str) -> str:
    """What a record changes, in words."""
    op = record["op"]
    if op == "add":
        reasons = record.get("reasons", [])
        place = record["ids"].index(example)
        own = reasons[place] if place < len(reasons) else []
        return f"added to the list, {'; '.join(map(str, own))}" if own else "added to the list"
    if op == "note":
        return f"note “{record.get('note', '')}”" if record.get("note") else "note deleted"
    if op == "action":
        return f"action {record.get('action')}" if record.get("action") else "action cleared"
    if op == "relabel":
        return f"proposed label {record.get('label')}" if record.get("label") else "proposed label cleared"
    if op == "import":
        return f"list imported from {record.get('source', '')}"
    changes = {
        "remove": "removed from the list",
        "tag": f"tag {record.get('tag')} added",
        "untag": f"tag {record.get('tag')} removed",
    }
    return changes.get(op, str(op))


def _time_text(time: str) -> str:
    """An ISO time of the log as `2026-11-24 13:50 UTC`."""
    try:
        return f"{datetime.fromisoformat(time):%Y-%m-%d %H:%M} UTC"
    except ValueError:
        return "unknown time"
