"""Faults that strike where a mistake would show.        Floor: tests. Called by: storm.

Law: as in the storm: whatever these do, a cluster that keeps its promises survives it.
"""

from typing import TYPE_CHECKING

import trio

from mys3d.consensus import segments
from tests.simulation.files import Content, File

if TYPE_CHECKING:
    from tests.simulation.node import SimulatedNode
    from tests.simulation.world import World

FRESH_BATCHES = 8  # of a journal: what was synced last


class Aimed:
    """Finds the leader, and harms what it and the others rely on."""

    def __init__(self, world: "World") -> None:
        self._world = world
        self._dice = world.dice

    async def kill_leader(self) -> None:
        leader = self._leader()
        if leader is not None:
            leader.crash(power=self._dice.random() < 0.5)

    async def mute_leader(self) -> None:
        """One follower does not hear the leader, which hears it: what it proposes is applied elsewhere first."""
        await self._mute(self._leader(), self._follower(), self._dice.uniform(1.2, 2.5))

    async def mute_follower(self) -> None:
        """The leader does not hear one follower, which hears it: what it proposes arrives seconds later."""
        await self._mute(self._follower(), self._leader(), self._dice.uniform(0.5, 2.0))

    async def cut_power_in_the_journal(self) -> None:
        trouble = self._dice.choice(self._world.nodes).disk.trouble
        trouble.calls_left, trouble.calls_area = self._dice.randint(1, 5), "journal"

    async def _mute(self, source: "SimulatedNode | None", target: "SimulatedNode | None", seconds: float) -> None:
        if source is None or target is None:
            return
        self._world.network.block(source.id, target.id)
        await trio.sleep(seconds)
        self._world.network.open(source.id, target.id)

    def _leader(self) -> "SimulatedNode | None":
        leading = [node for node in self._world.nodes if node.leads()]
        return self._dice.choice(leading) if leading else None

    def _follower(self) -> "SimulatedNode | None":
        others = [node for node in self._world.nodes if node.node is not None and not node.leads()]
        return self._dice.choice(others) if others else None

    def rot_fresh_batches(self, node: "SimulatedNode") -> None:
        """Flip a bit in one of the batches synced last, but not in the very last one: that may be a torn write."""
        logs = [file for name, file in node.journal() if name.endswith(".log")]
        starts = _batches(logs[-1]) if logs else []
        if len(starts) < 3:
            return
        number = self._dice.randrange(max(0, len(starts) - 1 - FRESH_BATCHES), len(starts) - 1)
        first, stop = starts[number] + segments.BATCH_HEADER_BYTES, starts[number + 1]
        logs[-1].rot(self._dice.randrange(first, stop), 1 << self._dice.randrange(8))


def _batches(log: File) -> list[int]:
    """Where the batches of a journal's segment begin."""
    content: Content = log.durable
    found, at = [], segments.SEGMENT_HEADER_BYTES
    while content.data[at : at + len(segments.BATCH_MAGIC)] == segments.BATCH_MAGIC:
        found.append(at)
        at += segments.BATCH_HEADER_BYTES + int.from_bytes(content.data[at + 4 : at + 8], "little")
    return found
