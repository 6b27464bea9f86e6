"""The registry's rows in RocksDB.        Floor: driver. Called by: consensus, node.

Law: a write is all or nothing, and what survives a crash is a prefix of the writes: there is no write-ahead log, the
Raft log is replayed from the applied row. A scan that met a damaged block raises; damage never looks like the end.
A store that found damage once believes no row of its own any more. A write never waits: it is done, or Unavailable.
"""

import shutil
import time
from collections.abc import Iterable, Iterator
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
    WriteBatch,
    WriteOptions,
)

from mys3d import limits
from mys3d.consensus.store_faults import Faults, StoreDamaged
from mys3d.consensus.store_manifest import refuse_strange_records
from mys3d.consensus.store_readers import LiveReader, SnapshotReader
from mys3d.errors import Unavailable
from mys3d.model.names import LogIndex, Term
from mys3d.registry import keys
from mys3d.registry.queries import applied

log = structlog.get_logger("mys3d.consensus")

_END: Final = b"\xff" * 8  # behind every row
_ROWS_AT_ONCE: Final = 1_000
_LISTED: Final = (keys.LIVE, keys.VERSIONS, keys.UPLOADS)
# Rows are protected where blocks are not: in the write buffer and in the cache, and each new file is read back whole.
_PROTECTION: Final = {
    "memtable_protection_bytes_per_key": "8",
    "block_protection_bytes_per_key": "8",
    "paranoid_file_checks": "true",
}


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

    def reader(self) -> LiveReader:
        """The rows as they are at each call. A scan sees the rows of the moment in which it began."""
        return self._reader

    @contextmanager
    def snapshot(self) -> Iterator[SnapshotReader]:
        """The rows as they are now, for any thread. RocksDB keeps replaced rows while it is open: close it soon."""
        self._faults.refuse_when_damaged()
        yield SnapshotReader(self._rows.iter(), self._faults)

    def write(self, writes: Iterable[tuple[bytes, bytes | None]]) -> None:
        """Write all rows in one batch; None removes a row. Raises Unavailable: nothing was written, ask again."""
        self._faults.refuse_when_damaged()
        batch, deletes_count = WriteBatch(raw_mode=True), 0
        kept, changed = self._reader.kept, {}
        for key, value in writes:
            if key in kept:
                changed[key] = value
            if value is None:
                batch.delete(key)
                deletes_count += key[:1] in _LISTED
            else:
                batch.put(key, value)
        try:
            self._rows.write(batch, self._unlogged)
        except Exception as error:
            raise self._faults.told(error) from error
        kept.update(changed)
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
