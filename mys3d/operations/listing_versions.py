"""Lists of all versions and delete markers.        Floor: operations. Called by: dispatch.

Law: a page is one snapshot taken after a barrier, and pages join: where the next one begins is a place in the order of
versions, good whether or not the version that stood there is still there.
Source: S3 API, ListObjectVersions.
"""

from dataclasses import dataclass
from functools import partial
from typing import Annotated

from mys3d.errors import S3Error
from mys3d.model.buckets import Bucket
from mys3d.operations.answers import XML_TYPE
from mys3d.operations.call import Call, bucket_now
from mys3d.operations.listings import (
    List,
    check,
    common,
    described,
    keys_max,
    owners,
    prefix_rows,
    shown,
    writer_of,
)
from mys3d.registry.listing import Entry, Start, list_versions
from mys3d.registry.transaction import Reader
from mys3d.s3 import dates, version_ids, xml
from mys3d.s3.message import Response
from mys3d.s3.table import Query, operation


class ListObjectVersions(List, frozen=True):
    key_marker: Annotated[str, Query("key-marker")] = ""
    version_id_marker: Annotated[str, Query("version-id-marker")] = ""


@operation("GET", "/{Bucket}?versions", ListObjectVersions, action="s3:ListBucketVersions")
async def list_object_versions(call: Call, asked: ListObjectVersions) -> Response:
    check(asked)
    start = _start(asked)
    registry = call.services.ports.registry
    await registry.barrier()
    bucket = bucket_now(call, asked.bucket)
    page = await registry.scan(partial(_render, asked=asked, bucket=bucket, start=start))
    tree = common(asked, bucket, is_truncated=page.next is not None)
    tree |= {"KeyMarker": shown(asked, asked.key_marker), "VersionIdMarker": asked.version_id_marker}
    if page.next is not None:
        tree["NextKeyMarker"] = shown(asked, page.next.key)
        if page.next.version is not None:
            tree["NextVersionIdMarker"] = version_ids.text_of(page.next.version)
    return Response(200, [XML_TYPE], xml.write_list("ListVersionsResult", tree, page.rows))


@dataclass(frozen=True, slots=True)
class _Rendered:
    """One page whose rows are finished XML."""

    rows: list[str]
    next: Start | None  # where the next page begins. None: this is the last one


def _start(asked: ListObjectVersions) -> Start:
    """Raises S3Error InvalidArgument."""
    if not asked.version_id_marker:
        return Start(asked.key_marker)
    if not asked.key_marker:
        raise S3Error(
            "InvalidArgument",
            "A version-id marker cannot be specified without a key marker.",
            ArgumentName="version-id-marker",
            ArgumentValue=asked.version_id_marker,
        )
    return Start(asked.key_marker, version_ids.parse(asked.version_id_marker))


def _render(reader: Reader, asked: ListObjectVersions, bucket: Bucket, start: Start) -> _Rendered:
    """Cut a page and write its rows; runs in the reader's thread, because a thousand rows take milliseconds."""
    write = writer_of(asked)
    page = list_versions(reader, bucket.id, asked.prefix, asked.delimiter, start, keys_max(asked))
    owner_of = owners(reader, bucket)
    rows = [_row(write(entry.key), entry, owner_of(entry.version)) for entry in page.entries]
    rows += prefix_rows(page, write)
    return _Rendered(rows, Start(page.next_after, page.next_version) if page.is_truncated else None)


def _row(key: str, entry: Entry, owner: str) -> str:
    """One `<Version>` or `<DeleteMarker>`. `key` and `owner` are finished XML."""
    version = entry.version
    named = (
        f"<Key>{key}</Key><VersionId>{version_ids.of(version)}</VersionId>"
        f"<IsLatest>{'true' if entry.is_latest else 'false'}</IsLatest>"
    )
    if version.is_marker:
        modified = f"<LastModified>{dates.iso_date(version.modified_at)}</LastModified>"
        return f"<DeleteMarker>{named}{modified}{owner}</DeleteMarker>"
    return f"<Version>{named}{described(version)}{owner}</Version>"
