"""Uploads in parts: lists of uploads and of parts.        Floor: operations. Called by: dispatch.

Law: a page is one snapshot taken after a barrier, so it holds every part and upload acknowledged before the request.
Source: S3 API, ListParts, ListMultipartUploads.
"""

from functools import partial
from typing import Annotated

import msgspec

from mys3d import limits
from mys3d.model.buckets import Bucket
from mys3d.model.names import UploadId
from mys3d.model.uploads import Part, Upload
from mys3d.operations.answers import XML_TYPE, owner_element, quoted
from mys3d.operations.call import Call, bucket_now
from mys3d.operations.listings import check_encoding, shown
from mys3d.operations.objects import object_key
from mys3d.operations.uploads import open_upload
from mys3d.registry import queries
from mys3d.registry.transaction import Reader
from mys3d.registry.upload_listing import Marker, UploadEntry, UploadPage, list_uploads
from mys3d.s3 import checksums, dates, upload_ids, xml
from mys3d.s3.message import Response
from mys3d.s3.table import Query, Uri, operation


class ListParts(msgspec.Struct, frozen=True):
    bucket: Annotated[str, Uri("Bucket")]
    key: Annotated[str, Uri("Key")]
    upload_id: Annotated[str, Query("uploadId")]
    max_parts: Annotated[int, Query("max-parts")] = limits.list_parts_max
    part_number_marker: Annotated[int, Query("part-number-marker")] = 0


@operation("GET", "/{Bucket}/{Key+}", ListParts, action="s3:ListMultipartUploadParts")
async def list_parts(call: Call, asked: ListParts) -> Response:
    registry = call.services.ports.registry
    await registry.barrier()
    bucket = bucket_now(call, asked.bucket)
    upload = await open_upload(call, bucket, object_key(asked.key), asked.upload_id)
    parts_max = min(asked.max_parts, limits.list_parts_max)

    def read(reader: Reader) -> tuple[list[tuple[int, Part]], dict[str, str], dict[str, str]]:
        found = queries.uploaded_parts(reader, upload.id, asked.part_number_marker, parts_max + 1)
        return found, owner_element(reader, upload.record.owner), _owner(reader, bucket, upload.record)

    parts, initiator, owner = await registry.scan(read)
    shown = parts[:parts_max]
    tree: dict[str, xml.Node] = {
        "Bucket": bucket.name,
        "Key": upload.key,
        "UploadId": asked.upload_id,
        "PartNumberMarker": str(asked.part_number_marker),
        "NextPartNumberMarker": str(shown[-1][0] if shown else asked.part_number_marker),
        "MaxParts": str(parts_max),
        "IsTruncated": "true" if shown and len(parts) > len(shown) else "false",
        "Initiator": initiator,
        "Owner": owner,
        "StorageClass": upload.record.content.storage_class,
        **dict(_checksum_of(upload.record)),
    }
    rows = [_part_row(number, part) for number, part in shown]
    return Response(200, [XML_TYPE], xml.write_list("ListPartsResult", tree, rows))


def _owner(reader: Reader, bucket: Bucket, upload: Upload) -> dict[str, str]:
    """Whose the object will be."""
    return owner_element(reader, bucket.acl_of(upload.acl).owner)


def _part_row(number: int, part: Part) -> str:
    fields = [
        ("PartNumber", str(number)),
        ("LastModified", dates.iso_date(part.modified_at)),
        ("ETag", quoted(part.etag)),
        ("Size", str(part.size)),
    ]
    return xml.row("Part", fields + [checksums.element_of(checksum) for checksum in part.checksums])


def _checksum_of(upload: Upload) -> list[tuple[str, str]]:
    """How the checksum of an upload was asked for."""
    if not upload.algorithm:
        return []
    kind = checksums.COMPOSITE if upload.is_composite else checksums.FULL_OBJECT
    return [("ChecksumAlgorithm", upload.algorithm), ("ChecksumType", kind)]


class ListMultipartUploads(msgspec.Struct, frozen=True):
    bucket: Annotated[str, Uri("Bucket")]
    prefix: Annotated[str, Query("prefix")] = ""
    delimiter: Annotated[str, Query("delimiter")] = ""
    key_marker: Annotated[str, Query("key-marker")] = ""
    upload_id_marker: Annotated[str, Query("upload-id-marker")] = ""
    max_uploads: Annotated[int, Query("max-uploads")] = limits.list_uploads_max
    encoding_type: Annotated[str, Query("encoding-type")] = ""


@operation("GET", "/{Bucket}?uploads", ListMultipartUploads, action="s3:ListBucketMultipartUploads")
async def list_multipart_uploads(call: Call, asked: ListMultipartUploads) -> Response:
    check_encoding(asked.encoding_type)
    upload: UploadId | None = None
    if asked.key_marker and asked.upload_id_marker:  # S3 API: without a key-marker "the upload-id-marker is ignored"
        upload = upload_ids.read_marker(asked.upload_id_marker)
    registry = call.services.ports.registry
    await registry.barrier()
    bucket = bucket_now(call, asked.bucket)
    render = partial(_render, asked=asked, bucket=bucket, after=Marker(asked.key_marker, upload))
    page, rows = await registry.scan(render)
    tree: dict[str, xml.Node] = {
        "Bucket": bucket.name,
        "KeyMarker": shown(asked, asked.key_marker),
        "UploadIdMarker": asked.upload_id_marker,
        "Prefix": shown(asked, asked.prefix),
        "MaxUploads": str(min(asked.max_uploads, limits.list_uploads_max)),
        "IsTruncated": "false" if page.following is None else "true",
    }
    if asked.delimiter:
        tree["Delimiter"] = shown(asked, asked.delimiter)
    if asked.encoding_type:
        tree["EncodingType"] = asked.encoding_type
    if page.following is not None:
        tree["NextKeyMarker"] = shown(asked, page.following.key)
        is_upload = page.following.upload is not None
        tree["NextUploadIdMarker"] = _id(page.entries[-1]) if is_upload else ""
    return Response(200, [XML_TYPE], xml.write_list("ListMultipartUploadsResult", tree, rows))


def _render(reader: Reader, asked: ListMultipartUploads, bucket: Bucket, after: Marker) -> tuple[UploadPage, list[str]]:
    """Cut a page and write its rows; runs in the reader's thread."""
    uploads_max = min(asked.max_uploads, limits.list_uploads_max)
    page = list_uploads(reader, bucket.id, asked.prefix, asked.delimiter, after, uploads_max)
    rows = [_upload_row(reader, asked, bucket, entry) for entry in page.entries]
    rows += [xml.row("CommonPrefixes", [("Prefix", shown(asked, prefix))]) for prefix in page.common_prefixes]
    return page, rows


def _upload_row(reader: Reader, asked: ListMultipartUploads, bucket: Bucket, entry: UploadEntry) -> str:
    initiator = owner_element(reader, entry.record.owner).items()
    owner = _owner(reader, bucket, entry.record).items()
    fields = [("Key", shown(asked, entry.key)), ("UploadId", _id(entry))]
    rest = [
        ("StorageClass", entry.record.content.storage_class),
        ("Initiated", dates.iso_date(entry.record.begun_at)),
        *_checksum_of(entry.record),
    ]
    owners = xml.row("Initiator", initiator) + xml.row("Owner", owner)
    leaves = [f"<{name}>{xml.escape(text)}</{name}>" for name, text in [*fields, *rest]]
    return f"<Upload>{''.join(leaves[:2])}{owners}{''.join(leaves[2:])}</Upload>"


def _id(entry: UploadEntry) -> str:
    return upload_ids.write(entry.id, entry.record.token)
