"""What is written beside an example when it comes on the list from the desk: where it was found, and why."""

from data.experiments import ratio_label
from data.hard_cases import Origin, error_reason
from pages.inspect._desk import Desk


def origin_of(desk: Desk) -> Origin:
    """Where what is added now was found; without run and seed when most seeds were asked."""
    config, one = desk.run.config, desk.judged.seeds == 1
    return Origin(
        desk.run.name if one else "", config.ratio, config.seed if one else None, desk.evidence.split, desk.threshold
    )


def reason_of(desk: Desk, example: str) -> str:
    """Why it is on the list, in words."""
    row, ratio = desk.evidence.place(example), desk.run.config.ratio
    outcome, prob = desk.judged.outcome(row), float(desk.judged.probs[row])
    if not outcome:
        return f"added while reading {ratio_label(ratio)}"
    if desk.judged.seeds == 1:
        said = error_reason(int(desk.evidence.labels[row]), prob, ratio=ratio, threshold=desk.threshold)
    else:
        word = {"fn": "missed", "fp": "false alarm", "tp": "found", "tn": "correct rejection"}[outcome]
        called, told = int(desk.judged.called[row]), int(desk.judged.told[row])
        said = f"{word} by most seeds at {ratio_label(ratio)} ({called} of {told} call it positive)"
    return f"{said}, in training" if desk.evidence.split == "train" else said
