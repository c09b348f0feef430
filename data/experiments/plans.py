"""The ratio plan: the training examples of each run.

A plan is a frame with the columns sweep (str), seed (int64), label (int8), id (str) and rank (int64 from 0). The run of
a ratio and seed takes the first positives and the first negatives by rank, so that the examples of a smaller ratio are
contained in those of a larger one. Positives are the same, in the same order, for all seeds; negatives are drawn again
for each seed.

The sweep is one of three kinds: `fixed_positives` adds negatives to the same positives; `fixed_negatives` removes
positives from the same negatives; `matched` is `fixed_positives` with two ratios, balanced and a larger one.
"""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from closecall.data.datasets.store import SPLITS
from closecall.data.io.errors import UserError

PLAN_COLUMNS = ("sweep", "seed", "label", "id", "rank")
FIXED_POSITIVES, FIXED_NEGATIVES, MATCHED = SWEEP_KINDS = ("fixed_positives", "fixed_negatives", "matched")
_KIND_OF_LETTER = {"A": FIXED_POSITIVES, "B": FIXED_NEGATIVES, "C": MATCHED}
FEWEST = 2
"""The fewest training examples of a class that a run may have."""


def sweep_kind(name: str) -> str:
    """The kind of sweep of this name; older files and commands write A, B and C. UserError for any other name."""
    kind = _KIND_OF_LETTER.get(name.strip().upper(), name.strip().lower().replace("-", "_"))
    if kind not in SWEEP_KINDS:
        raise UserError(f"{name!r} is not a kind of sweep. Kinds are {', '.join(SWEEP_KINDS)}.")
    return kind


def draw_plan(
    examples: pd.DataFrame,
    *,
    sweep: str = FIXED_POSITIVES,
    ratios: Sequence[float],
    seeds: Sequence[int],
    positives: int | None = None,
    seed: int = 0,
) -> pd.DataFrame:
    """Draw the plan of an experiment from the train split of `examples`.

    `positives` caps the training positives (for `fixed_negatives`: those of the smallest ratio); None takes as many as
    all ratios allow. `seed` draws the positives; `seed` and each of `seeds` together draw the negatives.
    UserError when a ratio asks for more than the train split holds, naming the largest possible.
    """
    sweep = sweep_kind(sweep)
    _check_ratios(sweep, ratios)
    ids = _training_pool(examples)
    n_positives, n_negatives = _sizes(ids, sweep, ratios, positives)
    chosen = np.random.default_rng([seed, 1]).permutation(ids[1])[:n_positives]
    parts = []
    for one in seeds:
        drawn = np.random.default_rng([seed, 0, one]).permutation(ids[0])[:n_negatives]
        parts += [_ranked(sweep, one, 1, chosen), _ranked(sweep, one, 0, drawn)]
    return pd.concat(parts, ignore_index=True)


def training_counts(plan: pd.DataFrame, *, ratio: float, seed: int) -> tuple[int, int]:
    """How many positives and negatives the run of this ratio and seed is trained on. UserError outside the plan."""
    rows = plan[plan["seed"] == seed]
    if rows.empty:
        raise UserError(f"The ratio plan has no seed {seed}.")
    held_positives, held_negatives = int((rows["label"] == 1).sum()), int((rows["label"] == 0).sum())
    if _kind_of(rows) == FIXED_NEGATIVES:
        n_positives, n_negatives = half_up(held_negatives / ratio), held_negatives
    else:
        n_positives, n_negatives = held_positives, half_up(held_positives * ratio)
    if n_positives > held_positives or n_negatives > held_negatives or min(n_positives, n_negatives) < 1:
        raise UserError(f"The ratio plan does not reach 1:{ratio:g}. Make a new experiment for it.")
    return n_positives, n_negatives


def training_ids(plan: pd.DataFrame, *, ratio: float, seed: int) -> pd.DataFrame:
    """The training examples of one run: a frame with id (str) and label (int8), positives first, by rank."""
    n_positives, n_negatives = training_counts(plan, ratio=ratio, seed=seed)
    first = np.where(plan["label"] == 1, n_positives, n_negatives)
    rows = plan[(plan["seed"] == seed) & (plan["rank"] < first)]
    rows = rows.sort_values(["label", "rank"], ascending=[False, True])
    return rows[["id", "label"]].reset_index(drop=True)


def halved_counts(positives: int) -> list[int]:
    """An eighth, a quarter, a half and all of the positives, at least FEWEST of them: the points of a curve."""
    return sorted({count for part in (8, 4, 2, 1) if (count := positives // part) >= FEWEST})


def positive_count_ratios(plan: pd.DataFrame) -> tuple[int, list[float]]:
    """The positives and ratios of a `fixed_negatives` sweep from an eighth to all positives of a plan, first seed.

    The negatives are those of the plan's largest ratio. UserError without a plan.
    """
    if not len(plan):
        raise UserError("This experiment has no ratio plan, so its training examples are not known.")
    labels = plan.loc[plan["seed"] == plan["seed"].min(), "label"]
    n_positives, n_negatives = int((labels == 1).sum()), int((labels == 0).sum())
    return n_positives, sorted(n_negatives / count for count in halved_counts(n_positives))


def largest_ratio(examples: pd.DataFrame, positives: int | None = None) -> float:
    """The largest r that the train split allows with its positives, or with `positives` of them."""
    ids = _training_pool(examples)
    n_positives = min(len(ids[1]), positives or len(ids[1]))
    return len(ids[0]) / n_positives


def draw_evaluation(
    examples: pd.DataFrame,
    *,
    split: str,
    negatives_cap: int | None = None,
    positives_cap: int | None = None,
    seed: int = 0,
) -> pd.DataFrame:
    """The fixed validation or test examples of an experiment: a frame with id (str), label (int8) and split (str).

    A cap draws that many of a class by `seed`; a larger cap contains what a smaller one draws. Rows are in the order
    of `examples`.
    """
    if split not in SPLITS:
        raise UserError(f"{split!r} is not a split. Splits are {', '.join(SPLITS)}.")
    rows = examples.loc[examples["split"] == split, ["id", "label", "split"]]
    kept = []
    for label, cap in ((0, negatives_cap), (1, positives_cap)):
        ids = np.sort(rows.loc[rows["label"] == label, "id"].to_numpy(dtype=object))
        if not len(ids) or (cap is not None and cap < 1):
            raise UserError(f"The {split} split needs at least one {'positive' if label else 'negative'}.")
        kept.append(np.random.default_rng([seed, 2, label]).permutation(ids)[:cap])
    return rows[rows["id"].isin(set(np.concatenate(kept)))].reset_index(drop=True)


def _kind_of(plan: pd.DataFrame) -> str:
    return sweep_kind(str(plan["sweep"].iloc[0]))


def _training_pool(examples: pd.DataFrame) -> dict[int, np.ndarray]:
    """The train split's ids by label, sorted, so that the order of rows does not matter."""
    rows = examples[examples["split"] == "train"]
    ids = {label: np.sort(rows.loc[rows["label"] == label, "id"].to_numpy(dtype=object)) for label in (0, 1)}
    for label, kind in ((1, "positives"), (0, "negatives")):
        if len(ids[label]) < FEWEST:
            raise UserError(f"The train split has {len(ids[label])} {kind}; training needs at least {FEWEST}.")
    return ids


def _check_ratios(sweep: str, ratios: Sequence[float]) -> None:
    if not ratios or min(ratios) <= 0 or len(set(ratios)) < len(ratios):
        raise UserError("Ratios must be different numbers above 0, such as 1, 2, 3, 5, 10.")
    if sweep == MATCHED and (len(ratios) != 2 or min(ratios) != 1):
        raise UserError("A matched sweep has two ratios, 1 and a larger one, such as 1,10.")


def _sizes(ids: dict[int, np.ndarray], sweep: str, ratios: Sequence[float], positives: int | None) -> tuple[int, int]:
    """The positives and negatives that the plan must hold."""
    if positives is not None and positives < FEWEST:
        raise UserError(f"At least {FEWEST} training positives are needed; {positives} were asked for.")
    wanted_positives = min(len(ids[1]), positives or len(ids[1]))
    reach = min(ratios) if sweep == FIXED_NEGATIVES else max(ratios)
    possible = _positives_for(reach, len(ids[0]))
    if possible < wanted_positives and (positives is not None or possible < FEWEST):
        raise _ratio_too_large(reach, wanted_positives, possible, len(ids[0]))
    n_positives = min(wanted_positives, possible)
    n_negatives = half_up(n_positives * reach)
    fewest = half_up(n_negatives / max(ratios)) if sweep == FIXED_NEGATIVES else half_up(n_positives * min(ratios))
    if fewest < FEWEST:
        ratio, kind = (max(ratios), "positives") if sweep == FIXED_NEGATIVES else (min(ratios), "negatives")
        raise UserError(
            f"Ratio 1:{ratio:g} would leave too few training {kind} ({fewest}). "
            "Use ratios nearer to 1, or more examples."
        )
    return n_positives, n_negatives


def _positives_for(ratio: float, negatives: int) -> int:
    """The most positives for which round(ratio x positives) negatives are there."""
    count = int(negatives / ratio) + 2
    while half_up(count * ratio) > negatives:
        count -= 1
    return count


def _ratio_too_large(ratio: float, positives: int, possible: int, negatives: int) -> UserError:
    wanted, largest = half_up(positives * ratio), np.floor(10 * negatives / positives) / 10
    alternative = f", or take at most {possible:,} positives" if possible >= FEWEST else ""
    return UserError(
        f"Ratio 1:{ratio:g} with {positives:,} training positives needs {wanted:,} training negatives; there are "
        f"{negatives:,}. The largest possible ratio is 1:{largest:g}{alternative}."
    )


def _ranked(sweep: str, seed: int, label: int, ids: np.ndarray) -> pd.DataFrame:
    columns = {"sweep": sweep, "seed": np.int64(seed), "label": np.int8(label), "id": ids, "rank": np.arange(len(ids))}
    return pd.DataFrame(columns, columns=list(PLAN_COLUMNS)).astype({"seed": "int64", "label": "int8", "rank": "int64"})


def half_up(number: float) -> int:
    """Round to the nearest whole number, halves up: 2.5 gives 3. 1e-9 is added against binary fractions."""
    return int(number + 0.5 + 1e-9)


def adapted_plan(plan: pd.DataFrame, examples: pd.DataFrame, *, ratios: Sequence[float], seed: int = 0) -> pd.DataFrame:
    """Adapt a plan to a later version of its dataset: the same ids in the same order where they are still there.

    Examples that changed class come first in their new class, because every run saw them. Examples that were removed
    are left out. Missing ones are drawn from the rest of the train split of `examples` by the seeds of the plan, so
    plans stay nested. UserError when too few examples are left for a ratio.
    """
    train = examples[examples["split"] == "train"].set_index("id")["label"]
    seeds = plan["seed"].unique().tolist()
    sweep = _kind_of(plan)
    positives, kept = _ordered(plan[plan["seed"] == seeds[0]], train, 1, np.random.default_rng([seed, 1]))
    parts = []
    for one in seeds:
        own = plan[plan["seed"] == one]
        negatives, _ = _ordered(own, train, 0, np.random.default_rng([seed, 0, one]))
        wanted_positives = max(kept, int((own["label"] == 1).sum()))
        chosen = _largest_possible(
            positives[:wanted_positives], negatives, min(ratios) if sweep == FIXED_NEGATIVES else max(ratios)
        )
        for label, ids in zip((1, 0), chosen, strict=True):
            columns = {"sweep": sweep, "seed": one, "label": label, "id": ids, "rank": np.arange(len(ids))}
            parts.append(pd.DataFrame(columns, columns=list(PLAN_COLUMNS)))
    return pd.concat(parts, ignore_index=True).astype({"seed": "int64", "label": "int8", "rank": "int64"})


def _ordered(own: pd.DataFrame, train: pd.Series, label: int, rng: np.random.Generator) -> tuple[list[str], int]:
    """All training examples of a class: first those from the other class, then those of the plan, then the others.

    Also returns how many of them the plan held.
    """
    wanted = set(train.index[train == label])
    planned = own.sort_values("rank")
    turned = [one for one in planned.loc[planned["label"] != label, "id"] if one in wanted]
    stayed = [one for one in planned.loc[planned["label"] == label, "id"] if one in wanted]
    rest = np.sort(np.array(list(wanted - set(turned) - set(stayed)), dtype=object))
    return [*turned, *stayed, *rng.permutation(rest)], len(turned) + len(stayed)


def _largest_possible(positives: list[str], negatives: list[str], reach: float) -> tuple[list[str], list[str]]:
    """The most positives with enough negatives, and their negatives. `reach` is the ratio of the whole plan."""
    count = len(positives)
    while count >= FEWEST and half_up(count * reach) > len(negatives):
        count -= 1
    if count < FEWEST:
        raise UserError(f"Too few training examples would be left for 1:{reach:g}. Remove fewer examples or ratios.")
    return positives[:count], negatives[: half_up(count * reach)]
