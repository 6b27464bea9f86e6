"""Objects: remove, one or many.        Floor: operations. Called by: dispatch.

Law: each key of DeleteObjects is decided on its own and answered on its own; what is not answered "Deleted" may still
be there. Conditions are decided inside apply, each for its own key.
Source: S3 API, DeleteObject, DeleteObjects.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Annotated, Final

import msgspec
from msgspec.structs import replace

from mys3d import limits
from mys3d.errors import OutcomeUnknown, Reason, Rejected, S3Error, Unavailable
from mys3d.model.buckets import Bucket
from mys3d.model.names import Instant
from mys3d.operations.answers import XML_TYPE, header
from mys3d.operations.batching import PLAINLY, Removal, batches, rows_of
from mys3d.operations.call import Call, bucket_for_write, propose_for
from mys3d.operations.objects import object_key
from mys3d.operations.storing import precondition_of
from mys3d.policy.decide import Decision, decide
from mys3d.registry import commands
from mys3d.registry.commands import Precondition, Wanted
from mys3d.registry.outcomes import VersionRemoved, VersionsRemoved
from mys3d.s3 import dates, errors, version_ids, xml
from mys3d.s3.message import Response
from mys3d.s3.schema import Element
from mys3d.s3.table import Header, Query, Uri, XmlBody, operation


class DeleteObject(msgspec.Struct, frozen=True):
    bucket: Annotated[str, Uri("Bucket")]
    key: Annotated[str, Uri("Key")]
    version_id: Annotated[str | None, Query("versionId")] = None
    if_match: Annotated[str | None, Header("If-Match")] = None
    if_match_last_modified_time: Annotated[str | None, Header("x-amz-if-match-last-modified-time")] = None
    if_match_size: Annotated[str | None, Header("x-amz-if-match-size")] = None


@operation("DELETE", "/{Bucket}/{Key+}", DeleteObject, action="s3:DeleteObject")
async def delete_object(call: Call, asked: DeleteObject) -> Response:
    key = object_key(asked.key)
    version = version_ids.parse(asked.version_id)
    precondition = Precondition(
        precondition_of(asked.if_match, None).if_match,
        if_modified_at=_instant("x-amz-if-match-last-modified-time", asked.if_match_last_modified_time),
        if_size=_size(asked.if_match_size),
    )
    bucket = await bucket_for_write(call if version is None else replace(call, action=_OF_VERSIONS), asked.bucket)
    applied = await propose_for(call, bucket, commands.DeleteObject(bucket.id, key, version, precondition))
    assert isinstance(applied.detail, VersionRemoved)
    return Response(204, _told(applied.detail))


_OF_VERSIONS: Final = "s3:DeleteObjectVersion"


def _told(removed: VersionRemoved) -> list[tuple[bytes, bytes]]:
    """What was removed or made. Where versions were never kept, there is nothing to tell."""
    told = []
    if removed.marker is not None or removed.was_marker:
        told.append(header("x-amz-delete-marker", "true"))
    if removed.marker is not None:
        told.append(header("x-amz-version-id", version_ids.text_of(removed.marker, removed.is_null)))
    elif removed.version is not None:
        told.append(header("x-amz-version-id", version_ids.text_of(removed.version)))
    return told


def _instant(name: str, text: str | None) -> Instant | None:
    """Raises S3Error InvalidArgument unless `text` is a date, as HTTP or as XML writes one."""
    if text is None:
        return None
    found = dates.parse_iso_date(text)
    found = dates.parse_http_date(text) if found is None else found
    if found is None:
        raise S3Error("InvalidArgument", f"{name} is not a date", ArgumentName=name, ArgumentValue=text)
    return Instant(max(0, found))  # nothing is older than the epoch, and nothing was made at it


def _size(text: str | None) -> int | None:
    """Raises S3Error InvalidArgument unless `text` is a number."""
    if text is None:
        return None
    if not (text.isascii() and text.isdigit() and len(text) <= _SIZE_DIGITS_MAX):
        raise S3Error("InvalidArgument", ArgumentName="x-amz-if-match-size", ArgumentValue=text)
    return int(text)


_SIZE_DIGITS_MAX: Final = 18  # below 2^63, and far above 5 TiB


@dataclass(frozen=True, slots=True)
class ObjectIdentifier:
    key: Annotated[str, Element("Key")]
    version_id: Annotated[str | None, Element("VersionId")] = None
    etag: Annotated[str | None, Element("ETag")] = None
    last_modified_time: Annotated[str | None, Element("LastModifiedTime")] = None
    size: Annotated[int | None, Element("Size")] = None


@dataclass(frozen=True, slots=True)
class Delete:
    objects: Annotated[tuple[ObjectIdentifier, ...], Element("Object")]
    quiet: Annotated[bool, Element("Quiet")] = False


class DeleteObjects(msgspec.Struct, frozen=True):
    bucket: Annotated[str, Uri("Bucket")]
    delete: Annotated[Delete, XmlBody("Delete", limits.xml_delete_bytes_max)]


@operation("POST", "/{Bucket}?delete", DeleteObjects, action="s3:DeleteObject")
async def delete_objects(call: Call, asked: DeleteObjects) -> Response:
    if len(asked.delete.objects) > limits.delete_keys_max:
        raise S3Error("MalformedXML")
    bucket = await bucket_for_write(call, asked.bucket)
    may_remove_versions = decide(call.caller, _OF_VERSIONS, bucket) is Decision.ALLOW
    refused: list[str] = []
    wanted: list[Removal] = []
    for each in asked.delete.objects:
        try:
            removal = _removal(each)
            if removal.named is not None and not may_remove_versions:
                raise S3Error("AccessDenied")
            wanted.append(removal)
        except S3Error as error:
            refused.append(_error_row(each.key, each.version_id, error))
    rows_counts = await call.services.ports.registry.scan(partial(rows_of, bucket=bucket, removals=wanted))
    removed: list[str] = []
    for batch in batches(wanted, rows_counts, bucket.versioning):
        for removal, found in zip(batch, await _remove(call, bucket, batch), strict=True):
            if isinstance(found, VersionRemoved) and found.reason is None:
                removed.append(_removed_row(found))
            else:
                refused.append(_error_row(removal.key, removal.named, _error_of(found)))
    rows = [] if asked.delete.quiet else removed
    return Response(200, [XML_TYPE], xml.write_list("DeleteResult", {}, rows + refused))


def _removal(asked: ObjectIdentifier) -> Removal:
    """Raises S3Error for an entry that cannot be meant. An empty version id names none, as an absent one."""
    if not asked.key:
        raise S3Error("InvalidArgument", "A key has at least one character.")
    etag = asked.etag
    if etag is not None and not 1 <= len(etag.strip()) <= limits.entity_tag_bytes_max:
        raise S3Error("InvalidArgument", "This is no entity tag.", ArgumentName="ETag")
    precondition = Precondition(
        (etag or "").strip(),
        if_modified_at=_instant("LastModifiedTime", asked.last_modified_time),
        if_size=None if asked.size is None else min(asked.size, 10**_SIZE_DIGITS_MAX),
    )
    named = asked.version_id or None
    return Removal(object_key(asked.key), Wanted(version_ids.parse(named), precondition))


async def _remove(call: Call, bucket: Bucket, batch: Sequence[Removal]) -> Sequence[VersionRemoved | S3Error]:
    """Remove some keys by one command; return for each what came of it. The other batches of the request go on."""
    command = commands.DeleteObjects(bucket.id, tuple(each.key for each in batch), _wanted(batch))
    try:
        applied = await propose_for(call, bucket, command)
    except Unavailable:
        return [S3Error("SlowDown")] * len(batch)
    except OutcomeUnknown:
        return [S3Error("ServiceUnavailable", "It is not known whether the key was removed.")] * len(batch)
    except Rejected as refusal:
        if refusal.reason is not Reason.TOO_LARGE:  # versions are kept since a moment ago: fewer keys fit a command
            raise
        return [S3Error("SlowDown")] * len(batch)
    assert isinstance(applied.detail, VersionsRemoved)
    return applied.detail.removed


def _wanted(batch: Sequence[Removal]) -> tuple[Wanted, ...]:
    """Nothing at all, where nothing is wanted of any key but that it goes."""
    wanted = tuple(each.wanted for each in batch)
    return wanted if any(each != PLAINLY for each in wanted) else ()


def _removed_row(removed: VersionRemoved) -> str:
    told = [("Key", str(removed.key))]
    if removed.version is not None:
        told.append(("VersionId", version_ids.text_of(removed.version)))
    if removed.marker is not None:
        told += [("DeleteMarker", "true"), ("DeleteMarkerVersionId", _marker_id(removed))]
    elif removed.was_marker and removed.version is not None:
        told += [("DeleteMarker", "true"), ("DeleteMarkerVersionId", version_ids.text_of(removed.version))]
    return xml.row("Deleted", told)


def _marker_id(removed: VersionRemoved) -> str:
    assert removed.marker is not None
    return version_ids.text_of(removed.marker, removed.is_null)


def _error_of(found: VersionRemoved | S3Error) -> S3Error:
    if isinstance(found, S3Error):
        return found
    assert found.reason is not None
    return S3Error(errors.code_of(found.reason))


def _error_row(key: str, version_id: str | None, error: S3Error) -> str:
    message = error.message or errors.CATALOGUE[error.code].message
    named = [("VersionId", version_id)] if version_id else []
    return xml.row("Error", [("Key", key), *named, ("Code", error.code), ("Message", message)])
