"""Hunting planted bugs: which seed finds each, and what that took.        Floor: tests. Called by: __main__.

Law: a bug counts as found when a promise is broken while it is planted, by the simulation in the profile that the bug
names or by the fuzz of the Raft core; the first broken promise ends a run.
"""

import multiprocessing
import os
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from unittest.mock import patch

from mys3d.consensus import append
from tests.consensus import hand
from tests.consensus.conftest import Dice
from tests.consensus.disks import Rows, SimulatedDisk
from tests.consensus.schedule import Fuzz
from tests.simulation.mutants import FUZZ, MUTANTS, Mutant
from tests.simulation.run import silent_logs, simulate

SEEDS_MAX = 50
SECONDS = 20.0  # virtual, of a hunting run: many short ones find more than a few long ones
FUZZ_STEPS = 6_000
PROCESSES_MAX = 2  # a hunt keeps one core busy


@dataclass(frozen=True, slots=True)
class Hunt:
    """What became of one planted bug. `seed` None: it survived."""

    name: str
    hunter: str
    seed: int | None
    runs_count: int
    cpu_seconds: float
    found: str = ""

    def __str__(self) -> str:
        told = "SURVIVED" if self.seed is None else f"found by seed {self.seed}"
        runs = f"{self.runs_count} run{'s' * (self.runs_count > 1)}, {self.cpu_seconds:.0f} s of CPU"
        return f"{self.name}: {told} of {self.hunter} ({runs}); {MUTANTS[self.name].what}: {self.found}"


def hunts(names: Sequence[str], first_seed: int, seconds: float = SECONDS) -> Iterator[Hunt]:
    """Hunt each bug in turn, several at a time, and yield what became of it."""
    jobs = [(name, first_seed, seconds) for name in names]
    workers = min(PROCESSES_MAX, os.cpu_count() or 1, len(jobs))
    if workers <= 1:
        yield from map(_hunt, jobs)
        return
    with multiprocessing.get_context("spawn").Pool(workers) as pool:
        yield from pool.imap(_hunt, jobs)


def _hunt(job: tuple[str, int, float]) -> Hunt:
    name, first_seed, seconds = job
    mutant, began = MUTANTS[name], time.process_time()
    hunter = mutant.profile if mutant.profile == FUZZ else f"simulation, {mutant.profile}"
    for count, seed in enumerate(range(first_seed, first_seed + SEEDS_MAX), 1):
        found = _fuzzed(mutant, seed) if mutant.profile == FUZZ else _simulated(mutant, seed, seconds)
        if found is not None:
            return Hunt(name, hunter, seed, count, time.process_time() - began, found)
    return Hunt(name, hunter, None, SEEDS_MAX, time.process_time() - began)


def _simulated(mutant: Mutant, seed: int, seconds: float) -> str | None:
    verdict = simulate(seed, seconds, mutant.plant, profile=mutant.profile, is_hunting=True)
    return verdict.problems[0] if verdict.problems else None


def _fuzzed(mutant: Mutant, seed: int) -> str | None:
    hand.use(Rows, SimulatedDisk, Dice)
    with silent_logs(), ExitStack() as stack:
        stack.enter_context(patch.object(append, "batch_bytes", append.batch_bytes))  # a schedule changes it
        mutant.plant(stack)
        try:
            Fuzz(hand, seed).run(FUZZ_STEPS)
        except AssertionError as broken:
            return str(broken).splitlines()[0]
    return None
