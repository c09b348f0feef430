"""Write docs/results.md: recall by ratio on three datasets, the parts of the drop, and the comparison of remedies.

    python -m benchmarks.results                        # trains the unfinished runs, then writes docs/results.md
    python -m benchmarks.results EXPERIMENT ...         # writes it from these experiments; trains nothing
    python -m benchmarks.results --out FILE ...         # writes to another file

Training takes some hours on two cores. You can stop it at any time: the same command resumes it.
"""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from benchmarks.results.document import document
from benchmarks.results.experiments import train_all
from benchmarks.results.measures import measure
from closecall.cli.output import print_note
from closecall.data.io.errors import UserError
from closecall.data.io.files import write_text

PLACE = Path(__file__).resolve().parents[2] / "docs" / "results.md"


def main(arguments: Sequence[str] | None = None) -> int:
    """Return 0 when the file is written, 2 after an error that the user can fix, 130 when stopped."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.results", description="Write docs/results.md.")
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
        print("Stopped. Queued runs continue to train; the same command resumes this one.", file=sys.stderr)
        return 130
    print_note(f"Written to {given.out}.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
