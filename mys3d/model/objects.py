"""Versions of objects.        Floor: model (pure). Called by: registry, engine, s3, operations.

Law: nothing but the tags and the grants of a version changes after its commit; versions of a key order by
log index, never by time.
"""

import msgspec

from mys3d.model.acl import Acl
from mys3d.model.body import Body
from mys3d.model.names import Instant, VersionId


class Checksum(msgspec.Struct, frozen=True, array_like=True):
    """One checksum as S3 names it (`CRC32`, `CRC64NVME`, ...): raw bytes and how it was formed."""

    algorithm: str
    value: bytes
    is_composite: bool = False  # True: of the parts' checksums in order, and not of the bytes
    parts_count: int = 0  # of a composite one


class Content(msgspec.Struct, frozen=True, array_like=True):
    """What a client says of an object's bytes and wants to hear again with them."""

    content_type: str
    headers: tuple[tuple[str, str], ...] = ()  # cache-control, content-disposition, ... by lower-case name, sorted
    metadata: tuple[tuple[str, str], ...] = ()  # x-amz-meta-* without the prefix, lower-case, sorted
    storage_class: str = "STANDARD"
    tags: tuple[tuple[str, str], ...] = ()  # by key; they may be replaced without a new version


class Version(msgspec.Struct, frozen=True, array_like=True):
    """One version of an object, or a delete marker (`body` None). The row of the registry."""

    format: int
    id: VersionId
    is_null: bool  # True: the version that has the id "null" (bucket unversioned or suspended)
    modified_at: Instant
    size: int  # bytes
    etag: str  # without quotes: "md5" or "md5-N"
    body: Body | None  # None: a delete marker
    content: Content
    checksums: tuple[Checksum, ...] = ()
    acl: Acl | None = None  # None: it is its bucket owner's alone

    @property
    def is_marker(self) -> bool:
        return self.body is None


def marker(format_number: int, version: VersionId, is_null: bool, modified_at: Instant) -> Version:
    """A delete marker: a version without bytes."""
    return Version(format_number, version, is_null, modified_at, size=0, etag="", body=None, content=Content(""))
