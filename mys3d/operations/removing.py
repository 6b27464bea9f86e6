"""Objects: remove, one or many.        Floor: operations. Called by: dispatch.

Law: each key of DeleteObjects is decided on its own and answered on its own; what is not answered "Deleted" may still
be there.
Source: S3 API, DeleteObject, DeleteObjects.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Annotated

from mys3d import limits
from mys3d.errors import OutcomeUnknown, S3Error, Unavailable
from mys3d.model.body import InlineBlobs
from mys3d.model.buckets import Bucket
from mys3d.model.names import BucketId, ObjectKey
from mys3d.model.objects import Version
from mys3d.operations.answers import XML_TYPE
from mys3d.operations.call import Call, bucket_for_write, writing_to
from mys3d.operations.objects import check_version_id, object_key
from mys3d.operations.storing import precondition_of
from mys3d.registry import commands, queries
from mys3d.registry.transaction import Reader
from mys3d.s3 import errors, xml
from mys3d.s3.message import Response
from mys3d.s3.schema import Element
from mys3d.s3.table import Header, Query, Uri, XmlBody, operation


@dataclass(frozen=True, slots=True)
class DeleteObject:
    bucket: Annotated[str, Uri("Bucket")]
    key: Annotated[str, Uri("Key")]
    version_id: Annotated[str | None, Query("versionId")] = None
    if_match: Annotated[str | None, Header("If-Match")] = None


@operation("DELETE", "/{Bucket}/{Key+}", DeleteObject, action="s3:DeleteObject")
async def delete_object(call: Call, asked: DeleteObject) -> Response:
    key = object_key(asked.key)
    check_version_id(asked.version_id)
    bucket = await bucket_for_write(call, asked.bucket)
    precondition = precondition_of(asked.if_match, None)
    with writing_to(call, bucket):
        await call.services.ports.registry.propose(commands.DeleteObject(bucket.id, key, None, precondition))
    return Response(204)


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


@dataclass(frozen=True, slots=True)
class DeleteObjects:
    bucket: Annotated[str, Uri("Bucket")]
    delete: Annotated[Delete, XmlBody("Delete", limits.xml_delete_bytes_max)]


@operation("POST", "/{Bucket}?delete", DeleteObjects, action="s3:DeleteObject")
async def delete_objects(call: Call, asked: DeleteObjects) -> Response:
    if len(asked.delete.objects) > limits.delete_keys_max:
        raise S3Error("MalformedXML")
    bucket = await bucket_for_write(call, asked.bucket)
    refused: list[str] = []
    keys: list[ObjectKey] = []
    for wanted in asked.delete.objects:
        try:
            keys.append(_plain_key(wanted))
        except S3Error as error:
            refused.append(_error_row(wanted.key, error))
    rows_counts = await call.services.ports.registry.scan(partial(_rows_of, bucket=bucket.id, keys=keys))
    removed: list[ObjectKey] = []
    for batch in batches(keys, rows_counts):
        failure = await _remove(call, bucket, batch)
        if failure is None:
            removed += batch
        else:
            refused += [_error_row(key, failure) for key in batch]
    rows = [] if asked.delete.quiet else [xml.row("Deleted", (("Key", key),)) for key in removed]
    return Response(200, [XML_TYPE], xml.write_list("DeleteResult", {}, rows + refused))


def _plain_key(wanted: ObjectIdentifier) -> ObjectKey:
    """Raises S3Error for an entry that this release cannot obey."""
    if not wanted.key:
        raise S3Error("InvalidArgument", "A key has at least one character.")
    check_version_id(wanted.version_id)
    if wanted.etag is not None or wanted.last_modified_time is not None or wanted.size is not None:
        raise S3Error("NotImplemented", "Conditions of single keys are not implemented.")
    return object_key(wanted.key)


async def _remove(call: Call, bucket: Bucket, keys: Sequence[ObjectKey]) -> S3Error | None:
    """Remove some keys by one command; return why not. The other batches of the request go on."""
    try:
        with writing_to(call, bucket):
            await call.services.ports.registry.propose(commands.DeleteObjects(bucket.id, tuple(keys)))
    except Unavailable:
        return S3Error("SlowDown")
    except OutcomeUnknown:
        return S3Error("ServiceUnavailable", "It is not known whether the key was removed.")
    return None


def _rows_of(reader: Reader, bucket: BucketId, keys: Sequence[ObjectKey]) -> list[int]:
    """How many rows the removal of each key will touch: its own, and one for each blob."""
    return [1 + _blobs_count(queries.live(reader, bucket, key)) for key in keys]


def _blobs_count(version: Version | None) -> int:
    return len(version.body.blobs) if version is not None and isinstance(version.body, InlineBlobs) else 0


def batches(keys: Sequence[ObjectKey], rows_counts: Sequence[int]) -> Iterator[Sequence[ObjectKey]]:
    """Cut keys so that each command stays within its bytes, its keys and its rows."""
    start = size = rows = 0
    for at, key in enumerate(keys):
        length = len(key.encode())
        is_full = size + length > limits.delete_command_bytes_max
        is_full = is_full or at - start >= limits.delete_command_keys_max
        if at > start and (is_full or rows + rows_counts[at] > limits.delete_command_rows_max):
            yield keys[start:at]
            start, size, rows = at, 0, 0
        size += length
        rows += rows_counts[at]
    if start < len(keys):
        yield keys[start:]


def _error_row(key: str, error: S3Error) -> str:
    message = error.message or errors.CATALOGUE[error.code].message
    return xml.row("Error", (("Key", key), ("Code", error.code), ("Message", message)))
