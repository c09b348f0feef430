"""What the product answers about planted experiments, stored one file each, and how often it is right."""

from collections.abc import Iterable
from dataclasses import asdict, dataclass

import numpy as np
import pandas as pd

from benchmarks.causes.experiments import find_causes
from benchmarks.causes.plantings import PLANTINGS, plant
from benchmarks.causes.pools import Embedder, Pool
from closecall.analysis.causes.misses import THRESHOLD
from closecall.analysis.causes.sparsity import fit_power_law, more_positives, positive_count_curve

CONFIDENT = 0.001
"""A wrong cause reported at such an adjusted p value is confidently wrong."""
ANSWERS = ("right", "too few", "wrong", "confidently wrong")
CURVE_DRAWS = 5
CURVES = ("30 positives", "nothing")
"""The plantings for which the positive-count curve is asked too."""


@dataclass(frozen=True)
class Record:
    """The answers about one planted experiment.

    `reported`: adjusted p value of each reported cause but the threshold. `misses` of `positives`. `counts`: how many
    misses have the planted cause as `first` cause, as first with the threshold `aside`, or among all that hold;
    `planted_` before it: of the planted ones; `caused_`: of the planted ones that were found without the planting.
    `planted_causes`: number of planted misses by first cause with the threshold aside. `copies`: of the test examples
    with a near copy in training, those planted, all, and all planted. `curve`: answer of the positive-count curve.
    """

    dataset: str
    kind: str
    seed: int
    cause: str
    positives: int
    misses: int
    reported: dict[str, float]
    counts: dict[str, int]
    planted_causes: dict[str, int]
    copies: tuple[int, int, int]
    curve: str

    @property
    def answer(self) -> str:
        """One of ANSWERS: is the planted cause reported, or nothing where nothing that causes misses was planted?"""
        others = {key: p for key, p in self.reported.items() if key != self.cause}
        if self.cause in self.reported or (not self.cause and not others):
            return "right"
        if not others:
            return "too few"
        return "confidently wrong" if min(others.values()) <= CONFIDENT else "wrong"


def measure(kind: str, pool: Pool, seed: int, embedder: Embedder) -> dict:
    """Plant, find the causes and count: a `Record` as a dictionary, with the evidence under "evidence"."""
    planted = plant(kind, pool, seed)
    found = find_causes(planted, embedder)
    misses, summary = found.causes.examples, found.causes.summary.set_index("cause")
    rows = summary[summary["reported"] & (summary.index != THRESHOLD)]
    own = misses["id"].isin(planted.planted).to_numpy()
    caused = own & misses["id"].isin(found.hits_before).to_numpy()
    aside = np.array([next((key for key in keys if key != THRESHOLD), "unexplained") for keys in misses["causes"]])
    record = Record(
        pool.name,
        kind,
        seed,
        planted.cause,
        found.causes.of,
        len(misses),
        {str(key): float(p) for key, p in rows["p_holm"].items()},
        _counts(planted.cause, misses, aside, own, caused),
        pd.Series(aside[own]).value_counts().to_dict(),
        _copies(found.evidence, planted.planted),
        _curve(planted.examples, found.embeddings) if kind in CURVES else "",
    )
    evidence = found.evidence[["id", "label", "suspect", "self_confidence", "other_class_neighbours", "p_positive"]]
    evidence = evidence.merge(misses[["id", "cause"]], on="id", how="left")
    return asdict(record) | {"evidence": evidence.astype(object).where(evidence.notna(), None).to_dict("list")}


def as_record(stored: dict) -> Record:
    """A stored dictionary without its evidence."""
    return Record(**{key: value for key, value in stored.items() if key != "evidence"})


def per_cause(records: Iterable[Record]) -> pd.DataFrame:
    """Precision and recall over examples by planting, over all its experiments and over those that report the cause.

    Counted are misses whose first cause, with the threshold aside, is the planted one. `precision`: the planted share
    of them. `recall`: their share of the planted misses that would have been found without the planting.
    """
    records, rows = list(records), []
    for kind in PLANTINGS:
        for dataset in sorted({record.dataset for record in records}):
            own = [r for r in records if (r.kind, r.dataset) == (kind, dataset) and r.cause]
            if not own:
                continue
            speaks = [record for record in own if record.cause in record.reported]
            total, spoken = _sum(own), _sum(speaks)
            rows.append(
                {
                    "planting": kind,
                    "dataset": dataset,
                    "n": len(own),
                    "planted misses": total["planted"],
                    "caused": total["caused"],
                    "precision": _share(total["planted_aside"], total["aside"]),
                    "where reported": _share(spoken["planted_aside"], spoken["aside"]),
                    "recall": _share(total["caused_aside"], total["caused"]),
                    "holds": _share(total["caused_holds"], total["caused"]),
                    "first": _share(total["caused_first"], total["caused"]),
                }
            )
    return pd.DataFrame(rows)


def among_planted(records: Iterable[Record]) -> pd.DataFrame:
    """Planted misses by planting (rows) and first cause with the threshold aside (columns)."""
    table = {}
    for record in records:
        if record.cause:
            own = table.setdefault(f"{record.kind} ({record.cause})", {})
            for key, count in record.planted_causes.items():
                own[key] = own.get(key, 0) + count
    return pd.DataFrame(table).T.fillna(0).astype(int)


def by_experiment(records: Iterable[Record]) -> pd.DataFrame:
    """How many experiments of each planting and dataset have each answer, and which causes they report."""
    rows = []
    frame = pd.DataFrame([{"record": record, "kind": record.kind, "dataset": record.dataset} for record in records])
    for kind in PLANTINGS:
        for dataset, part in frame[frame["kind"] == kind].groupby("dataset"):
            own = part["record"].tolist()
            answers = pd.Series([record.answer for record in own]).value_counts()
            reported = pd.Series([key for record in own for key in record.reported], dtype=object).value_counts()
            recall = 1 - sum(record.misses for record in own) / sum(record.positives for record in own)
            counts = {answer: int(answers.get(answer, 0)) for answer in ANSWERS}
            listed = ", ".join(f"{key} {count}" for key, count in reported.items())
            rows.append(
                {"planting": kind, "dataset": dataset, "n": len(own), **counts, "recall": recall, "reported": listed}
            )
    return pd.DataFrame(rows)


def _counts(cause: str, misses: pd.DataFrame, aside: np.ndarray, own: np.ndarray, caused: np.ndarray) -> dict[str, int]:
    columns = {
        "first": (misses["cause"] == cause).to_numpy(),
        "aside": aside == cause,
        "holds": np.array([cause in keys for keys in misses["causes"]], dtype=bool),
    }
    counts = {"planted": int(own.sum()), "caused": int(caused.sum())}
    for name, values in columns.items():
        counts |= {name: int(values.sum()), f"planted_{name}": int((values & own).sum())}
        counts[f"caused_{name}"] = int((values & caused).sum())
    return counts


def _copies(evidence: pd.DataFrame, planted: tuple[str, ...]) -> tuple[int, int, int]:
    copied = evidence["near_copy_split"].to_numpy() == "train"
    own = evidence["id"].isin(planted).to_numpy()
    return int((copied & own).sum()), int(copied.sum()), int(own.sum())


def _curve(examples: pd.DataFrame, embeddings: np.ndarray) -> str:
    """Would twice the positives raise recall? The answer of the product's curve."""
    train, test = ((examples["split"] == name).to_numpy() for name in ("train", "test"))
    labels = examples["label"].to_numpy()
    curve = positive_count_curve(embeddings[train], labels[train], embeddings[test], labels[test], draws=CURVE_DRAWS)
    fit = fit_power_law(curve["positives"], curve["error"])
    return str(more_positives(fit, int(labels[train].sum()), test_positives=int(labels[test].sum())).answer)


def _sum(records: list[Record]) -> dict[str, int]:
    keys = ("planted", "caused", "aside", "planted_aside", "caused_aside", "caused_holds", "caused_first")
    return {key: sum(record.counts[key] for record in records) for key in keys}


def _share(count: int, of: int) -> float:
    return count / of if of else np.nan
