"""Lists of objects.        Floor: operations. Called by: dispatch.

Law: a page is one snapshot taken after a barrier, so it holds every write acknowledged before the request.
Source: S3 API, ListObjectsV2, ListObjects.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Annotated, Final, Protocol

import msgspec

from mys3d import limits
from mys3d.errors import S3Error
from mys3d.model.buckets import Bucket
from mys3d.model.objects import Version
from mys3d.operations.answers import XML_TYPE, owner_element
from mys3d.operations.call import Call, bucket_now
from mys3d.registry.listing import Page, list_objects
from mys3d.registry.transaction import Reader
from mys3d.s3 import dates, tokens, uri, xml
from mys3d.s3.message import Response
from mys3d.s3.table import Query, Uri, operation

Writer = Callable[[str], str]  # text as it stands between tags: escaped, or url-encoded


class Encoded(Protocol):
    """What asks for a list whose keys may be url-encoded."""

    @property
    def encoding_type(self) -> str: ...


class List(msgspec.Struct, frozen=True):
    """What both list operations ask alike."""

    bucket: Annotated[str, Uri("Bucket")]
    prefix: Annotated[str, Query("prefix")] = ""
    delimiter: Annotated[str, Query("delimiter")] = ""
    max_keys: Annotated[int, Query("max-keys")] = limits.list_keys_max
    encoding_type: Annotated[str, Query("encoding-type")] = ""


class ListObjectsV2(List, frozen=True):
    continuation_token: Annotated[str | None, Query("continuation-token")] = None
    start_after: Annotated[str, Query("start-after")] = ""
    fetch_owner: Annotated[bool, Query("fetch-owner")] = False


class ListObjects(List, frozen=True):
    marker: Annotated[str, Query("marker")] = ""


@operation("GET", "/{Bucket}?list-type=2", ListObjectsV2, action="s3:ListBucket")
async def list_objects_v2(call: Call, asked: ListObjectsV2) -> Response:
    after = tokens.read(asked.continuation_token) or asked.start_after
    bucket, page = await _page(call, asked, after, shows_owner=asked.fetch_owner)
    tree = common(asked, bucket, is_truncated=page.is_truncated)
    tree["KeyCount"] = str(len(page.rows))
    if asked.start_after:
        tree["StartAfter"] = shown(asked, asked.start_after)
    if asked.continuation_token is not None:
        tree["ContinuationToken"] = asked.continuation_token
    if page.is_truncated:
        tree["NextContinuationToken"] = tokens.write(page.next_after)
    return Response(200, [XML_TYPE], xml.write_list("ListBucketResult", tree, page.rows))


@operation("GET", "/{Bucket}", ListObjects, action="s3:ListBucket")
async def list_objects_v1(call: Call, asked: ListObjects) -> Response:
    bucket, page = await _page(call, asked, asked.marker, shows_owner=True)
    tree = common(asked, bucket, is_truncated=page.is_truncated)
    if xml.is_holdable(asked.prefix):  # S3 API: only ListObjectsV2 encodes it; SDKs decode it there alone
        tree["Prefix"] = asked.prefix
    tree["Marker"] = shown(asked, asked.marker)
    if page.is_truncated and asked.delimiter:  # S3 API: "returned only if you have the delimiter request parameter"
        tree["NextMarker"] = shown(asked, page.next_after)
    return Response(200, [XML_TYPE], xml.write_list("ListBucketResult", tree, page.rows))


@dataclass(frozen=True, slots=True)
class _Rendered:
    """One page whose rows are finished XML."""

    rows: list[str]
    is_truncated: bool
    next_after: str


async def _page(call: Call, asked: List, after: str, *, shows_owner: bool) -> tuple[Bucket, _Rendered]:
    """Raises S3Error InvalidArgument, NoSuchBucket."""
    check(asked)
    registry = call.services.ports.registry
    await registry.barrier()
    bucket = bucket_now(call, asked.bucket)
    render = partial(_render, asked=asked, bucket=bucket, after=after, shows_owner=shows_owner)
    return bucket, await registry.scan(render)


def check(asked: List) -> None:
    """Raises S3Error InvalidArgument for what no list can be cut by."""
    check_encoding(asked.encoding_type)
    if asked.max_keys > _MAX_KEYS_MAX:
        raise S3Error(
            "InvalidArgument",
            f"Argument maxKeys must be an integer between 0 and {_MAX_KEYS_MAX}",
            ArgumentName="maxKeys",
            ArgumentValue=str(asked.max_keys),
        )


def check_encoding(encoding_type: str) -> None:
    """Raises S3Error InvalidArgument."""
    if encoding_type not in ("", "url"):
        raise S3Error("InvalidArgument", "Invalid Encoding Method specified in Request", ArgumentName="encoding-type")


_MAX_KEYS_MAX: Final = 2**31 - 1  # S3 refuses more; above a thousand it answers a thousand


def _render(reader: Reader, asked: List, bucket: Bucket, after: str, *, shows_owner: bool) -> _Rendered:
    """Cut a page and write its rows; runs in the reader's thread, because a thousand rows take milliseconds."""
    write = writer_of(asked)
    page = list_objects(reader, bucket.id, asked.prefix, asked.delimiter, after, keys_max(asked))
    owner_of = owners(reader, bucket) if shows_owner else _unshown
    rows = [_row(write(entry.key), entry.version, owner_of(entry.version)) for entry in page.entries]
    return _Rendered(rows + prefix_rows(page, write), page.is_truncated, page.next_after)


def writer_of(asked: List) -> Writer:
    return url_encoded if asked.encoding_type else xml.escape


def keys_max(asked: List) -> int:
    return min(asked.max_keys, limits.list_keys_max)


def prefix_rows(page: Page, write: Writer) -> list[str]:
    return [f"<CommonPrefixes><Prefix>{write(prefix)}</Prefix></CommonPrefixes>" for prefix in page.common_prefixes]


def url_encoded(text: str) -> str:
    """With encoding-type=url a space is `%20`: every client reads it, whether or not it takes "+" for a space."""
    return uri.encode(text.encode(), safe="/")


def shown(asked: Encoded, text: str) -> str:
    return url_encoded(text) if asked.encoding_type else text


def common(asked: List, bucket: Bucket, *, is_truncated: bool) -> dict[str, xml.Node]:
    """What every list tells alike."""
    tree: dict[str, xml.Node] = {"Name": bucket.name, "Prefix": shown(asked, asked.prefix)}
    if asked.delimiter:
        tree["Delimiter"] = shown(asked, asked.delimiter)
    if asked.encoding_type:
        tree["EncodingType"] = asked.encoding_type
    tree["MaxKeys"] = str(keys_max(asked))
    tree["IsTruncated"] = "true" if is_truncated else "false"
    return tree


def _row(key: str, version: Version, owner: str) -> str:
    """One `<Contents>`, rendered straight. `key` and `owner` are finished XML."""
    return f"<Contents><Key>{key}</Key>{described(version)}{owner}</Contents>"


def described(version: Version) -> str:
    """What a list tells of an object's bytes. An entity tag needs no escaping."""
    algorithms = "".join([f"<ChecksumAlgorithm>{found.algorithm}</ChecksumAlgorithm>" for found in version.checksums])
    return (
        f"<LastModified>{dates.iso_date(version.modified_at)}</LastModified><ETag>&quot;{version.etag}&quot;</ETag>"
        f"{algorithms}<Size>{version.size}</Size><StorageClass>{version.content.storage_class}</StorageClass>"
    )


def owners(reader: Reader, bucket: Bucket) -> Callable[[Version], str]:
    """Return what writes the `<Owner>` of an object of `bucket`. Nearly all have that of the bucket."""
    known = {bucket.owner: xml.row("Owner", owner_element(reader, bucket.owner).items())}

    def owner_of(version: Version) -> str:
        owner = bucket.owner if version.acl is None else bucket.acl_of(version.acl).owner
        if owner not in known:
            known[owner] = xml.row("Owner", owner_element(reader, owner).items())
        return known[owner]

    return owner_of


def _unshown(_version: Version) -> str:
    return ""
