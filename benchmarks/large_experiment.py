"""An experiment of 5 ratios x 5 seeds x 100,000 test examples, written to a workspace for the timing scripts.

    python -m benchmarks.large_experiment FOLDER [TEST_EXAMPLES]

Scores are binormal, as in `tests.makers`: honest classifiers whose prior moves with the ratio.
"""

import os
import sys
from pathlib import Path

from tests.makers import make_dataset, make_experiment

NAME = "large"


def build(folder: Path, test_examples: int = 100_000) -> str:
    """Write the experiment below `folder` unless it is there; one test example in eleven is positive. Its id."""
    os.environ["CLOSECALL_HOME"] = str(folder)
    if not (folder / "experiments" / NAME / "experiment.json").exists():
        whole = 3 * test_examples
        dataset = make_dataset(NAME, positives=whole // 11, negatives=whole - whole // 11)
        make_experiment(dataset, NAME, seeds=(0, 1, 2, 3, 4), with_embeddings=False)
    return NAME


if __name__ == "__main__":
    build(Path(sys.argv[1]), int(sys.argv[2]) if len(sys.argv) > 2 else 100_000)
