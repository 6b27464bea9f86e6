"""Rows in memory.        Floor: registry (pure). Called by: tests, simulation, consensus/memory.py.

Law: passes the same contract suite as the RocksDB store, which it stands for.
"""

from bisect import bisect_left, insort
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager

from mys3d.errors import Unavailable


class MemoryRows:
    """A sorted dictionary that can be read, written in batches, and copied."""

    def __init__(self, rows: Iterable[tuple[bytes, bytes]] = ()) -> None:
        self._rows: dict[bytes, bytes] = dict(rows)
        self._keys: list[bytes] = sorted(self._rows)
        self.damage: Unavailable | None = None  # set by tests: memory itself never fails

    def get(self, key: bytes, /) -> bytes | None:
        return self._rows.get(key)

    def get_many(self, keys: Sequence[bytes]) -> list[bytes | None]:
        return [self._rows.get(key) for key in keys]

    def scan(self, start: bytes, stop: bytes, /, *, reverse: bool = False) -> Iterator[tuple[bytes, bytes]]:
        """Yield rows of [start, stop) as they were at this call."""
        found = self._keys[bisect_left(self._keys, start) : bisect_left(self._keys, stop)] if start < stop else []
        if reverse:
            found.reverse()
        return iter([(key, self._rows[key]) for key in found])

    def commit(self, writes: Iterable[tuple[bytes, bytes | None]]) -> None:
        """Write all of them; None removes a row."""
        for key, value in writes:
            if value is not None:
                if key not in self._rows:
                    insort(self._keys, key)
                self._rows[key] = value
            elif self._rows.pop(key, None) is not None:
                del self._keys[bisect_left(self._keys, key)]

    def write(self, writes: Iterable[tuple[bytes, bytes | None]]) -> None:
        """The store's name for `commit`."""
        self.commit(writes)

    def reader(self) -> "MemoryRows":
        """The rows themselves: a view that follows every commit."""
        return self

    @contextmanager
    def snapshot(self) -> Iterator["MemoryRows"]:
        """The rows as they are now."""
        yield MemoryRows(self._rows.items())

    def rows(self) -> list[tuple[bytes, bytes]]:
        """Everything, in key order."""
        return [(key, self._rows[key]) for key in self._keys]
