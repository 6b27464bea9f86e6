"""Copies this node should hold and does not.        Floor: engine. Called by: node, and by flows through ports.Repairs.

Law: a home never rests while a referenced blob is missing here. What it learns (a commit applied, a read that failed, a
scan) goes into a bounded queue; what does not fit is found again by a scan, so nothing is forgotten by overflow.
"""

import heapq
import math
from collections.abc import Sequence
from typing import Final, NamedTuple

import trio

from mys3d import limits
from mys3d.engine.budget import BufferBudget
from mys3d.engine.get import fetch_blob
from mys3d.engine.homes import is_home, present_layout
from mys3d.engine.references import Cursor, next_references
from mys3d.engine.start import caught_up
from mys3d.errors import Damaged, Unavailable
from mys3d.model.body import BlobRef, InlineBlobs
from mys3d.model.digest import Digest, partition_of
from mys3d.model.members import Layout
from mys3d.model.names import LogIndex, Partition
from mys3d.ports import AppliedEntry, Bytes, Ports
from mys3d.registry import queries
from mys3d.registry.commands import BeginLayout, PutObject, ReleaseLayout, StageExtent
from mys3d.registry.outcomes import Applied
from mys3d.registry.upload_commands import PutPart


class _Task(NamedTuple):
    """A fetch to try at `at` (trio time); `order` keeps the heap from comparing blobs."""

    at: float
    order: int
    attempt: int
    blob: BlobRef


class MissingCopies:
    """The repair of one node. Implements ports.Repairs.

    It is built from ports without repairs; the node then puts it into the ports that all flows use.
    """

    def __init__(self, ports: Ports) -> None:
        self.reconciling = True  # True until a scan behind a barrier and the last doubt has gone through all partitions
        self._ports: Final = ports
        self._due: Final[list[_Task]] = []  # a heap by time
        self._ready: Final[list[tuple[int, int, _Task]]] = []  # due already: a heap by copies left elsewhere, and order
        self._doubts_count = 0
        self._is_level = False  # True once everything is applied that was committed before this start
        self._known: Final[set[Digest]] = set()  # queued or being fetched
        self._in_flight: Final[set[Digest]] = set()  # of those, the ones whose push may still be on its way
        self._order = 0
        self._changed = trio.Event()
        self._doubt = trio.Event()
        self._doubt.set()
        ports.registry.subscribe(self._on_applied)
        ports.registry.on_replaced(self.doubt)
        ports.blobs.subscribe_losses(self.doubt)

    @property
    def blobs_missing(self) -> int:
        """Copies known to be missing here. A commit whose push is still on its way is no missing copy yet."""
        return len(self._known) - len(self._in_flight)

    def want(self, blob: BlobRef) -> None:
        """Queue a blob that a read did not find here or found rotten."""
        self._note(blob, 0.0)

    def doubt(self) -> None:
        """Ask for a scan of all references: something may be missing that nobody named."""
        self.reconciling = True
        self._doubts_count += 1
        self._doubt.set()

    async def run(self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """Repair until cancelled."""
        async with trio.open_nursery() as nursery:
            nursery.start_soon(self._scan_when_in_doubt)
            task_status.started()
            slots = trio.Semaphore(limits.repair_fetches_max)
            room = BufferBudget(limits.repair_bytes_max, wait_seconds=math.inf)
            while True:
                task = await self._next()
                await slots.acquire()
                await room.take(task.blob.length)
                nursery.start_soon(self._attempt, task, slots, room)

    async def hold_all(self, partitions: Sequence[Partition]) -> LogIndex:
        """Wait until every referenced blob of `partitions` is held; return the log index at which that was so.

        Where homes are about to change, what is held is verified too: the copies that are given up may be better ones.
        """
        while True:
            started, doubts_count = trio.current_time(), self._doubts_count
            checked_at, missing = await self._scan(partitions, self._moving())
            if missing == 0 and self._doubts_count == doubts_count:  # else what was found held may be lost since
                return checked_at
            # Walking all references is dear: rest longer than it took before looking again.
            await trio.sleep(max(limits.repair_grace_seconds, 4 * (trio.current_time() - started)))

    def _on_applied(self, entries: Sequence[AppliedEntry]) -> None:
        for entry in entries:
            command = entry.command
            if not isinstance(entry.outcome, Applied):
                continue
            if isinstance(command, PutObject | PutPart | StageExtent):
                for blob in _named(command):
                    # A push of what was committed before this start is not on its way any more.
                    self._note(blob, limits.repair_grace_seconds if self._is_level else 0.0)
            elif isinstance(command, BeginLayout | ReleaseLayout):
                self.doubt()

    def _note(self, blob: BlobRef, delay: float) -> None:
        if blob.digest in self._known or self._ports.blobs.holds(blob.digest):
            return
        try:
            layout = queries.layout(self._ports.registry.view())
        except Unavailable:  # the rows are damaged: they are made anew, or this life ends
            self.doubt()
            return
        if layout is None or not is_home(self._ports, layout, partition_of(blob.digest)):
            return
        if len(self._known) >= limits.repair_queue_max:
            self.doubt()
            return
        self._known.add(blob.digest)
        if delay:
            self._in_flight.add(blob.digest)
        self._queue(blob, 0, delay)

    def _queue(self, blob: BlobRef, attempt: int, delay: float) -> None:
        self._order += 1
        heapq.heappush(self._due, _Task(trio.current_time() + delay, self._order, attempt, blob))
        self._announce()

    def _announce(self) -> None:
        """Wake whoever waits for the queue to change."""
        self._changed.set()
        self._changed = trio.Event()

    async def _next(self) -> _Task:
        """Wait for the next fetch that is due: of those, the one whose blob has the fewest copies elsewhere."""
        while True:
            while self._due and self._due[0].at <= trio.current_time():
                task = heapq.heappop(self._due)
                heapq.heappush(self._ready, (self._rank(partition_of(task.blob.digest)), task.order, task))
            if self._ready:
                task = heapq.heappop(self._ready)[2]
                self._in_flight.discard(task.blob.digest)
                return task
            with trio.CancelScope() as scope:
                if self._due:
                    scope.deadline = self._due[0].at
                await self._changed.wait()

    def _rank(self, partition: Partition) -> int:
        """How many other homes of a partition can be reached, so that what is nearly lost is fetched first. What nobody
        reachable should have comes last."""
        layout = queries.layout(self._ports.registry.view())
        homes = () if layout is None else layout.readable(partition)
        copies = sum(node != self._ports.node and self._ports.peers.reachable(node) for node in homes)
        return copies or limits.replicas_max * 2

    async def _attempt(self, task: _Task, slots: trio.Semaphore, room: BufferBudget) -> None:
        try:
            await self._bring(task.blob)
        except Unavailable:
            # Nobody reachable has it, or the disk is full: both may change, and the status page shows the count.
            delay = min(2.0**task.attempt, limits.repair_backoff_max_seconds)
            self._queue(task.blob, task.attempt + 1, delay)
        else:
            self._known.discard(task.blob.digest)
            self._announce()
        finally:
            room.give(task.blob.length)
            slots.release()

    async def _bring(self, blob: BlobRef) -> None:
        """Fetch one blob and make it durable here, unless that is no longer needed. Raises Unavailable."""
        if self._ports.blobs.holds(blob.digest) or not self._is_needed(blob):
            return
        data = await self._fetch(blob)
        # A repair write counts as a touch at the present epoch (DESIGN 7, garbage collection without clocks).
        await self._ports.blobs.put(blob.digest, [data], queries.gc_epoch(self._ports.registry.view()))

    async def _fetch(self, blob: BlobRef) -> Bytes:
        """Return the blob from another holder, or else from what is left of it here: a directory that is offline counts
        as no copy, and may still have the last one. Raises Unavailable."""
        try:
            return await fetch_blob(self._ports, blob)
        except Unavailable:
            try:
                left = await self._ports.blobs.read(blob.digest, 0, blob.length)
            except Damaged:
                left = None
            if left is None or len(left) != blob.length:
                raise
            return left

    def _is_needed(self, blob: BlobRef) -> bool:
        if not is_home(self._ports, present_layout(self._ports), partition_of(blob.digest)):
            return False
        return queries.references_count(self._ports.registry.view(), blob.digest) > 0

    async def _scan_when_in_doubt(self) -> None:
        await caught_up(self._ports)
        self._is_level = True
        while True:
            await self._doubt.wait()
            self._doubt = trio.Event()
            layout = queries.layout(self._ports.registry.view())
            if layout is not None:
                await self._scan(sorted(_own_partitions(self._ports, layout), key=self._rank))
            self.reconciling = layout is None or self._doubt.is_set()
            if layout is None:
                await trio.sleep(limits.repair_grace_seconds)
                self._doubt.set()

    def _moving(self) -> frozenset[Partition]:
        """The partitions that are given other homes at present."""
        layout = queries.layout(self._ports.registry.view())
        if layout is None or not layout.target:
            return frozenset()
        pairs = enumerate(zip(layout.base, layout.target, strict=True))
        return frozenset(Partition(number) for number, (base, target) in pairs if set(base) != set(target))

    async def _scan(
        self, partitions: Sequence[Partition], verified: frozenset[Partition] = frozenset()
    ) -> tuple[LogIndex, int]:
        """Compare all references of `partitions` with the blobs held; queue what is missing and count it. Of the
        partitions in `verified` a blob that is held counts only if it is right.

        Returns the log index applied before the first row was read.
        """
        checked_at, _ = queries.applied(self._ports.registry.view())
        cursor: Cursor | None = Cursor(tuple(partitions), None) if partitions else None
        missing = 0
        while cursor is not None:
            found, cursor = await self._ports.registry.scan(next_references(cursor, limits.repair_scan_rows))
            for stretch in _ascending(found):
                lacking = await self._ports.blobs.missing(stretch)
                lacking += await self._rotten(stretch, verified)
                missing += len(lacking)
                for blob in lacking:
                    await self._note_with_room(blob)
        return checked_at, missing

    async def _rotten(self, blobs: Sequence[BlobRef], partitions: frozenset[Partition]) -> list[BlobRef]:
        """Those of `blobs` in `partitions` whose copy here was held and is not right."""
        touch = queries.gc_epoch(self._ports.registry.view())
        asked = [blob for blob in blobs if partition_of(blob.digest) in partitions]
        held = [blob for blob in asked if self._ports.blobs.holds(blob.digest)]
        return [blob for blob in held if not await self._ports.blobs.have(blob.digest, touch)]

    async def _note_with_room(self, blob: BlobRef) -> None:
        while len(self._known) >= limits.repair_queue_max:
            await self._changed.wait()
        self._note(blob, 0.0)


def _ascending(blobs: Sequence[BlobRef]) -> list[list[BlobRef]]:
    """Cut where the digests stop to ascend: a page ends one partition and begins another, in any order."""
    stretches: list[list[BlobRef]] = []
    for blob in blobs:
        if not stretches or blob.digest < stretches[-1][-1].digest:
            stretches.append([])
        stretches[-1].append(blob)
    return stretches


def _named(command: PutObject | PutPart | StageExtent) -> tuple[BlobRef, ...]:
    """The blobs that are named by this command for the first time."""
    if isinstance(command, StageExtent):
        return command.blobs
    return command.body.blobs if isinstance(command.body, InlineBlobs) else ()


def _own_partitions(ports: Ports, layout: Layout) -> list[Partition]:
    every = (Partition(number) for number in range(limits.partitions_count))
    return [partition for partition in every if is_home(ports, layout, partition)]
