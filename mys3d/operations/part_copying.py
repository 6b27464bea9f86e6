"""Uploads in parts: a part copied from an object.        Floor: operations. Called by: dispatch.

Law: the conditions on the source are asked of the very version that is copied.
Source: S3 API, UploadPartCopy.
"""

import re
from typing import Annotated, Final

import msgspec

from mys3d.engine import put
from mys3d.engine.part_copy import Known, store_range
from mys3d.engine.put import StoredBody
from mys3d.errors import S3Error
from mys3d.model.buckets import Bucket
from mys3d.model.objects import Checksum, Version
from mys3d.operations.answers import XML_TYPE, quoted
from mys3d.operations.call import Call, bucket_for_write, bucket_of_source, writing_to
from mys3d.operations.meant import check_allowed, check_source_size, source_headers, source_meant, unseen
from mys3d.operations.objects import object_key
from mys3d.operations.parts import kept_algorithm, kept_checksum, part_of
from mys3d.operations.stretches import check_part_number
from mys3d.operations.uploads import OpenUpload, open_upload
from mys3d.registry.outcomes import PartPut
from mys3d.registry.upload_commands import PutPart
from mys3d.s3 import checksums, conditions, copy_source, dates, version_ids, xml
from mys3d.s3.conditions import ReadConditions
from mys3d.s3.copy_source import CopySource
from mys3d.s3.message import Response
from mys3d.s3.table import Header, Query, Uri, operation

_RANGE: Final = re.compile(r"bytes=(\d{1,19})-(\d{1,19})", re.ASCII)
_PLAIN_MD5: Final = re.compile(r"[0-9a-f]{32}")


class UploadPartCopy(msgspec.Struct, frozen=True):
    bucket: Annotated[str, Uri("Bucket")]
    key: Annotated[str, Uri("Key")]
    part_number: Annotated[int, Query("partNumber")]
    upload_id: Annotated[str, Query("uploadId")]
    copy_source: Annotated[str, Header("x-amz-copy-source")]
    range: Annotated[str | None, Header("x-amz-copy-source-range")] = None
    source_if_match: Annotated[str | None, Header("x-amz-copy-source-if-match")] = None
    source_if_none_match: Annotated[str | None, Header("x-amz-copy-source-if-none-match")] = None
    source_if_modified_since: Annotated[str | None, Header("x-amz-copy-source-if-modified-since")] = None
    source_if_unmodified_since: Annotated[str | None, Header("x-amz-copy-source-if-unmodified-since")] = None


@operation("PUT", "/{Bucket}/{Key+}", UploadPartCopy, action="s3:PutObject")
async def upload_part_copy(call: Call, asked: UploadPartCopy) -> Response:
    check_part_number(asked.part_number)
    named = copy_source.parse(asked.copy_source)
    bucket = await bucket_for_write(call, asked.bucket)
    upload = await open_upload(call, bucket, object_key(asked.key), asked.upload_id)
    source, version = await _source(call, named)
    _check_conditions(asked, version)
    start, stop = _range(asked.range, version.size)
    assert version.body is not None, "a delete marker is no source"
    wanted = kept_algorithm(upload.record).hash
    known = _known(version, wanted) if (start, stop) == (0, version.size) else None
    finish = _Finish(upload, asked.part_number)
    services = call.services
    with writing_to(call, bucket):
        stored = await store_range(
            services.ports, services.budget, version.body, start, stop, frozenset([wanted]), known
        )
        applied = await put.commit_body(services.ports, stored, finish)
    assert isinstance(applied.detail, PartPut)
    tree: dict[str, xml.Node] = {
        "LastModified": dates.iso_date(applied.detail.modified_at),
        "ETag": quoted(finish.etag),
    }
    tree |= [checksums.element_of(finish.checksum)]
    return Response(200, [XML_TYPE, *source_headers(source, version)], xml.write("CopyPartResult", tree))


async def _source(call: Call, named: CopySource) -> tuple[Bucket, Version]:
    """Return the version to copy from, and its bucket. Raises S3Error, Unavailable."""
    version_id = version_ids.parse(named.version_id)
    bucket = await bucket_of_source(call, named.bucket)
    key = object_key(named.key)
    registry = call.services.ports.registry
    await registry.barrier()
    try:
        version = source_meant(registry.view(), bucket, key, version_id)
    except S3Error as error:
        raise unseen(call, bucket, error) from error
    check_allowed(call.of_source(), bucket, version)
    return bucket, version


def _check_conditions(asked: UploadPartCopy, version: Version) -> None:
    """Raises S3Error PreconditionFailed."""
    wanted = ReadConditions(
        asked.source_if_match,
        asked.source_if_none_match,
        asked.source_if_modified_since,
        asked.source_if_unmodified_since,
    )
    conditions.demand(wanted, version.etag, version.modified_at, "x-amz-copy-source-")


def _range(header: str | None, size: int) -> tuple[int, int]:
    """Bytes [start, stop) of a source. Raises S3Error InvalidArgument, InvalidRange, InvalidRequest."""
    start, stop = 0, size
    if header is not None:
        found = _RANGE.fullmatch(header)
        if found is None or int(found[1]) > int(found[2]):
            raise S3Error(
                "InvalidArgument",
                "The x-amz-copy-source-range value must be of the form bytes=first-last where first and last are the "
                "zero-based offsets of the first and last bytes to copy",
                ArgumentName="x-amz-copy-source-range",
                ArgumentValue=header,
            )
        start, stop = int(found[1]), int(found[2]) + 1
        if stop > size:
            raise S3Error("InvalidRange", RangeRequested=header, ActualObjectSize=str(size))
    check_source_size(stop - start)
    return start, stop


def _known(version: Version, wanted: str) -> Known | None:
    """What a source that is copied whole says of its bytes already. None: not all that is needed."""
    kept = {
        checksums.ALGORITHMS[checksum.algorithm].hash: checksum.value
        for checksum in version.checksums
        if not checksum.is_composite
    }
    if wanted not in kept or _PLAIN_MD5.fullmatch(version.etag) is None:
        return None
    return Known(bytes.fromhex(version.etag), {wanted: kept[wanted]})


class _Finish:
    """Turns a stored body into the command. Asked again when epochs were renewed."""

    def __init__(self, upload: OpenUpload, number: int) -> None:
        self.etag = ""
        self.checksum: Checksum
        self._upload: Final = upload
        self._number: Final = number

    def __call__(self, stored: StoredBody) -> PutPart:
        self.checksum = kept_checksum(self._upload.record, stored)
        made = part_of(self._upload, self._number, stored, (self.checksum,))
        self.etag = made.etag
        return made
