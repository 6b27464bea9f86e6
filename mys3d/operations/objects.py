"""Objects: look at, read.        Floor: operations. Called by: dispatch.

Law: who reads after an acknowledged write sees it, through any node: every read waits for a barrier first. What can
fail is tried before the first header is sent.
Source: S3 API, GetObject, HeadObject.
"""

from collections.abc import AsyncIterator
from typing import Annotated, Final

import msgspec

from mys3d import limits
from mys3d.engine.get import read_body, read_small
from mys3d.errors import S3Error
from mys3d.model.body import Body
from mys3d.model.names import ObjectKey, parse_object_key
from mys3d.model.objects import Version
from mys3d.operations.answers import header, metadata_header, quoted
from mys3d.operations.call import Call
from mys3d.operations.meant import object_now, version_headers
from mys3d.operations.stretches import Stretch, stretch_of
from mys3d.policy.decide import ANONYMOUS
from mys3d.s3 import checksums, conditions, dates, version_ids
from mys3d.s3.conditions import ReadConditions, Verdict
from mys3d.s3.message import Response
from mys3d.s3.table import Header, Query, Uri, operation

Headers = list[tuple[bytes, bytes]]


class Read(msgspec.Struct, frozen=True):
    """What GetObject and HeadObject ask alike."""

    bucket: Annotated[str, Uri("Bucket")]
    key: Annotated[str, Uri("Key")]
    version_id: Annotated[str | None, Query("versionId")] = None
    part_number: Annotated[int | None, Query("partNumber")] = None
    range: Annotated[str | None, Header("Range")] = None
    if_range: Annotated[str | None, Header("If-Range")] = None
    if_match: Annotated[str | None, Header("If-Match")] = None
    if_none_match: Annotated[str | None, Header("If-None-Match")] = None
    if_modified_since: Annotated[str | None, Header("If-Modified-Since")] = None
    if_unmodified_since: Annotated[str | None, Header("If-Unmodified-Since")] = None
    checksum_mode: Annotated[str | None, Header("x-amz-checksum-mode")] = None
    response_cache_control: Annotated[str | None, Query("response-cache-control")] = None
    response_content_disposition: Annotated[str | None, Query("response-content-disposition")] = None
    response_content_encoding: Annotated[str | None, Query("response-content-encoding")] = None
    response_content_language: Annotated[str | None, Query("response-content-language")] = None
    response_content_type: Annotated[str | None, Query("response-content-type")] = None
    response_expires: Annotated[str | None, Query("response-expires")] = None


class GetObject(Read, frozen=True):
    pass


class HeadObject(Read, frozen=True):
    pass


@operation("GET", "/{Bucket}/{Key+}", GetObject, action="s3:GetObject")
async def get_object(call: Call, asked: GetObject) -> Response:
    version, named = await _meant(call, asked)
    refused = _judged(asked, version, named)
    if refused is not None:
        return refused
    sent = _stretch(call, asked, version)
    assert version.body is not None, "no marker is ever meant"
    data = await _read(call, version.body, sent.start, sent.stop)
    headers = _headers(asked, version, sent) + named
    return Response(206 if sent.content_range else 200, headers, data, sent.stop - sent.start)


@operation("HEAD", "/{Bucket}/{Key+}", HeadObject, action="s3:GetObject")
async def head_object(call: Call, asked: HeadObject) -> Response:
    version, named = await _meant(call, asked)
    refused = _judged(asked, version, named)
    if refused is not None:
        return refused
    sent = _stretch(call, asked, version)
    headers = _headers(asked, version, sent) + named
    return Response(206 if sent.content_range else 200, headers, b"", sent.stop - sent.start)


def object_key(text: str) -> ObjectKey:
    """Raises S3Error KeyTooLongError."""
    try:
        return parse_object_key(text)
    except ValueError as error:
        raise S3Error(
            "KeyTooLongError", Size=str(len(text.encode())), MaxSizeAllowed=str(limits.key_bytes_max)
        ) from error


async def _meant(call: Call, asked: Read) -> tuple[Version, Headers]:
    """Return the version that the request means, and the headers that name it. Raises S3Error, Unavailable."""
    key = object_key(asked.key)
    if call.caller == ANONYMOUS and _overrides(asked):  # S3 API, GetObject: "You must sign the request"
        raise S3Error("InvalidRequest", "Request specific response headers cannot be used for anonymous GET requests.")
    version_id = version_ids.parse(asked.version_id)
    await call.services.ports.registry.barrier()
    bucket, version = object_now(call, asked.bucket, key, version_id)
    return version, version_headers(bucket, version)


def _judged(asked: Read, version: Version, named: Headers) -> Response | None:
    """Return 304 when the client has what it needs; None: go on. Raises S3Error PreconditionFailed."""
    wanted = ReadConditions(asked.if_match, asked.if_none_match, asked.if_modified_since, asked.if_unmodified_since)
    verdict, condition = conditions.judge(wanted, version.etag, version.modified_at)
    if verdict is Verdict.FAILED:
        raise S3Error("PreconditionFailed", Condition=condition)
    if verdict is Verdict.NOT_MODIFIED:
        return Response(304, _validators(version) + named, b"", version.size)
    return None


def _stretch(call: Call, asked: Read, version: Version) -> Stretch:
    """The bytes that are asked for. Raises S3Error."""
    wanted = asked.range
    if asked.if_range is not None and not conditions.is_same(asked.if_range, version.etag, version.modified_at):
        wanted = None
    return stretch_of(call.services.ports.registry.view(), version, wanted, asked.part_number)


def _validators(version: Version) -> Headers:
    return [
        (b"last-modified", dates.http_date(version.modified_at).encode()),
        (b"etag", quoted(version.etag).encode()),
    ]


def _headers(asked: Read, version: Version, sent: Stretch) -> Headers:
    content = version.content
    told = {"content-type": content.content_type, **dict(content.headers), **_overrides(asked)}
    found = _validators(version)
    found.append((b"accept-ranges", b"bytes"))
    found += [header(name, value) for name, value in told.items()]
    found += [metadata_header(name, value) for name, value in content.metadata]
    if content.storage_class != "STANDARD":
        found.append(header("x-amz-storage-class", content.storage_class))
    if content.tags:
        found.append(header("x-amz-tagging-count", str(len(content.tags))))
    if sent.content_range:
        found.append(header("content-range", sent.content_range))
    if sent.parts_count:
        found.append(header("x-amz-mp-parts-count", str(sent.parts_count)))
    if asked.checksum_mode is not None and asked.checksum_mode.upper() == "ENABLED":
        found += [header(*pair) for one in sent.checksums for pair in checksums.headers_of(one, sent.checksum_kind)]
    return found


def _overrides(asked: Read) -> dict[str, str]:
    """What the query says of the answer's headers. Source: S3 API, GetObject, "Overriding Response Header Values"."""
    pairs = (
        ("cache-control", asked.response_cache_control),
        ("content-disposition", asked.response_content_disposition),
        ("content-encoding", asked.response_content_encoding),
        ("content-language", asked.response_content_language),
        ("content-type", asked.response_content_type),
        ("expires", asked.response_expires),
    )
    return {name: value for name, value in pairs if value is not None}


async def _read(call: Call, body: Body, start: int, stop: int) -> bytes | AsyncIterator[bytes | memoryview]:
    """Return small bodies whole; of a large one the first piece is read now, so that its failure is still a status."""
    if stop - start <= limits.read_piece_bytes:
        return await read_small(call.services.ports, body, start, stop)
    pieces = read_body(call.services.ports, body, start, stop)
    return _Rejoined(await anext(pieces), pieces)


class _Rejoined:
    """A first piece and the rest. An object and not a generator: it may be dropped half read."""

    def __init__(self, first: bytes | memoryview, rest: AsyncIterator[bytes | memoryview]) -> None:
        self._first: bytes | memoryview | None = first
        self._rest: Final = rest

    def __aiter__(self) -> "_Rejoined":
        return self

    async def __anext__(self) -> bytes | memoryview:
        if self._first is None:
            return await anext(self._rest)
        first, self._first = self._first, None
        return first
