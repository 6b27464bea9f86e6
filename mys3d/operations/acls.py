"""Access control lists of buckets and objects.        Floor: operations. Called by: dispatch.

Law: a list is replaced as a whole, by a document or by headers and never by both; nothing else of a bucket or object
changes, neither its owner nor its date.
Source: S3 API, GetBucketAcl, PutBucketAcl, GetObjectAcl, PutObjectAcl.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated, Final

import msgspec

from mys3d import limits
from mys3d.errors import Reason, Rejected, S3Error, Unavailable
from mys3d.model.acl import GROUPS, Acl, Grant, Grants, Ownership, Permission, private_to
from mys3d.model.buckets import Bucket
from mys3d.model.names import UserId
from mys3d.operations.answers import XML_TYPE, owner_element
from mys3d.operations.call import Call, bucket_for_write, bucket_now, propose_for
from mys3d.operations.granting import AclHeaders, asked_grants, check_public, kept, resolved
from mys3d.operations.meant import object_for_write, object_now
from mys3d.operations.objects import object_key
from mys3d.policy import canned
from mys3d.registry.access_commands import GrantBucket, GrantVersion
from mys3d.registry.transaction import Reader
from mys3d.s3 import version_ids, xml
from mys3d.s3.grantees import Grantee, Kind
from mys3d.s3.message import Response
from mys3d.s3.schema import Attribute, Element
from mys3d.s3.table import Query, Uri, XmlBody, operation


@dataclass(frozen=True, slots=True)
class GranteeElement:
    type: Annotated[str, Attribute("xsi:type")]
    id: Annotated[str, Element("ID")] = ""
    display_name: Annotated[str, Element("DisplayName")] = ""
    email: Annotated[str, Element("EmailAddress")] = ""
    uri: Annotated[str, Element("URI")] = ""


@dataclass(frozen=True, slots=True)
class GrantElement:
    grantee: Annotated[GranteeElement, Element("Grantee")]
    permission: Annotated[str, Element("Permission")]


@dataclass(frozen=True, slots=True)
class AccessControlList:
    grants: Annotated[tuple[GrantElement, ...], Element("Grant")] = ()


@dataclass(frozen=True, slots=True)
class OwnerElement:
    id: Annotated[str, Element("ID")]
    display_name: Annotated[str, Element("DisplayName")] = ""


@dataclass(frozen=True, slots=True)
class AccessControlPolicy:
    owner: Annotated[OwnerElement, Element("Owner")]
    access_control_list: Annotated[AccessControlList, Element("AccessControlList")]


_MALFORMED: Final = "MalformedACLError"
_DOCUMENT: Final = XmlBody("AccessControlPolicy", limits.xml_body_bytes_max, _MALFORMED)


class GetBucketAcl(msgspec.Struct, frozen=True):
    bucket: Annotated[str, Uri("Bucket")]


@operation("GET", "/{Bucket}?acl", GetBucketAcl, action="s3:GetBucketAcl")
async def get_bucket_acl(call: Call, asked: GetBucketAcl) -> Response:
    registry = call.services.ports.registry
    await registry.barrier()
    return Response(200, [XML_TYPE], _told(registry.view(), bucket_now(call, asked.bucket).acl))


class PutBucketAcl(AclHeaders, frozen=True):
    bucket: Annotated[str, Uri("Bucket")]
    policy: Annotated[AccessControlPolicy | None, _DOCUMENT] = None


@operation("PUT", "/{Bucket}?acl", PutBucketAcl, action="s3:PutBucketAcl")
async def put_bucket_acl(call: Call, asked: PutBucketAcl) -> Response:
    bucket = await bucket_for_write(call, asked.bucket)
    _check_lists_count(bucket)
    grants = await _wanted(call, asked, bucket.acl, lambda name: canned.of_bucket(name, bucket.owner))
    check_public(bucket, grants)
    command = GrantBucket(bucket.id, None if grants == private_to(bucket.owner) else grants)
    await propose_for(call, bucket, command)
    return Response(200)


class GetObjectAcl(msgspec.Struct, frozen=True):
    bucket: Annotated[str, Uri("Bucket")]
    key: Annotated[str, Uri("Key")]
    version_id: Annotated[str | None, Query("versionId")] = None


@operation("GET", "/{Bucket}/{Key+}?acl", GetObjectAcl, action="s3:GetObjectAcl")
async def get_object_acl(call: Call, asked: GetObjectAcl) -> Response:
    key = object_key(asked.key)
    named = version_ids.parse(asked.version_id)
    registry = call.services.ports.registry
    await registry.barrier()
    bucket, version = object_now(call, asked.bucket, key, named)
    return Response(200, [XML_TYPE], _told(registry.view(), bucket.acl_of(version.acl)))


class PutObjectAcl(AclHeaders, frozen=True):
    bucket: Annotated[str, Uri("Bucket")]
    key: Annotated[str, Uri("Key")]
    version_id: Annotated[str | None, Query("versionId")] = None
    policy: Annotated[AccessControlPolicy | None, _DOCUMENT] = None


@operation("PUT", "/{Bucket}/{Key+}?acl", PutObjectAcl, action="s3:PutObjectAcl")
async def put_object_acl(call: Call, asked: PutObjectAcl) -> Response:
    key = object_key(asked.key)
    named = version_ids.parse(asked.version_id)
    bucket, version = await object_for_write(call, asked.bucket, key, named)
    _check_lists_count(bucket)
    before = bucket.acl_of(version.acl)
    grants = await _wanted(call, asked, before, lambda name: canned.of_object(name, before.owner, bucket.owner))
    command = GrantVersion(bucket.id, key, version.id, kept(bucket, Acl(before.owner, grants)))
    try:
        await propose_for(call, bucket, command)
    except Rejected as refusal:
        if refusal.reason is Reason.NO_SUCH_VERSION and named is None:
            raise Unavailable(f"the object was replaced while its list was: {refusal}") from refusal
        raise
    return Response(200)


def _check_lists_count(bucket: Bucket) -> None:
    """Raises S3Error AccessControlListNotSupported."""
    if bucket.ownership is Ownership.BUCKET_OWNER_ENFORCED:
        raise S3Error("AccessControlListNotSupported")


async def _wanted(
    call: Call, asked: PutBucketAcl | PutObjectAcl, before: Acl, canned_list: Callable[[str], Grants | None]
) -> Grants:
    """The grants that are to take the place of those `before`. Raises S3Error, Unavailable."""
    known = (before.owner, *[UserId(grant.grantee) for grant in before.grants if grant.grantee not in GROUPS])
    grants = await asked_grants(call, asked, known, canned_list)
    policy = asked.policy
    if policy is None:
        if grants is None:
            raise S3Error("MissingSecurityHeader", MissingHeaderName="x-amz-acl")
        return grants
    if grants is not None:
        raise S3Error("UnexpectedContent")
    if policy.owner.id != owner_element(call.services.ports.registry.view(), before.owner)["ID"]:
        raise S3Error("AccessDenied", "The owner of a bucket or object does not change.")
    wanted = [(_grantee(each.grantee), _permission(each)) for each in policy.access_control_list.grants]
    return await resolved(call, wanted, known)


def _grantee(asked: GranteeElement) -> Grantee:
    """Raises S3Error MalformedACLError."""
    match asked.type:
        case "CanonicalUser":
            return Grantee(Kind.ID, asked.id)
        case "AmazonCustomerByEmail":
            return Grantee(Kind.EMAIL, asked.email)
        case "Group":
            return Grantee(Kind.GROUP, asked.uri)
        case _:
            raise S3Error(_MALFORMED)


def _permission(asked: GrantElement) -> Permission:
    try:
        return Permission(asked.permission)
    except ValueError as error:
        raise S3Error(_MALFORMED) from error


def _told(reader: Reader, acl: Acl) -> bytes:
    grants: list[xml.Node] = [_grant_told(reader, grant) for grant in acl.grants]
    tree: dict[str, xml.Node] = {
        "Owner": owner_element(reader, acl.owner),
        "AccessControlList": {"Grant": grants} if grants else None,
    }
    return xml.write("AccessControlPolicy", tree)


def _grant_told(reader: Reader, grant: Grant) -> dict[str, xml.Node]:
    is_group = grant.grantee in GROUPS
    named = {"URI": grant.grantee} if is_group else owner_element(reader, UserId(grant.grantee))
    kind = "Group" if is_group else "CanonicalUser"
    told: dict[str, xml.Node] = {"@xmlns:xsi": xml.XSI_NAMESPACE, "@xsi:type": kind, **named}
    return {"Grantee": told, "Permission": grant.permission.value}
