"""A hard-case table in the import formats of Label Studio and Argilla: what was decided comes along as a proposal.

Both ask the three questions that an import reads back: new_label, action and note. What the classifiers say is not
proposed, as it would lead the annotator. Both tools keep texts in databases that refuse NUL and unpaired surrogates:
these become U+FFFD.
"""

import html
import json
from collections.abc import Sequence
from typing import Any

import pandas as pd

from closecall.data.annotations.hard_cases import ACTIONS
from closecall.data.exchange.tables import ExportTable

ID = "closecall_id"
QUESTIONS = ("new_label", "action", "note")
_FACTS = ("class_name", "split", "reasons", "tags", "who", "group", "outcome_string", "type", "type_balanced", "margin",
          "nearest_positive", "positive_cosine", "nearest_negative", "negative_cosine")  # fmt: skip
_ORIGIN = ("experiment", "dataset", "dataset_sha256", "exported")


def label_studio_file(table: ExportTable) -> bytes:
    """A JSON list of tasks: data (text and closecall_id), meta, and as prediction what is decided already."""
    return _json([_task(row) for row in _rows(table.full_frame)])


def label_studio_interface_file(table: ExportTable) -> bytes:
    """The labelling interface for the classes of the table, as a file."""
    return label_studio_interface(table.classes).encode("utf-8", errors="replace")


def label_studio_interface(classes: Sequence[str]) -> str:
    """The labelling interface to paste into the project's settings: its three questions are read back by an import."""
    return f"""<View>
  <Text name="text" value="$text"/>
  <Header value="Which label should it have? (now: $class_name)"/>
  <Choices name="new_label" toName="text" choice="single">
{_choices(classes)}
  </Choices>
  <Header value="What should be done?"/>
  <Choices name="action" toName="text" choice="single">
{_choices(ACTIONS)}
  </Choices>
  <TextArea name="note" toName="text" maxSubmissions="1" placeholder="Note"/>
</View>
"""


def argilla_file(table: ExportTable) -> bytes:
    """A JSON list of records for `dataset.records.from_json` (Argilla 2): id, fields, metadata, suggestions."""
    return _json([_record(row) for row in _rows(table.full_frame)])


def argilla_settings(classes: Sequence[str]) -> str:
    """The Python that makes the Argilla dataset which these records fit."""
    return f"""import argilla as rg

settings = rg.Settings(
    fields=[rg.TextField(name="text")],
    questions=[
        rg.LabelQuestion(name="new_label", labels={list(classes)!r}, required=False),
        rg.LabelQuestion(name="action", labels={list(ACTIONS)!r}, required=True),
        rg.TextQuestion(name="note", required=False),
    ],
    allow_extra_metadata=True,
)
dataset = rg.Dataset(name="hard-cases", settings=settings, client=rg.Argilla(api_url="...", api_key="...")).create()
dataset.records.from_json("FILE")
"""


def storable(text: str) -> str:
    """The text with U+FFFD for NUL and unpaired surrogates."""
    return text.encode("utf-16", errors="surrogatepass").decode("utf-16", errors="replace").replace("\0", "\ufffd")


def _rows(frame: pd.DataFrame) -> list[dict[str, Any]]:
    return [{str(name): value for name, value in row.items()} for row in frame.to_dict("records")]


def _task(row: dict[str, Any]) -> dict[str, Any]:
    results = []
    for name in QUESTIONS:
        if decided := str(row.get(name) or ""):
            kind = ("textarea", {"text": [decided]}) if name == "note" else ("choices", {"choices": [decided]})
            results.append({"from_name": name, "to_name": "text", "type": kind[0], "value": kind[1]})
    source = f"hard-case list of {row.get('experiment', '')}"
    return {
        "data": {"text": row["text"], ID: row["id"], "class_name": row["class_name"], "reasons": row["reasons"]},
        "meta": {"id": row["id"], **_known_facts(row, (*_FACTS, *_ORIGIN))},
        "predictions": [{"model_version": source, "result": results}] if results else [],
    }


def _record(row: dict[str, Any]) -> dict[str, Any]:
    agent = f"hard-case list of {row.get('experiment', '')}"
    decided = {name: str(row.get(name) or "") for name in QUESTIONS}
    return {
        "id": row["id"],
        "fields": {"text": row["text"]},
        "metadata": {ID: row["id"], **_known_facts(row, (*_FACTS, *_ORIGIN))},
        "suggestions": {name: {"value": value, "agent": agent} for name, value in decided.items() if value},
        "responses": {},
        "vectors": {},
    }


def _known_facts(row: dict[str, Any], names: Sequence[str]) -> dict[str, Any]:
    """The values that are not missing: neither tool accepts missing values."""
    return {name: row[name] for name in names if name in row and row[name] == row[name] and row[name] not in (None, "")}


def _choices(values: Sequence[str]) -> str:
    return "\n".join(f'    <Choice value="{html.escape(value)}"/>' for value in values)


def _json(rows: list[dict[str, Any]]) -> bytes:
    return (json.dumps(_storable(rows), ensure_ascii=False, indent=1) + "\n").encode("utf-8")


def _storable(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _storable(one) for name, one in value.items()}
    if isinstance(value, list):
        return [_storable(one) for one in value]
    if isinstance(value, str):
        return storable(value)
    return value.item() if hasattr(value, "item") else value
