"""Rules of copies and renames: a version from the body of another one.        Floor: registry (pure).

Law: the source is there, with the version that the proposer saw, when its blobs are named once more; so no blob of a
copy was ever without a name, and neither a layout nor an epoch of collection can be too old for it.
"""

import msgspec

from mys3d.errors import Reason, Rejected
from mys3d.model.names import VersionId
from mys3d.model.objects import Version
from mys3d.registry import stack, tables
from mys3d.registry.amendments import RenameObject
from mys3d.registry.commands import CopyObject
from mys3d.registry.moment import Moment
from mys3d.registry.outcomes import Outcome
from mys3d.registry.rules import bodies, objects
from mys3d.registry.rules.versions import make_visible, remove_visible
from mys3d.registry.transaction import Transaction


def copy(tx: Transaction, at: Moment, command: CopyObject) -> Outcome:
    if not tables.has_bucket(tx, command.bucket):
        return Rejected(Reason.NO_SUCH_BUCKET)
    source = _source(tx, command)
    if source is None or source.body is None:
        return Rejected(Reason.SOURCE_CHANGED, f"version {command.source_version} is not there, or not visible")
    before = tables.live(tx, command.bucket, command.key)
    refusal = objects.refusal_of(before, command.precondition)
    if refusal is not None:
        return refusal
    bodies.share(tx, source.body)  # before the version in its place lets go of the same body
    version = msgspec.structs.replace(
        source,
        id=VersionId(at.index),
        is_null=True,
        modified_at=at.now,
        content=source.content if command.content is None else command.content,
        checksums=source.checksums if command.checksums is None else command.checksums,
        acl=command.acl,
    )
    return make_visible(tx, at, command.bucket, command.key, before, version)


def _source(tx: Transaction, command: CopyObject) -> Version | None:
    bucket, key = command.source_bucket, command.source_key
    if not command.is_current:
        return stack.made_at(tx, bucket, key, command.source_version)
    live = tables.live(tx, bucket, key)
    return live if live is not None and live.id == command.source_version else None


def rename(tx: Transaction, at: Moment, command: RenameObject) -> Outcome:
    versioning = tables.versioning(tx, command.bucket)
    if versioning is None:
        return Rejected(Reason.NO_SUCH_BUCKET)
    source = tables.live(tx, command.bucket, command.source_key)
    before = tables.live(tx, command.bucket, command.key)
    if source is None or source.id != command.source_version or command.key == command.source_key:
        return Rejected(Reason.SOURCE_CHANGED, f"version {command.source_version} is not visible")
    if (None if before is None else before.id) != command.replaced:
        return Rejected(Reason.SOURCE_CHANGED, f"version {command.replaced} is not the one to be replaced")
    assert source.body is not None, "a marker is never visible"
    bodies.share(tx, source.body)
    version = msgspec.structs.replace(source, id=VersionId(at.index), is_null=True)
    made = make_visible(tx, at, command.bucket, command.key, before, version)
    remove_visible(tx, at, command.bucket, command.source_key, versioning, bodies.Room(1))
    return made
