"""Read annotations from the JSON exports of Label Studio and Argilla."""

from collections.abc import Iterable
from typing import Any

import pandas as pd

from closecall.data.exchange.annotation_export import ID, QUESTIONS

Problem = tuple[int, str, str]
_QUESTION_NAMES = {"new_label": "label", "action": "action", "note": "note"}


def is_label_studio(records: Any) -> bool:
    """Whether the records are Label Studio tasks."""
    return _all_have(records, lambda one: isinstance(one.get("data"), dict))


def is_argilla(records: Any) -> bool:
    """Whether the records are Argilla records."""
    return _all_have(records, lambda one: isinstance(one.get("fields"), dict) and "responses" in one)


def read_label_studio(records: list[dict[str, Any]]) -> tuple[pd.DataFrame, list[Problem], str]:
    """Return one row for each annotated task, the problems, and the time at which Close Call exported the list."""
    rows: list[dict[str, Any]] = []
    problems: list[Problem] = []
    for number, task in enumerate(records, start=1):
        data, meta = task["data"], task.get("meta") or {}
        one = str(data.get(ID) or meta.get("id") or data.get("id") or "")
        answers = [_results(annotation) for annotation in task.get("annotations") or [] if _counts(annotation)]
        _collect(number, one, data.get("text"), answers, rows, problems)
    return pd.DataFrame(rows), problems, _exported(task.get("meta") for task in records)


def read_argilla(records: list[dict[str, Any]]) -> tuple[pd.DataFrame, list[Problem], str]:
    """As `read_label_studio`, for `dataset.records.to_json` of Argilla. Drafts and discarded responses are ignored."""
    rows: list[dict[str, Any]] = []
    problems: list[Problem] = []
    for number, record in enumerate(records, start=1):
        metadata = record.get("metadata") or {}
        one = str(metadata.get(ID) or record.get("id") or "")
        fields = record["fields"]
        _collect(number, one, fields.get("text"), _responses(record["responses"]), rows, problems)
    return pd.DataFrame(rows), problems, _exported(record.get("metadata") for record in records)


def _collect(
    number: int,
    one: str,
    text: Any,
    answers: list[dict[str, set[str]]],
    rows: list[dict[str, Any]],
    problems: list[Problem],
) -> None:
    """Add one row with the answers of all annotators, or a problem when they disagree."""
    if not any(answers):
        return
    given_answers: dict[str, set[str]] = {}
    for answer in answers:
        for name, values in answer.items():
            given_answers.setdefault(name, set()).update(values)
    for name in ("new_label", "action"):
        if len(given_answers.get(name, ())) > 1:
            given = ", ".join(sorted(given_answers[name]))
            problems.append(
                (number, one, f"The {_QUESTION_NAMES[name]} has several answers: {given}. Settle it there first")
            )
            return
    answer_of = {name: " / ".join(sorted(given)) for name, given in given_answers.items()}
    rows.append({"row": number, "id": one, "text": text if isinstance(text, str) else None, **answer_of})


def _results(annotation: dict[str, Any]) -> dict[str, set[str]]:
    """The answers of one annotation by question; choices with an unknown name are used as the label."""
    given_answers: dict[str, set[str]] = {}
    for result in annotation.get("result") or []:
        value, asked = result.get("value") or {}, str(result.get("from_name", ""))
        for given, kind in ((value.get("choices"), "new_label"), (value.get("text"), "note")):
            if given:
                _add_answer(given_answers, asked if asked in QUESTIONS else kind, given)
    return given_answers


def _counts(annotation: dict[str, Any]) -> bool:
    return not (annotation.get("was_cancelled") or annotation.get("skipped"))


def _responses(responses: Any) -> list[dict[str, set[str]]]:
    """The answers by annotator, from {question: [{value, user_id}]} or [{values, status}] (older versions)."""
    people: dict[str, dict[str, set[str]]] = {}
    answers: list[tuple[str, dict[str, Any]]] = []
    if isinstance(responses, dict):
        answers = [(question, one) for question, given in responses.items() for one in given or []]
    else:
        for person in responses or []:
            answers += [
                (name, {**person, "value": _bare(value)}) for name, value in (person.get("values") or {}).items()
            ]
    for question, response in answers:
        value = response.get("value")
        if value in (None, "") or response.get("status", "submitted") not in ("submitted", None):
            continue
        answer = people.setdefault(str(response.get("user_id", "")), {})
        _add_answer(answer, question if question in QUESTIONS else "new_label", value)
    return list(people.values())


def _bare(value: Any) -> Any:
    return value.get("value") if isinstance(value, dict) else value


def _add_answer(given_answers: dict[str, set[str]], question: str, given: Any) -> None:
    given_answers.setdefault(question, set()).update(map(str, given) if isinstance(given, list) else [str(given)])


def _exported(places: Iterable[Any]) -> str:
    return next((str(one["exported"]) for one in places if isinstance(one, dict) and one.get("exported")), "")


def _all_have(records: Any, holds: Any) -> bool:
    return isinstance(records, list) and bool(records) and all(isinstance(one, dict) and holds(one) for one in records)
