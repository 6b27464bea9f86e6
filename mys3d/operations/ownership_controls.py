"""Who owns what others put into a bucket.        Floor: operations. Called by: dispatch.

Law: where the bucket's owner is enforced, no list counts; those that were kept count again when it no longer is.
Source: S3 API, PutBucketOwnershipControls, GetBucketOwnershipControls, DeleteBucketOwnershipControls; S3 User Guide,
"Controlling ownership of objects and disabling ACLs for your bucket".
"""

from dataclasses import dataclass
from typing import Annotated

import msgspec

from mys3d import limits
from mys3d.errors import S3Error
from mys3d.model.acl import Ownership
from mys3d.operations.answers import XML_TYPE
from mys3d.operations.call import Call, bucket_for_write, bucket_now, propose_for
from mys3d.registry.access_commands import SetOwnership
from mys3d.s3 import xml
from mys3d.s3.message import Response
from mys3d.s3.schema import Element
from mys3d.s3.table import Uri, XmlBody, operation


@dataclass(frozen=True, slots=True)
class OwnershipRule:
    object_ownership: Annotated[str, Element("ObjectOwnership")]


@dataclass(frozen=True, slots=True)
class OwnershipControls:
    rules: Annotated[tuple[OwnershipRule, ...], Element("Rule")]


class PutBucketOwnershipControls(msgspec.Struct, frozen=True):
    bucket: Annotated[str, Uri("Bucket")]
    controls: Annotated[OwnershipControls, XmlBody("OwnershipControls", limits.xml_body_bytes_max)]


@operation("PUT", "/{Bucket}?ownershipControls", PutBucketOwnershipControls, action="s3:PutBucketOwnershipControls")
async def put_bucket_ownership_controls(call: Call, asked: PutBucketOwnershipControls) -> Response:
    wanted = _ownership(asked.controls)
    bucket = await bucket_for_write(call, asked.bucket)
    if wanted is Ownership.BUCKET_OWNER_ENFORCED and bucket.grants is not None:
        raise S3Error("InvalidBucketAclWithObjectOwnership")
    await propose_for(call, bucket, SetOwnership(bucket.id, wanted))
    return Response(200)


class GetBucketOwnershipControls(msgspec.Struct, frozen=True):
    bucket: Annotated[str, Uri("Bucket")]


@operation("GET", "/{Bucket}?ownershipControls", GetBucketOwnershipControls, action="s3:GetBucketOwnershipControls")
async def get_bucket_ownership_controls(call: Call, asked: GetBucketOwnershipControls) -> Response:
    await call.services.ports.registry.barrier()
    found = bucket_now(call, asked.bucket).ownership
    if found is Ownership.UNSET:
        raise S3Error("OwnershipControlsNotFoundError", BucketName=asked.bucket)
    return Response(200, [XML_TYPE], xml.write("OwnershipControls", {"Rule": {"ObjectOwnership": found.value}}))


class DeleteBucketOwnershipControls(msgspec.Struct, frozen=True):
    bucket: Annotated[str, Uri("Bucket")]


@operation(
    "DELETE", "/{Bucket}?ownershipControls", DeleteBucketOwnershipControls, action="s3:PutBucketOwnershipControls"
)
async def delete_bucket_ownership_controls(call: Call, asked: DeleteBucketOwnershipControls) -> Response:
    bucket = await bucket_for_write(call, asked.bucket)
    await propose_for(call, bucket, SetOwnership(bucket.id, Ownership.UNSET))
    return Response(204)


def _ownership(asked: OwnershipControls) -> Ownership:
    """Raises S3Error MalformedXML."""
    texts = [rule.object_ownership for rule in asked.rules]
    if len(texts) != 1 or not texts[0] or texts[0] not in list(Ownership):
        raise S3Error("MalformedXML")
    return Ownership(texts[0])
