"""A table as a folder that Hugging Face `datasets` loads without any code of ours: Parquet beside a dataset card."""

import html
import json
from dataclasses import asdict

import pandas as pd

from closecall.data.exchange.tables import Provenance
from closecall.data.readers.table_formats import parquet_bytes

SPLIT = "hard_cases"
PARQUET = f"data/{SPLIT}-00000-of-00001.parquet"


def folder_files(frame: pd.DataFrame, provenance: Provenance, *, title: str, licence: str) -> dict[str, bytes]:
    """The files by their path in the folder. `datasets.load_dataset(folder)` gives the one split `hard_cases`."""
    table = frame.assign(**{name: value for name, value in provenance.columns.items() if name not in frame})
    card = _card(len(table), [str(name) for name in table], provenance, title, licence)
    return {"README.md": card.encode("utf-8", errors="replace"), PARQUET: parquet_bytes(table, asdict(provenance))}


def _card(rows: int, columns: list[str], provenance: Provenance, title: str, licence: str) -> str:
    """YAML that names the file, then the words: what it is, where it comes from, what the columns are."""
    quoted = json.dumps(f"Hard cases of {_line(title)}", ensure_ascii=False)
    known = {name: value for name, value in asdict(provenance).items() if value not in ("", None)}
    named = ", ".join("`" + _line(name).replace("`", "'") + "`" for name in columns)
    told = "\n".join(f"- {name}: {html.escape(_line(str(value)))}" for name, value in known.items())
    return f"""---
pretty_name: {quoted}
license: other
task_categories:
- text-classification
configs:
- config_name: default
  data_files:
  - split: {SPLIT}
    path: {PARQUET}
---

# Hard cases of {html.escape(_line(title))}

{rows:,} examples that classifiers get wrong, or that someone wants to act on, each with its text, its label, the
reasons why it is on the list, what was decided (action, new_label, tags, note), its outcomes over ratios and seeds, its
nearest training examples, and the probability of being positive in every run. Made with Close Call.

## Where it comes from

{told}

The texts keep the licence of their source: {html.escape(_line(licence)) or "not told"}

## Columns

{named}
"""


def _line(text: str) -> str:
    return " ".join(text.split())
