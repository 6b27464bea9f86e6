"""Collection against slow commits, lagging nodes and lost touches, in virtual time: the real engine over fakes.

Clients put and delete the same few contents through random nodes. Whatever the order, what the log references is held
by a write quorum at every moment. Rules left out are found by the same runs.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field, replace
from random import Random
from typing import Any

import pytest
import trio

from mys3d import limits
from mys3d.engine import gc
from mys3d.engine.budget import BufferBudget
from mys3d.engine.epochs import Epochs
from mys3d.engine.gc import Collector
from mys3d.engine.put import put_object
from mys3d.errors import OutcomeUnknown, Reason, Rejected, Unavailable
from mys3d.model.body import BlobRef
from mys3d.model.digest import digest_of, partition_of
from mys3d.model.names import GcEpoch, ObjectKey
from mys3d.registry import queries, tables
from mys3d.registry.commands import ChangeSettings, Command, DeleteObject
from mys3d.registry.outcomes import Applied
from mys3d.registry.rules import bodies

Grid = Any  # of conftest
MakeGrid = Callable[..., Awaitable[Grid]]
CONTENTS = [bytes([number]) * 10 for number in range(4)]
PERIOD_SECONDS = 1.0
SEEDS = 2


class SlowRegistry:
    """A registry whose proposals take their time to be committed, as when a leader dies."""

    def __init__(self, registry: Any, dice: Random) -> None:
        self._registry, self._dice = registry, dice
        self.view, self.barrier, self.scan = registry.view, registry.barrier, registry.scan
        self.status, self.subscribe = registry.status, registry.subscribe

    async def propose(self, command: Command) -> Applied:
        await trio.sleep(self._dice.choice((0.0, 0.1, self._dice.uniform(1.0, 2.5))) * PERIOD_SECONDS)
        applied: Applied = await self._registry.propose(command)
        return applied


@dataclass
class Race:
    """One seeded run."""

    grid: Grid
    dice: Random
    pieces: Any
    finisher: Any
    puts: int = 0
    lacking: list[str] = field(default_factory=list)
    lives: dict[int, trio.CancelScope] = field(default_factory=dict)

    async def run(self, seconds: float) -> None:
        await self.grid[0].ports.registry.propose(ChangeSettings(gc_period_ms=int(PERIOD_SECONDS * 1000)))
        with trio.move_on_after(seconds):
            async with trio.open_nursery() as nursery:
                for number in range(3):
                    nursery.start_soon(self._live, number)
                    nursery.start_soon(self._lag, number)
                for number in range(4):
                    nursery.start_soon(self._ask_for_changes, number)
                nursery.start_soon(self._restart)
                nursery.start_soon(self._watch)

    async def _live(self, number: int) -> None:
        """Collect in one life after another; a restart forgets every touch."""
        node = self.grid[number]
        while True:
            node.missing.reconciling = False
            with trio.CancelScope() as self.lives[number]:
                async with trio.open_nursery() as nursery:
                    nursery.start_soon(Collector(node.ports, node.missing).run)
                    nursery.start_soon(Epochs(node.ports).run)
            node.blobs.touches.clear()

    async def _restart(self) -> None:
        """Restart one node, or all of them at once."""
        while True:
            await trio.sleep(self.dice.uniform(1, 6) * PERIOD_SECONDS)
            victims = self.dice.choice([[0], [1], [2], [0, 1, 2], [0, 1, 2], [0, 1, 2]])
            for number in victims:
                self.lives[number].cancel()

    async def _lag(self, number: int) -> None:
        """Now and then a node applies nothing for some periods, though it answers its peers."""
        while True:
            await trio.sleep(self.dice.uniform(1, 10) * PERIOD_SECONDS)
            self.grid.cluster.pause(self.grid.ids[number])
            await trio.sleep(self.dice.uniform(0, 4) * PERIOD_SECONDS)
            self.grid.cluster.heal(self.grid.ids[number])

    async def _ask_for_changes(self, number: int) -> None:
        while True:
            await trio.sleep(self.dice.expovariate(1.0) * PERIOD_SECONDS)
            ports = self.dice.choice(self.grid.nodes).ports
            slow = replace(ports, registry=SlowRegistry(ports.registry, self.dice))
            key = f"key-{number}"
            try:
                if self.dice.random() < 0.5:
                    await slow.registry.propose(DeleteObject(self.grid.bucket, ObjectKey(key)))
                else:
                    body = self.pieces(self.dice.choice(CONTENTS))
                    await put_object(slow, BufferBudget(), body, frozenset(), self.finisher(self.grid, key))
                    self.puts += 1
            except (Unavailable, OutcomeUnknown):
                continue

    async def _watch(self) -> None:
        """Compare what the longest log references with what the nodes hold, all the time."""
        while True:
            await trio.sleep(0.05 * PERIOD_SECONDS)
            ahead = max(self.grid.nodes, key=lambda node: node.ports.registry.applied_index)
            for content in CONTENTS:
                blob = BlobRef(digest_of(content), len(content))
                named = queries.references_count(ahead.ports.registry.view(), blob.digest)
                if named and len(self.grid.holders(blob)) < 2:
                    self.lacking.append(f"{trio.current_time():.2f}: {self.grid.holders(blob)} hold {content!r}")


@pytest.fixture
def race(make_grid: MakeGrid, pieces: Any, finisher: Any, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Any]:
    """Walks look at the partitions of the contents only: a fake lists its blobs slowly."""
    wanted = sorted(partition_of(digest_of(content)) for content in CONTENTS)

    async def run(seed: int, seconds: float = 150.0) -> Race:
        made = Race(await make_grid(3), Random(seed), pieces, finisher)
        for node in made.grid.nodes:
            stored = node.blobs.stored
            node.blobs.stored = lambda partition, stored=stored: stored(partition) if partition in wanted else []
        await made.run(seconds)
        return made

    return run


async def test_what_is_referenced_is_held_by_a_quorum_at_every_moment(race: Any, autojump_clock: object) -> None:
    for seed in range(SEEDS):
        made = await race(seed)
        assert made.lacking == [], (seed, made.lacking[:5])
        assert made.puts >= 100, made.puts
        deleted = [node.ports.garbage.deleted_blobs_count for node in made.grid.nodes]
        assert min(deleted) >= 5, deleted


async def found(race: Any) -> bool:
    for seed in range(10):
        if (await race(seed)).lacking:
            return True
    return False


async def test_a_commit_of_any_epoch_is_found_out(
    race: Any, autojump_clock: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    def lenient(tx: Any, layout_epoch: Any, _: GcEpoch) -> Rejected | None:
        return None if tables.accepts(tx, layout_epoch) else Rejected(Reason.LAYOUT_EPOCH_OLD, "")

    monkeypatch.setattr(bodies, "refusal_of_epochs", lenient)
    assert await found(race)


async def test_deleting_in_spite_of_touches_is_found_out(
    race: Any, autojump_clock: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(gc, "_GRACE", -limits.gc_period_ms_max)  # every touch is old enough
    assert await found(race)


async def test_deleting_soon_after_a_start_that_forgot_touches_is_found_out(
    race: Any, autojump_clock: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def hasty(self: Collector) -> None:
        await trio.lowlevel.checkpoint()
        self._floor = GcEpoch(0)

    monkeypatch.setattr(Collector, "_pass_barrier", hasty)
    assert await found(race)
