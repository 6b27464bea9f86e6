"""How versions of a key appear and vanish.        Floor: registry (pure). Called by: the rules of objects and copies.

Law: every new version becomes visible through `make_visible`, every marker is made and every version removed here; a
key is visible exactly while its newest version is no marker. Each touches at most `version_rows_max` rows and those
of one body. Source: S3 User Guide, "How S3 Versioning works", "Working with delete markers".
"""

import msgspec

from mys3d.model.buckets import Versioning
from mys3d.model.names import NULL_VERSION, BucketId, ObjectKey, VersionId
from mys3d.model.objects import Version, marker
from mys3d.registry import references, stack, tables
from mys3d.registry.codec import FORMAT
from mys3d.registry.moment import Moment
from mys3d.registry.outcomes import Applied, VersionPut, VersionRemoved
from mys3d.registry.rules import bodies
from mys3d.registry.transaction import Transaction


def make_visible(
    tx: Transaction, at: Moment, bucket: BucketId, key: ObjectKey, before: Version | None, version: Version
) -> Applied:
    """Put `version` on top of its key, whose visible version is `before`, as the bucket's versioning says.

    Whether it is the null version is decided here. A staged body has counted it as an owner already.
    """
    versioning = tables.versioning(tx, bucket)
    assert versioning is not None, f"bucket {bucket} is there"
    if versioning is Versioning.ENABLED:
        version = msgspec.structs.replace(version, is_null=False)
        replaced = None
    else:
        replaced = _take_null(tx, bucket, key, before, versioning)
    if before is not None and before is not replaced:
        stack.hide(tx, bucket, key, before)
    body = replaced.body if replaced is not None else None
    bodies.disown(tx, at, body)
    references.change(tx, references.blobs_of(body), references.blobs_of(version.body))
    tables.put_live(tx, bucket, key, version)
    return Applied(at.index, VersionPut(version.id, version.modified_at, version.is_null))


def remove_visible(
    tx: Transaction, at: Moment, bucket: BucketId, key: ObjectKey, versioning: Versioning, room: bodies.Room
) -> VersionRemoved:
    """Have a key be visible no more: by a marker on top of it, unless its bucket never kept versions."""
    before = tables.live(tx, bucket, key)
    if versioning is Versioning.NEVER:
        if before is None:
            return VersionRemoved(key, existed=False)
        room.forget(tx, at, before)
        tables.drop_live(tx, bucket, key)
        return VersionRemoved(key, existed=True)
    is_null = versioning is Versioning.SUSPENDED
    replaced = _take_null(tx, bucket, key, before, versioning) if is_null else None
    if replaced is not None:
        room.forget(tx, at, replaced)
    if before is not None:
        tables.drop_live(tx, bucket, key)
        if before is not replaced:
            stack.hide(tx, bucket, key, before)
    made = marker(FORMAT, VersionId(at.index), is_null, at.now)
    stack.hide(tx, bucket, key, made)
    return VersionRemoved(key, existed=before is not None, marker=made.id, is_null=is_null)


def remove_version(
    tx: Transaction, at: Moment, bucket: BucketId, key: ObjectKey, version: VersionId, room: bodies.Room
) -> VersionRemoved:
    """Remove one version or marker for good. The newest of those left becomes visible, unless it is a marker."""
    found = stack.find(tx, bucket, key, version)
    if found is None:
        return VersionRemoved(key, existed=False, version=version)
    live = tables.live(tx, bucket, key)
    if live is not None and live.id == found.id:
        tables.drop_live(tx, bucket, key)
        live = None
    else:
        stack.drop_hidden(tx, bucket, key, found)
    room.forget(tx, at, found)
    if live is None:
        _promote(tx, bucket, key)
    return VersionRemoved(key, existed=True, version=version, was_marker=found.is_marker)


def _take_null(
    tx: Transaction, bucket: BucketId, key: ObjectKey, before: Version | None, versioning: Versioning
) -> Version | None:
    """The null version or null marker of a key, whose place is taken: no hidden row of it is left."""
    if versioning is Versioning.NEVER or (before is not None and before.is_null):
        return before
    found = stack.find(tx, bucket, key, NULL_VERSION)
    if found is not None:
        stack.drop_hidden(tx, bucket, key, found)
    return found


def _promote(tx: Transaction, bucket: BucketId, key: ObjectKey) -> None:
    newest = stack.newest_hidden(tx, bucket, key)
    if newest is not None and not newest.is_marker:
        stack.drop_hidden(tx, bucket, key, newest)
        tables.put_live(tx, bucket, key, newest)
