"""Buckets: make, list, look at, remove.        Floor: operations. Called by: dispatch.

Law: who reads after an acknowledged write sees it, through any node: every read waits for a barrier first.
Source: S3 API, CreateBucket, ListBuckets, HeadBucket, DeleteBucket, GetBucketLocation.
"""

from dataclasses import dataclass
from typing import Annotated, Final

import msgspec

from mys3d import limits
from mys3d.errors import Reason, Rejected, S3Error
from mys3d.model.acl import Grants, Ownership, private_to
from mys3d.model.buckets import Bucket, BucketConfiguration
from mys3d.operations.answers import XML_TYPE, header, owner_element, region_of
from mys3d.operations.call import Call, bucket_for_write, bucket_name, bucket_now, propose_for
from mys3d.operations.granting import AclHeaders, asked_grants
from mys3d.operations.services import Services
from mys3d.operations.tagging import Tags, set_of
from mys3d.policy import canned
from mys3d.policy.decide import ANONYMOUS
from mys3d.registry import commands, queries
from mys3d.registry.transaction import Reader
from mys3d.s3 import dates, location, tokens, xml
from mys3d.s3.message import Response
from mys3d.s3.schema import Element
from mys3d.s3.table import Header, Query, Uri, XmlBody, operation


@dataclass(frozen=True, slots=True)
class LocationInfo:
    name: Annotated[str, Element("Name")] = ""
    type: Annotated[str, Element("Type")] = ""


@dataclass(frozen=True, slots=True)
class BucketInfo:
    data_redundancy: Annotated[str, Element("DataRedundancy")] = ""
    type: Annotated[str, Element("Type")] = ""


@dataclass(frozen=True, slots=True)
class CreateBucketConfiguration:
    location_constraint: Annotated[str, Element("LocationConstraint")] = ""
    location: Annotated[LocationInfo, Element("Location")] = LocationInfo()
    bucket: Annotated[BucketInfo, Element("Bucket")] = BucketInfo()
    tags: Annotated[Tags | None, Element("Tags")] = None


class CreateBucket(AclHeaders, frozen=True):
    bucket: Annotated[str, Uri("Bucket")]
    configuration: Annotated[
        CreateBucketConfiguration, XmlBody("CreateBucketConfiguration", limits.xml_body_bytes_max)
    ] = CreateBucketConfiguration()
    object_ownership: Annotated[str | None, Header("x-amz-object-ownership")] = None


@operation("PUT", "/{Bucket}", CreateBucket, action="s3:CreateBucket")
async def create_bucket(call: Call, asked: CreateBucket) -> Response:
    name = bucket_name(asked.bucket)
    configuration = _configuration(asked.configuration)
    caller = call.caller
    ownership = ownership_of(asked.object_ownership)
    grants = await _grants(call, asked, ownership)
    command = commands.CreateBucket(
        name, caller.user, configuration, is_users=not caller.is_root, grants=grants, ownership=ownership
    )
    try:
        await call.services.ports.registry.propose(command)
    except Rejected as refusal:
        if refusal.reason is not Reason.BUCKET_OWNED_BY_YOU or not _is_legacy(call, command):
            if refusal.reason not in _EXISTS:
                raise
            raise S3Error(_code_of(call, command, refusal.reason), BucketName=name) from refusal
    return Response(200, [header("location", f"/{name}")])


_EXISTS: Final = {
    Reason.BUCKET_OWNED_BY_YOU: "BucketAlreadyOwnedByYou",
    Reason.BUCKET_EXISTS: "BucketAlreadyExists",
}


def _code_of(call: Call, command: commands.CreateBucket, reason: Reason) -> str:
    """A bucket of one's own that was to be made with other grants is named as one that is there: nothing was reset."""
    existing = queries.bucket(call.services.ports.registry.view(), command.name)
    is_other = existing is not None and existing.grants != command.grants
    return _EXISTS[Reason.BUCKET_EXISTS if is_other else reason]


def _is_legacy(call: Call, command: commands.CreateBucket) -> bool:
    """For us-east-1 S3 answers 200 when its owner creates a bucket again in the same place.

    S3 resets its grants then. Here a bucket does not change by being made: asked for with other grants, it is refused.
    """
    existing = queries.bucket(call.services.ports.registry.view(), command.name)
    return (
        call.services.region == location.DEFAULT_REGION
        and not command.configuration.location_constraint
        and existing is not None
        and not existing.configuration.location_constraint
        and existing.grants == command.grants
    )


async def _grants(call: Call, asked: CreateBucket, ownership: Ownership) -> Grants | None:
    """Raises S3Error, Unavailable."""
    owner = call.caller.user
    grants = await asked_grants(call, asked, (owner,), lambda name: canned.of_bucket(name, owner))
    if grants is None or grants == private_to(owner):
        return None
    if ownership is Ownership.BUCKET_OWNER_ENFORCED:
        raise S3Error("InvalidBucketAclWithObjectOwnership")
    return grants


def ownership_of(text: str | None) -> Ownership:
    """Raises S3Error InvalidArgument."""
    if text is None:
        return Ownership.UNSET
    if text not in ("BucketOwnerEnforced", "BucketOwnerPreferred", "ObjectWriter"):
        raise S3Error("InvalidArgument", ArgumentName="x-amz-object-ownership", ArgumentValue=text)
    return Ownership(text)


def _configuration(asked: CreateBucketConfiguration) -> BucketConfiguration:
    location.check_constraint(asked.location_constraint)
    for value, known in (
        (asked.location.type, location.LOCATION_TYPES),
        (asked.bucket.data_redundancy, location.DATA_REDUNDANCIES),
        (asked.bucket.type, location.BUCKET_TYPES),
    ):
        if value and value not in known:
            raise S3Error("MalformedXML")
    return BucketConfiguration(
        location_constraint=asked.location_constraint,
        location_name=asked.location.name,
        location_type=asked.location.type,
        data_redundancy=asked.bucket.data_redundancy,
        bucket_type=asked.bucket.type,
        tags=() if asked.tags is None else set_of(asked.tags, limits.bucket_tags_max),
    )


class HeadBucket(msgspec.Struct, frozen=True):
    bucket: Annotated[str, Uri("Bucket")]


@operation("HEAD", "/{Bucket}", HeadBucket, action="s3:ListBucket")
async def head_bucket(call: Call, asked: HeadBucket) -> Response:
    await call.services.ports.registry.barrier()
    return Response(200, _told(call.services, bucket_now(call, asked.bucket)))


def _told(services: Services, bucket: Bucket) -> list[tuple[bytes, bytes]]:
    """The configuration of a bucket as headers. What S3 has no header for bears our own name."""
    configuration = bucket.configuration
    optional = (
        ("x-amz-bucket-location-type", configuration.location_type),
        ("x-amz-bucket-location-name", configuration.location_name),
        ("x-mys3d-data-redundancy", configuration.data_redundancy),
        ("x-mys3d-bucket-type", configuration.bucket_type),
    )
    told = [header("x-amz-bucket-region", region_of(services, bucket))]
    return told + [header(name, value) for name, value in optional if value]


class GetBucketLocation(msgspec.Struct, frozen=True):
    bucket: Annotated[str, Uri("Bucket")]


@operation("GET", "/{Bucket}?location", GetBucketLocation, action="s3:GetBucketLocation")
async def get_bucket_location(call: Call, asked: GetBucketLocation) -> Response:
    await call.services.ports.registry.barrier()
    bucket = bucket_now(call, asked.bucket)
    constraint = bucket.configuration.location_constraint
    document = xml.write("LocationConstraint", {"#text": constraint} if constraint else {})
    return Response(200, [XML_TYPE, *_told(call.services, bucket)], document)


class DeleteBucket(msgspec.Struct, frozen=True):
    bucket: Annotated[str, Uri("Bucket")]


@operation("DELETE", "/{Bucket}", DeleteBucket, action="s3:DeleteBucket")
async def delete_bucket(call: Call, asked: DeleteBucket) -> Response:
    bucket = await bucket_for_write(call, asked.bucket)
    await propose_for(call, bucket, commands.DeleteBucket(bucket.id, bucket.name))
    return Response(204)


class ListBuckets(msgspec.Struct, frozen=True):
    max_buckets: Annotated[int | None, Query("max-buckets")] = None
    continuation_token: Annotated[str | None, Query("continuation-token")] = None
    prefix: Annotated[str | None, Query("prefix")] = None
    bucket_region: Annotated[str | None, Query("bucket-region")] = None


@operation("GET", "/", ListBuckets, action="s3:ListAllMyBuckets")
async def list_buckets(call: Call, asked: ListBuckets) -> Response:
    limit = asked.max_buckets or limits.buckets_max
    if not 1 <= limit <= limits.buckets_max or asked.max_buckets == 0:
        raise S3Error("InvalidArgument", "max-buckets is from 1 to 10000", ArgumentName="max-buckets")
    after = tokens.read(asked.continuation_token)
    await call.services.ports.registry.barrier()
    chosen, is_truncated = await call.services.ports.registry.scan(
        lambda reader: _page(reader, call, asked, after, limit)
    )
    rows = [
        xml.row(
            "Bucket",
            (
                ("Name", bucket.name),
                ("CreationDate", dates.iso_date(bucket.created_at)),
                ("BucketRegion", region_of(call.services, bucket)),
            ),
        )
        for bucket in chosen
    ]
    tree: dict[str, xml.Node] = {"Owner": owner_element(call.services.ports.registry.view(), call.caller.user)}
    if asked.prefix is not None:
        tree["Prefix"] = asked.prefix
    if is_truncated:
        tree["ContinuationToken"] = tokens.write(chosen[-1].name)
    document = xml.write_list("ListAllMyBucketsResult", tree, ["<Buckets>", *rows, "</Buckets>"])
    return Response(200, [XML_TYPE], document)


def _page(reader: Reader, call: Call, asked: ListBuckets, after: str, limit: int) -> tuple[list[Bucket], bool]:
    """Return up to `limit` buckets after `after` that fit, and whether there are more. Root sees everybody's."""
    is_filtered = asked.prefix is not None or asked.bucket_region is not None
    most = limits.buckets_max + 1 if is_filtered else limit + 1
    caller = call.caller
    if caller == ANONYMOUS:
        return [], False
    found = (
        queries.buckets(reader, after, most) if caller.is_root else queries.buckets_of(reader, caller.user, after, most)
    )
    fitting = [
        bucket
        for bucket in found
        if bucket.name.startswith(asked.prefix or "")
        and (asked.bucket_region is None or region_of(call.services, bucket) == asked.bucket_region)
    ]
    return fitting[:limit], len(fitting) > limit
