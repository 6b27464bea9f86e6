"""Lists of keys as S3 cuts them into pages.        Floor: registry (pure). Called by: operations.

Law: a page reads one row for each entry and one more; a common prefix costs a few rows and one seek, however many keys
it hides. Source: S3 API, ListObjectsV2.
"""

from collections.abc import Generator, Iterator
from dataclasses import dataclass
from typing import Final

from mys3d.model.names import BucketId, ObjectKey
from mys3d.model.objects import Version
from mys3d.registry import keys, tables
from mys3d.registry.transaction import Reader

_steps_before_seek: Final = 8  # a seek costs about as much as this many rows: small prefixes are walked


@dataclass(frozen=True, slots=True)
class Entry:
    """One key of a list."""

    key: ObjectKey
    version: Version


@dataclass(frozen=True, slots=True)
class Page:
    """Entries and common prefixes, each in key order. `next_after` is where the next page starts: give it as
    `start_after`. Empty: this is the last page."""

    entries: tuple[Entry, ...]
    common_prefixes: tuple[str, ...]
    is_truncated: bool
    next_after: str


def list_objects(
    reader: Reader, bucket: BucketId, prefix: str, delimiter: str, start_after: str, max_keys: int
) -> Page:
    """At most `max_keys` entries and common prefixes together, of keys that start with `prefix` and sort behind
    `start_after`. A `start_after` that is itself a common prefix stands behind all its keys."""
    entries: list[Entry] = []
    prefixes: list[str] = []
    last = ""
    walk = _Walk(reader, bucket, prefix, delimiter, start_after)
    for key, row in walk if max_keys > 0 else ():
        if len(entries) + len(prefixes) == max_keys:
            return Page(tuple(entries), tuple(prefixes), is_truncated=True, next_after=last)
        if row is None:
            prefixes.append(key)
        else:
            entries.append(Entry(ObjectKey(key), tables.decode_version(row)))
        last = key
    return Page(tuple(entries), tuple(prefixes), is_truncated=False, next_after="")


class _Walk:
    """Keys with their rows, and common prefixes with None, in order."""

    def __init__(self, reader: Reader, bucket: BucketId, prefix: str, delimiter: str, start_after: str) -> None:
        self._reader: Final = reader
        self._bucket: Final = bucket
        self._prefix: Final = prefix
        self._delimiter: Final = delimiter
        self._start, self._stop = keys.lives(bucket, prefix)
        if start_after:
            self._start = max(self._start, self._behind(start_after))

    def __iter__(self) -> Iterator[tuple[str, bytes | None]]:
        if not self._delimiter:
            for row_key, row in self._reader.scan(self._start, self._stop):
                yield keys.object_key(row_key), row
            return
        start: bytes | None = self._start
        while start is not None:
            start = yield from self._until_seek(start)

    def _until_seek(self, start: bytes) -> Generator[tuple[str, bytes | None], None, bytes | None]:
        """Walk from `start`; return where to go on by a seek, None at the end."""
        hidden_stop = b""  # rows below this one belong to the common prefix just told
        steps = 0
        for row_key, row in self._reader.scan(start, self._stop):
            if row_key < hidden_stop:
                steps += 1
                if steps == _steps_before_seek:
                    return hidden_stop
                continue
            key = keys.object_key(row_key)
            common = self._common_prefix(key)
            if not common:
                yield key, row
                continue
            yield common, None
            hidden_stop, steps = keys.lives(self._bucket, common)[1], 0
        return None

    def _common_prefix(self, key: str) -> str:
        """The beginning of `key` up to the first delimiter behind the list's prefix; empty: there is none."""
        found = key.find(self._delimiter, len(self._prefix)) if self._delimiter else -1
        return key[: found + len(self._delimiter)] if found >= 0 else ""

    def _behind(self, start_after: str) -> bytes:
        if start_after.startswith(self._prefix) and self._common_prefix(start_after) == start_after:
            return keys.lives(self._bucket, start_after)[1]
        return keys.live(self._bucket, start_after) + b"\x00"
