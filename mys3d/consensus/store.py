"""The registry's rows in RocksDB.        Floor: driver. Called by: consensus, node.

Law: a write is all or nothing, and what survives a crash is a prefix of the writes: there is no write-ahead log, the
Raft log is replayed from the applied row. A scan that met a damaged block raises; damage never looks like the end.
A store that found damage once believes no row of its own any more. A write never waits: it is done, or Unavailable.
"""

import shutil
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from typing import Final

import structlog
from rocksdict import (
    AccessType,
    BlockBasedIndexType,
    BlockBasedOptions,
    Cache,
    Checkpoint,
    Options,
    Rdict,
    RdictIter,
    ReadOptions,
    WriteBatch,
    WriteOptions,
)

from mys3d import limits
from mys3d.consensus.store_faults import StoreDamaged, fault_of, is_of_rocksdb
from mys3d.consensus.store_manifest import refuse_strange_records
from mys3d.errors import Unavailable
from mys3d.model.names import LogIndex, Term
from mys3d.registry import keys
from mys3d.registry.queries import applied

log = structlog.get_logger("mys3d.consensus")

_END: Final = b"\xff" * 8  # behind every row
_ROWS_AT_ONCE: Final = 1_000
_LISTED: Final = (keys.LIVE, keys.VERSIONS)

# Rows are protected where blocks are not: in the write buffer and in the cache, and each new file is read back whole.
_PROTECTION: Final = {
    "memtable_protection_bytes_per_key": "8",
    "block_protection_bytes_per_key": "8",
    "paranoid_file_checks": "true",
}


class Faults:
    """Where every complaint of one store is translated; the first damage is kept for good."""

    def __init__(self, path: Path) -> None:
        self.path: Final = path
        self.damage: StoreDamaged | None = None

    def told(self, error: Exception) -> Unavailable:
        """What `error` means: raise it from the error. Raises `error` itself when RocksDB did not report it."""
        if isinstance(error, Unavailable):
            fault = error
        elif is_of_rocksdb(error):
            fault = fault_of(error, self.path)
        else:
            raise error
        if isinstance(fault, StoreDamaged) and self.damage is None:
            self.damage = StoreDamaged(
                str(fault)
            )  # another one: a traceback would keep iterators, and so the store, open
        return fault

    def refuse_when_damaged(self) -> None:
        if self.damage is not None:
            raise StoreDamaged(str(self.damage))


class RocksStore:
    """An open store. Written by one task; `snapshot` may be read in any thread."""

    def __init__(self, path: Path, *, is_read_only: bool = False) -> None:
        """Open or create the store at `path`. Raises StoreDamaged, or Unavailable when the machine refuses."""
        self.path: Final = path
        self.listed_deletes_count = 0  # removed since the last flush, of rows that lists walk
        self._faults: Final = Faults(path)
        self._unlogged: Final = WriteOptions()
        self._unlogged.disable_wal = True  # type: ignore[method-assign, assignment]  # its stub takes it for a method
        self._unlogged.no_slowdown = True
        try:
            self._rows: Final = _opened(path, is_read_only=is_read_only)
        except Exception as error:
            raise self._faults.told(error) from error
        self._reader: Final = LiveReader(self._rows, self._faults)
        self.applied_at_open: Final[tuple[LogIndex, Term]] = self._applied()

    @property
    def damage(self) -> StoreDamaged | None:
        """Why this store is not believed any more. None: it is."""
        return self._faults.damage

    def reader(self) -> "LiveReader":
        """The rows as they are at each call. A scan sees the rows of the moment in which it began."""
        return self._reader

    @contextmanager
    def snapshot(self) -> Iterator["SnapshotReader"]:
        """The rows as they are now, for any thread. RocksDB keeps replaced rows while it is open: close it soon."""
        self._faults.refuse_when_damaged()
        yield SnapshotReader(self._rows.iter(), self._faults)

    def write(self, writes: Iterable[tuple[bytes, bytes | None]]) -> None:
        """Write all rows in one batch; None removes a row. Raises Unavailable: nothing was written, ask again."""
        self._faults.refuse_when_damaged()
        batch, deletes_count = WriteBatch(raw_mode=True), 0
        for key, value in writes:
            if value is None:
                batch.delete(key)
                deletes_count += key[:1] in _LISTED
            else:
                batch.put(key, value)
        try:
            self._rows.write(batch, self._unlogged)
        except Exception as error:
            raise self._faults.told(error) from error
        self.listed_deletes_count += deletes_count

    def flush(self) -> None:
        """Return once everything written is on disk. Waits for the disk: call it in a thread. Raises Unavailable."""
        count, self.listed_deletes_count = self.listed_deletes_count, 0
        try:
            self._rows.flush()
        except Exception as error:
            self.listed_deletes_count += count  # while the loop counts on: one of both may be lost, which is no harm
            raise self._faults.told(error) from error

    def checkpoint(self, path: Path) -> None:
        """Make a copy of the store at `path` (which must not exist), flushed. For a thread.

        It is made out of hard links and opened once: RocksDB reads its own list of files and what leads to their rows
        only at an open. When that has rotted since, the rows themselves may still be read: then they are copied.
        """
        self.freeze(path)
        try:
            RocksStore(path, is_read_only=True).close()
        except StoreDamaged as error:
            log.error("files of the registry have rotted: its rows are copied one by one", why=str(error))
            shutil.rmtree(path)
            self._copy_rows(path)

    def freeze(self, path: Path) -> None:
        """Make a copy at `path` out of hard links, flushed, as the files are. For a thread."""
        try:
            Checkpoint(self._rows).create_checkpoint(str(path))
        except Exception as error:
            raise self._faults.told(error) from error

    def read_back(self, path: Path) -> None:
        """Read every row of a frozen copy of this store from the disk, past all caches. For a thread.

        Raises StoreDamaged: this store is not believed any more.
        """
        try:
            copy = RocksStore(path, is_read_only=True)
            try:
                copy.read_through()
            finally:
                copy.close()
        except StoreDamaged as error:
            raise self._faults.told(error) from error

    def read_through(self) -> None:
        """Read every row, and so verify each block that is not cached. For a thread. Raises StoreDamaged."""
        for number, _ in enumerate(self._reader.scan(b"", _END)):
            if number % _ROWS_AT_ONCE == 0:
                time.sleep(0)  # the loop may want the interpreter

    def _copy_rows(self, path: Path) -> None:
        copy = RocksStore(path)
        try:
            with self.snapshot() as reader:
                rows = reader.scan(b"", _END)
                while batch := list(islice(rows, _ROWS_AT_ONCE)):
                    copy.write(batch)
                    copy.flush()
        finally:
            copy.close()

    def close(self) -> None:
        """Flush and close. What could not be flushed is in the journal: this raises nothing that RocksDB reports."""
        try:
            self._rows.close()
        except Exception as error:  # noqa: BLE001 (nothing is lost: the rows are replayed from the journal)
            log.warning("rows were not flushed at the end", fault=str(self._faults.told(error)))

    def _applied(self) -> tuple[LogIndex, Term]:
        try:
            return applied(self._reader)
        except Unavailable:
            self.close()
            raise


def _opened(path: Path, *, is_read_only: bool) -> Rdict:
    refuse_strange_records(path)
    if is_read_only:
        return Rdict(str(path), _options(), access_type=AccessType.read_only(error_if_log_file_exist=False))
    path.mkdir(parents=True, exist_ok=True)
    rows = Rdict(str(path), _options())
    rows.set_options(_PROTECTION)
    return rows


class LiveReader:
    """Rows as they are at each call."""

    def __init__(self, rows: Rdict, faults: Faults) -> None:
        self._rows: Final = rows
        self._faults: Final = faults
        self._get: Final[Callable[[bytes], bytes | None]] = rows.get

    def get(self, key: bytes, /) -> bytes | None:
        if self._faults.damage is not None:
            self._faults.refuse_when_damaged()
        try:
            return self._get(key)
        except Exception as error:
            raise self._faults.told(error) from error

    def scan(self, start: bytes, stop: bytes, /, *, reverse: bool = False) -> Iterator[tuple[bytes, bytes]]:
        """Yield rows of [start, stop) as of this call, lazily. Raises when damage ends the scan early."""
        self._faults.refuse_when_damaged()
        try:
            rows = _scan(self._rows, start, stop, reverse=reverse)
        except Exception as error:
            raise self._faults.told(error) from error
        return self._watched(rows)

    def _watched(self, rows: Iterator[tuple[bytes, bytes]]) -> Iterator[tuple[bytes, bytes]]:
        try:
            yield from rows
        except Exception as error:
            raise self._faults.told(error) from error


class SnapshotReader:
    """Rows as they were when it was made, for one thread at a time.

    All reads share one iterator: rocksdict 0.3.29 takes its snapshots into account for single lookups only (its
    iterators over a snapshot show later writes), but an iterator keeps the rows of the moment in which it was made.
    """

    def __init__(self, cursor: RdictIter, faults: Faults) -> None:
        self._cursor: Final = cursor
        self._faults: Final = faults
        self._owner = object()  # who moved the cursor last

    def get(self, key: bytes, /) -> bytes | None:
        try:
            return self._looked_up(key)
        except Exception as error:
            raise self._faults.told(error) from error

    def scan(self, start: bytes, stop: bytes, /, *, reverse: bool = False) -> Iterator[tuple[bytes, bytes]]:
        """Yield rows of [start, stop), lazily; other reads may come in between."""
        try:
            yield from self._walk(start, stop, reverse=reverse)
        except Exception as error:
            raise self._faults.told(error) from error

    def _looked_up(self, key: bytes) -> bytes | None:
        self._owner = self
        self._cursor.seek(key)
        found: bytes | None = self._cursor.key()
        if found == key:
            value: bytes = self._cursor.value()
            return value
        self._at_end_only(found)
        return None

    def _walk(self, start: bytes, stop: bytes, *, reverse: bool) -> Iterator[tuple[bytes, bytes]]:
        if start >= stop:
            return
        cursor, me = self._cursor, object()
        step = cursor.prev if reverse else cursor.next
        self._owner = me
        self._seek_first(start, stop, reverse=reverse)
        while (key := cursor.key()) is not None and start <= key < stop:
            yield key, cursor.value()
            if self._owner is not me:
                self._owner = me
                cursor.seek(key)
            step()
        self._at_end_only(key)

    def _seek_first(self, start: bytes, stop: bytes, *, reverse: bool) -> None:
        if not reverse:
            self._cursor.seek(start)
            return
        self._cursor.seek_for_prev(stop)
        if self._cursor.key() == stop:
            self._cursor.prev()

    def _at_end_only(self, key: bytes | None) -> None:
        """A cursor that shows nothing is behind the last row, or at a damaged block: then its status raises."""
        if key is None:
            self._cursor.status()


def _scan(rows: Rdict, start: bytes, stop: bytes, *, reverse: bool) -> Iterator[tuple[bytes, bytes]]:
    """Start a scan now; its rows are those of this moment.

    rocksdict 0.3.29 keeps the address of the bound and not the bytes: they must live as long as the iterators, or a
    scan ends wherever their memory says by then. Both generators hold them.
    """
    if start >= stop:
        return iter(())
    bounds = ReadOptions()
    bounds.set_iterate_upper_bound(stop)
    witness = rows.iter(bounds)
    items: Iterator[tuple[bytes, bytes]] = iter(
        rows.items(backwards=reverse, from_key=stop if reverse else start, read_opt=bounds)  # type: ignore[arg-type]
    )
    return (_descending if reverse else _ascending)(items, witness, start, stop)


def _ascending(
    items: Iterator[tuple[bytes, bytes]], witness: RdictIter, start: bytes, stop: bytes
) -> Iterator[tuple[bytes, bytes]]:
    """The fast iterator ends without a word at a damaged block: a second one is asked what lies behind its last row."""
    last = b""
    for row in items:
        last = row[0]
        yield row
    _expect(last < stop, f"a scan up to {stop.hex()} told row {last.hex()}")
    witness.seek(last or start)
    if last and witness.valid():
        _expect(witness.key() == last, f"a scan told row {last.hex()}, which is not there")
        witness.next()
    witness.status()
    _expect(not witness.valid(), f"a scan ended early, behind row {last.hex()}")


def _descending(
    items: Iterator[tuple[bytes, bytes]], witness: RdictIter, start: bytes, stop: bytes
) -> Iterator[tuple[bytes, bytes]]:
    last = b""
    for row in items:
        _expect(row[0] < stop, f"a scan down from {stop.hex()} told row {row[0].hex()}")
        if row[0] < start:
            return
        last = row[0]
        yield row
    if last:
        witness.seek(last)
        _expect(witness.valid(), f"a scan told row {last.hex()}, which is not there")
        witness.prev()
    else:
        witness.seek_to_last()
    witness.status()
    _expect(not witness.valid(), f"a scan ended early, before row {last.hex()}")


def _expect(is_so: bool, why: str) -> None:
    """What RocksDB promises of its iterators."""
    if not is_so:
        raise StoreDamaged(why)


def _options() -> Options:
    """Small in memory: 4 MiB buffers, a bounded block cache that holds the index blocks as well, two threads."""
    options = Options(raw_mode=True)
    options.create_if_missing(True)
    options.set_write_buffer_size(limits.registry_buffer_bytes)
    options.set_max_background_jobs(2)
    options.set_max_open_files(256)
    options.set_keep_log_file_num(2)
    options.set_max_log_file_size(limits.MIB)
    options.set_level_compaction_dynamic_level_bytes(True)
    options.set_max_write_buffer_number(3)  # two may be on their way to the disk before a write is refused
    # A page behind 100,000 adjacent deletes costs 50 ms until they are compacted: a file of deletes asks for it itself,
    # and sweeping.py sees to it that they get into a file.
    options.add_compact_on_deletion_collector_factory(1024, 512, 0.0)
    table = BlockBasedOptions()
    table.set_block_cache(Cache(limits.registry_cache_bytes))
    table.set_cache_index_and_filter_blocks(True)
    table.set_pin_l0_filter_and_index_blocks_in_cache(True)
    # Index and filter of a file of 64 MiB are half a megabyte each, more than a shard of the cache takes: in one piece
    # they would be read, unpacked and checked again by every lookup (3 ms). In pieces only those looked at are.
    table.set_index_type(BlockBasedIndexType.two_level_index_search())
    table.set_partition_filters(True)
    table.set_metadata_block_size(limits.registry_index_piece_bytes)
    table.set_pin_top_level_index_and_filter(True)
    table.set_bloom_filter(10, False)  # operation ids are looked up by every command and almost never there
    options.set_block_based_table_factory(table)
    return options
