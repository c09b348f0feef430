"""Examples picked from a map, a table or an audit, kept under a short key so that a link can carry thousands of ids."""

from collections.abc import Iterable
from dataclasses import dataclass
from hashlib import sha256

from closecall.data.experiments.store import experiment_folder, load_experiment
from closecall.data.io.errors import UserError
from closecall.data.io.files import read_json, write_json
from closecall.data.io.workspace import child

SCHEMA = 1


@dataclass(frozen=True)
class Selection:
    """The picked ids in the order of picking, and where they came from: "lasso on the map at 1:10"."""

    ids: tuple[str, ...]
    source: str


def save_selection(experiment: str, ids: Iterable[str], *, source: str) -> str:
    """Keep ids in `<experiment>/selections/<key>.json`. The key follows from the content: the same picks, one file."""
    load_experiment(experiment)
    picked = [str(one) for one in ids]
    if not picked:
        raise UserError("Pick at least one example.")
    key = sha256("\n".join([source, *picked]).encode("utf-8", errors="replace")).hexdigest()[:12]
    path = experiment_folder(experiment) / "selections" / f"{key}.json"
    if not path.exists():
        write_json(path, {"schema": SCHEMA, "source": source, "ids": picked})
    return key


def load_selection(experiment: str, key: str) -> Selection:
    """The selection of a key. UserError when there is none, as in a link from another workspace."""
    path = child(experiment_folder(experiment) / "selections", key, "a selection").with_suffix(".json")
    if not path.exists():
        raise UserError(f"{experiment} has no selection {key}. Select the examples again.")
    content = read_json(path)
    if content.get("schema") != SCHEMA or not isinstance(content.get("ids"), list):
        raise UserError(f"{path} was written by another version or is broken. Select the examples again.")
    return Selection(tuple(str(one) for one in content["ids"]), str(content.get("source", "")))
