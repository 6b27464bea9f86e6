"""Copies of the registry: frozen for others, fetched from them.        Floor: driver. Called by: consensus, install.

Law: a copy never changes while it is sent; there are at most two, shared by whoever asks; a copy that nobody reads any
more is removed. The log keeps what follows a copy that is being read, within its bounds.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Final, Protocol

import trio

from mys3d import limits
from mys3d.consensus.applier import Store
from mys3d.consensus.raft import Raft
from mys3d.consensus.ticker import Sync, result_of
from mys3d.errors import Damaged, Unavailable
from mys3d.model.names import LogIndex, NodeId
from mys3d.ports import Clock, SnapshotFile, SnapshotOffer, Wire
from mys3d.registry.transaction import Reader

_FILE_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")


class SnapshotUnusable(Exception):
    """What was received is no registry that can be installed. The text says why; it was removed."""


class Export(Protocol):
    """A frozen copy, as files. Every method waits for the disk."""

    @property
    def files(self) -> tuple[SnapshotFile, ...]: ...

    def read(self, file: int, start: int, stop: int) -> bytes: ...

    def close(self) -> None: ...


class Received(Protocol):
    """A complete generation that does not count yet."""

    @property
    def generation(self) -> str: ...

    @property
    def reader(self) -> Reader: ...

    def abandon(self) -> None:
        """Remove it. Waits for the disk."""
        ...


class Incoming(Protocol):
    """A copy on its way in. Every method waits for the disk."""

    def write(self, file: int, start: int, data: bytes) -> None: ...

    def finish(self) -> Received:
        """Complete, on disk, and read through. Raises SnapshotUnusable."""
        ...

    def abandon(self) -> None: ...


class SnapshotStore(Store, Protocol):
    """A store that can be copied and replaced. Methods that wait for the disk run in a thread, one at a time."""

    @property
    def generation(self) -> str: ...

    @property
    def listed_deletes_count(self) -> int: ...

    def flush(self) -> None:
        """Waits for the disk."""
        ...

    def export(self) -> Export:
        """Waits for the disk. Raises Unavailable."""
        ...

    def prove(self) -> None:
        """Read all rows again from the disk. Waits for the disk. Raises StoreDamaged, Unavailable."""
        ...

    def receive(self, files: tuple[SnapshotFile, ...]) -> Incoming:
        """Waits for the disk. Raises Unavailable: there is no room for it."""
        ...

    def switch(self, generation: str) -> None:
        """`generation` counts from here on, durably; its rows show after `adopt`. Waits for the disk."""
        ...

    def adopt(self, generation: str) -> None:
        """Show the rows of what was switched to. Never waits."""
        ...

    def clean(self) -> None:
        """Remove replaced generations that nobody reads. Waits for the disk."""
        ...


@dataclass(slots=True, eq=False)
class _Kept:
    offer: SnapshotOffer
    export: Export
    used_at: float
    reads_count: int = 0  # under way


class Snapshots:
    """The copies that this node keeps ready."""

    def __init__(self, store: SnapshotStore, raft: Raft, clock: Clock, sync: Sync) -> None:
        self._store: Final = store
        self._raft: Final = raft
        self._clock: Final = clock
        self._sync: Final = sync
        self._kept: Final[dict[int, _Kept]] = {}
        self._opening: Final = trio.Lock()
        self._freezing: LogIndex | None = None  # a copy of this index is being made
        self._last_id = raft.request_counter  # random at start: what was asked of an earlier life matches nothing

    async def open(self, since: LogIndex) -> SnapshotOffer:
        """Offer the newest copy if the log still holds what follows it, else a new one. Raises Unavailable.

        Whoever asks can use no copy of an entry before `since`: it kept a log that begins there, or has more rows.
        """
        async with self._opening:
            if self._raft.is_stale or self._raft.is_installing:
                raise Unavailable("this node's own registry is not whole")
            newest = max(self._kept.values(), key=lambda kept: kept.offer.index, default=None)
            if newest is not None and newest.offer.index >= max(since, self._raft.log.first_index):
                newest.used_at = self._clock.monotonic()
                return newest.offer
            if self._raft.last_applied < since:
                raise Unavailable(f"this node's rows end at entry {self._raft.last_applied}, before entry {since}")
            await self._make_room()
            return await self._freeze()

    async def _make_room(self) -> None:
        """Let go of a copy that nobody has asked a piece of for a few seconds: it was fetched, or given up.

        Raises Unavailable when all of them are being read.
        """
        if len(self._kept) < limits.snapshots_kept_max:
            return
        longest = min(self._kept.values(), key=lambda kept: kept.used_at)
        if longest.reads_count or self._clock.monotonic() - longest.used_at < limits.snapshot_quiet_seconds:
            raise Unavailable("copies of the registry are being sent to other nodes")
        await self._let_go(longest)

    async def _let_go(self, kept: _Kept) -> None:
        """Once, however many have decided so: each waits for the disk in between."""
        if self._kept.pop(kept.offer.id, None) is not None:
            await self._sync(kept.export.close)

    async def _freeze(self) -> SnapshotOffer:
        index = self._freezing = LogIndex(self._raft.last_applied)
        try:
            export = await result_of(self._sync, self._store.export)
        finally:
            self._freezing = None
        self._last_id += 1
        offer = SnapshotOffer(self._last_id, index, export.files)
        self._kept[offer.id] = _Kept(offer, export, self._clock.monotonic())
        return offer

    async def piece(self, snapshot: int, file: int, start: int, stop: int) -> bytes:
        """Read a piece. Raises Unavailable."""
        kept = self._kept.get(snapshot)
        if kept is None:
            raise Unavailable(f"snapshot {snapshot} is not kept any more")
        if not 0 <= file < len(kept.offer.files) or not 0 <= start <= stop <= start + limits.snapshot_piece_bytes:
            raise Unavailable(f"snapshot {snapshot} has no piece {start} to {stop} of file {file}")
        kept.used_at = self._clock.monotonic()
        kept.reads_count += 1
        try:
            return await result_of(self._sync, partial(kept.export.read, file, start, stop))
        finally:
            kept.reads_count -= 1

    def held_index(self) -> int | None:
        """The lowest index that a copy being made or read rests on."""
        kept = [kept.offer.index for kept in self._kept.values()]
        return min(kept if self._freezing is None else [*kept, self._freezing], default=None)

    async def expire(self) -> None:
        """Remove copies, and replaced generations, that nobody reads. Runs until cancelled."""
        while True:
            await trio.sleep(limits.snapshot_idle_seconds / 4)
            await self._sync(self._store.clean)
            now = self._clock.monotonic()
            for kept in list(self._kept.values()):
                if not kept.reads_count and now - kept.used_at > limits.snapshot_idle_seconds:
                    await self._let_go(kept)


async def fetch(wire: Wire, source: NodeId, store: SnapshotStore, sync: Sync, since: LogIndex) -> Received:
    """Bring a copy of the registry of `source` here, of entry `since` or behind, whole and on disk.

    Raises Unavailable, Damaged, SnapshotUnusable, OSError: then nothing of it is left. A piece whose lane broke is
    asked for again; a copy that `source` has let go of is not, so the caller begins anew.
    """
    offer = await wire.open_snapshot(source, since)
    check_files(offer.files)
    incoming = await result_of(sync, partial(store.receive, offer.files))
    try:
        for number, file in enumerate(offer.files):
            for start in range(0, file.length, limits.snapshot_piece_bytes):
                stop = min(start + limits.snapshot_piece_bytes, file.length)
                data = await _piece(wire, source, offer, number, start, stop)
                await sync(partial(incoming.write, number, start, data))
        return await result_of(sync, incoming.finish)
    except (Unavailable, Damaged, SnapshotUnusable, OSError):
        await sync(incoming.abandon)
        raise


async def _piece(wire: Wire, source: NodeId, offer: SnapshotOffer, file: int, start: int, stop: int) -> bytes:
    for attempt in range(limits.snapshot_retries_max):
        try:
            data = await wire.snapshot_piece(source, offer.id, file, start, stop)
        except (Unavailable, Damaged):
            if attempt + 1 == limits.snapshot_retries_max:
                raise
            await trio.sleep(limits.snapshot_rest_seconds)
            continue
        if len(data) != stop - start:
            raise SnapshotUnusable(f"{offer.files[file].name}: asked for {stop - start} bytes, received {len(data)}")
        return data
    raise AssertionError("the last attempt returned or raised")


def check_files(files: Sequence[SnapshotFile]) -> None:
    """Raise SnapshotUnusable unless these may become files of ours."""
    if not 0 < len(files) <= limits.snapshot_files_max or len({file.name for file in files}) != len(files):
        raise SnapshotUnusable(f"a snapshot of {len(files)} files")
    for file in files:
        if _FILE_NAME.fullmatch(file.name) is None or file.length < 0:
            raise SnapshotUnusable(f"a file {file.name!r} of {file.length} bytes in a snapshot")
