"""What is written beside an example when it comes on the list from the desk: where it was found, and why."""

import streamlit as st

from closecall.analysis.formatting import ratio_text
from closecall.analysis.metrics.outcomes import error_reason
from closecall.data.annotations.hard_cases import ACTIONS, Origin
from closecall.data.io.errors import UserError
from closecall.pages.errors.reading_state import ReadingState
from closecall.pages.shared import case_list


def origin_of(desk: ReadingState) -> Origin:
    """Where what is added now was found; without run and seed when most seeds were asked."""
    config, one = desk.run.config, desk.judged.seeds == 1
    return Origin(
        desk.run.name if one else "", config.ratio, config.seed if one else None, desk.evidence.split, desk.threshold
    )


def reason_of(desk: ReadingState, example: str) -> str:
    """Why it is on the list, in words."""
    row, ratio = desk.evidence.place(example), desk.run.config.ratio
    outcome, prob = desk.judged.outcome(row), float(desk.judged.probs[row])
    if not outcome:
        return f"added while reading {ratio_text(ratio)}"
    if desk.judged.seeds == 1:
        said = error_reason(int(desk.evidence.labels[row]), prob, ratio=ratio, threshold=desk.threshold)
    else:
        word = {"fn": "missed", "fp": "false alarm", "tp": "found", "tn": "correct rejection"}[outcome]
        called, told = int(desk.judged.called[row]), int(desk.judged.told[row])
        said = f"{word} by most seeds at {ratio_text(ratio)} ({called} of {told} call it positive)"
    return f"{said}, in training" if desk.evidence.split == "train" else said


# The keys of the reading desk: next, previous, add to the list, tag, note, undo, and the six actions.


def action_bar(desk: ReadingState, experiment: str, example: str) -> None:
    """Where we are, and what can be done, each with its key."""
    position, total = desk.position(example), len(desk.order)
    listed = desk.said(example, "listed") == "True"
    at_end = not total or position == total - 1
    with st.container(horizontal=True, gap="xsmall", vertical_alignment="center", key="keys"):
        st.button("Previous", key="previous", shortcut="K", on_click=_go, args=(desk, position - 1),
                  disabled=position < 1)  # fmt: skip
        st.button("Next", key="next", shortcut="J", on_click=_go, args=(desk, position + 1), disabled=at_end)
        st.button(
            "Remove" if listed else "Add to list",
            key="add",
            shortcut="A",
            type="secondary" if listed else "primary",
            icon=":material/bookmark_remove:" if listed else ":material/bookmark_add:",
            help="Take it off the hard-case list" if listed else "Put it on the hard-case list and go on",
            on_click=_remove if listed else _add,
            args=(desk, experiment, example),
            disabled=not example,
        )
        st.button("Tag :gray[T]", key="tag-key", disabled=not example, help="Type a tag, Enter; Escape leaves the box")
        st.button("Note :gray[N]", key="note-key", disabled=not example, help="Write a note; Escape leaves it")
        st.button("Undo", key="undo", shortcut="Z", on_click=_undo, args=(desk, experiment),
                  disabled=not case_list.can_undo(experiment))  # fmt: skip


def decision_bar(desk: ReadingState, experiment: str, example: str) -> None:
    """What to do with the example; a decision is kept at once, and the next example is there."""
    chosen = desk.said(example, "action")
    with st.container(horizontal=True, gap="xsmall", key="decisions"):
        for number, action in enumerate(ACTIONS, start=1):
            st.button(
                action.capitalize(),
                key=f"decide-{number}",
                shortcut=str(number),
                type="primary" if action == chosen else "secondary",
                on_click=_decide,
                args=(desk, experiment, example, "" if action == chosen else action),
                disabled=not example,
            )


def _go(desk: ReadingState, position: int) -> None:
    st.session_state["example"] = desk.id_at(position)


def _add(desk: ReadingState, experiment: str, example: str) -> None:
    case_list.add(experiment, [example], [reason_of(desk, example)], origin_of(desk))
    _onward(desk, example)


def _remove(desk: ReadingState, experiment: str, example: str) -> None:
    case_list.remove(experiment, [example])


def _decide(desk: ReadingState, experiment: str, example: str, action: str) -> None:
    """A decision taken back leaves the reader where they are."""
    case_list.act(experiment, example, action, reason_of(desk, example), origin_of(desk))
    if action:
        _onward(desk, example)


def _onward(desk: ReadingState, example: str) -> None:
    """To the next of the queue; at its end stay."""
    position = desk.position(example)
    if 0 <= position < len(desk.order) - 1:
        st.session_state["example"] = desk.id_at(position + 1)


def _undo(desk: ReadingState, experiment: str) -> None:
    """Take back the last step and show what it was about."""
    ids = case_list.undo_last(experiment)
    if ids and desk.evidence.place(ids[0]) >= 0:
        st.session_state["example"] = ids[0]


# The two boxes one writes in, tags and a note, and the keys that lead into them.

# T and N and their buttons put the cursor into their box, at once and without the server, or the first letters typed
# would be taken for keys; Escape takes it out again. Between the two every letter belongs to the box, also when it is
# drawn anew under it. Nothing from data is in this script; it installs itself once.
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
      if (inside(left)) { setTimeout(() => left.blur(), 100); }  // after the last letter was taken in
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


def note_and_tags(desk: ReadingState, experiment: str, example: str) -> None:
    """Tags and note of the example. Each key names the example: what is typed can never land on another one."""
    _tags(desk, experiment, example)
    _note(desk, experiment, example)


def note_and_tag_keys() -> None:
    """The script behind T, N and Escape; drawn once, in the side bar, where no key draws anew."""
    st.html(_BOX_KEYS, unsafe_allow_javascript=True)


def _tags(desk: ReadingState, experiment: str, example: str) -> None:
    key = f"tags-{example}"
    kept = [tag for tag in desk.said(example, "tags").split("; ") if tag]
    _follow(key, kept)
    with st.container(key="tag-box"):
        st.multiselect(
            "Tags",
            sorted({*case_list.tags_in_use(experiment), *kept}, key=str.casefold),
            key=key,
            accept_new_options=True,
            placeholder="Tags: type one, Enter; Escape leaves the box",
            on_change=_keep_tags,
            args=(desk, experiment, example, key),
            label_visibility="collapsed",
        )
    if refused := st.session_state.pop("tag-refused", ""):
        st.caption(f":red[{refused}]")


def _note(desk: ReadingState, experiment: str, example: str) -> None:
    key = f"note-{example}"
    _follow(key, desk.said(example, "note"))
    with st.container(key="note-box"):
        st.text_area(
            "Note",
            key=key,
            height=68,
            placeholder="Note: what you saw. Leaving the box (Escape) keeps it, and puts the example on the list.",
            on_change=_keep_note,
            args=(desk, experiment, example, key),
            label_visibility="collapsed",
        )


def _follow(key: str, kept: str | list[str]) -> None:
    """Show what is kept, also when someone else has written it since."""
    if key not in st.session_state or st.session_state.get(f"{key}-kept") != kept:
        st.session_state[key] = st.session_state[f"{key}-kept"] = kept


def _keep_tags(desk: ReadingState, experiment: str, example: str, key: str) -> None:
    kept = [tag for tag in case_list.annotation(experiment, example, "tags").split("; ") if tag]
    before = st.session_state.get(f"{key}-kept", kept)
    wanted = [" ".join(str(tag).split()) for tag in st.session_state[key]]
    try:
        for tag in dict.fromkeys(tag for tag in wanted if tag not in kept):
            case_list.tag_all(experiment, [example], tag, [reason_of(desk, example)], origin_of(desk))
        for tag in before:  # only what this reader saw: another's tag of this minute stays
            if tag not in wanted and tag in kept:
                case_list.untag(experiment, example, tag)
    except UserError as error:
        st.session_state["tag-refused"] = str(error)
    st.session_state.pop(f"{key}-kept", None)  # show what the log says


def _keep_note(desk: ReadingState, experiment: str, example: str, key: str) -> None:
    case_list.note(experiment, example, st.session_state[key], reason_of(desk, example), origin_of(desk))
