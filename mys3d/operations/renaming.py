"""Objects: rename.        Floor: operations. Called by: dispatch.

Law: there is no moment in which an object has both keys or none, and no byte moves.
Source: S3 API, RenameObject. S3 has it in directory buckets alone, mys3d in every bucket.
"""

from functools import partial
from typing import Annotated

import msgspec

from mys3d.engine import copy
from mys3d.engine.copy import Place
from mys3d.errors import Reason, Rejected, S3Error
from mys3d.model.objects import Version
from mys3d.operations.call import Call, bucket_for_write, writing_to
from mys3d.operations.objects import object_key
from mys3d.s3 import conditions, uri
from mys3d.s3.conditions import ReadConditions
from mys3d.s3.message import Response
from mys3d.s3.table import Header, Uri, operation

_HEADER = "x-amz-rename-source"


class RenameObject(msgspec.Struct, frozen=True):
    bucket: Annotated[str, Uri("Bucket")]
    key: Annotated[str, Uri("Key")]
    rename_source: Annotated[str, Header(_HEADER)]
    if_match: Annotated[str | None, Header("If-Match")] = None
    if_none_match: Annotated[str | None, Header("If-None-Match")] = None
    if_modified_since: Annotated[str | None, Header("If-Modified-Since")] = None
    if_unmodified_since: Annotated[str | None, Header("If-Unmodified-Since")] = None
    source_if_match: Annotated[str | None, Header("x-amz-rename-source-if-match")] = None
    source_if_none_match: Annotated[str | None, Header("x-amz-rename-source-if-none-match")] = None
    source_if_modified_since: Annotated[str | None, Header("x-amz-rename-source-if-modified-since")] = None
    source_if_unmodified_since: Annotated[str | None, Header("x-amz-rename-source-if-unmodified-since")] = None


@operation("PUT", "/{Bucket}/{Key+}?renameObject", RenameObject, action="s3:PutObject")
async def rename_object(call: Call, asked: RenameObject) -> Response:
    key = object_key(asked.key)
    source_key = object_key(_source_key(asked))
    if key == source_key:
        raise S3Error("InvalidRequest", "An object is not renamed to the key it has.")
    bucket = await bucket_for_write(call, asked.bucket)
    places = Place(bucket.id, source_key), Place(bucket.id, key)
    try:
        with writing_to(call, bucket):
            await copy.rename_object(call.services.ports, *places, partial(_check, asked))
    except Rejected as refusal:
        if refusal.reason is Reason.SOURCE_CHANGED:
            raise S3Error("NoSuchKey", Key=source_key) from refusal
        raise
    return Response(200)


def _source_key(asked: RenameObject) -> str:
    """The key in x-amz-rename-source, which may have the bucket before it. Raises S3Error InvalidArgument."""
    try:
        path = uri.decode_text(asked.rename_source.encode())
    except S3Error as error:
        raise _refused(asked, "The source is not percent-encoded UTF-8.") from error
    bucket, slash, key = path.removeprefix("/").partition("/")
    if slash and bucket == asked.bucket:
        path = key
    elif path.startswith("/"):
        raise _refused(asked, "An object is renamed within its bucket.")
    if not path:
        raise _refused(asked, "The source names no key.")
    return path


def _refused(asked: RenameObject, why: str) -> S3Error:
    return S3Error("InvalidArgument", why, ArgumentName=_HEADER, ArgumentValue=asked.rename_source)


def _check(asked: RenameObject, source: Version, replaced: Version | None) -> None:
    """Raise S3Error PreconditionFailed with the condition that does not hold."""
    of_source = ReadConditions(
        asked.source_if_match,
        asked.source_if_none_match,
        asked.source_if_modified_since,
        asked.source_if_unmodified_since,
    )
    conditions.demand(of_source, source.etag, source.modified_at, f"{_HEADER}-")
    if replaced is not None:
        of_target = ReadConditions(
            asked.if_match, asked.if_none_match, asked.if_modified_since, asked.if_unmodified_since
        )
        conditions.demand(of_target, replaced.etag, replaced.modified_at, "")
    elif asked.if_match is not None:  # RFC 9110, 13.1.1: false when there is nothing that could match
        raise S3Error("PreconditionFailed", Condition="If-Match")
