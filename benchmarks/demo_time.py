"""How long the demo takes on this machine, from an empty workspace: seconds to the first run, and to the end.

    .venv/bin/python benchmarks/demo_time.py

Queues the demo in a temporary workspace (the assets are fetched into it, unless CLOSECALL_ASSETS names a folder that
has them) and prints a line whenever a run's predictions are there or a run is done. Leave the machine to it.
"""

import os
import tempfile
import time


def main() -> None:
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
        print(f"{time.monotonic() - started:5.0f} s: the demo is at its end")


if __name__ == "__main__":
    main()
