"""One blob, made durable on its homes.        Floor: engine. Called by: put, repair.

Law: `replicate` returns only when at least W = R // 2 + 1 nodes (all R when the settings say so) hold the blob durably.
It waits for all R; after the W-th copy a straggler (this node's own disk is one too) gets min(straggler_ms, 4 x its own
95th percentile), then its copy is left to repair: a home that applies the commit and lacks the blob fetches it, so no
hint has to survive a crash. It fails as soon as W can no longer be reached.
"""

from collections.abc import Iterator, Sequence
from typing import Final

import trio

from mys3d import limits
from mys3d.engine.homes import others
from mys3d.errors import Damaged, Unavailable
from mys3d.model.body import BlobRef
from mys3d.model.digest import Digest, partition_of
from mys3d.model.members import Layout
from mys3d.model.names import GcEpoch, NodeId
from mys3d.placement import write_quorum
from mys3d.ports import Buffer, Ports
from mys3d.registry import queries

_PERCENTILE_FACTOR: Final = 4


async def replicate(
    ports: Ports, layout: Layout, digest: Digest, data: Sequence[Buffer], touch: GcEpoch
) -> tuple[NodeId, ...]:
    """Push a verified blob to all its homes and return who holds it. Raises Unavailable below the write quorum."""
    homes = layout.homes(partition_of(digest))
    if homes == (ports.node,):
        with trio.move_on_after(limits.push_deadline_seconds):
            await ports.blobs.put(digest, data, touch)
            return homes
        raise Unavailable(f"blob {digest.hex()}: this node's disk took longer than {limits.push_deadline_seconds} s")
    pushes = _Pushes(ports, homes, digest, data, touch)
    await pushes.run()
    if len(pushes.durable) < pushes.quorum:
        raise Unavailable(
            f"blob {digest.hex()}: {len(pushes.durable)} of {pushes.quorum} durable copies, "
            f"missing {'; '.join(pushes.failures) or 'a straggler'}"
        )
    return tuple(pushes.durable)


class _Pushes:
    """The pushes of one blob. Guards that a node counts once, and that the wait ends as the law says."""

    def __init__(
        self, ports: Ports, homes: tuple[NodeId, ...], digest: Digest, data: Sequence[Buffer], touch: GcEpoch
    ) -> None:
        self.durable: list[NodeId] = []
        self.failures: list[str] = []
        settings = queries.settings(ports.registry.view())
        self.quorum: Final = write_quorum(len(homes), settings.write_quorum)
        self._longest: Final = settings.straggler_ms / 1000
        self._ports: Final = ports
        self._homes: Final = homes
        self._blob: Final = (digest, tuple(data), touch)  # the caller may let go of its own list
        self._open: Final[dict[NodeId, NodeId]] = {home: home for home in homes}  # home -> who is asked for its copy
        self._scope: trio.CancelScope
        self._substitutes: Iterator[NodeId] | None = None  # None: none was needed yet

    async def run(self) -> None:
        async with trio.open_nursery() as nursery:
            self._scope = nursery.cancel_scope
            self._scope.deadline = trio.current_time() + limits.push_deadline_seconds
            for node in self._homes:
                if node != self._ports.node:
                    nursery.start_soon(self._copy, node)
            if self._ports.node in self._homes:
                await self._copy(self._ports.node)
        if len(self.durable) + len(self._open) >= self.quorum:  # else nobody was waited for to the end
            for node in self._open.values():
                self._ports.pace.missed(node)

    async def _copy(self, home: NodeId) -> None:
        """Make one copy: on `home`, or on the next substitute for as long as one is left."""
        is_full = self._ports.pace.is_full(home)  # asked only when nobody else is there to take its copy
        node: NodeId | None = (self._next_substitute() or home) if is_full else home
        while node is not None:
            self._open[home] = node
            if await self._push(node):
                self.durable.append(node)
                break
            node = self._next_substitute()
        del self._open[home]
        self._look_at_the_clock()

    async def _push(self, node: NodeId) -> bool:
        started = trio.current_time()
        try:
            if node == self._ports.node:
                await self._ports.blobs.put(*self._blob)
            elif self._ports.peers.reachable(node):
                await self._ports.peers.push(node, *self._blob)
            else:
                self.failures.append(f"{node} is not reachable")
                return False
        except (Unavailable, Damaged) as error:
            self.failures.append(f"{node}: {error}")
            self._ports.pace.refused(node)
            if node == self._ports.node:  # an older copy may have been found rotten on the way
                self._ports.repairs.want(BlobRef(self._blob[0], sum(map(len, self._blob[1]))))
            return False
        self._ports.pace.answered(node, trio.current_time() - started)
        return True

    def _look_at_the_clock(self) -> None:
        """Once the quorum is durable, wait for the slowest of the rest no longer than its own pace allows."""
        if len(self.durable) + len(self._open) < self.quorum:
            self._scope.cancel()  # whatever the others answer, it will not do
        elif len(self.durable) >= self.quorum and self._open:
            patience = max(self._patience(node) for node in self._open.values())
            self._scope.deadline = min(self._scope.deadline, trio.current_time() + patience)

    def _patience(self, node: NodeId) -> float:
        """Seconds that `node` may still take. Zero: it missed several times in a row and is not being probed."""
        pace = self._ports.pace
        misses = pace.misses(node)
        if misses >= limits.lagging_misses_count and misses % limits.lagging_probe_every:
            return 0.0
        percentile = pace.percentile_seconds(node)
        if percentile is None:
            return self._longest
        return min(self._longest, max(limits.straggler_min_ms / 1000, _PERCENTILE_FACTOR * percentile))

    def _next_substitute(self) -> NodeId | None:
        """The next reachable node that is no home and not full, in the partition's order."""
        if self._substitutes is None:
            self._substitutes = iter(self._others())
        for node in self._substitutes:
            is_near = node == self._ports.node or self._ports.peers.reachable(node)
            if is_near and not self._ports.pace.is_full(node):
                return node
        return None

    def _others(self) -> Sequence[NodeId]:
        """Who may take a copy in the place of a home; nobody when this node's registry cannot be read just now."""
        try:
            members = queries.members(self._ports.registry.view())
        except Unavailable as error:
            self.failures.append(f"no substitute: {error}")
            return ()
        return others(members, self._homes, partition_of(self._blob[0]))
