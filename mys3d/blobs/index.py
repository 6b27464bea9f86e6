"""Where each blob lies: digest -> volume, offset, length.        Floor: blobs (driver). Called by: blobs.directory.

Law: a row is written only after the record it names is durable, and the volumes know everything that it says: rows are
lost in a crash (no write-ahead log) and read again from the position up to which they are known to be complete.
"""

import contextlib
import shutil
import struct
import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, NamedTuple

from rocksdict import BlockBasedOptions, Cache, Options, Rdict, WriteBatch, WriteOptions

from mys3d import limits
from mys3d.errors import Unavailable
from mys3d.model.digest import Digest
from mys3d.model.names import Partition

FORMAT: Final = 1
QUARANTINED: Final = 1  # flag of a row: the record is damaged, so the blob is not held; a later put writes it anew
_BLOB: Final = b"b"  # rows of blobs: this, then the digest, so that a partition is one stretch of keys
_STATE: Final = b"s"  # the one row about the index itself
_VOLUME: Final = b"v"  # one row for each volume that rows of blobs point into
_PLACE: Final = struct.Struct("<IQIBQ")  # volume, offset, length, flags, touch
_POSITION: Final = struct.Struct("<I16sIQQ")  # format, directory, volume, offset, blobs count


class IndexLost(Unavailable):
    """The index cannot be used; the next open builds it anew from the volumes."""


class Place(NamedTuple):
    """Where a record lies. A tuple because one is made for every read."""

    volume: int
    offset: int
    length: int
    flags: int
    touch: int


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
            self.volumes = self._load_volumes()
            undo.pop_all()

    def find(self, digest: Digest) -> Place | None:
        """Return where a held blob lies; None when it is not held or quarantined."""
        try:
            row = self._get(_BLOB + digest)
        except Exception as error:  # see _mark_lost
            raise _mark_lost(self._path, error) from error
        if row is None:
            return None
        place = Place._make(_PLACE.unpack(row))
        return None if place.flags & QUARANTINED else place

    def add(self, blobs: Sequence[tuple[Digest, Place]], position: Position) -> None:
        """Write the rows of records that are durable now; a later record of a digest replaces an earlier one."""
        with self._lock:
            batch = WriteBatch(raw_mode=True)
            fresh: set[Digest] = set()
            for digest, place in blobs:
                if digest not in fresh and self.find(digest) is None:
                    fresh.add(digest)
                batch.put(_BLOB + digest, _PLACE.pack(*place))
                if place.volume not in self.volumes:
                    batch.put(_VOLUME + place.volume.to_bytes(4, "big"), b"")
                    self.volumes.add(place.volume)
            self._write(batch, position, self.blobs_count + len(fresh))

    def quarantine(self, digest: Digest, place: Place) -> bool:
        """Mark the damaged record at `place`. False: the blob was written anew meanwhile, or marked already."""
        with self._lock:
            if self.find(digest) != place:
                return False
            batch = WriteBatch(raw_mode=True)
            batch.put(_BLOB + digest, _PLACE.pack(*place._replace(flags=place.flags | QUARANTINED)))
            self._write(batch, self.position, self.blobs_count - 1)
            return True

    def digests(self, partition: Partition) -> list[Digest]:
        """The blobs held of one partition, in digest order."""
        start, stop = _partition_keys(partition)
        found: list[Digest] = []
        for key, row in self._scan(start, stop):
            if not _PLACE.unpack(row)[3] & QUARANTINED:
                found.append(Digest(key[1:]))
        return found

    def flush(self) -> None:
        """Put the rows in memory on disk, so that a crash loses none of them."""
        with _translated(self._path):
            self._rows.flush()

    def close(self) -> None:
        """Flush and close. What cannot be flushed is read again from the volumes."""
        try:
            with contextlib.suppress(IndexLost):
                self.flush()
        finally:
            self._rows.close()

    def _write(self, batch: WriteBatch, position: Position, blobs_count: int) -> None:
        state = _POSITION.pack(FORMAT, self._directory_id, position.volume, position.offset, blobs_count)
        batch.put(_STATE, state)
        with _translated(self._path):
            self._rows.write(batch, self._unlogged)
        self.position, self.blobs_count = position, blobs_count

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

    def _load_volumes(self) -> set[int]:
        found: set[int] = set()
        for key, _ in self._scan(_VOLUME, bytes([_VOLUME[0] + 1])):
            found.add(int.from_bytes(key[1:], "big"))
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
    """Turn what RocksDB reports into IndexLost, and remember it."""
    try:
        yield
    except AssertionError:
        raise
    except Exception as error:  # see _mark_lost
        raise _mark_lost(path, error) from error


def _mark_lost(path: Path, error: Exception) -> IndexLost:
    """Have the next open build the index anew. rocksdict has no error type of its own, so any of its calls that fails
    is taken for a broken index: the volumes know everything that it says."""
    _marker(path).touch()
    return IndexLost(f"{path} is unreadable and will be rebuilt when this node is restarted: {error}")


def _marker(path: Path) -> Path:
    return path.with_name("index.lost")


def _partition_keys(partition: Partition) -> tuple[bytes, bytes]:
    """The first key of a partition and of the one after it: a partition is the first ten bits of a digest."""
    start = (partition << 6).to_bytes(2, "big")
    stop = ((partition + 1) << 6).to_bytes(3, "big")
    return _BLOB + start, (_BLOB + stop[1:]) if stop[0] == 0 else bytes([_BLOB[0] + 1])
