"""RocksDB on a simulated disk.        Floor: tests. Called by: machine's patches, in place of rocksdict.

Law: without a log of its own a store falls back, at every crash of its process, to a prefix of its writes: at least
what was flushed. Iterators keep the rows of the moment in which they were made. `fingerprint` is the XOR of the
digests of all rows: equal rows, equal fingerprint, in whatever order they came.
"""

from bisect import bisect_left, bisect_right, insort
from collections.abc import Callable, Iterator, Sequence
from hashlib import blake2b
from random import Random

import msgspec

from tests.simulation.files import Disk, File, Folder, PowerCut
from tests.simulation.machine import OS, disk_of

COPY_NAME = "000001.sst"  # the rows of a checkpoint
Write = tuple[bytes, bytes | None]

ON_WRITE: list[Callable[["Rdict"], None]] = []  # called after each batch of any store


class Table:
    """What one store has on its disk, and what only its process knew."""

    def __init__(self, rows: dict[bytes, bytes] | None = None) -> None:
        self.durable: dict[bytes, bytes] = dict(rows or {})
        self.unflushed: list[list[Write]] = []
        self.rotten: set[bytes] = set()  # keys whose block does not match its checksum any more

    def flush(self, count: int | None = None) -> None:
        for writes in self.unflushed[:count]:
            for key, value in writes:
                if value is None:
                    self.durable.pop(key, None)
                else:
                    self.durable[key] = value
        del self.unflushed[:count]

    def lose_memory(self, dice: Random) -> None:
        self.flush(dice.randint(0, len(self.unflushed)))
        self.unflushed = []


class Options:
    """Every switch of rocksdict's option objects is accepted and means nothing here."""

    def __init__(self, *_: object, **__: object) -> None:
        self.upper: bytes | None = None

    def set_iterate_upper_bound(self, stop: bytes) -> None:
        self.upper = stop

    def __getattr__(self, name: str) -> Callable[..., None]:
        if name.startswith("__"):
            raise AttributeError(name)
        return lambda *_, **__: None


class AccessType:
    """How a store is opened: to be changed too, unless told otherwise."""

    @staticmethod
    def read_only(**_: object) -> str:
        return "read only"


class WriteBatch:
    def __init__(self, raw_mode: bool = False) -> None:
        self.writes: list[Write] = []

    def put(self, key: bytes, value: bytes) -> None:
        self.writes.append((key, value))

    def delete(self, key: bytes) -> None:
        self.writes.append((key, None))

    def len(self) -> int:
        return len(self.writes)


class Rdict:
    """An open store."""

    def __init__(self, path: str, options: Options | None = None, access_type: str = "") -> None:
        disk = disk_of(path)
        assert disk is not None, f"{path} is on a real disk"
        self.path = path
        self.disk: Disk = disk
        self.life = disk.life
        self._table = _open_table(disk, path) if not access_type else _read_table(disk, path)
        self._rows = dict(self._table.durable)
        self._keys = sorted(self._rows)
        self._is_shared = False  # an iterator looks at the rows: copy them before the next change
        self.fingerprint = 0
        for key, value in self._rows.items():
            self.fingerprint ^= _print(key, value)
        self.get = self._get

    def _get(self, key: bytes | list[bytes]) -> bytes | list[bytes | None] | None:
        if isinstance(key, list):
            return [self._row(each) for each in key]
        return self._row(key)

    def _row(self, key: bytes) -> bytes | None:
        if key in self._table.rotten:
            raise Exception("Corruption: block checksum mismatch")  # noqa: TRY002 # what rocksdict raises
        return self._rows.get(key)

    def __contains__(self, key: bytes) -> bool:
        return key in self._rows

    def write(self, batch: WriteBatch, options: Options | None = None) -> None:
        self._begin("write")
        if self._is_shared:
            self._rows, self._keys, self._is_shared = dict(self._rows), list(self._keys), False
        for key, value in batch.writes:
            self.fingerprint ^= _print(key, self._rows.get(key)) ^ _print(key, value)
            if value is None:
                if self._rows.pop(key, None) is not None:
                    del self._keys[bisect_left(self._keys, key)]
            else:
                if key not in self._rows:
                    insort(self._keys, key)
                self._rows[key] = value
            self._table.rotten.discard(key)
        self._table.unflushed.append(batch.writes)
        if self.disk.dice.random() < self.disk.flush_chance:
            self._table.flush()
        for hear in ON_WRITE:
            hear(self)

    def flush(self, *_: object) -> None:
        self._begin("sync")
        self.disk.owed_seconds += self.disk.dice.expovariate(1 / self.disk.trouble.sync_seconds)
        self._table.flush()

    def set_options(self, options: dict[str, str]) -> None:
        """Nothing here is slower or larger for it."""

    def _begin(self, kind: str) -> None:
        if self.life != self.disk.life:
            raise PowerCut
        self.disk.begin(kind, self.disk.area_of(self.path + "/x"))

    def close(self) -> None:
        """As RocksDB: what was not flushed is lost."""
        if self.life == self.disk.life and self.disk.is_on:
            self._table.unflushed = []

    def iter(self, options: Options | None = None) -> "RdictIter":
        return RdictIter(*self._view(), self._table.rotten, options.upper if options else None)

    def items(
        self, backwards: bool = False, from_key: bytes | None = None, read_opt: Options | None = None
    ) -> Iterator[tuple[bytes, bytes]]:
        """Ends at a rotten row without a word, as rocksdict does."""
        keys, rotten = self._keys, self._table.rotten
        stop = len(keys) if read_opt is None or read_opt.upper is None else bisect_left(keys, read_opt.upper)
        if backwards:
            start = stop if from_key is None else min(stop, bisect_right(keys, from_key))
            found = keys[:start][::-1]
        else:
            found = keys[0 if from_key is None else bisect_left(keys, from_key) : stop]
        rows = [(key, self._rows[key]) for key in found]
        bad = next((at for at, row in enumerate(rows) if row[0] in rotten), len(rows)) if rotten else len(rows)
        return iter(rows[:bad])

    def _view(self) -> tuple[dict[bytes, bytes], list[bytes]]:
        self._is_shared = True
        return self._rows, self._keys

    def rows(self) -> dict[bytes, bytes]:
        return self._rows

    def spoil(self, keys: Sequence[bytes]) -> None:
        """The blocks of these rows do not match their checksums any more."""
        self._table.rotten.update(keys)


class Bare:
    """Rows as a checker reads them: rot does not hide them."""

    def __init__(self, rows: Rdict) -> None:
        self._store = rows

    def get(self, key: bytes) -> bytes | None:
        return self._store.rows().get(key)

    def scan(self, start: bytes, stop: bytes, *, reverse: bool = False) -> Iterator[tuple[bytes, bytes]]:
        keys = self._store._keys
        found = keys[bisect_left(keys, start) : bisect_left(keys, stop)]
        rows = self._store.rows()
        return iter([(key, rows[key]) for key in (found[::-1] if reverse else found)])


class RdictIter:
    """A cursor over the rows as they were when it was made."""

    def __init__(self, rows: dict[bytes, bytes], keys: list[bytes], rotten: set[bytes], upper: bytes | None) -> None:
        self._rows, self._keys, self._rotten = rows, keys, rotten
        self._stop = len(keys) if upper is None else bisect_left(keys, upper)
        self._at = -1
        self._is_broken = False

    def valid(self) -> bool:
        return 0 <= self._at < self._stop and not self._is_broken

    def key(self) -> bytes | None:
        return self._keys[self._at] if self.valid() else None

    def value(self) -> bytes | None:
        return self._rows[self._keys[self._at]] if self.valid() else None

    def seek(self, key: bytes) -> None:
        self._go(bisect_left(self._keys, key))

    def seek_for_prev(self, key: bytes) -> None:
        self._go(min(bisect_right(self._keys, key), self._stop) - 1)

    def seek_to_first(self) -> None:
        self._go(0)

    def seek_to_last(self) -> None:
        self._go(self._stop - 1)

    def next(self) -> None:
        self._go(self._at + 1)

    def prev(self) -> None:
        self._go(self._at - 1)

    def status(self) -> None:
        if self._is_broken:
            raise Exception("Corruption: block checksum mismatch")  # noqa: TRY002 # what rocksdict raises

    def _go(self, at: int) -> None:
        self._at = at
        self._is_broken = 0 <= at < self._stop and self._keys[at] in self._rotten


class Checkpoint:
    def __init__(self, rows: Rdict) -> None:
        self._source = rows

    def create_checkpoint(self, path: str) -> None:
        """A copy in a folder of its own, whose files are on the disk; its name is not synced."""
        disk = self._source.disk
        disk.begin("sync", "registry")
        parent, name = disk.place(path)
        assert name not in parent.entries, f"{path} exists"
        self._source._table.flush()
        folder = Folder()
        parent.change(**{name: folder})
        file = File(disk.area_of(path + "/x"))
        body = msgspec.msgpack.encode(sorted(self._source.rows().items()))
        file.change(("write", 0, blake2b(body, digest_size=16).digest() + body))
        file.sync()
        folder.change(**_names_of_a_store(file.area), **{COPY_NAME: file})
        folder.sync()


def _open_table(disk: Disk, path: str) -> Table:
    disk.begin("sync", "registry")
    try:
        folder = disk.find(path)
    except FileNotFoundError:
        OS.mkdir(path)
        folder = disk.find(path)
    table = folder.entries.get("LIVE")
    if table is None:
        copied = folder.entries.get(COPY_NAME)
        table = Table() if copied is None else Table(_unpack(copied))
        folder.change(**_names_of_a_store(disk.area_of(path + "/x")), LIVE=table)
        folder.sync()
    return table


def _read_table(disk: Disk, path: str) -> Table:
    """A closed store, looked at and left as it is."""
    disk.begin("read", "registry")
    entries = disk.find(path).entries
    return entries.get("LIVE") or Table(_unpack(entries[COPY_NAME]))


def _names_of_a_store(area: str) -> dict[str, File]:
    """The files by which the product knows that there is a store. What they list is in the table."""
    current, manifest = File(area), File(area)
    current.change(("write", 0, b"MANIFEST-000001\n"))
    current.sync()
    return {"CURRENT": current, "MANIFEST-000001": manifest}


def _unpack(file: File) -> dict[bytes, bytes]:
    whole = file.cached.read(0, file.cached.size)
    if blake2b(whole[16:], digest_size=16).digest() != whole[:16]:
        raise Exception("Corruption: block checksum mismatch")  # noqa: TRY002 # what rocksdict raises
    return dict(msgspec.msgpack.decode(whole[16:], type=list[tuple[bytes, bytes]]))


def _print(key: bytes, value: bytes | None) -> int:
    """A number for one row; 0 for a row that is not there."""
    if value is None:
        return 0
    return int.from_bytes(blake2b(key + b"=" + value, digest_size=16, salt=len(key).to_bytes(4, "big")).digest(), "big")
