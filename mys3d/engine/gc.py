"""Blobs that nobody names give their room back.        Floor: engine. Called by: node.

Law: a blob is deleted here only when at that moment, between two awaits, the applied rows name it nowhere and its last
touch was at epoch G - 2 or before; after a start nothing is deleted until G is two above its value behind a barrier
taken since. A surplus copy of a named blob goes only after all homes confirmed in this very epoch that they hold it.
For the sake of downloads garbage is deleted by the second walk that finds it, about a period after the first.
Source: docs/decisions/0010-garbage-collection-without-clocks.md; its model is tests/engine/gc_model.py.
"""

from array import array
from bisect import bisect_left
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Final

import structlog
import trio

from mys3d import limits
from mys3d.engine.epochs import look_seconds
from mys3d.engine.homes import is_home
from mys3d.engine.repair import MissingCopies
from mys3d.engine.start import caught_up
from mys3d.errors import Unavailable
from mys3d.model.body import BlobRef
from mys3d.model.digest import Digest
from mys3d.model.members import Layout
from mys3d.model.names import GcEpoch, NodeId, Partition
from mys3d.ports import Blobs, Ports
from mys3d.registry import queries
from mys3d.registry.transaction import Reader

log = structlog.get_logger("mys3d.engine")

_GRACE: Final = 2  # epochs: a commit is refused when a push of it is older than the epoch before the present one


@dataclass(frozen=True, slots=True)
class Stored:
    """What takes room here of one partition, split by whether anything names it."""

    partition: Partition
    unnamed: tuple[BlobRef, ...]
    named: tuple[BlobRef, ...]


@dataclass(slots=True)
class Tally:
    """What one walk has found and done so far."""

    garbage: list[int] = field(default_factory=lambda: [0, 0])  # blobs and bytes that are still there
    deleted: list[int] = field(default_factory=lambda: [0, 0])


class Collector:
    """The garbage collection of one life of a node."""

    def __init__(self, ports: Ports, missing: MissingCopies) -> None:
        self._ports: Final = ports
        self._missing: Final = missing
        self._floor: GcEpoch | None = None  # the epoch behind the barrier of this life; None: not passed yet
        self._walked = GcEpoch(0)  # the epoch of the last walk
        self._seen: dict[Partition, array[int]] = {}  # what the last walk found unnamed, by `_mark`, in order

    async def run(self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """Walk once in each epoch until cancelled."""
        task_status.started()
        await self._pass_barrier()
        while True:
            try:
                if queries.gc_epoch(self._ports.registry.view()) != self._walked:
                    await self.walk()
            except Unavailable as error:  # rows or an index that cannot be read or written now: walk again later
                log.warning("gc.interrupted", why=str(error))
            await trio.sleep(look_seconds(self._ports))

    async def _pass_barrier(self) -> None:
        """Learn an epoch that no push acknowledged before this start exceeds: their touches are forgotten."""
        await caught_up(self._ports)
        self._floor = queries.gc_epoch(self._ports.registry.view())

    async def walk(self) -> None:
        """Go through everything stored here once."""
        epoch = queries.gc_epoch(self._ports.registry.view())
        tally = Tally()
        following = 0
        while following < limits.partitions_count:
            started = trio.current_time()
            found, following = await self._ports.registry.scan(stored_from(self._ports.blobs, following))
            for each in found:
                await self._visit(each, tally)
            took = trio.current_time() - started
            await trio.sleep(min(limits.gc_rest_factor * took, limits.gc_rest_seconds_max))
        self._walked = epoch
        meter = self._ports.garbage
        meter.blobs_count, meter.bytes_count = tally.garbage
        meter.deleted_blobs_count += tally.deleted[0]
        meter.deleted_bytes_count += tally.deleted[1]
        meter.walked_at = self._ports.clock.now()

    async def _visit(self, stored: Stored, tally: Tally) -> None:
        await self._delete_unnamed(stored, tally)
        layout = queries.layout(self._ports.registry.view())
        if stored.named and layout is not None and not is_home(self._ports, layout, stored.partition):
            for start in range(0, len(stored.named), limits.gc_questions_max):
                await self._drop_surplus(stored.partition, stored.named[start : start + limits.gc_questions_max], tally)

    async def _delete_unnamed(self, stored: Stored, tally: Tally) -> None:
        before = self._seen.get(stored.partition)
        left: array[int] = array("Q")
        for number, blob in enumerate(stored.unnamed, 1):
            mark = _mark(blob.digest)
            if before is not None and _has(before, mark) and self._delete(stored.partition, blob):
                _count(tally.deleted, blob)
            else:
                left.append(mark)
                _count(tally.garbage, blob)
            if number % limits.gc_deletes_at_once == 0:
                await trio.lowlevel.checkpoint()
        self._seen[stored.partition] = left

    def _delete(self, partition: Partition, blob: BlobRef) -> bool:
        """Delete a blob if it may go at this moment. Not a coroutine: nothing is applied or pushed in between."""
        view = self._ports.registry.view()
        if not self._may_delete() or queries.references_count(view, blob.digest):
            return False
        layout = queries.layout(view)
        if layout is None or _moves(layout, partition):
            return False
        return self._ports.blobs.forget(blob.digest, GcEpoch(queries.gc_epoch(view) - _GRACE))

    def _may_delete(self) -> bool:
        """True while this node's own view of things is settled."""
        raft = self._ports.registry.status()
        if self._missing.reconciling or raft.commit_index - raft.applied_index > limits.gc_lag_entries_max:
            return False
        epoch = queries.gc_epoch(self._ports.registry.view())
        return self._floor is not None and epoch - _GRACE >= self._floor

    async def _drop_surplus(self, partition: Partition, blobs: Sequence[BlobRef], tally: Tally) -> None:
        """Drop those copies that all homes hold as well. Whoever does not answer keeps them here."""
        view = self._ports.registry.view()
        epoch, layout = queries.gc_epoch(view), queries.layout(view)
        if layout is None or layout.target or not self._may_delete():
            return
        confirmed = set(blobs)
        for home in layout.homes(partition):
            confirmed &= await self._confirmed_by(home, blobs, epoch)
        for blob in confirmed:
            if self._drop(partition, blob, layout, epoch):
                _count(tally.deleted, blob)

    async def _confirmed_by(self, home: NodeId, blobs: Sequence[BlobRef], epoch: GcEpoch) -> set[BlobRef]:
        try:
            answers = await self._ports.peers.have(home, blobs, epoch)
        except Unavailable:
            return set()
        return {blob for blob, is_held in zip(blobs, answers, strict=True) if is_held}

    def _drop(self, partition: Partition, blob: BlobRef, layout: Layout, epoch: GcEpoch) -> bool:
        """Drop a copy if the answers still count: the homes and the epoch are those that were asked."""
        view = self._ports.registry.view()
        is_same = queries.layout(view) == layout and queries.gc_epoch(view) == epoch
        if not is_same or not self._may_delete() or is_home(self._ports, layout, partition):
            return False
        return self._ports.blobs.forget(blob.digest, GcEpoch(epoch - _GRACE))


def stored_from(blobs: Blobs, start: int) -> Callable[[Reader], tuple[list[Stored], int]]:
    """Return the query for one step of a walk: some partitions from `start` on, and where the next step begins.

    LIMIT: a partition is looked at in one step, 10 us a blob in a thread: 0.1 s with ten million blobs on a node.
    """

    def look(reader: Reader) -> tuple[list[Stored], int]:
        found: list[Stored] = []
        number, count = start, 0
        while number < limits.partitions_count and count < limits.gc_step_blobs:
            refs = blobs.stored(Partition(number))
            if refs:
                named = [queries.references_count(reader, blob.digest) > 0 for blob in refs]
                unnamed = tuple(blob for blob, is_named in zip(refs, named, strict=True) if not is_named)
                rest = tuple(blob for blob, is_named in zip(refs, named, strict=True) if is_named)
                found.append(Stored(Partition(number), unnamed, rest))
            count += len(refs)
            number += 1
        return found, number

    return look


def _moves(layout: Layout, partition: Partition) -> bool:
    """True while `partition` is given other homes."""
    return bool(layout.target) and layout.target[partition] != layout.base[partition]


def _mark(digest: Digest) -> int:
    """Eight bytes that stand for a digest of one partition, in the order of digests. Two alike do no harm: the second
    walk is for the sake of downloads, not of what is stored."""
    return int.from_bytes(digest[1:9], "big")


def _has(marks: "array[int]", mark: int) -> bool:
    position = bisect_left(marks, mark)
    return position < len(marks) and marks[position] == mark


def _count(counter: list[int], blob: BlobRef) -> None:
    counter[0] += 1
    counter[1] += blob.length
