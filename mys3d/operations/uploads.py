"""Uploads in parts: begin, find, abort.        Floor: operations. Called by: dispatch, parts, completing, upload_lists.

Law: who does not know the whole id of an upload does not learn whether it is there.
Source: S3 API, CreateMultipartUpload, AbortMultipartUpload.
"""

import hmac
from dataclasses import dataclass
from typing import Annotated

import msgspec

from mys3d import limits
from mys3d.errors import S3Error
from mys3d.model.buckets import Bucket
from mys3d.model.names import BucketId, ObjectKey, UploadId, UserId
from mys3d.model.uploads import Upload
from mys3d.operations.answers import XML_TYPE, header
from mys3d.operations.call import Call, bucket_for_write, propose_for
from mys3d.operations.describing import Described, content_of
from mys3d.operations.granting import object_acl
from mys3d.operations.objects import object_key
from mys3d.policy.decide import ANONYMOUS, rules_over
from mys3d.registry import queries
from mys3d.registry.outcomes import UploadBegun
from mys3d.registry.upload_commands import AbortUpload, CreateUpload
from mys3d.s3 import checksums, upload_ids, xml
from mys3d.s3.message import Response
from mys3d.s3.table import Header, Query, Uri, operation


class CreateMultipartUpload(Described, frozen=True):
    checksum_algorithm: Annotated[str | None, Header("x-amz-checksum-algorithm")] = None
    checksum_type: Annotated[str | None, Header("x-amz-checksum-type")] = None


@operation("POST", "/{Bucket}/{Key+}?uploads", CreateMultipartUpload, action="s3:PutObject")
async def create_multipart_upload(call: Call, asked: CreateMultipartUpload) -> Response:
    key, content = object_key(asked.key), content_of(asked)
    algorithm = None if asked.checksum_algorithm is None else checksums.algorithm_of(asked.checksum_algorithm)
    kind = checksums.kind_of(algorithm, asked.checksum_type)
    bucket = await bucket_for_write(call, asked.bucket)
    if call.caller == ANONYMOUS:
        raise S3Error("AccessDenied", "Anonymous users cannot initiate multipart uploads. Please authenticate.")
    acl = await object_acl(call, bucket, asked)
    token = call.services.ports.entropy.token(limits.upload_token_bytes)
    name = "" if algorithm is None else algorithm.name
    is_composite = kind == checksums.COMPOSITE
    command = CreateUpload(bucket.id, key, token, call.caller.user, content, name, is_composite, acl)
    applied = await propose_for(call, bucket, command)
    assert isinstance(applied.detail, UploadBegun)
    tree: dict[str, xml.Node] = {
        "Bucket": bucket.name,
        "Key": key,
        "UploadId": upload_ids.write(applied.detail.upload, token),
    }
    told = [XML_TYPE]
    if algorithm is not None:
        told += [header("x-amz-checksum-algorithm", name), header("x-amz-checksum-type", kind)]
    return Response(200, told, xml.write("InitiateMultipartUploadResult", tree))


class AbortMultipartUpload(msgspec.Struct, frozen=True):
    bucket: Annotated[str, Uri("Bucket")]
    key: Annotated[str, Uri("Key")]
    upload_id: Annotated[str, Query("uploadId")]


@operation("DELETE", "/{Bucket}/{Key+}", AbortMultipartUpload, action="s3:AbortMultipartUpload")
async def abort_multipart_upload(call: Call, asked: AbortMultipartUpload) -> Response:
    bucket = await bucket_for_write(call, asked.bucket)
    found = await open_upload(call, bucket, object_key(asked.key), asked.upload_id)
    await propose_for(call, bucket, AbortUpload(bucket.id, found.key, found.id))
    return Response(204)


@dataclass(frozen=True, slots=True)
class OpenUpload:
    """An upload that a client named by its whole id."""

    bucket: BucketId
    key: ObjectKey
    id: UploadId
    record: Upload


async def open_upload(call: Call, bucket: Bucket, key: ObjectKey, text: str) -> OpenUpload:
    """Return an upload that the caller may go on with. Raises S3Error NoSuchUpload, AccessDenied; Unavailable.

    One that is not known here may have been begun elsewhere just now.
    """
    upload, token = upload_ids.read(text)
    registry = call.services.ports.registry
    found = queries.upload(registry.view(), bucket.id, key, upload)
    if found is None:
        await registry.barrier()
        found = queries.upload(registry.view(), bucket.id, key, upload)
    if found is None or not hmac.compare_digest(found.token, token):
        raise S3Error("NoSuchUpload", UploadId=text)
    check_initiator(call, bucket, found.owner)
    return OpenUpload(bucket.id, key, upload, found)


def check_initiator(call: Call, bucket: Bucket, initiator: UserId) -> None:
    """Raise S3Error AccessDenied unless the caller began an upload or owns its bucket. A grant does not reach others'.

    Source: S3 User Guide, "Multipart upload API and permissions".
    """
    if not rules_over(call.caller, bucket) and call.caller.user != initiator:
        raise S3Error("AccessDenied")
