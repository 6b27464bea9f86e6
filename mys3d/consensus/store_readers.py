"""How the registry's rows are read from RocksDB.        Floor: driver. Called by: store.

Law: a read that met a damaged block raises; damage never looks like the end, or like a row that is not there. Rows that
are kept in memory are those of the last write.
"""

from collections.abc import Callable, Iterator, Sequence
from typing import Final

from rocksdict import Rdict, RdictIter, ReadOptions

from mys3d import limits
from mys3d.consensus.store_faults import Faults, StoreDamaged
from mys3d.registry import keys

# Rows that nearly every request or command reads, and few change.
_KEPT: Final = frozenset(
    (
        keys.BUCKETS,
        keys.BUCKET_NAMES,
        keys.CLUSTER,
        keys.CREDENTIALS,
        keys.GC_EPOCH,
        keys.HOMES,
        keys.LAYOUT,
        keys.NOW,
        keys.SETTINGS,
        keys.VOTERS,
    )
)


class LiveReader:
    """Rows as they are at each call. Single rows are looked up by the task that writes, or by its thread: some are kept
    in memory, as the last write left them."""

    def __init__(self, rows: Rdict, faults: Faults) -> None:
        self.kept: Final[dict[bytes, bytes | None]] = {}  # at most `limits.rows_kept`; None: there is no such row
        self._rows: Final = rows
        self._faults: Final = faults
        self._get: Final[Callable[[bytes], bytes | None]] = rows.get

    def get(self, key: bytes, /) -> bytes | None:
        if self._faults.damage is not None:
            self._faults.refuse_when_damaged()
        kept = self.kept
        if key in kept:
            return kept[key]
        try:
            value = self._get(key)
        except Exception as error:
            raise self._faults.told(error) from error
        if key[:1] in _KEPT:
            if len(kept) >= limits.rows_kept:
                kept.clear()
            kept[key] = value
        return value

    def get_many(self, keys: Sequence[bytes]) -> list[bytes | None]:
        """As `get`, of many rows by one call: it costs a fourth of as many calls while another thread is busy."""
        self._faults.refuse_when_damaged()
        try:
            found: list[bytes | None] = self._rows.get(list(keys))  # type: ignore[assignment] # a list is answered by a list
        except Exception as error:
            raise self._faults.told(error) from error
        return found

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
