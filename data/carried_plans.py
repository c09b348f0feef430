"""The ratio plan of an experiment on a later version of its dataset: the same ids in the same order where they stay.

What changed class goes to the front of its new class, as every run saw it; what was taken out is left out; what is then
missing comes from the rest of the train split, drawn as the plan's seed draws. So the plans stay nested.
"""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from data.errors import UserError
from data.plans import FEWEST, PLAN_COLUMNS, half_up


def carried_plan(plan: pd.DataFrame, examples: pd.DataFrame, *, ratios: Sequence[float], seed: int = 0) -> pd.DataFrame:
    """`plan` for the train split of `examples`. UserError when too few examples are left for a ratio."""
    train = examples[examples["split"] == "train"].set_index("id")["label"]
    seeds = plan["seed"].unique().tolist()
    sweep = str(plan["sweep"].iloc[0])
    positives, kept = _ordered(plan[plan["seed"] == seeds[0]], train, 1, np.random.default_rng([seed, 1]))
    parts = []
    for one in seeds:
        own = plan[plan["seed"] == one]
        negatives, _ = _ordered(own, train, 0, np.random.default_rng([seed, 0, one]))
        wished = max(kept, int((own["label"] == 1).sum()))
        chosen = _cut(positives[:wished], negatives, min(ratios) if sweep == "B" else max(ratios))
        for label, ids in zip((1, 0), chosen, strict=True):
            columns = {"sweep": sweep, "seed": one, "label": label, "id": ids, "rank": np.arange(len(ids))}
            parts.append(pd.DataFrame(columns, columns=list(PLAN_COLUMNS)))
    return pd.concat(parts, ignore_index=True).astype({"seed": "int64", "label": "int8", "rank": "int64"})


def _ordered(own: pd.DataFrame, train: pd.Series, label: int, rng: np.random.Generator) -> tuple[list[str], int]:
    """All training examples of a class: those that came from the other class, those planned, then the others; and how
    many of them the plan held."""
    wanted = set(train.index[train == label])
    planned = own.sort_values("rank")
    turned = [one for one in planned.loc[planned["label"] != label, "id"] if one in wanted]
    stayed = [one for one in planned.loc[planned["label"] == label, "id"] if one in wanted]
    rest = np.sort(np.array(list(wanted - set(turned) - set(stayed)), dtype=object))
    return [*turned, *stayed, *rng.permutation(rest)], len(turned) + len(stayed)


def _cut(positives: list[str], negatives: list[str], reach: float) -> tuple[list[str], list[str]]:
    """As many positives as there are negatives for, and their negatives. `reach` is the ratio of the whole plan."""
    count = len(positives)
    while count >= FEWEST and half_up(count * reach) > len(negatives):
        count -= 1
    if count < FEWEST:
        raise UserError(f"Too few training examples would be left for 1:{reach:g}. Take fewer out, or fewer ratios.")
    return positives[:count], negatives[: half_up(count * reach)]
