"""Measure how well the causes of misses are found: each is planted in real texts.

    python -m benchmarks.causes                        # 10 plantings of each kind in each of two datasets
    python -m benchmarks.causes --repeats 2 --kinds nothing "flipped labels"

The texts are real (newsgroup posts, film reviews), and so are the frozen encoder MiniLM, the job that collects the
evidence, the stored files and the rules. Cheap: posts are cut to 40 words, and the classifier is one hidden layer on
the frozen encoder, trained at 1:1 and 1:10 from three random starts. Each planting draws other texts: 200 training
positives, 350 test positives and 900 test negatives. A planting takes 5 to 10 s. Results are kept in the workspace, in
cache/causes: a second call goes on where the first ended; delete them to measure anew.
"""

import argparse
import os
import tempfile
from pathlib import Path

import pandas as pd

from benchmarks.causes.answers import Record, among_planted, as_record, by_experiment, measure, per_cause
from benchmarks.causes.plantings import PLANTINGS
from benchmarks.causes.pools import DATASETS, Embedder, load_pool
from closecall.analysis.formatting import share_text
from closecall.data.io.assets import assets_folder
from closecall.data.io.files import read_json, write_json
from closecall.data.io.workspace import workspace_folder

REPEATS = 10


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repeats", type=int, default=REPEATS, help="plantings of each kind in each dataset")
    parser.add_argument("--datasets", nargs="+", choices=DATASETS, default=DATASETS)
    parser.add_argument("--kinds", nargs="+", choices=list(PLANTINGS), default=list(PLANTINGS))
    options = parser.parse_args()
    records = run(options.datasets, options.kinds, options.repeats)
    show(records)


def run(datasets: list[str], kinds: list[str], repeats: int) -> list[Record]:
    """Measure what is not stored yet; all records."""
    import torch

    torch.set_num_threads(1)
    folder = workspace_folder() / "cache" / "causes"
    folder.mkdir(parents=True, exist_ok=True)
    os.environ.setdefault("CLOSECALL_ASSETS", str(assets_folder()))
    records = []
    for name in datasets:
        pool, embedder = load_pool(name, folder), Embedder(folder / f"{name}.npz")
        with tempfile.TemporaryDirectory() as workspace:  # of the planted experiments
            before, os.environ["CLOSECALL_HOME"] = os.environ.get("CLOSECALL_HOME"), workspace
            for seed in range(repeats):
                records += [as_record(_stored(folder, kind, pool, seed, embedder)) for kind in kinds]
                embedder.save()
            os.environ["CLOSECALL_HOME"] = before or ""
    return records


def show(records: list[Record]) -> None:
    """Print the tables and the shares that the aims are about."""
    with pd.option_context("display.width", 250, "display.max_columns", 30, "display.max_colwidth", 90):
        print("\nBy experiment", by_experiment(records).round(3).to_string(index=False), sep="\n")
        print("\nPer cause, over examples", per_cause(records).round(3).to_string(index=False), sep="\n")
        print("\nPlanted misses by first cause, threshold aside", among_planted(records).to_string(), sep="\n")
    nothing = [record for record in records if record.kind == "nothing"]
    print(f"\nNothing planted, a cause reported: {_count(nothing, [bool(record.reported) for record in nothing])}")
    planted = [record for record in records if record.cause]
    print(f"Planted cause reported: {_count(planted, [record.answer == 'right' for record in planted])}")
    copied = [record.copies for record in records if record.kind == "copied into training"]
    found, reported, all_planted = (sum(one[place] for one in copied) for place in range(3))
    print(f"Near copies in training, planted ones found: {share_text(found, all_planted)}")
    print(f"Near copies in training, planted of those found: {share_text(found, reported)}")
    for kind in ("30 positives", "nothing"):
        curve = pd.Series([record.curve for record in records if record.kind == kind]).value_counts()
        print(f"Twice the positives would raise recall, {kind}: {curve.to_dict()}")


def _stored(folder: Path, kind: str, pool, seed: int, embedder: Embedder) -> dict:
    path = folder / f"{pool.name}-{kind.replace(' ', '-')}-{seed}.json"
    if not path.exists():
        write_json(path, measure(kind, pool, seed, embedder))
    return read_json(path)


def _count(records: list[Record], true: list[bool]) -> str:
    return share_text(sum(true), len(records)) if records else "not measured"


if __name__ == "__main__":
    main()
