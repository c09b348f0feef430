"""The keys of the reading desk: next, previous, add to the list, note, undo, and the six actions."""

import streamlit as st

from data.experiments import ratio_label
from data.hard_cases import ACTIONS, Origin, error_reason
from pages.inspect._filters import Desk
from pages.shared import case_list

# N and the Note button put the cursor into the note, at once and without the server, or the first letters typed would
# be taken for keys; Escape takes it out again. Between the two every letter belongs to the note, also when the box is
# drawn anew under it. Nothing from data is in this script; it installs itself once.
_NOTE_KEY = """<script>
if (!window.noteKeyReady) {
  window.noteKeyReady = true;
  const box = () => document.querySelector(".st-key-note-box textarea");
  const typing = (at) => at.isContentEditable || ["INPUT", "TEXTAREA", "SELECT"].includes(at.tagName);
  let writing = false;
  const focus = () => { if (box()) { writing = true; box().focus(); } };
  document.addEventListener("keydown", (event) => {
    const plain = !event.ctrlKey && !event.metaKey && !event.altKey;
    if (event.key === "Escape") {
      writing = false;
      const left = event.target;
      if (left === box()) { setTimeout(() => left.blur(), 100); }  // after the last letter was taken in
    } else if (writing && !typing(event.target) && box()) {
      event.stopImmediatePropagation();
      box().focus();
    } else if (plain && event.key.toLowerCase() === "n" && !typing(event.target) && box()) {
      event.preventDefault();
      focus();
    }
  }, true);
  document.addEventListener("pointerdown", () => { writing = false; }, true);
  document.addEventListener("click", (event) => {
    if (event.target.closest(".st-key-note button")) { focus(); }
  });
}
</script>"""


def action_bar(desk: Desk, experiment: str, example: str) -> None:
    """Where we are, and what can be done, each with its key."""
    position = desk.position(example)
    listed = example in case_list.listed_ids(experiment)
    with st.container(horizontal=True, gap="xsmall", vertical_alignment="center"):
        total = len(desk.order)
        st.button(
            "Previous", key="previous", shortcut="K", on_click=_go, args=(desk, position - 1), disabled=position < 1
        )
        st.button(
            "Next",
            key="next",
            shortcut="J",
            on_click=_go,
            args=(desk, position + 1),
            disabled=not total or position == total - 1,
        )
        st.button(
            "Remove from list" if listed else "Add to list",
            key="add",
            shortcut="A",
            type="secondary" if listed else "primary",
            icon=":material/bookmark_remove:" if listed else ":material/bookmark_add:",
            on_click=_remove if listed else _add,
            args=(desk, experiment, example),
            disabled=not example,
        )
        st.button("Note :gray[N]", key="note", disabled=not example, help="Write a note; Escape leaves it")
        st.button(
            "Undo",
            key="undo",
            shortcut="Z",
            on_click=_undo,
            args=(desk, experiment),
            disabled=not case_list.can_undo(experiment),
        )


def decision_bar(desk: Desk, experiment: str, example: str) -> None:
    """What to do with the example, and a note. Both are kept as soon as they are made."""
    chosen = case_list.known(experiment, example, "action")
    with st.container(horizontal=True, gap="xsmall", key="decisions"):
        for number, action in enumerate(ACTIONS, start=1):
            st.button(
                action.capitalize(),
                key=f"action-{number}",
                shortcut=str(number),
                type="primary" if action == chosen else "secondary",
                on_click=_decide,
                args=(desk, experiment, example, "" if action == chosen else action),
            )
    key = f"note-{example}"
    kept = case_list.known(experiment, example, "note")
    if key not in st.session_state or st.session_state.get(f"{key}-kept") != kept:
        st.session_state[key] = st.session_state[f"{key}-kept"] = kept
    with st.container(key="note-box"):
        st.text_area(
            "Note",
            key=key,
            height=68,
            placeholder="What you saw. A note puts the example on the list; leaving the box (Escape) keeps it.",
            on_change=_note,
            args=(desk, experiment, example, key),
            label_visibility="collapsed",
        )
    st.html(_NOTE_KEY, unsafe_allow_javascript=True)


def origin_of(desk: Desk) -> Origin:
    """Where what is added now was found."""
    config = desk.run.config
    return Origin(desk.run.name, config.ratio, config.seed, desk.evidence.split, desk.threshold)


def reason_of(desk: Desk, example: str) -> str:
    """Why it is on the list, in words."""
    prob = float(desk.probs[desk.evidence.place(example)])
    label = int(desk.evidence.labels[desk.evidence.place(example)])
    if prob != prob:
        return f"added while reading {ratio_label(desk.run.config.ratio)}"
    return error_reason(label, prob, ratio=desk.run.config.ratio, threshold=desk.threshold)


def _go(desk: Desk, position: int) -> None:
    st.session_state["example"] = desk.id_at(position)


def _add(desk: Desk, experiment: str, example: str) -> None:
    """Add it and go on to the next one; at the end of the queue stay."""
    case_list.add(experiment, [example], [reason_of(desk, example)], origin_of(desk))
    _onward(desk, example)


def _remove(desk: Desk, experiment: str, example: str) -> None:
    case_list.remove(experiment, [example])


def _onward(desk: Desk, example: str) -> None:
    position = desk.position(example)
    if position + 1 < len(desk.order):
        st.session_state["example"] = desk.id_at(position + 1)


def _decide(desk: Desk, experiment: str, example: str, action: str) -> None:
    case_list.act(experiment, example, action, reason_of(desk, example), origin_of(desk))


def _note(desk: Desk, experiment: str, example: str, key: str) -> None:
    case_list.note(experiment, example, st.session_state[key], reason_of(desk, example), origin_of(desk))


def _undo(desk: Desk, experiment: str) -> None:
    """Take back the last step and show what it was about."""
    ids = case_list.undo_last(experiment)
    if ids and desk.evidence.place(ids[0]) >= 0:
        st.session_state["example"] = ids[0]
