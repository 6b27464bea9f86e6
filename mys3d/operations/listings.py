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
from mys3d.model.names import ObjectKey
from mys3d.model.objects import Version
from mys3d.operations.answers import XML_TYPE, owner_of, quoted
from mys3d.operations.call import Call, bucket_now
from mys3d.registry import queries
from mys3d.registry.listing import Page, list_objects
from mys3d.s3 import dates, tokens, uri, xml
from mys3d.s3.message import Response
from mys3d.s3.table import Query, Uri, operation

Shown = Callable[[str], str]  # how a key is written: as it is, or url-encoded


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
    bucket, page = await _page(call, asked, after)
    show = _shown(asked)
    tree = _common(asked, bucket, page, show)
    tree["KeyCount"] = str(len(page.entries) + len(page.common_prefixes))
    if asked.start_after:
        tree["StartAfter"] = show(asked.start_after)
    if asked.continuation_token is not None:
        tree["ContinuationToken"] = asked.continuation_token
    if page.is_truncated:
        tree["NextContinuationToken"] = tokens.write(page.next_after)
    owner = _owner(call, bucket) if asked.fetch_owner else ""
    return Response(200, [XML_TYPE], xml.write_list("ListBucketResult", tree, _rows(page, show, owner)))


@operation("GET", "/{Bucket}", ListObjects, action="s3:ListBucket")
async def list_objects_v1(call: Call, asked: ListObjects) -> Response:
    bucket, page = await _page(call, asked, asked.marker)
    show = _shown(asked)
    tree = _common(asked, bucket, page, show)
    tree["Marker"] = show(asked.marker)
    if page.is_truncated and asked.delimiter:  # S3 API: "returned only if you have the delimiter request parameter"
        tree["NextMarker"] = show(page.next_after)
    owner = _owner(call, bucket)
    return Response(200, [XML_TYPE], xml.write_list("ListBucketResult", tree, _rows(page, show, owner)))


async def _page(call: Call, asked: List, after: str) -> tuple[Bucket, Page]:
    """Raises S3Error InvalidArgument, NoSuchBucket."""
    if asked.encoding_type not in ("", "url"):
        raise S3Error("InvalidArgument", "Invalid Encoding Method specified in Request", ArgumentName="encoding-type")
    registry = call.services.ports.registry
    await registry.barrier()
    bucket = bucket_now(call, asked.bucket)
    keys_max = min(asked.max_keys, limits.list_keys_max)
    query = partial(
        list_objects,
        bucket=bucket.id,
        prefix=asked.prefix,
        delimiter=asked.delimiter,
        start_after=after,
        max_keys=keys_max,
    )
    return bucket, await registry.scan(query)


def _shown(asked: List) -> Shown:
    """With encoding-type=url a space is `%20`: every client reads it, whether or not it takes "+" for a space."""
    return _url_encoded if asked.encoding_type else str


def _url_encoded(text: str) -> str:
    return uri.encode(text.encode(), safe="/")


def _common(asked: List, bucket: Bucket, page: Page, show: Shown) -> dict[str, xml.Node]:
    tree: dict[str, xml.Node] = {"Name": bucket.name, "Prefix": show(asked.prefix)}
    if asked.delimiter:
        tree["Delimiter"] = show(asked.delimiter)
    if asked.encoding_type:
        tree["EncodingType"] = asked.encoding_type
    tree["MaxKeys"] = str(min(asked.max_keys, limits.list_keys_max))
    tree["IsTruncated"] = "true" if page.is_truncated else "false"
    return tree


def _rows(page: Page, show: Shown, owner: str) -> list[str]:
    rows = [_row(entry.key, entry.version, show, owner) for entry in page.entries]
    return rows + [xml.row("CommonPrefixes", (("Prefix", show(prefix)),)) for prefix in page.common_prefixes]


def _row(key: ObjectKey, version: Version, show: Shown, owner: str) -> str:
    """One `<Contents>`, rendered straight: a page has a thousand. `owner` is finished XML, or empty."""
    algorithms = "".join([f"<ChecksumAlgorithm>{found.algorithm}</ChecksumAlgorithm>" for found in version.checksums])
    return (
        f"<Contents><Key>{xml.escape(show(key))}</Key>"
        f"<LastModified>{dates.iso_date(version.modified_at)}</LastModified>"
        f"<ETag>{xml.escape(quoted(version.etag))}</ETag>{algorithms}"
        f"<Size>{version.size}</Size>{owner}"
        f"<StorageClass>{version.content.storage_class}</StorageClass></Contents>"
    )


def _owner(call: Call, bucket: Bucket) -> str:
    """Return the `<Owner>` of every object of a bucket."""
    credential = queries.credential(call.services.ports.registry.view(), bucket.owner)
    shown = owner_of(bucket.owner, bucket.owner if credential is None else credential.user)
    return xml.row("Owner", shown.items())
