"""Compare the speed of Close Call with other libraries on the same work and machine.

    pip install -e ".[bench]"
    python -m benchmarks.peers                       # all sections; an hour on two cores
    python -m benchmarks.peers training embedding    # only these
    python -m benchmarks.peers growth --texts 1000,10000 --runs 1,5

Sections: training, embedding, layout, sweep, growth. Each library works in its own process. They take turns, and never
use more threads than cores. Run nothing else meanwhile: it makes all figures worse, but changes ratios less.
"""

import argparse
import platform
from collections.abc import Callable

import torch
import transformers

from benchmarks.peers.embedding import embedding, layout
from benchmarks.peers.sweeps import growth, sweep
from benchmarks.peers.training import CORES, compare_training

SECTIONS = ("training", "embedding", "layout", "sweep", "growth")


def main() -> None:
    chosen = arguments()
    work: dict[str, Callable[[], list[str]]] = {
        "training": lambda: compare_training(chosen.rounds, chosen.examples),
        "embedding": lambda: embedding(chosen.rounds, chosen.embedded),
        "layout": lambda: [line for count in chosen.points for line in layout(count)],
        "sweep": lambda: sweep(chosen.positives),
        "growth": lambda: growth(chosen.texts, chosen.runs),
    }
    print(
        f"{CORES} cores ({platform.machine()}, {torch.backends.cpu.get_cpu_capability()}), torch {torch.__version__}, "
        f"transformers {transformers.__version__}"
    )
    for name in chosen.sections or SECTIONS:
        print(f"\n{name}", *work[name](), sep="\n", flush=True)


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.peers", description="Compare the speed of Close Call with other libraries."
    )
    parser.add_argument("sections", nargs="*", choices=[[], *SECTIONS], help="which sections; all by default")
    parser.add_argument("--rounds", type=int, default=3, help="turns of every library")
    parser.add_argument("--examples", type=int, default=640, help="training examples of a turn")
    parser.add_argument("--embedded", type=int, default=3000, help="sentences embedded in a turn")
    parser.add_argument("--points", type=_counts, default=[4000, 50000], help="points to project, such as 4000,50000")
    parser.add_argument("--positives", type=int, default=400, help="positives of the whole sweep")
    parser.add_argument("--texts", type=_counts, default=[1000, 10000, 100000], help="texts of the growth table")
    parser.add_argument("--runs", type=_counts, default=[1, 5, 25], help="runs of the growth table")
    return parser.parse_args()


def _counts(words: str) -> list[int]:
    return [int(word) for word in words.split(",")]


if __name__ == "__main__":
    main()
