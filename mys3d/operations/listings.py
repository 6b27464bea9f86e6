"""Lists of objects.        Floor: operations. Called by: dispatch.

Law: a page is one snapshot taken after a barrier, so it holds every write acknowledged before the request.
Source: S3 API, ListObjectsV2, ListObjects.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Annotated

from mys3d import limits
from mys3d.errors import S3Error
from mys3d.model.buckets import Bucket
from mys3d.model.names import BucketId
from mys3d.model.objects import Version
from mys3d.operations.answers import XML_TYPE, owner_element
from mys3d.operations.call import Call, bucket_now
from mys3d.registry.listing import list_objects
from mys3d.registry.transaction import Reader
from mys3d.s3 import dates, tokens, uri, xml
from mys3d.s3.message import Response
from mys3d.s3.table import Query, Uri, operation

Writer = Callable[[str], str]  # text as it stands between tags: escaped, or url-encoded


@dataclass(frozen=True, slots=True)
class List:
    """What both list operations ask alike."""

    bucket: Annotated[str, Uri("Bucket")]
    prefix: Annotated[str, Query("prefix")] = ""
    delimiter: Annotated[str, Query("delimiter")] = ""
    max_keys: Annotated[int, Query("max-keys")] = limits.list_keys_max
    encoding_type: Annotated[str, Query("encoding-type")] = ""


@dataclass(frozen=True, slots=True)
class ListObjectsV2(List):
    continuation_token: Annotated[str | None, Query("continuation-token")] = None
    start_after: Annotated[str, Query("start-after")] = ""
    fetch_owner: Annotated[bool, Query("fetch-owner")] = False


@dataclass(frozen=True, slots=True)
class ListObjects(List):
    marker: Annotated[str, Query("marker")] = ""


@operation("GET", "/{Bucket}?list-type=2", ListObjectsV2, action="s3:ListBucket")
async def list_objects_v2(call: Call, asked: ListObjectsV2) -> Response:
    after = tokens.read(asked.continuation_token) or asked.start_after
    bucket, page = await _page(call, asked, after, shows_owner=asked.fetch_owner)
    tree = _common(asked, bucket, page)
    tree["KeyCount"] = str(len(page.rows))
    if asked.start_after:
        tree["StartAfter"] = _shown(asked, asked.start_after)
    if asked.continuation_token is not None:
        tree["ContinuationToken"] = asked.continuation_token
    if page.is_truncated:
        tree["NextContinuationToken"] = tokens.write(page.next_after)
    return Response(200, [XML_TYPE], xml.write_list("ListBucketResult", tree, page.rows))


@operation("GET", "/{Bucket}", ListObjects, action="s3:ListBucket")
async def list_objects_v1(call: Call, asked: ListObjects) -> Response:
    bucket, page = await _page(call, asked, asked.marker, shows_owner=True)
    tree = _common(asked, bucket, page)
    tree["Marker"] = _shown(asked, asked.marker)
    if page.is_truncated and asked.delimiter:  # S3 API: "returned only if you have the delimiter request parameter"
        tree["NextMarker"] = _shown(asked, page.next_after)
    return Response(200, [XML_TYPE], xml.write_list("ListBucketResult", tree, page.rows))


@dataclass(frozen=True, slots=True)
class _Rendered:
    """One page whose rows are finished XML."""

    rows: list[str]
    is_truncated: bool
    next_after: str


async def _page(call: Call, asked: List, after: str, *, shows_owner: bool) -> tuple[Bucket, _Rendered]:
    """Raises S3Error InvalidArgument, NoSuchBucket."""
    if asked.encoding_type not in ("", "url"):
        raise S3Error("InvalidArgument", "Invalid Encoding Method specified in Request", ArgumentName="encoding-type")
    registry = call.services.ports.registry
    await registry.barrier()
    bucket = bucket_now(call, asked.bucket)
    owner = _owner(call, bucket) if shows_owner else ""
    return bucket, await registry.scan(partial(_render, asked=asked, bucket=bucket.id, after=after, owner=owner))


def _render(reader: Reader, asked: List, bucket: BucketId, after: str, owner: str) -> _Rendered:
    """Cut a page and write its rows; runs in the reader's thread, because a thousand rows take milliseconds."""
    write: Writer = _url_encoded if asked.encoding_type else xml.escape
    keys_max = min(asked.max_keys, limits.list_keys_max)
    page = list_objects(reader, bucket, asked.prefix, asked.delimiter, after, keys_max)
    rows = [_row(write(entry.key), entry.version, owner) for entry in page.entries]
    rows += [f"<CommonPrefixes><Prefix>{write(prefix)}</Prefix></CommonPrefixes>" for prefix in page.common_prefixes]
    return _Rendered(rows, page.is_truncated, page.next_after)


def _url_encoded(text: str) -> str:
    """With encoding-type=url a space is `%20`: every client reads it, whether or not it takes "+" for a space."""
    return uri.encode(text.encode(), safe="/")


def _shown(asked: List, text: str) -> str:
    return _url_encoded(text) if asked.encoding_type else text


def _common(asked: List, bucket: Bucket, page: _Rendered) -> dict[str, xml.Node]:
    tree: dict[str, xml.Node] = {"Name": bucket.name, "Prefix": _shown(asked, asked.prefix)}
    if asked.delimiter:
        tree["Delimiter"] = _shown(asked, asked.delimiter)
    if asked.encoding_type:
        tree["EncodingType"] = asked.encoding_type
    tree["MaxKeys"] = str(min(asked.max_keys, limits.list_keys_max))
    tree["IsTruncated"] = "true" if page.is_truncated else "false"
    return tree


def _row(key: str, version: Version, owner: str) -> str:
    """One `<Contents>`, rendered straight. `key` and `owner` are finished XML; an entity tag needs no escaping."""
    algorithms = "".join([f"<ChecksumAlgorithm>{found.algorithm}</ChecksumAlgorithm>" for found in version.checksums])
    return (
        f"<Contents><Key>{key}</Key><LastModified>{dates.iso_date(version.modified_at)}</LastModified>"
        f"<ETag>&quot;{version.etag}&quot;</ETag>{algorithms}<Size>{version.size}</Size>{owner}"
        f"<StorageClass>{version.content.storage_class}</StorageClass></Contents>"
    )


def _owner(call: Call, bucket: Bucket) -> str:
    """Return the `<Owner>` of every object of a bucket."""
    return xml.row("Owner", owner_element(call.services.ports.registry.view(), bucket.owner).items())
