"""A copy or a rename without bytes: one command names the body once more.        Floor: engine. Called by: operations.

Law: the conditions a client sets on the source are asked of the very version that is copied: the command names it, and
when it is gone meanwhile, or another one is visible where none was named, everything is asked again.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Final

from mys3d import limits
from mys3d.errors import Reason, Rejected, Unavailable
from mys3d.model.acl import Acl
from mys3d.model.names import BucketId, ObjectKey, VersionId
from mys3d.model.objects import Checksum, Content, Version
from mys3d.ports import Ports
from mys3d.registry import queries
from mys3d.registry.amendments import RenameObject
from mys3d.registry.commands import CopyObject, Precondition
from mys3d.registry.outcomes import Applied
from mys3d.registry.transaction import Reader

_ALWAYS: Final = Precondition()


@dataclass(frozen=True, slots=True)
class Place:
    """A key in a bucket."""

    bucket: BucketId
    key: ObjectKey


@dataclass(frozen=True, slots=True)
class Description:
    """What a copy says of itself. None: what its source says."""

    content: Content | None = None
    checksums: tuple[Checksum, ...] | None = None
    acl: Acl | None = None  # None: that of its bucket's owner alone, whatever its source says


async def copy_object(
    ports: Ports,
    source: Place,
    target: Place,
    describe: Callable[[Version], Awaitable[Description]],
    precondition: Precondition = _ALWAYS,
    *,
    version: VersionId | None = None,
) -> tuple[Version, Applied]:
    """Return the version that was copied, and the outcome.

    `version`: as the client names it, or NULL_VERSION; None: the visible one. `describe` raises when the client does
    not want what was found. Raises Rejected (SOURCE_CHANGED: there is no source, or it is a marker), Unavailable,
    OutcomeUnknown, and what `describe` raises.
    """
    for _ in range(limits.commit_retries_max + 1):
        await ports.registry.barrier()
        found = _source(ports.registry.view(), source, version)
        if found is None or found.is_marker:
            raise Rejected(Reason.SOURCE_CHANGED, "there is no source")
        told = await describe(found)
        command = CopyObject(
            target.bucket,
            target.key,
            source.bucket,
            source.key,
            found.id,
            told.content,
            precondition,
            checksums=told.checksums,
            is_current=version is None,
            acl=told.acl,
        )
        try:
            return found, await ports.registry.propose(command)
        except Rejected as refusal:
            if refusal.reason is not Reason.SOURCE_CHANGED:
                raise
    raise Unavailable(f"the source of a copy changed {limits.commit_retries_max + 1} times")


async def rename_object(
    ports: Ports,
    source: Place,
    target: Place,
    accept: Callable[[Version, Version | None], None],
) -> Applied:
    """Give an object another key in its bucket.

    `accept` raises when the client does not want this version renamed, or that one (None: none) replaced: both are
    still visible when it happens. Raises Rejected (SOURCE_CHANGED: there is no source), Unavailable, OutcomeUnknown,
    and what `accept` raises.
    """
    assert source.bucket == target.bucket, "an object is renamed within its bucket"
    for _ in range(limits.commit_retries_max + 1):
        await ports.registry.barrier()
        view = ports.registry.view()
        found = queries.live(view, source.bucket, source.key)
        replaced = queries.live(view, target.bucket, target.key)
        if found is None:
            raise Rejected(Reason.SOURCE_CHANGED, "there is no source")
        accept(found, replaced)
        command = RenameObject(
            target.bucket, target.key, source.key, found.id, None if replaced is None else replaced.id
        )
        try:
            return await ports.registry.propose(command)
        except Rejected as refusal:
            if refusal.reason is not Reason.SOURCE_CHANGED:
                raise
    raise Unavailable(f"the keys of a rename changed {limits.commit_retries_max + 1} times")


def _source(reader: Reader, place: Place, version: VersionId | None) -> Version | None:
    if version is None:
        return queries.live(reader, place.bucket, place.key)
    return queries.version(reader, place.bucket, place.key, version)
