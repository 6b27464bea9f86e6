"""Lists of keys and versions as S3 cuts them into pages.        Floor: registry (pure). Called by: operations.

Law: a page reads one row for each entry and one more; a common prefix costs a few rows and one seek, however many keys
or versions it hides. Source: S3 API, ListObjectsV2, ListObjectVersions.
"""

from collections.abc import Callable, Generator, Iterator
from dataclasses import dataclass
from typing import Final, NamedTuple, TypeVar

import msgspec

from mys3d.model.names import NULL_VERSION, BucketId, ObjectKey, VersionId
from mys3d.model.objects import Version
from mys3d.registry import keys, stack, tables
from mys3d.registry.transaction import Reader

_steps_before_seek: Final = 8  # a seek costs about as much as this many rows: small prefixes are walked

Row = TypeVar("Row")


class Entry(msgspec.Struct, frozen=True):
    """One key of a list, or one version of it."""

    key: ObjectKey
    version: Version
    is_latest: bool = True


@dataclass(frozen=True, slots=True)
class Page:
    """Entries and common prefixes, each in key order. `next_after` is where the next page starts: give it as
    `start_after`. Empty: this is the last page."""

    entries: tuple[Entry, ...]
    common_prefixes: tuple[str, ...]
    is_truncated: bool
    next_after: str
    next_version: VersionId | None = None  # None: the next page starts behind all versions of that key


class Start(NamedTuple):
    """Where a list of versions begins: behind a key, or behind one version of it. Empty: at the first key."""

    key: str = ""
    version: VersionId | None = None  # any version that the key has or had, or NULL_VERSION


def list_objects(
    reader: Reader, bucket: BucketId, prefix: str, delimiter: str, start_after: str, max_keys: int
) -> Page:
    """At most `max_keys` entries and common prefixes together, of keys that start with `prefix` and sort behind
    `start_after`. A `start_after` that is itself a common prefix stands behind all its keys."""
    fold = Fold(bucket, prefix, delimiter)
    start, stop = fold.stretch(start_after)
    if max_keys <= 0:
        return Page((), (), is_truncated=False, next_after="")
    if fold.is_plain:
        return _plain(reader.scan(keys.LIVE + start, keys.LIVE + stop), max_keys)
    entries: list[Entry] = []
    prefixes: list[str] = []
    last = ""

    def scan(start: bytes, stop: bytes) -> Iterator[tuple[bytes, bytes]]:
        return ((key[1:], row) for key, row in reader.scan(keys.LIVE + start, keys.LIVE + stop))

    for key, row in _walk(scan, scan(start, stop), stop, fold):
        if len(entries) + len(prefixes) == max_keys:
            return Page(tuple(entries), tuple(prefixes), is_truncated=True, next_after=last)
        if row is None:
            prefixes.append(key)
        else:
            entries.append(Entry(ObjectKey(key), tables.decode_version(row)))
        last = key
    return Page(tuple(entries), tuple(prefixes), is_truncated=False, next_after="")


def _plain(rows: Iterator[tuple[bytes, bytes]], max_keys: int) -> Page:
    """A page of a list without common prefixes: nothing has to be looked at between a row and its entry."""
    entries: list[Entry] = []
    for key, row in rows:
        if len(entries) == max_keys:
            return Page(tuple(entries), (), is_truncated=True, next_after=entries[-1].key)
        entries.append(Entry(ObjectKey(keys.key_of(key[1:])), tables.decode_version(row)))
    return Page(tuple(entries), (), is_truncated=False, next_after="")


def list_versions(
    reader: Reader, bucket: BucketId, prefix: str, delimiter: str, start_after: Start, max_keys: int
) -> Page:
    """As `list_objects`, of all versions and markers: of one key newest first, the latest of them told as such."""
    entries: list[Entry] = []
    prefixes: list[str] = []
    last = Start()
    versions = _Versions(reader, bucket)
    fold = Fold(bucket, prefix, delimiter)
    start, stop = fold.stretch(start_after.key)
    is_within = start_after.version is not None and start_after.key.startswith(prefix)
    if is_within and start == keys.after(keys.name(bucket, start_after.key)):  # and not behind a common prefix
        first = versions.scan_behind(start_after, stop)
    else:
        first = versions.scan(start, stop)
    for key, version in _walk(versions.scan, first, stop, fold) if max_keys > 0 else ():
        if len(entries) + len(prefixes) == max_keys:
            return Page(tuple(entries), tuple(prefixes), True, last.key, last.version)
        if version is None:
            prefixes.append(key)
            last = Start(key)
            continue
        is_latest = last.key != key and (key != start_after.key or versions.is_latest(key, version))
        entries.append(Entry(ObjectKey(key), version, is_latest))
        last = Start(key, version.id)
    return Page(tuple(entries), tuple(prefixes), is_truncated=False, next_after="")


class _Versions:
    """All versions of a bucket in one order: the live rows and those behind them, merged by their keys."""

    def __init__(self, reader: Reader, bucket: BucketId) -> None:
        self._reader: Final = reader
        self._bucket: Final = bucket

    def scan(self, start: bytes, stop: bytes) -> Iterator[tuple[bytes, Version]]:
        """Versions of the keys in [start, stop), each with the name of its key."""
        hidden = self._reader.scan(keys.VERSIONS + start, keys.VERSIONS + stop)
        following = next(hidden, None)
        for key, row in self._reader.scan(keys.LIVE + start, keys.LIVE + stop):
            name = key[1:]
            while following is not None and following[0][1:-8] < name:
                yield following[0][1:-8], tables.decode_version(following[1])
                following = next(hidden, None)
            yield name, tables.decode_version(row)
        while following is not None:
            yield following[0][1:-8], tables.decode_version(following[1])
            following = next(hidden, None)

    def scan_behind(self, start: Start, stop: bytes) -> Iterator[tuple[bytes, Version]]:
        """What is left of one key's versions, and everything behind that key."""
        name = keys.name(self._bucket, start.key)
        index = self._index(start)
        live = tables.live(self._reader, self._bucket, ObjectKey(start.key))
        if live is not None and live.id < index:
            yield name, live
        begin, end = keys.stretch(keys.VERSIONS + name)
        behind = keys.VERSIONS + name + keys.newest_first(index) + b"\x00"
        for _, row in self._reader.scan(max(begin, behind), end):
            yield name, tables.decode_version(row)
        yield from self.scan(keys.after(name), stop)

    def is_latest(self, key: str, version: Version) -> bool:
        """Asked for the first version of a page that begins within a key: what was before it may have gone."""
        newest = stack.newest(self._reader, self._bucket, ObjectKey(key))
        return newest is not None and newest.id == version.id

    def _index(self, start: Start) -> int:
        """The place of a version in its key. A null version that is gone has none: nothing is left out then."""
        assert start.version is not None
        if start.version != NULL_VERSION:
            return start.version
        found = stack.find(self._reader, self._bucket, ObjectKey(start.key), NULL_VERSION)
        return 2**64 - 1 if found is None else found.id


class Fold:
    """How keys fold into common prefixes, and where their names lie."""

    def __init__(self, bucket: BucketId, prefix: str, delimiter: str) -> None:
        self.is_plain: Final = not delimiter
        self._bucket: Final = bucket
        self._prefix: Final = prefix
        self._delimiter: Final = delimiter

    def stretch(self, start_after: str) -> tuple[bytes, bytes]:
        """The names of the keys with the prefix that lie behind a key, or behind a common prefix."""
        start, stop = keys.names(self._bucket, self._prefix)
        if not start_after:
            return start, stop
        if start_after.startswith(self._prefix) and self.common_prefix(start_after) == start_after:
            return max(start, self.behind(start_after)), stop
        return max(start, keys.after(keys.name(self._bucket, start_after))), stop

    def behind(self, prefix: str) -> bytes:
        """The first name behind those of all keys with this prefix."""
        return keys.names(self._bucket, prefix)[1]

    def common_prefix(self, key: str) -> str:
        """The beginning of `key` up to the first delimiter behind the list's prefix; empty: there is none."""
        found = key.find(self._delimiter, len(self._prefix)) if self._delimiter else -1
        return key[: found + len(self._delimiter)] if found >= 0 else ""


def _walk(
    scan: Callable[[bytes, bytes], Iterator[tuple[bytes, Row]]],
    first: Iterator[tuple[bytes, Row]],
    stop: bytes,
    fold: Fold,
) -> Iterator[tuple[str, Row | None]]:
    """Keys with their rows, and common prefixes with None, in order. `scan` is asked again behind large prefixes."""
    if fold.is_plain:
        for name, row in first:
            yield keys.key_of(name), row
        return
    following: bytes | None = yield from _until_seek(first, fold)
    while following is not None:
        following = yield from _until_seek(scan(following, stop), fold)


def _until_seek(rows: Iterator[tuple[bytes, Row]], fold: Fold) -> Generator[tuple[str, Row | None], None, bytes | None]:
    """Return where to go on by a seek, None at the end."""
    hidden_stop = b""  # names below this one belong to the common prefix just told
    steps = 0
    for name, row in rows:
        if name < hidden_stop:
            steps += 1
            if steps == _steps_before_seek:
                return hidden_stop
            continue
        key = keys.key_of(name)
        common = fold.common_prefix(key)
        if not common:
            yield key, row
            continue
        yield common, None
        hidden_stop, steps = fold.behind(common), 0
    return None
