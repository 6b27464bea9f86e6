"""Whether the versions of each key lie in their order.        Floor: registry (pure). Called by: invariants.

Law: each check yields a sentence for every row that is not as others say. Rows are read in key order, once, and one
key's at a time.
"""

from collections.abc import Iterator
from itertools import groupby

from mys3d.model.body import InlineBlobs
from mys3d.model.buckets import Versioning
from mys3d.model.names import BucketId
from mys3d.model.objects import Version
from mys3d.registry import keys, stack, tables
from mys3d.registry.transaction import Reader


def check_live(reader: Reader) -> Iterator[str]:
    """A live row is the newest version of its key, and no marker."""
    bucket, versioning = b"", None
    for key, row in reader.scan(*keys.stretch(keys.LIVE)):
        version = tables.decode_version(row)
        newest = next(_hidden(reader, key[1:]), None)
        if version.is_marker or (newest is not None and newest.id >= version.id):
            older = newest.id if newest is not None else 0
            yield f"live row {key.hex()}: version {version.id} is a marker, or older than version {older}"
        yield from _check_size(f"live row {key.hex()}", version)
        if key[1:9] != bucket:
            bucket, versioning = key[1:9], tables.versioning(reader, _bucket_of(key))
            if versioning is None:
                yield f"live row {key.hex()}: its bucket is gone"
        if versioning is Versioning.NEVER and not version.is_null:
            yield f"live row {key.hex()}: version {version.id} of a bucket that never kept versions"


def check_hidden(reader: Reader) -> Iterator[str]:
    """A key has a live row exactly while its newest version is no marker. It has one null version at most."""
    bucket, versioning = b"", None
    for name, own in groupby(reader.scan(*keys.stretch(keys.VERSIONS)), key=lambda row: row[0][1:-8]):
        live_row = reader.get(keys.LIVE + name)
        nulls = 1 if live_row is not None and tables.decode_version(live_row).is_null else 0
        for position, (key, row) in enumerate(own):
            version = tables.decode_version(row)
            if position == 0 and live_row is None and not version.is_marker:
                yield f"key {name.hex()}: version {version.id} is visible and has no live row"
            if key[-8:] != keys.newest_first(version.id):
                yield f"row {key.hex()}: version {version.id} lies under another key"
            yield from _check_size(f"row {key.hex()}", version)
            nulls += version.is_null
            if version.is_null and stack.pointer(reader, name) != version.id:
                yield f"key {name.hex()}: nothing points at its null version {version.id}"
        if nulls > 1:
            yield f"key {name.hex()}: {nulls} null versions"
        if name[:8] != bucket:
            bucket, versioning = name[:8], tables.versioning(reader, BucketId(int.from_bytes(name[:8], "big")))
            if versioning in (None, Versioning.NEVER):
                yield f"key {name.hex()}: hidden versions, and its bucket is gone or never kept any"


def check_nulls(reader: Reader) -> Iterator[str]:
    """A pointer leads to the null version of its key, which is not the live one."""
    for key, _ in reader.scan(*keys.stretch(keys.NULLS)):
        found = stack.pointer(reader, key[1:])
        assert found is not None, "a row that was scanned is there"
        row = reader.get(keys.VERSIONS + key[1:] + keys.newest_first(found))
        if row is None or not tables.decode_version(row).is_null:
            yield f"null pointer {key.hex()}: version {found} is not a hidden null version of its key"


def _hidden(reader: Reader, name: bytes) -> Iterator[Version]:
    """The hidden versions of a key, newest first. `name`: its bucket and itself, as in the keys of all its rows."""
    start, stop = keys.stretch(keys.VERSIONS + name)
    return (tables.decode_version(row) for _, row in reader.scan(start, stop))


def _bucket_of(key: bytes) -> BucketId:
    return BucketId(int.from_bytes(key[1:9], "big"))


def _check_size(what: str, version: Version) -> Iterator[str]:
    blobs = version.body.blobs if isinstance(version.body, InlineBlobs) else ()
    is_listed = version.is_marker or isinstance(version.body, InlineBlobs)
    if is_listed and sum(blob.length for blob in blobs) != version.size:
        yield f"{what}: {version.size} bytes are not those of its blobs"
