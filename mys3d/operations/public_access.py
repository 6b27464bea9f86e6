"""What may not be public in a bucket, and whether it is.        Floor: operations. Called by: dispatch.

Law: a block is obeyed from the moment it is set, by what is granted from then on and by what was granted before.
LIMIT: there are no bucket policies yet: what a block says of them is kept and told, and concerns nothing.
Source: S3 API, PutPublicAccessBlock, GetPublicAccessBlock, DeletePublicAccessBlock, GetBucketPolicyStatus; S3 User
Guide, "Blocking public access to your Amazon S3 storage".
"""

from dataclasses import dataclass
from typing import Annotated

import msgspec

from mys3d import limits
from mys3d.errors import S3Error
from mys3d.model.acl import PublicAccessBlock, is_public
from mys3d.model.buckets import Bucket
from mys3d.operations.answers import XML_TYPE
from mys3d.operations.call import Call, bucket_for_write, bucket_now, propose_for
from mys3d.registry.access_commands import BlockPublicAccess
from mys3d.s3 import xml
from mys3d.s3.message import Response
from mys3d.s3.schema import Element
from mys3d.s3.table import Uri, XmlBody, operation


@dataclass(frozen=True, slots=True)
class PublicAccessBlockConfiguration:
    block_acls: Annotated[bool, Element("BlockPublicAcls")] = False
    ignore_acls: Annotated[bool, Element("IgnorePublicAcls")] = False
    block_policy: Annotated[bool, Element("BlockPublicPolicy")] = False
    restrict_buckets: Annotated[bool, Element("RestrictPublicBuckets")] = False


class PutPublicAccessBlock(msgspec.Struct, frozen=True):
    bucket: Annotated[str, Uri("Bucket")]
    configuration: Annotated[
        PublicAccessBlockConfiguration, XmlBody("PublicAccessBlockConfiguration", limits.xml_body_bytes_max)
    ]


@operation("PUT", "/{Bucket}?publicAccessBlock", PutPublicAccessBlock, action="s3:PutBucketPublicAccessBlock")
async def put_public_access_block(call: Call, asked: PutPublicAccessBlock) -> Response:
    wanted = asked.configuration
    block = PublicAccessBlock(wanted.block_acls, wanted.ignore_acls, wanted.block_policy, wanted.restrict_buckets)
    await _set(call, asked.bucket, block)
    return Response(200)


class GetPublicAccessBlock(msgspec.Struct, frozen=True):
    bucket: Annotated[str, Uri("Bucket")]


@operation("GET", "/{Bucket}?publicAccessBlock", GetPublicAccessBlock, action="s3:GetBucketPublicAccessBlock")
async def get_public_access_block(call: Call, asked: GetPublicAccessBlock) -> Response:
    await call.services.ports.registry.barrier()
    found = bucket_now(call, asked.bucket).public_access
    if found is None:
        raise S3Error("NoSuchPublicAccessBlockConfiguration", BucketName=asked.bucket)
    told: dict[str, xml.Node] = {
        "BlockPublicAcls": _text(found.block_acls),
        "IgnorePublicAcls": _text(found.ignore_acls),
        "BlockPublicPolicy": _text(found.block_policy),
        "RestrictPublicBuckets": _text(found.restrict_buckets),
    }
    return Response(200, [XML_TYPE], xml.write("PublicAccessBlockConfiguration", told))


class DeletePublicAccessBlock(msgspec.Struct, frozen=True):
    bucket: Annotated[str, Uri("Bucket")]


@operation("DELETE", "/{Bucket}?publicAccessBlock", DeletePublicAccessBlock, action="s3:PutBucketPublicAccessBlock")
async def delete_public_access_block(call: Call, asked: DeletePublicAccessBlock) -> Response:
    await _set(call, asked.bucket, None)
    return Response(204)


async def _set(call: Call, name: str, block: PublicAccessBlock | None) -> None:
    bucket = await bucket_for_write(call, name)
    await propose_for(call, bucket, BlockPublicAccess(bucket.id, block))


class GetBucketPolicyStatus(msgspec.Struct, frozen=True):
    bucket: Annotated[str, Uri("Bucket")]


@operation("GET", "/{Bucket}?policyStatus", GetBucketPolicyStatus, action="s3:GetBucketPolicyStatus")
async def get_bucket_policy_status(call: Call, asked: GetBucketPolicyStatus) -> Response:
    await call.services.ports.registry.barrier()
    told = _text(_is_public(bucket_now(call, asked.bucket)))
    return Response(200, [XML_TYPE], xml.write("PolicyStatus", {"IsPublic": told}))


def _is_public(bucket: Bucket) -> bool:
    """True when everybody has some right in the bucket itself."""
    return not bucket.ignores_public_grants and is_public(bucket.acl.grants)


def _text(value: bool) -> str:
    return "true" if value else "false"
