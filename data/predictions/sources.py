"""From what a person names (files, folders, addresses) to prediction files: fetched, paired, named by run or split."""

import re
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

from closecall.data.io.errors import UserError
from closecall.data.io.web_files import fetch_file, is_web_address
from closecall.data.predictions.columns import PredictionColumns
from closecall.data.predictions.files import PredictionFile, named_ratio
from closecall.data.predictions.importing import preview_predictions
from closecall.data.readers.columns import split_name
from closecall.data.readers.formats import named_format
from closecall.data.readers.hub import fetch_from_hub, is_hub_address

Progress = Callable[[str, float], None]


def prediction_sources(
    sources: Sequence[str], scratch: Path, progress: Progress = lambda sentence, share: None
) -> tuple[tuple[PredictionFile, ...], list[str]]:
    """The files that sources name, and sentences on how they belong together. Downloads go to `scratch`.

    A file of scores without true classes is put beside the table without scores. Several files are runs by the ratio
    in their names, splits by the split in their names, or models.
    """
    paths = [path for source in sources for path in _paths(source, scratch, progress)]
    files = tuple(PredictionFile(path) for path in paths)
    if len(files) == 1:
        return files, []
    proposals = [preview_predictions(file)[1] for file in files]
    files, notes = _paired(files, proposals)
    if len(files) < 2 or any(one.ratio for one in proposals):
        return files, notes
    files, found = _named(files)
    return files, [*notes, *found]


def _paths(source: str, scratch: Path, progress: Progress) -> list[Path]:
    """The files of a source. UserError when there are none."""
    if is_web_address(source):
        return [fetch_file(source, scratch, progress)]
    path = Path(source).expanduser()
    if not path.exists() and is_hub_address(source):
        progress(f"Fetching {source}", 0.0)
        path = fetch_from_hub(source, scratch)
    if not path.is_dir() or any((path / name).exists() for name in ("dataset_dict.json", "state.json")):
        return [path]
    found = sorted(one for one in path.iterdir() if one.is_file() and named_format(one.name))
    if not found:
        raise UserError(f"There is no file of predictions in {path}. Name a file, or a folder with such files.")
    return found


def _paired(
    files: Sequence[PredictionFile], proposals: Sequence[PredictionColumns]
) -> tuple[tuple[PredictionFile, ...], list[str]]:
    """Files of scores put beside the tables with the true classes: one table for all, or each its own."""
    pairs = list(zip(files, proposals, strict=True))
    tables = [file for file, columns in pairs if columns.label and not columns.has_score]
    scores = [file for file, columns in pairs if columns.has_score and not columns.label]
    others = [file for file, columns in pairs if columns.has_score and columns.label]
    if not tables or not scores or len(tables) not in (1, len(scores)):
        return tuple(files), []
    own = tables * len(scores) if len(tables) == 1 else tables
    by_stem = {Path(one.title).stem: one for one in tables}
    matched = [by_stem.get(Path(one.title).stem, table) for one, table in zip(scores, own, strict=True)]
    joined = [replace(table, beside=one.content) for table, one in zip(matched, scores, strict=True)]
    notes = [f"{one.title} holds the scores of {table.title}." for one, table in zip(scores, matched, strict=True)]
    return (*others, *joined), notes


def _named(files: Sequence[PredictionFile]) -> tuple[tuple[PredictionFile, ...], list[str]]:
    """Files with the ratio, the split or the model that their names say, and a sentence on it."""
    names = [Path(file.beside).name if isinstance(file.beside, str | Path) else file.title for file in files]
    stems = [Path(name).stem for name in names]
    splits = [_split_in(stem) for stem in stems]
    if all(splits) and len(set(splits)) == len(files):
        said = ", ".join(f"{name} is {split}" for name, split in zip(names, splits, strict=True))
        return tuple(replace(file, split=one) for file, one in zip(files, splits, strict=True)), [f"Splits: {said}."]
    found = [named_ratio(stem) for stem in stems]
    if all(ratio for ratio, _, _ in found) and len({one[:2] for one in found}) == len(files):
        said = ", ".join(f"{name} is 1:{ratio:g}" for name, (ratio, _, _) in zip(names, found, strict=True))
        given = zip(files, found, strict=True)
        return tuple(replace(file, ratio=one[0], seed=one[1]) for file, one in given), [f"Ratios: {said}."]
    if len(set(stems)) < len(stems):
        return tuple(files), []
    return tuple(replace(file, model=stem) for file, stem in zip(files, stems, strict=True)), []


def _split_in(stem: str) -> str:
    """The split that a part of a file's name says, "" for none."""
    return next((split for part in re.split(r"[^0-9A-Za-z]+", stem) if (split := split_name(part))), "")
