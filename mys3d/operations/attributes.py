"""What is known of an object, without its bytes.        Floor: operations. Called by: dispatch.

Law: only what is asked for is told; an entity tag stands here without quotes, as in S3.
Source: S3 API, GetObjectAttributes.
"""

from functools import partial
from typing import Annotated, Final

import msgspec

from mys3d import limits
from mys3d.errors import S3Error, Unavailable
from mys3d.model.body import PartsBody
from mys3d.model.objects import Checksum, Version
from mys3d.operations.answers import XML_TYPE, header
from mys3d.operations.call import Call
from mys3d.operations.meant import object_now, version_headers
from mys3d.operations.objects import object_key
from mys3d.registry import queries
from mys3d.registry.transaction import Reader
from mys3d.s3 import checksums, dates, version_ids, xml
from mys3d.s3.message import Response
from mys3d.s3.table import Header, Query, Uri, operation

_KNOWN: Final = frozenset({"ETag", "Checksum", "ObjectParts", "StorageClass", "ObjectSize"})


class GetObjectAttributes(msgspec.Struct, frozen=True):
    bucket: Annotated[str, Uri("Bucket")]
    key: Annotated[str, Uri("Key")]
    wanted: Annotated[str, Header("x-amz-object-attributes")]
    version_id: Annotated[str | None, Query("versionId")] = None
    max_parts: Annotated[int | None, Header("x-amz-max-parts")] = None
    part_number_marker: Annotated[int, Header("x-amz-part-number-marker")] = 0


@operation("GET", "/{Bucket}/{Key+}?attributes", GetObjectAttributes, action="s3:GetObjectAttributes")
async def get_object_attributes(call: Call, asked: GetObjectAttributes) -> Response:
    key = object_key(asked.key)
    named = version_ids.parse(asked.version_id)
    wanted = _wanted(asked.wanted)
    registry = call.services.ports.registry
    await registry.barrier()
    bucket, version = object_now(call, asked.bucket, key, named)
    headers = [XML_TYPE, header("last-modified", dates.http_date(version.modified_at))]
    headers += version_headers(bucket, version)
    told = _told(version, wanted)
    parts: list[str] = []
    if "ObjectParts" in wanted and isinstance(version.body, PartsBody):
        parts = await registry.scan(partial(_parts, body=version.body, asked=asked))
    return Response(200, headers, xml.write_list("GetObjectAttributesResponse", told, parts))


def _wanted(text: str) -> frozenset[str]:
    """Raises S3Error InvalidArgument."""
    wanted = frozenset([name.strip() for name in text.split(",") if name.strip()])
    if not wanted or not wanted <= _KNOWN:
        raise S3Error(
            "InvalidArgument",
            "Invalid attribute name specified.",
            ArgumentName="x-amz-object-attributes",
            ArgumentValue=text,
        )
    return wanted


def _told(version: Version, wanted: frozenset[str]) -> dict[str, xml.Node]:
    """The elements in the order of the S3 API."""
    told: dict[str, xml.Node] = {}
    if "ETag" in wanted:
        told["ETag"] = version.etag
    if "Checksum" in wanted and version.checksums:
        told["Checksum"] = _checksums(version.checksums)
    if "StorageClass" in wanted:
        told["StorageClass"] = version.content.storage_class
    if "ObjectSize" in wanted:
        told["ObjectSize"] = str(version.size)
    return told


def _checksums(kept: tuple[Checksum, ...]) -> dict[str, xml.Node]:
    """Checksums as XML tells them, and of which kind they are."""
    told: dict[str, xml.Node] = {}
    for checksum in kept:
        told |= checksums.elements_of(checksum)
    return told


def _parts(reader: Reader, body: PartsBody, asked: GetObjectAttributes) -> list[str]:
    """The page of parts that is asked for, as finished XML. Raises Unavailable when the object is gone by now."""
    parts_max = min(limits.list_parts_max if asked.max_parts is None else asked.max_parts, limits.list_parts_max)
    last = min(asked.part_number_marker + parts_max, body.parts_count)
    rows = []
    for ordinal in range(asked.part_number_marker + 1, last + 1):
        part = queries.part(reader, body, ordinal)
        if part is None:
            raise Unavailable("the object was removed while its parts were listed")
        told = [checksums.element_of(checksum) for checksum in part.checksums]
        rows.append(xml.row("Part", (("PartNumber", str(ordinal)), ("Size", str(part.size)), *told)))
    head = (
        ("PartsCount", str(body.parts_count)),
        ("PartNumberMarker", str(asked.part_number_marker)),
        ("NextPartNumberMarker", str(max(last, asked.part_number_marker))),
        ("MaxParts", str(parts_max)),
        ("IsTruncated", "true" if last < body.parts_count else "false"),
    )
    return ["<ObjectParts>", *[f"<{name}>{text}</{name}>" for name, text in head], *rows, "</ObjectParts>"]
