"""Rules of objects: put and delete.        Floor: registry (pure).

Law: conditions are decided here and nowhere else, so of two racing writers exactly one wins.
Removing many keys touches at most 1,024 rows: bodies that do not fit are counted off later, as dead bodies.
"""

from typing import Final

from mys3d import limits
from mys3d.errors import Reason, Rejected
from mys3d.model.buckets import Versioning
from mys3d.model.names import BucketId, ObjectKey, VersionId
from mys3d.model.objects import Version
from mys3d.registry import stack, tables
from mys3d.registry.codec import FORMAT
from mys3d.registry.commands import DeleteObject, DeleteObjects, Precondition, PutObject, Wanted
from mys3d.registry.moment import Moment
from mys3d.registry.outcomes import Applied, Outcome, VersionRemoved, VersionsRemoved
from mys3d.registry.rules import bodies, versions
from mys3d.registry.transaction import Transaction


def put(tx: Transaction, at: Moment, command: PutObject) -> Outcome:
    if not tables.has_bucket(tx, command.bucket):
        return Rejected(Reason.NO_SUCH_BUCKET)
    before = tables.live(tx, command.bucket, command.key)
    refusal = refusal_of(before, command.precondition)
    if refusal is not None:
        return refusal
    refusal = bodies.claim(tx, command)
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
        acl=command.acl,
    )
    return versions.make_visible(tx, at, command.bucket, command.key, before, version)


def delete(tx: Transaction, at: Moment, command: DeleteObject) -> Outcome:
    versioning = tables.versioning(tx, command.bucket)
    if versioning is None:
        return Rejected(Reason.NO_SUCH_BUCKET)
    wanted = Wanted(command.version, command.precondition)
    removed = _remove(tx, at, command.bucket, command.key, versioning, wanted, bodies.Room(1, limits.version_rows_max))
    if removed.reason is not None:
        return Rejected(removed.reason, removed.detail)
    return Applied(at.index, removed)


def delete_many(tx: Transaction, at: Moment, command: DeleteObjects) -> Outcome:
    versioning = tables.versioning(tx, command.bucket)
    if versioning is None:
        return Rejected(Reason.NO_SUCH_BUCKET)
    count = len(command.keys)
    is_plain = versioning is Versioning.NEVER
    if not is_plain and count > limits.delete_versions_max:
        return Rejected(Reason.TOO_LARGE, f"{count} keys of a bucket that keeps versions")
    room = bodies.Room(count, 1 if is_plain else limits.version_rows_max)
    asked = zip(command.keys, command.wanted or (_PLAINLY,) * count, strict=True)
    removed = tuple(_remove(tx, at, command.bucket, key, versioning, wanted, room) for key, wanted in asked)
    return Applied(at.index, VersionsRemoved(removed))


_PLAINLY: Final = Wanted()


def _remove(
    tx: Transaction,
    at: Moment,
    bucket: BucketId,
    key: ObjectKey,
    versioning: Versioning,
    wanted: Wanted,
    room: bodies.Room,
) -> VersionRemoved:
    refusal = _refusal_of_removal(tx, bucket, key, wanted)
    if refusal is not None:
        return refusal
    if wanted.version is None:
        return versions.remove_visible(tx, at, bucket, key, versioning, room)
    return versions.remove_version(tx, at, bucket, key, wanted.version, room)


def _refusal_of_removal(tx: Transaction, bucket: BucketId, key: ObjectKey, wanted: Wanted) -> VersionRemoved | None:
    """What a condition says about a removal. None: go on.

    S3 API, DeleteObject, If-Match: "if the object doesn't exist" the answer is a success as well; nothing is made
    then, no marker either. A marker is no object, and no entity tag is its own: only `*` matches it.
    """
    asked = wanted.precondition
    if asked == _ALWAYS:
        return None
    found = stack.newest(tx, bucket, key) if wanted.version is None else stack.find(tx, bucket, key, wanted.version)
    if found is None:
        return VersionRemoved(key, existed=False, version=wanted.version)
    failed = _failed(found, asked)
    if not failed:
        return None
    return VersionRemoved(key, existed=True, version=wanted.version, reason=Reason.PRECONDITION_FAILED, detail=failed)


_ALWAYS: Final = Precondition()


def _failed(found: Version, asked: Precondition) -> str:
    """Name the condition that does not hold of a version or marker; empty: all hold."""
    if asked.if_match and not _lists(asked.if_match, None if found.is_marker else found.etag):
        return "If-Match"
    if asked.if_none_match and _lists(asked.if_none_match, None if found.is_marker else found.etag):
        return "If-None-Match"
    if asked.if_size not in (None, found.size):
        return "x-amz-if-match-size"
    at = asked.if_modified_at
    if at is not None and at != (found.modified_at // 1000 * 1000 if at % 1000 == 0 else found.modified_at):
        return "x-amz-if-match-last-modified-time"
    return ""


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


def _lists(condition: str, etag: str | None) -> bool:
    """True when a condition's list of entity tags has `*` or `etag` (None: there is none), quoted or not."""
    tags = [tag.strip().strip('"') for tag in condition.split(",")]
    return "*" in tags or etag in tags
