"""Measure how long the demo takes on this machine: seconds to the first run, and to the end.

    python -m benchmarks.demo_time

The script queues the demo in a temporary workspace and prints a line whenever a run has predictions or is done. It
downloads the assets into that workspace, unless CLOSECALL_ASSETS names a folder that has them. Run nothing else
meanwhile.
"""

import argparse
import os
import tempfile
import time


def main() -> None:
    argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter).parse_args()
    with tempfile.TemporaryDirectory() as folder:
        os.environ["CLOSECALL_HOME"] = folder
        started = time.monotonic()
        from closecall.models.queue.demo import queue_demo  # after the workspace is named
        from closecall.models.queue.jobs import watch

        config = queue_demo()
        seen = (-1, -1)
        for progress in watch(config.id):
            done = sum(run.status.state == "done" for run in progress.runs)
            now = (sum(run.has_predictions for run in progress.runs), done)
            if now != seen:
                print(f"{time.monotonic() - started:5.0f} s: {now[0]} runs predicted, {now[1]} done", flush=True)
                seen = now
        print(f"{time.monotonic() - started:5.0f} s: the demo is done")


if __name__ == "__main__":
    main()
