"""What is known of an object, without its bytes.        Floor: operations. Called by: dispatch.

Law: only what is asked for is told; an entity tag stands here without quotes, as in S3.
Source: S3 API, GetObjectAttributes.
"""

from dataclasses import dataclass
from typing import Annotated, Final

from mys3d.errors import S3Error
from mys3d.model.objects import Checksum, Version
from mys3d.operations.answers import XML_TYPE, header
from mys3d.operations.call import Call, bucket_now
from mys3d.operations.meant import version_headers, version_meant
from mys3d.operations.objects import object_key
from mys3d.s3 import checksums, dates, version_ids, xml
from mys3d.s3.message import Response
from mys3d.s3.table import Header, Query, Uri, operation

_KNOWN: Final = frozenset({"ETag", "Checksum", "ObjectParts", "StorageClass", "ObjectSize"})


@dataclass(frozen=True, slots=True)
class GetObjectAttributes:
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
    bucket = bucket_now(call, asked.bucket)
    version = version_meant(registry.view(), bucket, key, named)
    headers = [XML_TYPE, header("last-modified", dates.http_date(version.modified_at))]
    headers += version_headers(bucket, version)
    return Response(200, headers, xml.write("GetObjectAttributesResponse", _told(version, wanted)))


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
        told["Checksum"] = elements_of(version.checksums)
    if "StorageClass" in wanted:
        told["StorageClass"] = version.content.storage_class
    if "ObjectSize" in wanted:
        told["ObjectSize"] = str(version.size)
    return told


def elements_of(kept: tuple[Checksum, ...]) -> dict[str, xml.Node]:
    """Checksums as XML tells them, and of which kind they are."""
    told: dict[str, xml.Node] = {}
    for checksum in kept:
        told |= [checksums.element_of(checksum), ("ChecksumType", checksums.shown_kind(checksum))]
    return told
