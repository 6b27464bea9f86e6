"""One seeded run of a whole cluster, and its verdict.        Floor: tests. Called by: __main__, test_simulation.

Law: everything that chance decides (delays, crashes, scheduling, ids) comes from the seed, so a run can be repeated.
"""

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from random import Random

import structlog
import trio
from trio.testing import MockClock

from tests.simulation.install import installed
from tests.simulation.node import OUTSIDE
from tests.simulation.profiles import PROFILES, profile_of
from tests.simulation.world import World, told

VIRTUAL_SECONDS = 60.0

Say = Callable[[str], None]
Plant = Callable[[ExitStack], None]  # puts a bug into the product, until the stack is left


@dataclass
class Verdict:
    """What a run showed. `problems` is empty when every promise was kept."""

    seed: int
    profile: str
    trace: str = ""
    counts: dict[str, int] = field(default_factory=dict)
    problems: list[str] = field(default_factory=list)
    wanted_count: int = 0  # acknowledged writes below which the run proves nothing

    @property
    def is_valid(self) -> bool:
        return self.counts.get("writes", 0) >= self.wanted_count

    @property
    def is_good(self) -> bool:
        return self.is_valid and not self.problems

    def __str__(self) -> str:
        told = "all promises kept" if self.is_valid else f"INVALID, fewer than {self.wanted_count} writes"
        if self.problems:
            told = f"{len(self.problems)} PROMISES BROKEN"
        counts = ", ".join(f"{count} {name}" for name, count in self.counts.items())
        return f"seed {self.seed}, {self.profile}: {told} ({counts}; trace {self.trace})"


def simulate(
    seed: int,
    seconds: float = VIRTUAL_SECONDS,
    plant: Plant | None = None,
    say: Say = lambda _: None,
    *,
    profile: str | None = None,
    is_hunting: bool = False,
) -> Verdict:
    """Run a cluster for `seconds` of virtual time under faults, let it heal, and check what it promised.

    `profile` None: the seed's own. `is_hunting`: stop at the first broken promise.
    """
    profile = profile or profile_of(seed)
    verdict = Verdict(seed, profile, wanted_count=int(seconds))
    with silent_logs(), installed(seed, OUTSIDE), ExitStack() as planted:
        if plant is not None:
            plant(planted)
        world = World(Random(seed), seconds, say, PROFILES[profile], is_hunting=is_hunting)
        try:
            trio.run(world.run, clock=MockClock(autojump_threshold=0))
        except Exception as error:  # noqa: BLE001 # an assertion of the product is a broken promise like any other
            world.problems.append(f"the run ended in {told(error)}")
    verdict.trace, verdict.counts, verdict.problems = (
        world.trace.hexdigest(),
        world.counts(),
        list(dict.fromkeys(world.problems)),
    )
    return verdict


@contextmanager
def silent_logs() -> Iterator[None]:
    """What the product logs would drown what a run says."""
    was_logging = structlog.get_config()
    structlog.configure(logger_factory=structlog.ReturnLoggerFactory(), processors=[lambda *_: ""])
    try:
        yield
    finally:
        structlog.configure(**was_logging)
