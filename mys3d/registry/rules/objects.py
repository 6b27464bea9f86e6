"""Rules of objects: put and delete in buckets without versioning.        Floor: registry (pure).

Law: conditions are decided here and nowhere else, so of two racing writers exactly one wins.
Removing many keys touches at most 1,024 rows: bodies that do not fit are counted off later, as dead bodies.
"""

from mys3d.errors import Reason, Rejected
from mys3d.model.body import StagedBody
from mys3d.model.names import BucketId, ObjectKey, VersionId
from mys3d.model.objects import Version
from mys3d.registry import references, tables
from mys3d.registry.codec import FORMAT
from mys3d.registry.commands import DeleteObject, DeleteObjects, Precondition, PutObject
from mys3d.registry.moment import Moment
from mys3d.registry.outcomes import Applied, Outcome, VersionPut, VersionRemoved, VersionsRemoved
from mys3d.registry.rules import bodies
from mys3d.registry.transaction import Transaction


def put(tx: Transaction, at: Moment, command: PutObject) -> Outcome:
    if not tables.has_bucket(tx, command.bucket):
        return Rejected(Reason.NO_SUCH_BUCKET)
    before = tables.live(tx, command.bucket, command.key)
    refusal = refusal_of(before, command.precondition)
    if refusal is not None:
        return refusal
    refusal = _claim(tx, command)
    if refusal is not None:
        return refusal
    version = Version(
        FORMAT,
        VersionId(at.index),
        is_null=True,
        modified_at=at.now,
        size=command.size,
        etag=command.etag,
        body=command.body,
        content=command.content,
        checksums=command.checksums,
    )
    return make_visible(tx, at, command.bucket, command.key, before, version)


def make_visible(
    tx: Transaction, at: Moment, bucket: BucketId, key: ObjectKey, before: Version | None, version: Version
) -> Applied:
    """Put `version`, whose staged body has counted it already, in the place of `before`."""
    replaced = before.body if before is not None else None
    bodies.disown(tx, at, replaced)
    references.change(tx, references.blobs_of(replaced), references.blobs_of(version.body))
    tables.put_live(tx, bucket, key, version)
    return Applied(at.index, VersionPut(version.id, version.modified_at, version.is_null))


def delete(tx: Transaction, at: Moment, command: DeleteObject) -> Outcome:
    """S3 API, DeleteObject: with If-Match, "if the object doesn't exist" the answer is a success as well."""
    if not tables.has_bucket(tx, command.bucket):
        return Rejected(Reason.NO_SUCH_BUCKET)
    found = tables.live(tx, command.bucket, command.key)
    if found is None or command.version not in (None, found.id):
        return Applied(at.index, VersionRemoved(command.key, existed=False))
    refusal = refusal_of(found, command.precondition)
    if refusal is not None:
        return refusal
    return Applied(at.index, _remove(tx, at, command.bucket, command.key, bodies.Room(1)))


def delete_many(tx: Transaction, at: Moment, command: DeleteObjects) -> Outcome:
    if not tables.has_bucket(tx, command.bucket):
        return Rejected(Reason.NO_SUCH_BUCKET)
    room = bodies.Room(len(command.keys))
    removed = tuple(_remove(tx, at, command.bucket, key, room) for key in command.keys)
    return Applied(at.index, VersionsRemoved(removed))


def _claim(tx: Transaction, command: PutObject) -> Rejected | None:
    """Staged blobs are counted since they were staged: epochs matter for blobs that nothing names yet."""
    if isinstance(command.body, StagedBody):
        return bodies.own(tx, command.body, command.size)
    return bodies.refusal_of_epochs(tx, command.layout_epoch, command.gc_epoch)


def _remove(tx: Transaction, at: Moment, bucket: BucketId, key: ObjectKey, room: bodies.Room) -> VersionRemoved:
    found = tables.live(tx, bucket, key)
    if found is None:
        return VersionRemoved(key, existed=False)
    room.forget(tx, at, found)
    tables.drop_live(tx, bucket, key)
    return VersionRemoved(key, existed=True)


def refusal_of(found: Version | None, wanted: Precondition) -> Rejected | None:
    """S3 User Guide, "Conditional requests": If-Match on a missing key is 404, any other failed condition is 412."""
    if wanted.if_match:
        if found is None:
            return Rejected(Reason.NO_SUCH_KEY, "If-Match on a missing key")
        if not _lists(wanted.if_match, found.etag):
            return Rejected(Reason.PRECONDITION_FAILED, "If-Match")
    if wanted.if_none_match and found is not None and _lists(wanted.if_none_match, found.etag):
        return Rejected(Reason.PRECONDITION_FAILED, "If-None-Match")
    return None


def _lists(condition: str, etag: str) -> bool:
    """True when a condition's list of entity tags has `*` or `etag`, quoted or not."""
    tags = [tag.strip().strip('"') for tag in condition.split(",")]
    return "*" in tags or etag in tags
