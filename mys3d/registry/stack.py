"""The versions of a key: the visible one, and those behind it.     Floor: registry (pure). Called by: rules, queries.

Law: only this module and `tables` know where versions lie. The visible version is the live row and nothing else; every
other version and every delete marker is a row of its own, newest first; the null version among these has a pointer.
"""

from mys3d.model.names import NULL_VERSION, BucketId, ObjectKey, VersionId
from mys3d.model.objects import Version
from mys3d.registry import keys, tables
from mys3d.registry.codec import FORMAT, decoder, encode
from mys3d.registry.records import NullRow
from mys3d.registry.transaction import Reader, Transaction

_null = decoder(NullRow).decode


def find(reader: Reader, bucket: BucketId, key: ObjectKey, version: VersionId) -> Version | None:
    """The version or marker that a client names: by its own id, or NULL_VERSION. The null version has no other name."""
    live = tables.live(reader, bucket, key)
    if version == NULL_VERSION:
        return live if live is not None and live.is_null else hidden_null(reader, bucket, key)
    found = live if live is not None and live.id == version else _hidden(reader, bucket, key, version)
    return None if found is None or found.is_null else found


def made_at(reader: Reader, bucket: BucketId, key: ObjectKey, index: VersionId) -> Version | None:
    """The version or marker that the entry at `index` made, whatever clients call it."""
    live = tables.live(reader, bucket, key)
    return live if live is not None and live.id == index else _hidden(reader, bucket, key, index)


def newest(reader: Reader, bucket: BucketId, key: ObjectKey) -> Version | None:
    """The newest version of a key: the visible one, or the marker that hides those behind it."""
    return tables.live(reader, bucket, key) or newest_hidden(reader, bucket, key)


def newest_hidden(reader: Reader, bucket: BucketId, key: ObjectKey) -> Version | None:
    """The newest version or marker behind the visible one; of a key that is not visible, its newest of all."""
    for _, row in reader.scan(*keys.versions_of(bucket, key)):
        return tables.decode_version(row)
    return None


def hidden_null(reader: Reader, bucket: BucketId, key: ObjectKey) -> Version | None:
    """The null version, when it is not the visible one."""
    found = pointer(reader, keys.null_pointer(bucket, key)[1:])
    return None if found is None else _hidden(reader, bucket, key, found)


def pointer(reader: Reader, name: bytes) -> VersionId | None:
    """Where a null pointer leads. `name`: bucket and key, as they stand behind the letter in each row of the key."""
    row = reader.get(keys.NULLS + name)
    return None if row is None else _null(row).version


def hide(tx: Transaction, bucket: BucketId, key: ObjectKey, version: Version) -> None:
    """Put a version or marker behind the visible one."""
    tx.put(keys.version(bucket, key, version.id), encode(version))
    if version.is_null:
        tx.put(keys.null_pointer(bucket, key), encode(NullRow(FORMAT, version.id)))


def drop_hidden(tx: Transaction, bucket: BucketId, key: ObjectKey, version: Version) -> None:
    """Take away what `hide` put."""
    tx.delete(keys.version(bucket, key, version.id))
    if version.is_null:
        tx.delete(keys.null_pointer(bucket, key))


def _hidden(reader: Reader, bucket: BucketId, key: ObjectKey, version: VersionId) -> Version | None:
    row = reader.get(keys.version(bucket, key, version))
    return None if row is None else tables.decode_version(row)
