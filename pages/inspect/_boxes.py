"""The two boxes one writes in, tags and a note, and the keys that lead into them."""

import streamlit as st

from data.errors import UserError
from pages.inspect._desk import Desk
from pages.inspect._reasons import origin_of, reason_of
from pages.shared import case_list

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


def boxes(desk: Desk, experiment: str, example: str) -> None:
    """Tags and note of the example. Each key names the example: what is typed can never land on another one."""
    _tags(desk, experiment, example)
    _note(desk, experiment, example)


def box_keys() -> None:
    """The script behind T, N and Escape; drawn once, in the side bar, where no key draws anew."""
    st.html(_BOX_KEYS, unsafe_allow_javascript=True)


def _tags(desk: Desk, experiment: str, example: str) -> None:
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


def _note(desk: Desk, experiment: str, example: str) -> None:
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


def _keep_tags(desk: Desk, experiment: str, example: str, key: str) -> None:
    kept = [tag for tag in case_list.known(experiment, example, "tags").split("; ") if tag]
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


def _keep_note(desk: Desk, experiment: str, example: str, key: str) -> None:
    case_list.note(experiment, example, st.session_state[key], reason_of(desk, example), origin_of(desk))
