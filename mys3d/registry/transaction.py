"""The two doors through which rules and queries see the store.        Floor: registry (pure).

Law: a `Transaction` reads its own writes, and its writes appear all together or not at all.
Implementations: consensus/store.py (RocksDB) and registry/memory.py (sorted dict); one contract suite runs on both.
"""

from collections.abc import Iterator
from typing import Protocol


class Reader(Protocol):
    """A consistent view of ordered rows. Keys and values are bytes; order is bytewise."""

    def get(self, key: bytes, /) -> bytes | None:
        """Return the value, or None when there is no such row."""
        ...

    def scan(self, start: bytes, stop: bytes, /, *, reverse: bool = False) -> Iterator[tuple[bytes, bytes]]:
        """Yield rows of [start, stop) in key order (descending when `reverse`), lazily."""
        ...


class Transaction(Reader, Protocol):
    """A view that can be written."""

    def put(self, key: bytes, value: bytes, /) -> None: ...

    def delete(self, key: bytes, /) -> None:
        """Remove a row; removing an absent row is not an error."""
        ...
