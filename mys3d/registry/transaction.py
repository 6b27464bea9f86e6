"""The two doors through which rules and queries see the store, and writes yet to come.        Floor: registry (pure).

Law: a `Transaction` reads its own writes, and its writes appear all together or not at all.
Implementations: consensus/store.py (RocksDB) and registry/memory.py (sorted dict); one contract suite runs on both.
"""

from bisect import bisect_left, insort
from collections.abc import Iterator, Mapping, Sequence
from itertools import islice
from typing import Final, Protocol

_INSERTS_MAX: Final = 64  # beyond it sorting everything again costs less


class Reader(Protocol):
    """A consistent view of ordered rows. Keys and values are bytes; order is bytewise."""

    def get(self, key: bytes, /) -> bytes | None:
        """Return the value, or None when there is no such row."""
        ...

    def scan(self, start: bytes, stop: bytes, /, *, reverse: bool = False) -> Iterator[tuple[bytes, bytes]]:
        """Yield rows of [start, stop) in key order (descending when `reverse`), lazily."""
        ...


class Rows(Reader, Protocol):
    """A view that answers for many rows at once, where that costs less."""

    def get_many(self, keys: Sequence[bytes]) -> list[bytes | None]:
        """As `get`, in the order of `keys`."""
        ...


class Transaction(Reader, Protocol):
    """A view that can be written."""

    def put(self, key: bytes, value: bytes, /) -> None: ...

    def delete(self, key: bytes, /) -> None:
        """Remove a row; removing an absent row is not an error."""
        ...


class Overlay:
    """A transaction over any reader: keeps writes in memory until someone takes them.

    The reader must not change while an overlay stands on it: a row is read from it once.
    """

    def __init__(self, reader: Reader) -> None:
        self._reader = reader
        self._writes: dict[bytes, bytes | None] = {}
        self._order: list[bytes] = []  # the first of the keys written, sorted when someone scans
        self._read: dict[bytes, bytes | None] = {}

    def get(self, key: bytes, /) -> bytes | None:
        if key in self._writes:
            return self._writes[key]
        if key in self._read:
            return self._read[key]
        value = self._read[key] = self._reader.get(key)
        return value

    def learn(self, rows: Mapping[bytes, bytes | None]) -> None:
        """Rows of the reader that were read ahead."""
        self._read.update(rows)

    def scan(self, start: bytes, stop: bytes, /, *, reverse: bool = False) -> Iterator[tuple[bytes, bytes]]:
        """Rows of the reader with the writes made before this call; later writes do not show."""
        order = self._sorted()
        mine = [(key, self._writes[key]) for key in order[bisect_left(order, start) : bisect_left(order, stop)]]
        if reverse:
            mine.reverse()
        below = self._reader.scan(start, stop, reverse=reverse)
        return _merge(mine, below, reverse=reverse) if mine else below

    def _sorted(self) -> list[bytes]:
        """All keys written. A written key never leaves, so those new since the last scan stand behind the others: a
        command that scans once for each of many keys does not sort everything each time."""
        new = list(islice(self._writes, len(self._order), None))
        if len(new) > _INSERTS_MAX:
            self._order = sorted(self._writes)
        else:
            for key in new:
                insort(self._order, key)
        return self._order

    def put(self, key: bytes, value: bytes, /) -> None:
        self._writes[key] = value

    def delete(self, key: bytes, /) -> None:
        self._writes[key] = None

    def writes(self) -> list[tuple[bytes, bytes | None]]:
        """Every row written, None for a removed one, in the order of the first write to each."""
        return list(self._writes.items())

    def merge_into(self, tx: Transaction) -> None:
        """Write everything into `tx`."""
        for key, value in self._writes.items():
            if value is None:
                tx.delete(key)
            else:
                tx.put(key, value)


def _merge(
    mine: list[tuple[bytes, bytes | None]], below: Iterator[tuple[bytes, bytes]], *, reverse: bool
) -> Iterator[tuple[bytes, bytes]]:
    """Two ordered streams as one; of two rows with one key mine counts, and None hides it."""
    position = 0
    for row in below:
        while position < len(mine) and (mine[position][0] > row[0] if reverse else mine[position][0] < row[0]):
            key, value = mine[position]
            position += 1
            if value is not None:
                yield key, value
        if position == len(mine) or mine[position][0] != row[0]:
            yield row
    for key, value in mine[position:]:
        if value is not None:
            yield key, value
