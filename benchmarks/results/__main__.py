"""The measured table: recall by ratio on three datasets, where the drop comes from, and the comparison of remedies.

    python -m benchmarks.results                        # trains what is not finished, then writes docs/results.md
    python -m benchmarks.results EXPERIMENT ...         # writes it from these experiments; trains nothing
    python -m benchmarks.results --out FILE ...         # writes it somewhere else

Training takes some hours on two cores. It may be stopped at any time: the same command goes on with what is there.
"""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from benchmarks.results.document import document
from benchmarks.results.measured import measure
from benchmarks.results.planned import train_all
from closecall.cli.output import print_note
from closecall.data.io.errors import UserError
from closecall.data.io.files import write_text

PLACE = Path(__file__).resolve().parents[2] / "docs" / "results.md"


def main(arguments: Sequence[str] | None = None) -> int:
    """0: written; 2: something to mend, shown in one sentence; 130: stopped."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.results", description="Write the measured table.")
    parser.add_argument("experiments", nargs="*", help="Experiments to write about. Without any: train them first.")
    parser.add_argument("--out", type=Path, default=PLACE, help="Where to write. Without it: docs/results.md.")
    given = parser.parse_args(arguments)
    try:
        names = list(dict.fromkeys(given.experiments)) or train_all()
        command = " ".join(["python -m benchmarks.results", *given.experiments])
        write_text(given.out, document([measure(name) for name in names], command))
    except UserError as error:
        print(error, file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("Stopped. The same command goes on; what is queued is trained meanwhile.", file=sys.stderr)
        return 130
    print_note(f"Written to {given.out}.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
