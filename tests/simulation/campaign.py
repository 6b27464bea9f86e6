"""Many seeds, two at a time.        Floor: tests. Called by: __main__, test_simulation.

Law: verdicts come in the order of the seeds, whoever was faster; a seed's run depends on nothing but the seed.
"""

import multiprocessing
import os
import subprocess
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

from tests.simulation.run import VIRTUAL_SECONDS, Verdict, simulate

PROCESSES_MAX = 2  # a run keeps one core busy


def verdicts(seeds: Sequence[int], seconds: float = VIRTUAL_SECONDS, profile: str | None = None) -> Iterator[Verdict]:
    """Run each seed, in processes of their own, and yield what it showed. `profile` None: each seed its own."""
    jobs = [(seed, seconds, profile) for seed in seeds]
    workers = min(PROCESSES_MAX, os.cpu_count() or 1, len(jobs))
    if workers <= 1:
        yield from map(_run, jobs)
        return
    with ProcessPoolExecutor(workers, multiprocessing.get_context("spawn")) as pool:  # a worker that dies ends the map
        yield from pool.map(_run, jobs)


def _run(job: tuple[int, float, str | None]) -> Verdict:
    seed, seconds, profile = job
    return simulate(seed, seconds, profile=profile)


def commit_seeds(count: int) -> list[int]:
    """Seeds that follow from the commit: every commit tries others, and the same commit the same."""
    root = Path(__file__).resolve().parent.parent.parent
    told = subprocess.run(["git", "rev-parse", "HEAD"], cwd=root, capture_output=True, text=True, check=False)
    base = int(told.stdout.strip()[:8] or "7", 16)
    return [base + number for number in range(count)]
