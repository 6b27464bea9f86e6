"""Which version a request means.        Floor: operations. Called by: every operation that looks at an object.

Law: what a client names is that version or nothing; a marker is never taken for an object, and says that it is one. Who
may not list a bucket does not learn what is not in it.
Source: S3 API, GetObject, "x-amz-delete-marker"; S3 User Guide, "Working with delete markers".
"""

from typing import Final

from mys3d import limits
from mys3d.errors import S3Error
from mys3d.model.buckets import Bucket, Versioning
from mys3d.model.names import ObjectKey, VersionId
from mys3d.model.objects import Version
from mys3d.operations.call import Call, bucket_known
from mys3d.policy.decide import Decision, decide
from mys3d.registry import queries
from mys3d.registry.transaction import Reader
from mys3d.s3 import dates, version_ids


def object_now(call: Call, name: str, key: ObjectKey, named: VersionId | None) -> tuple[Bucket, Version]:
    """Return an object as applied here now, and its bucket, once the caller may do with it what it asks for.

    Raises S3Error: NoSuchBucket, AccessDenied, and those of `version_meant`.
    """
    bucket = bucket_known(call, name)
    try:
        version = version_meant(call.services.ports.registry.view(), bucket, key, named)
    except S3Error as error:
        raise unseen(call, bucket, error) from error
    check_allowed(call, bucket, version)
    return bucket, version


async def object_for_write(call: Call, name: str, key: ObjectKey, named: VersionId | None) -> tuple[Bucket, Version]:
    """As `object_now`, behind a barrier: it may just have been made, or granted. Raises S3Error, Unavailable."""
    await call.services.ports.registry.barrier()
    return object_now(call, name, key, named)


def check_allowed(call: Call, bucket: Bucket, version: Version) -> None:
    """Raise S3Error AccessDenied unless the caller may do with this object what it asks for."""
    if decide(call.caller, call.action, bucket, version.acl) is not Decision.ALLOW:
        raise S3Error("AccessDenied")


def unseen(call: Call, bucket: Bucket, error: S3Error) -> S3Error:
    """What the caller is told of an object that was not found. Source: S3 API, GetObject, "Permissions"."""
    return error if decide(call.caller, "s3:ListBucket", bucket) is Decision.ALLOW else S3Error("AccessDenied")


def version_meant(reader: Reader, bucket: Bucket, key: ObjectKey, named: VersionId | None) -> Version:
    """The version with that name, or the visible one (None), never a marker.

    Raises S3Error: NoSuchKey; NoSuchVersion; MethodNotAllowed (a marker was named).
    """
    if named is None:
        found = queries.live(reader, bucket.id, key)
        if found is None:
            raise _no_such_key(reader, bucket, key)
        return found
    found = queries.version(reader, bucket.id, key, named)
    if found is None:
        raise S3Error("NoSuchVersion", Key=key, VersionId=version_ids.text_of(named))
    if found.is_marker:
        told = (*_marker_headers(found), ("last-modified", dates.http_date(found.modified_at)), ("allow", "DELETE"))
        raise S3Error("MethodNotAllowed", ResourceType="DeleteMarker").telling(*told)
    return found


def source_meant(reader: Reader, bucket: Bucket, key: ObjectKey, named: VersionId | None) -> Version:
    """The version that a copy is made from. Raises S3Error: NoSuchKey, NoSuchVersion, InvalidRequest (a marker)."""
    try:
        return version_meant(reader, bucket, key, named)
    except S3Error as error:
        if error.code != "MethodNotAllowed":
            raise
        raise S3Error("InvalidRequest", _MARKER) from error


def check_source_size(size: int) -> None:
    """Raises S3Error InvalidRequest when so many bytes are not copied at once."""
    if size > limits.put_bytes_max:
        raise S3Error("InvalidRequest", f"{_TOO_LARGE} {limits.put_bytes_max}")


def source_headers(bucket: Bucket, source: Version) -> list[tuple[bytes, bytes]]:
    """The name of the version that was copied, where versions have names."""
    return [(b"x-amz-copy-source-version-id", text) for _, text in version_headers(bucket, source)]


_TOO_LARGE: Final = "The specified copy source is larger than the maximum allowable size for a copy source:"
_MARKER: Final = "The source of a copy request may not specifically refer to a delete marker by version id."


def version_headers(bucket: Bucket, version: Version) -> list[tuple[bytes, bytes]]:
    """The name of a version, where versions have names."""
    if version.is_null and bucket.versioning is Versioning.NEVER:
        return []
    return [(b"x-amz-version-id", version_ids.of(version).encode())]


def _no_such_key(reader: Reader, bucket: Bucket, key: ObjectKey) -> S3Error:
    """Says whether a marker hides the key: some clients want to hear that none does."""
    newest = None if bucket.versioning is Versioning.NEVER else queries.newest(reader, bucket.id, key)
    told = (("x-amz-delete-marker", "false"),) if newest is None else _marker_headers(newest)
    return S3Error("NoSuchKey", Key=key).telling(*told)


def _marker_headers(marker: Version) -> tuple[tuple[str, str], ...]:
    return ("x-amz-delete-marker", "true"), ("x-amz-version-id", version_ids.of(marker))
