"""Write an experiment of 5 ratios x 5 seeds x 100,000 test examples to a workspace, for the timing scripts.

    python -m benchmarks.large_experiment FOLDER [TEST_EXAMPLES]

Scores are binormal, as in `tests.makers`: calibrated classifiers whose prior moves with the ratio.
"""

import argparse
import os
from pathlib import Path

from tests.makers import make_dataset, make_experiment

NAME = "large"


def build(folder: Path, test_examples: int = 100_000) -> str:
    """Write the experiment below `folder` unless it exists; return its id. One test example in eleven is positive."""
    os.environ["CLOSECALL_HOME"] = str(folder)
    if not (folder / "experiments" / NAME / "experiment.json").exists():
        total = 3 * test_examples
        dataset = make_dataset(NAME, positives=total // 11, negatives=total - total // 11)
        make_experiment(dataset, NAME, seeds=(0, 1, 2, 3, 4), with_embeddings=False)
    return NAME


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path, help="the workspace to write to")
    parser.add_argument("test_examples", nargs="?", type=int, default=100_000)
    options = parser.parse_args()
    build(options.folder, options.test_examples)


if __name__ == "__main__":
    main()
