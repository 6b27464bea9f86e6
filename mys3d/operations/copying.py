"""Objects: copy.        Floor: operations. Called by: dispatch.

Law: a copy moves no bytes; the conditions on its source are asked of the very version that is copied.
Source: S3 API, CopyObject.
"""

from typing import Annotated, Final

from msgspec.structs import replace

from mys3d.engine import copy
from mys3d.engine.copy import Description, Place
from mys3d.engine.rehash import hash_body
from mys3d.errors import Reason, Rejected, S3Error
from mys3d.model.buckets import Bucket
from mys3d.model.names import ObjectKey, VersionId
from mys3d.model.objects import Checksum, Content, Version
from mys3d.operations.answers import XML_TYPE, quoted
from mys3d.operations.call import Call, bucket_for_write, bucket_of_source, writing_to
from mys3d.operations.describing import REDIRECT, Described, content_of
from mys3d.operations.granting import object_acl
from mys3d.operations.meant import check_allowed, check_source_size, source_headers, source_meant, unseen
from mys3d.operations.objects import object_key
from mys3d.operations.storing import made_headers, precondition_of
from mys3d.registry.outcomes import VersionPut
from mys3d.s3 import checksums, conditions, copy_source, dates, version_ids, xml
from mys3d.s3.checksums import Algorithm
from mys3d.s3.conditions import ReadConditions
from mys3d.s3.copy_source import CopySource
from mys3d.s3.message import Response
from mys3d.s3.table import Header, operation


class CopyObject(Described, frozen=True, kw_only=True):
    copy_source: Annotated[str, Header("x-amz-copy-source")]
    source_if_match: Annotated[str | None, Header("x-amz-copy-source-if-match")] = None
    source_if_none_match: Annotated[str | None, Header("x-amz-copy-source-if-none-match")] = None
    source_if_modified_since: Annotated[str | None, Header("x-amz-copy-source-if-modified-since")] = None
    source_if_unmodified_since: Annotated[str | None, Header("x-amz-copy-source-if-unmodified-since")] = None
    metadata_directive: Annotated[str, Header("x-amz-metadata-directive")] = "COPY"
    tagging_directive: Annotated[str, Header("x-amz-tagging-directive")] = "COPY"
    checksum_algorithm: Annotated[str | None, Header("x-amz-checksum-algorithm")] = None
    if_match: Annotated[str | None, Header("If-Match")] = None
    if_none_match: Annotated[str | None, Header("If-None-Match")] = None


@operation("PUT", "/{Bucket}/{Key+}", CopyObject, action="s3:PutObject")
async def copy_object(call: Call, asked: CopyObject) -> Response:
    key = object_key(asked.key)
    named = copy_source.parse(asked.copy_source)
    version_id = version_ids.parse(named.version_id)
    wish = _Wish(asked, named)
    precondition = precondition_of(asked.if_match, asked.if_none_match)
    bucket = await bucket_for_write(call, asked.bucket)
    acl = await object_acl(call, bucket, asked)
    source = await bucket_of_source(call, named.bucket)
    places = Place(source.id, object_key(named.key)), Place(bucket.id, key)
    told: tuple[Checksum, ...] = ()

    async def describe(version: Version) -> Description:
        nonlocal told
        wish.check_allowed(call.of_source(), source, version)
        wish.check(version)
        told = await _checksums(call, wish.algorithm, version)
        return Description(wish.content(version), told, acl)

    try:
        with writing_to(call, bucket):
            version, applied = await copy.copy_object(
                call.services.ports, *places, describe, precondition, version=version_id
            )
    except Rejected as refusal:
        if refusal.reason is Reason.SOURCE_CHANGED:
            raise _no_source(call, source, places[0].key, version_id) from refusal
        raise
    assert isinstance(applied.detail, VersionPut)
    headers = [XML_TYPE, *made_headers(applied), *source_headers(source, version)]
    return Response(200, headers, _result(version, applied.detail, told))


def _no_source(call: Call, bucket: Bucket, key: ObjectKey, version_id: VersionId | None) -> S3Error:
    """Why a source cannot be copied."""
    try:
        source_meant(call.services.ports.registry.view(), bucket, key, version_id)
    except S3Error as error:
        return unseen(call, bucket, error)
    return unseen(call, bucket, S3Error("NoSuchKey", Key=key))  # it was away a moment ago


class _Wish:
    """What a client wants of a copy, checked as far as it can be without the source."""

    def __init__(self, asked: CopyObject, named: CopySource) -> None:
        """Raises S3Error."""
        self._asked: Final = asked
        self._replaces_content: Final = _replaces("x-amz-metadata-directive", asked.metadata_directive)
        self._replaces_tags: Final = _replaces("x-amz-tagging-directive", asked.tagging_directive)
        self._given: Final = content_of(asked)
        name = asked.checksum_algorithm
        self.algorithm: Final = None if name is None else checksums.algorithm_of(name)
        is_changed = self._replaces_content or asked.storage_class or asked.website_redirect_location or name
        if (named.bucket, named.key) == (asked.bucket, asked.key) and not named.version_id and not is_changed:
            raise S3Error("InvalidRequest", _TO_ITSELF)

    def check_allowed(self, call: Call, source: Bucket, version: Version) -> None:
        """Raise S3Error AccessDenied unless the caller may read this version, and its tags where they are copied.

        Source: S3 API, CopyObject, "Permissions".
        """
        check_allowed(call, source, version)
        if version.content.tags and not self._replaces_tags:
            check_allowed(replace(call, action="s3:GetObjectTagging"), source, version)

    def check(self, version: Version) -> None:
        """Raise S3Error PreconditionFailed, InvalidRequest when this version is not to be copied."""
        check_source_size(version.size)
        asked = self._asked
        wanted = ReadConditions(
            asked.source_if_match,
            asked.source_if_none_match,
            asked.source_if_modified_since,
            asked.source_if_unmodified_since,
        )
        conditions.demand(wanted, version.etag, version.modified_at, "x-amz-copy-source-")

    def content(self, version: Version) -> Content:
        """What the copy says of itself. Storage class and redirection are never copied."""
        source = version.content
        tagged = self._given.tags if self._replaces_tags else source.tags
        if self._replaces_content:
            return replace(self._given, tags=tagged)
        headers = [pair for pair in source.headers if pair[0] != REDIRECT]
        headers += [pair for pair in self._given.headers if pair[0] == REDIRECT]
        return replace(source, headers=tuple(headers), storage_class=self._given.storage_class, tags=tagged)


_TO_ITSELF: Final = (
    "This copy request is illegal because it is trying to copy an object to itself without changing the object's "
    "metadata, storage class, website redirect location or encryption attributes."
)


def _replaces(header: str, directive: str) -> bool:
    """Raises S3Error InvalidArgument."""
    if directive not in ("COPY", "REPLACE"):
        raise S3Error(
            "InvalidArgument", "Unknown directive: COPY or REPLACE", ArgumentName=header, ArgumentValue=directive
        )
    return directive == "REPLACE"


async def _checksums(call: Call, algorithm: Algorithm | None, version: Version) -> tuple[Checksum, ...]:
    """The checksums of the copy: those of its source, unless the client wants another one of the whole object."""
    if algorithm is None:
        return version.checksums
    known = [found for found in version.checksums if found.algorithm == algorithm.name and not found.is_composite]
    if known:
        return tuple(known)
    assert version.body is not None, "a delete marker is never copied"
    value = await hash_body(call.services.ports, version.body, version.size, algorithm.hash)
    return (Checksum(algorithm.name, value),)


def _result(source: Version, made: VersionPut, told: tuple[Checksum, ...]) -> bytes:
    """The document of a copy that was made."""
    tree: dict[str, xml.Node] = {"LastModified": dates.iso_date(made.modified_at), "ETag": quoted(source.etag)}
    for checksum in told:
        tree |= checksums.elements_of(checksum)
    return xml.write("CopyObjectResult", tree)
