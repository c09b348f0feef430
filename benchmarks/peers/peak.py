"""Peak speed of this machine in square matrix products, in billions of floating-point operations per second."""

import time
from collections.abc import Callable

import torch

from benchmarks.peers.children import Job, serve

SIDE, SECONDS = 2048, 2.0


def prepare(job: Job) -> Callable[[], Job]:
    torch.set_num_threads(job["threads"])
    left, right = (torch.randn(SIDE, SIDE, dtype=getattr(torch, job["precision"])) for _ in range(2))
    left @ right

    def work() -> Job:
        products, started = 0, time.perf_counter()
        while time.perf_counter() - started < SECONDS:
            left @ right
            products += 1
        return {"gflops": products * 2 * SIDE**3 / (time.perf_counter() - started) / 1e9}

    return work


if __name__ == "__main__":
    serve(prepare)
