"""Disks that forget what was not synced: a journal, rows and blobs.        Floor: tests. Called by: node.

Law: what was synced survives every crash; of the rest a seeded part survives, always a prefix in the order of writing.
"""

from bisect import bisect_left
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from random import Random

import trio

from mys3d.blobs.memory import MemoryBlobs
from mys3d.consensus import segments
from mys3d.consensus.disk import BASE, Loaded, Work
from mys3d.model.digest import Digest
from mys3d.model.names import GcEpoch
from mys3d.ports import Buffer
from mys3d.registry.transaction import Reader

SYNC_SECONDS = 0.002  # mean of one simulated fdatasync


class SimulatedJournal:
    """A `consensus.disk.Disk` in memory. `lies` plants the bug that a sync returns before anything is on disk."""

    def __init__(self, dice: Random, lies: bool = False) -> None:
        self._dice = dice
        self._lies = lies
        self._synced: list[Work] = []
        self._written: list[Work] = []  # not synced yet

    def load(self) -> Loaded:
        entries, term, vote = [BASE], 0, None
        for work in self._synced:
            if work.term is not None:
                term, vote = work.term
            for kind, entry in segments.records(Path("simulated"), work.body):
                if kind == segments.TRUNCATE:
                    del entries[entry[1] - entries[0][1] :]
                else:
                    assert entry[1] == entries[-1][1] + 1, f"a hole before entry {entry[1]}"
                    entries.append(entry)
        return Loaded(entries, term, vote)

    def write(self, work: Work) -> None:
        self._synced.append(work)

    def close(self) -> None:
        """Nothing to release."""

    async def sync(self, write: Callable[[], None]) -> None:
        """The seam of the ticker: `write` reaches the disk when this returns."""
        durable, self._synced = self._synced, []
        write()
        written, self._synced = self._synced, durable
        self._written += written
        await trio.sleep(self._dice.expovariate(1 / SYNC_SECONDS))
        if not self._lies:
            self._synced += self._written
            self._written = []
        elif len(self._written) > 20:
            self._synced.append(self._written.pop(0))

    def crash(self) -> None:
        """Lose what was not synced, but for a seeded prefix that had reached the platter anyway."""
        kept = 0 if self._lies else self._dice.randint(0, len(self._written))
        self._synced += self._written[:kept]
        self._written = []


class _Rows:
    """An immutable ordered view: a Reader."""

    def __init__(self, rows: dict[bytes, bytes], order: list[bytes]) -> None:
        self._rows = rows
        self._order = order

    def get(self, key: bytes, /) -> bytes | None:
        return self._rows.get(key)

    def scan(self, start: bytes, stop: bytes, /, *, reverse: bool = False) -> Iterator[tuple[bytes, bytes]]:
        low, high = bisect_left(self._order, start), bisect_left(self._order, stop)
        keys = self._order[low:high]
        for key in reversed(keys) if reverse else keys:
            yield key, self._rows[key]


class SimulatedRows:
    """A `consensus.applier.Store`: written without a log of its own, so a crash falls back to a flushed prefix."""

    def __init__(self, dice: Random) -> None:
        self._dice = dice
        self._rows: dict[bytes, bytes] = {}
        self._order: list[bytes] = []
        self._flushed: dict[bytes, bytes] = {}
        self._unflushed: list[Sequence[tuple[bytes, bytes | None]]] = []

    def reader(self) -> Reader:
        return _Rows(self._rows, self._order)

    @contextmanager
    def snapshot(self) -> Iterator[Reader]:
        yield _Rows(dict(self._rows), list(self._order))

    def write(self, writes: Sequence[tuple[bytes, bytes | None]]) -> None:
        self._unflushed.append(writes)
        _apply(self._rows, writes)
        self._order = sorted(self._rows)
        if self._dice.random() < 0.02:
            self._flush(len(self._unflushed))

    def crash(self) -> None:
        self._flush(self._dice.randint(0, len(self._unflushed)))
        self._unflushed = []
        self._rows = dict(self._flushed)
        self._order = sorted(self._rows)

    def _flush(self, count: int) -> None:
        for writes in self._unflushed[:count]:
            _apply(self._flushed, writes)
        del self._unflushed[:count]


def _apply(rows: dict[bytes, bytes], writes: Sequence[tuple[bytes, bytes | None]]) -> None:
    for key, value in writes:
        if value is None:
            rows.pop(key, None)
        else:
            rows[key] = value


class SimulatedBlobs(MemoryBlobs):
    """Blobs that are durable when `put` returns, and only then. `lies` plants the bug that they are not even then."""

    def __init__(self, dice: Random, lies: bool = False) -> None:
        super().__init__()
        self._dice = dice
        self._lies = lies
        self._unsynced: set[Digest] = set()

    async def put(self, digest: Digest, data: Sequence[Buffer], touch: GcEpoch) -> None:
        is_new = not self.holds(digest)
        if not self._lies:
            await trio.sleep(self._dice.expovariate(1 / SYNC_SECONDS))
        await super().put(digest, data, touch)
        if self._lies and is_new:
            self._unsynced.add(digest)

    def crash(self) -> None:
        for digest in sorted(self._unsynced):
            self.forget(digest)
        self._unsynced.clear()
