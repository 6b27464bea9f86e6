"""Disks that forget what was not synced: a journal, rows and blobs.        Floor: tests. Called by: node.

Law: what was synced survives every crash; of the rest a seeded part survives, always a prefix in the order of writing.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from hashlib import blake2b
from pathlib import Path
from random import Random

import trio

from mys3d.blobs.memory import MemoryBlobs
from mys3d.consensus import segments
from mys3d.consensus.disk import BASE, Loaded, Work
from mys3d.model.digest import Digest
from mys3d.model.names import GcEpoch
from mys3d.ports import Buffer
from mys3d.registry.memory import MemoryRows
from mys3d.registry.transaction import Reader

SYNC_SECONDS = 0.002  # mean of one simulated fdatasync
FLUSH_CHANCE = 0.02  # that a write of rows is followed by a flush of all of them


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


Writes = Sequence[tuple[bytes, bytes | None]]


class SimulatedRows:
    """A `consensus.applier.Store`: written without a log of its own, so a crash falls back to a flushed prefix.

    `fingerprint` is the XOR of the digests of all rows: equal rows, equal fingerprint, in whatever order they came.
    """

    def __init__(self, dice: Random) -> None:
        self.fingerprint = 0
        self.on_write: Callable[[], None] = lambda: None
        self._dice = dice
        self._rows = MemoryRows()
        self._flushed = MemoryRows()
        self._unflushed: list[Writes] = []

    def reader(self) -> Reader:
        return self._rows

    @contextmanager
    def snapshot(self) -> Iterator[Reader]:
        with self._rows.snapshot() as reader:
            yield reader

    def write(self, writes: Writes) -> None:
        for key, value in writes:
            self.fingerprint ^= _print(key, self._rows.get(key)) ^ _print(key, value)
            self._rows.commit([(key, value)])
        self._unflushed.append(writes)
        if self._dice.random() < FLUSH_CHANCE:
            self._flush(len(self._unflushed))
        self.on_write()

    def crash(self) -> None:
        self._flush(self._dice.randint(0, len(self._unflushed)))
        self._unflushed = []
        self._rows = MemoryRows(self._flushed.rows())
        self.fingerprint = 0
        for key, value in self._rows.rows():
            self.fingerprint ^= _print(key, value)

    def _flush(self, count: int) -> None:
        for writes in self._unflushed[:count]:
            self._flushed.commit(writes)
        del self._unflushed[:count]


def _print(key: bytes, value: bytes | None) -> int:
    """A number for one row; 0 for a row that is not there."""
    if value is None:
        return 0
    return int.from_bytes(blake2b(key + b"=" + value, digest_size=16, salt=len(key).to_bytes(4, "big")).digest(), "big")


class SimulatedBlobs(MemoryBlobs):
    """Blobs that are durable when `put` returns, and only then. `lies` plants the bug that they are not even then."""

    def __init__(self, dice: Random, lies: bool = False) -> None:
        super().__init__()
        self._dice = dice
        self._lies = lies
        self._unsynced: set[Digest] = set()
        self.is_doomed = False  # the next crash takes every blob with it

    async def put(self, digest: Digest, data: Sequence[Buffer], touch: GcEpoch) -> None:
        is_new = not self.holds(digest)
        if not self._lies:
            await trio.sleep(self._dice.expovariate(1 / SYNC_SECONDS))
        await super().put(digest, data, touch)
        if self._lies and is_new:
            self._unsynced.add(digest)

    def crash(self) -> None:
        lost = self.touches if self.is_doomed else self._unsynced
        for digest in sorted(lost):
            if self.holds(digest):
                self.lose(digest)
        self._unsynced.clear()
        self.is_doomed = False
