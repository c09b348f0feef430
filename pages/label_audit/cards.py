"""One item of the audit: a suspect with its neighbours or two near copies side by side, and the decisions on a text."""

from collections.abc import Hashable, Mapping
from typing import Any

import pandas as pd
import streamlit as st

from closecall.analysis.formatting import probability_text
from closecall.analysis.text import differing_spans
from closecall.data.annotations.hard_cases import Origin
from closecall.data.experiments.store import ExperimentConfig
from closecall.models.results.run_predictions import SPLIT_NAMES
from closecall.pages.label_audit.suspects import members, reason
from closecall.pages.shared import case_list
from closecall.pages.shared.cached_io import Texts, frozen_folder
from closecall.pages.shared.escaping import escape_html, escape_markdown, highlight_spans, reading_style
from closecall.pages.shared.examples import show_text
from closecall.pages.shared.neighbours import neighbours, show_neighbours

COMPARED = 8_000
"""Characters of each text in which differences are marked."""
_CLASS = ("negative", "positive")
_KEEP, _RELABEL = "fine as is", "relabel"


def item_card(config: ExperimentConfig, item: Mapping[Hashable, Any], texts: Texts) -> None:
    """The texts of an item with their evidence, and buttons that decide each."""
    if item["kind"] == "copies":
        _pair(config, item, texts)
    else:
        _suspect(config, item, texts)


def _suspect(config: ExperimentConfig, item: Mapping[Hashable, Any], texts: Texts) -> None:
    """Label, evidence and text of a suspect, and the nearest training texts of each class."""
    one, label = str(item["id"]), int(item["label"])
    st.markdown(
        f"**{escape_markdown(one)}** · labelled {_CLASS[label]} ({escape_markdown(texts.class_name(one, label))})"
    )
    st.markdown(_evidence(item))
    show_text(texts.text(one))
    _decisions(config, item, one, remove="not our class")
    found = neighbours(frozen_folder(config.id), one)
    if isinstance(found, str):
        st.caption(found)
    else:
        show_neighbours(found, one, label, texts)


def _pair(config: ExperimentConfig, item: Mapping[Hashable, Any], texts: Texts) -> None:
    """Two near copies side by side; what only one of them has is marked."""
    similarity = escape_markdown(probability_text(float(item["jaccard"])))
    st.markdown(
        f"**Near copies with opposite labels** · Jaccard similarity of character 5-grams {similarity}. "
        "What only one of the texts has is marked."
    )
    (first, _, _), (second, _, _) = members(item)
    written = texts.text(first) or "", texts.text(second) or ""
    spans = differing_spans(*(text[:COMPARED] for text in written))
    columns = "".join(
        _column(member, text, own, texts) for member, text, own in zip(members(item), written, spans, strict=True)
    )
    st.html(f'{reading_style()}<div class="near-pair">{columns}</div>')
    for column, one, other, label in zip(st.columns(2, gap="small"), (first, second), (second, first), (0, 1),
                                         strict=True):  # fmt: skip
        with column:
            _decisions(config, item, one, remove="duplicate", new_label=texts.class_name(other, label))


def _column(member: tuple[str, int, str], text: str, spans: list[tuple[int, int]], texts: Texts) -> str:
    """One text of a pair as HTML."""
    one, label, split = member
    facts = f"{escape_html(texts.class_name(one, label))} · {SPLIT_NAMES.get(split, split)} · {escape_html(one)}"
    return (
        f'<div><strong>{_CLASS[label].capitalize()}</strong><div class="quiet">{facts}</div>'
        f'<div class="reading whole" dir="auto" tabindex="0">{highlight_spans(text, spans)}</div></div>'
    )


def _decisions(
    config: ExperimentConfig, item: Mapping[Hashable, Any], one: str, *, remove: str, new_label: str = ""
) -> None:
    """Keep, relabel or remove a text: the actions of the hard-case list. A second press clears the decision."""
    current = case_list.annotation(config.id, one, "action")
    split = next(where for text, _, where in members(item) if text == one)
    with st.container(horizontal=True, gap="xsmall"):
        for title, action in (("Keep", _KEEP), ("Relabel", _RELABEL), ("Remove", remove)):
            label = new_label if action == _RELABEL and action != current else ""
            st.button(
                title,
                key=f"decide-{action}-{one}",
                type="primary" if action == current else "secondary",
                on_click=case_list.act,
                args=(config.id, one, "" if action == current else action, reason(item, one), Origin(split=split)),
                kwargs={"new_label": label},
                help=f"Adds it to the hard-case list with the action {action}"
                + (f" and the new label {escape_markdown(new_label)}." if label else "."),
            )


def _evidence(item: Mapping[Hashable, Any]) -> str:
    other = _CLASS[1 - int(item["label"])]
    probability = escape_markdown(probability_text(1 - float(item["self_confidence"])))
    sentence = f"Out-of-fold probability of {other}: {probability}."
    if pd.isna(item["others"]):
        return sentence
    cosines = [
        f"{name} {float(item[column]):.2f}"
        for name, column in (("own label", "same_cosine"), ("other label", "other_cosine"))
        if pd.notna(item[column])
    ]
    similarity = f" (cosine similarity of the nearest: {', '.join(cosines)})" if cosines else ""
    return f"{sentence} {item['others']}/{item['of']} nearest neighbours are {other}{similarity}."
