"""Where each blob lies: digest -> volume, offset, length.        Floor: blobs (driver). Called by: blobs.directory.

Law: a row is written only after the record it names is durable, and the volumes know everything that it says: rows are
lost in a crash (no write-ahead log) and read again from the position up to which they are known to be complete.
"""

import contextlib
import os
import shutil
import struct
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, NamedTuple

from rocksdict import AccessType, BlockBasedOptions, Cache, Options, Rdict, WriteBatch, WriteOptions

from mys3d import limits
from mys3d.blobs.record import record_bytes
from mys3d.blobs.volume import FULL
from mys3d.errors import Unavailable
from mys3d.model.body import BlobRef
from mys3d.model.digest import Digest
from mys3d.model.names import Partition

FORMAT: Final = 2
QUARANTINED: Final = 1  # flag of a row: the record is damaged, so the blob is not held; a later put writes it anew
_BLOB: Final = b"b"  # rows of blobs: this, then the digest, so that a partition is one stretch of keys
_STATE: Final = b"s"  # the one row about the index itself
_VOLUME: Final = b"v"  # one row for each volume that rows of blobs point into
_PLACE: Final = struct.Struct("<IQIBQ")  # volume, offset, length, flags, touch
_POSITION: Final = struct.Struct("<I16sIQQ")  # format, directory, volume, offset, blobs count
_USE: Final = struct.Struct("<QQ")  # bytes of held records, quarantined records


class IndexLost(Unavailable):
    """The index cannot be used; the next open builds it anew from the volumes."""


class NoRoom(Unavailable):
    """The disk is full: nothing was written, everything can be read. RocksDB goes on by itself once there is room."""


class Place(NamedTuple):
    """Where a record lies. A tuple because one is made for every read."""

    volume: int
    offset: int
    length: int
    flags: int
    touch: int


class Use(NamedTuple):
    """What rows of blobs say of one volume: the rest of its bytes is dead."""

    held_bytes: int
    quarantined_count: int


_UNUSED: Final = Use(0, 0)


@dataclass(frozen=True, slots=True)
class Position:
    """Every record below `offset` of `volume`, and every record of earlier volumes, has its row."""

    volume: int
    offset: int


class Index:
    """The open index of one data directory. Rows are written under a lock, by any thread."""

    def __init__(self, path: Path, directory_id: bytes) -> None:
        """Open or create the index at `path`. Raises IndexLost when it is unreadable or belongs to other volumes."""
        self._path = path
        self._directory_id = directory_id
        self._lock = threading.Lock()
        self._rows = _open(path)
        self._get = self._rows.get
        self._unlogged = WriteOptions()
        self._unlogged.disable_wal = True  # type: ignore[method-assign, assignment]  # its stub takes it for a method
        self.position = Position(0, 0)
        self.blobs_count = 0
        with contextlib.ExitStack() as undo:
            undo.callback(self._rows.close)
            self._load_state()
            self._uses = self._load_uses()
            undo.pop_all()

    @property
    def volumes(self) -> set[int]:
        """The volumes that rows of blobs point into, or did until lately."""
        return set(self._uses)

    @property
    def held_bytes(self) -> int:
        return sum(use.held_bytes for use in self._uses.values())

    def use_of(self, volume: int) -> Use:
        return self._uses.get(volume, _UNUSED)

    def find(self, digest: Digest) -> Place | None:
        """Return where a held blob lies; None when it is not held or quarantined."""
        place = self._row(digest)
        return None if place is None or place.flags & QUARANTINED else place

    def record_of(self, digest: Digest) -> Place | None:
        """Return where the record of a blob lies, held or quarantined."""
        return self._row(digest)

    def add(self, blobs: Sequence[tuple[Digest, Place]], position: Position) -> list[Place]:
        """Write the rows of records that are durable now. A later record of a digest replaces an earlier one: return
        where those lie."""
        with self._lock:
            change = self._change()
            replaced = [change.row(digest) for digest, _ in blobs]
            for digest, place in blobs:
                change.put(digest, place)
            self._write(change, position)
            return [place for place in replaced if place is not None]

    def swap(self, moves: Sequence[tuple[Digest, Place, Place]], position: Position) -> None:
        """Have rows name the second place where they name the first; leave them where they do not any more."""
        with self._lock:
            change = self._change()
            for digest, old, new in moves:
                if change.row(digest) == old:
                    change.put(digest, new)
            self._write(change, position)

    def drop_volume(self, volume: int) -> None:
        """Say nothing of a volume any more that no row of a blob names. Walks the whole index to be sure.

        Raises IndexLost when rows and their counts disagree.
        """
        assert self.use_of(volume) == _UNUSED, f"volume {volume} is in use: {self.use_of(volume)}"
        number = volume.to_bytes(4, "little")
        if any(row[:4] == number for _, row in self._scan(_BLOB, bytes([_BLOB[0] + 1]))):
            raise _fault(self._path, Exception(f"rows name volume {volume}, which counts as empty"))
        with self._lock:
            batch = WriteBatch(raw_mode=True)
            batch.delete(_VOLUME + volume.to_bytes(4, "big"))
            with _translated(self._path):
                self._rows.write(batch, self._unlogged)
            self._uses.pop(volume, None)

    def quarantine(self, digest: Digest, place: Place) -> bool:
        """Mark the damaged record at `place`. False: the blob was written anew meanwhile, or marked already."""
        with self._lock:
            if self.find(digest) != place:
                return False
            change = self._change()
            change.put(digest, place._replace(flags=place.flags | QUARANTINED))
            self._write(change, self.position)
            return True

    def forget(self, digest: Digest) -> Place | None:
        """Delete the row of a blob, held or quarantined; return where the record lay. Lost in a crash until `flush`."""
        with self._lock:
            change = self._change()
            place = change.row(digest)
            if place is not None:
                change.put(digest, None)
                self._write(change, self.position)
            return place

    def stored(self, partition: Partition) -> list[BlobRef]:
        """The blobs of one partition that have a record, held or quarantined, in digest order."""
        rows = self._scan(*_partition_keys(partition))
        return [BlobRef(Digest(key[1:]), _PLACE.unpack(row)[2]) for key, row in rows]

    def between(self, first: Digest, last: Digest) -> Iterator[Digest]:
        """The blobs held from `first` to `last`, in digest order."""
        for key, row in self._scan(_BLOB + first, _BLOB + last + b"\x00"):
            if not _PLACE.unpack(row)[3] & QUARANTINED:
                yield Digest(key[1:])

    def within(self, volume: int, stretches: Sequence[tuple[int, int]]) -> list[tuple[Digest, Place]]:
        """The held blobs whose records should begin in one of some stretches of a volume. Walks the whole index."""
        if not stretches:
            return []
        found: list[tuple[Digest, Place]] = []
        for key, row in self._scan(_BLOB, bytes([_BLOB[0] + 1])):
            place = Place._make(_PLACE.unpack(row))
            is_here = place.volume == volume and not place.flags & QUARANTINED
            if is_here and any(start <= place.offset < stop for start, stop in stretches):
                found.append((Digest(key[1:]), place))
        return found

    def flush(self) -> None:
        """Put the rows in memory on disk, so that a crash loses none of them."""
        with _translated(self._path):
            self._rows.flush()

    def close(self) -> None:
        """Flush and close. What cannot be flushed is read again from the volumes."""
        try:
            with contextlib.suppress(IndexLost, NoRoom):
                self.flush()
        finally:
            self._rows.close()

    def _row(self, digest: Digest) -> Place | None:
        try:
            row = self._get(_BLOB + digest)
        except Exception as error:  # see _is_of_rocksdb
            if not _is_of_rocksdb(error):
                raise
            raise _fault(self._path, error) from error
        return None if row is None else Place._make(_PLACE.unpack(row))

    def _change(self) -> "_Change":
        return _Change(self._row, self._uses, self.blobs_count)

    def _write(self, change: "_Change", position: Position) -> None:
        batch = change.batch()
        state = _POSITION.pack(FORMAT, self._directory_id, position.volume, position.offset, change.blobs_count)
        batch.put(_STATE, state)
        with _translated(self._path):
            self._rows.write(batch, self._unlogged)
        self.position, self.blobs_count = position, change.blobs_count
        self._uses.update(change.uses)

    def _load_state(self) -> None:
        with _translated(self._path):
            state = self._get(_STATE)
        if state is None:
            return
        if len(state) != _POSITION.size:
            raise IndexLost(f"{self._path}: the state row has {len(state)} bytes")
        number, directory, volume, offset, count = _POSITION.unpack(state)
        if number != FORMAT or directory != self._directory_id:
            raise IndexLost(f"{self._path}: format {number}, directory {directory.hex()}")
        self.position, self.blobs_count = Position(volume, offset), count

    def _load_uses(self) -> dict[int, Use]:
        found: dict[int, Use] = {}
        for key, row in self._scan(_VOLUME, bytes([_VOLUME[0] + 1])):
            found[int.from_bytes(key[1:], "big")] = Use._make(_USE.unpack(row))
        return found

    def _scan(self, start: bytes, stop: bytes) -> Iterator[tuple[bytes, bytes]]:
        """Yield the rows of [start, stop). RocksDB ends early at a block that it cannot read: only `status` tells."""
        with _translated(self._path):
            rows = self._rows.iter()
            rows.seek(start)
            while rows.valid():
                key = rows.key()
                assert isinstance(key, bytes), "the index is opened in raw mode"
                if key >= stop:
                    return
                yield key, rows.value()
                rows.next()
            rows.status()


class _Change:
    """One batch in the making: rows of blobs, and with them what their volumes are used for."""

    def __init__(self, stored: Callable[[Digest], Place | None], uses: Mapping[int, Use], blobs_count: int) -> None:
        self.uses: dict[int, Use] = {}  # of the volumes that this change touches
        self.blobs_count = blobs_count
        self._stored = stored
        self._stored_uses = uses
        self._rows: dict[Digest, Place | None] = {}  # None: deleted

    def row(self, digest: Digest) -> Place | None:
        return self._rows[digest] if digest in self._rows else self._stored(digest)

    def put(self, digest: Digest, place: Place | None) -> None:
        before = self.row(digest)
        if before is not None:
            self._count(before, -1)
        if place is not None:
            self._count(place, 1)
        self._rows[digest] = place

    def batch(self) -> WriteBatch:
        batch = WriteBatch(raw_mode=True)
        for digest, place in self._rows.items():
            if place is None:
                batch.delete(_BLOB + digest)
            else:
                batch.put(_BLOB + digest, _PLACE.pack(*place))
        for number, use in self.uses.items():
            batch.put(_VOLUME + number.to_bytes(4, "big"), _USE.pack(*use))
        return batch

    def _count(self, place: Place, sign: int) -> None:
        held_bytes, quarantined_count = self.uses.get(place.volume) or self._stored_uses.get(place.volume, _UNUSED)
        if place.flags & QUARANTINED:
            quarantined_count += sign
        else:
            held_bytes += sign * record_bytes(place.length)
            self.blobs_count += sign
        assert held_bytes >= 0, f"volume {place.volume} holds {held_bytes} bytes"
        assert quarantined_count >= 0, f"volume {place.volume} has {quarantined_count} quarantined records"
        self.uses[place.volume] = Use(held_bytes, quarantined_count)


def rows_of(path: Path) -> Iterator[tuple[Digest, Place]]:
    """Read the rows of an index that nobody has open, and touch nothing. Raises IndexLost."""
    with _translated(path):
        rows = Rdict(str(path), Options(raw_mode=True), access_type=AccessType.read_only(error_if_log_file_exist=False))
        try:
            found = rows.iter()
            found.seek(_BLOB)
            while found.valid() and found.key()[:1] == _BLOB:
                yield Digest(found.key()[1:]), Place._make(_PLACE.unpack(found.value()))
                found.next()
            found.status()
        finally:
            del found
            rows.close()


def remove(path: Path) -> None:
    """Forget an index, to build it anew from the volumes."""
    if path.exists():
        shutil.rmtree(path)
    _marker(path).unlink(missing_ok=True)


def _open(path: Path) -> Rdict:
    options = Options(raw_mode=True)
    options.create_if_missing(True)
    options.set_write_buffer_size(limits.index_buffer_bytes)
    options.set_max_background_jobs(2)
    options.set_keep_log_file_num(2)
    options.set_max_open_files(256)
    table = BlockBasedOptions()
    table.set_block_cache(Cache(limits.index_cache_bytes))
    table.set_bloom_filter(10, False)
    options.set_block_based_table_factory(table)
    if _marker(path).exists():
        raise IndexLost(f"{path} was found unreadable before")
    with _translated(path):
        return Rdict(str(path), options)


@contextlib.contextmanager
def _translated(path: Path) -> Iterator[None]:
    """Turn what RocksDB reports into IndexLost, and remember it, or into NoRoom."""
    try:
        yield
    except Exception as error:  # see _is_of_rocksdb
        if not _is_of_rocksdb(error):
            raise
        raise _fault(path, error) from error


def _is_of_rocksdb(error: Exception) -> bool:
    """rocksdict raises this very class and none of its own (measured with 0.3.29: corruption, missing files, a full
    disk, EIO). Any other error is a bug of ours, which no new index would mend."""
    return type(error) is Exception


def _fault(path: Path, error: Exception) -> Unavailable:
    """Say what a failed call means: a broken index, which the next open builds anew from the volumes. A full disk
    breaks nothing."""
    if any(os.strerror(number) in str(error) for number in FULL):
        return NoRoom(f"{path} has no room: {error}")
    with contextlib.suppress(OSError):  # a disk that takes no mark is found unreadable again at the next open
        _marker(path).touch()
    return IndexLost(f"{path} is unreadable and has to be built anew: {error}")


def _marker(path: Path) -> Path:
    return path.with_name("index.lost")


def _partition_keys(partition: Partition) -> tuple[bytes, bytes]:
    """The first key of a partition and of the one after it: a partition is the first ten bits of a digest."""
    start = (partition << 6).to_bytes(2, "big")
    stop = ((partition + 1) << 6).to_bytes(3, "big")
    return _BLOB + start, (_BLOB + stop[1:]) if stop[0] == 0 else bytes([_BLOB[0] + 1])
