"""Which grants a request asks for.        Floor: operations. Called by: every operation that makes or grants something.

Law: a grant names somebody who is known here, or the request is refused; nothing is granted that the bucket forbids to
grant. What an object keeps without being asked is its owner's: that of the bucket for what the bucket's owner, root and
unsigned requests put there, and nothing is written down then.
Source: S3 API, PutObjectAcl; S3 User Guide, "Access control list (ACL) overview".
"""

from collections.abc import Callable, Sequence
from typing import Annotated, Final

import msgspec

from mys3d import limits
from mys3d.errors import S3Error
from mys3d.model.acl import GROUPS, Acl, Grant, Grants, Ownership, Permission, is_public, ordered, private_to
from mys3d.model.buckets import Bucket
from mys3d.model.names import UserId
from mys3d.operations.answers import owner_element
from mys3d.operations.call import Call
from mys3d.policy import canned
from mys3d.policy.decide import ANONYMOUS, rules_over
from mys3d.registry import queries
from mys3d.registry.transaction import Reader
from mys3d.s3 import grantees
from mys3d.s3.grantees import Grantee, Kind
from mys3d.s3.table import Header

Wanted = Sequence[tuple[Grantee, Permission]]


class AclHeaders(msgspec.Struct, frozen=True, kw_only=True):
    """What every operation that makes or grants something asks alike."""

    acl: Annotated[str | None, Header("x-amz-acl")] = None
    grant_read: Annotated[str | None, Header("x-amz-grant-read")] = None
    grant_write: Annotated[str | None, Header("x-amz-grant-write")] = None
    grant_read_acp: Annotated[str | None, Header("x-amz-grant-read-acp")] = None
    grant_write_acp: Annotated[str | None, Header("x-amz-grant-write-acp")] = None
    grant_full_control: Annotated[str | None, Header("x-amz-grant-full-control")] = None

    def listed(self) -> list[tuple[Permission, str, str]]:
        """The headers that list grantees: what they grant, their names and texts."""
        headers = (
            (Permission.READ, "x-amz-grant-read", self.grant_read),
            (Permission.WRITE, "x-amz-grant-write", self.grant_write),
            (Permission.READ_ACP, "x-amz-grant-read-acp", self.grant_read_acp),
            (Permission.WRITE_ACP, "x-amz-grant-write-acp", self.grant_write_acp),
            (Permission.FULL_CONTROL, "x-amz-grant-full-control", self.grant_full_control),
        )
        return [(permission, name, text) for permission, name, text in headers if text is not None]


async def object_acl(call: Call, bucket: Bucket, asked: AclHeaders) -> Acl | None:
    """The list that an object keeps which is to be made. Raises S3Error, Unavailable."""
    listed = asked.listed()
    caller = call.caller
    is_owners = rules_over(caller, bucket) or caller == ANONYMOUS
    if asked.acl is None and not listed and is_owners:
        return None
    if bucket.ownership is Ownership.BUCKET_OWNER_ENFORCED:
        if listed or asked.acl not in (None, canned.BUCKET_OWNER_FULL_CONTROL):
            raise S3Error("AccessControlListNotSupported")
        return None
    is_left = bucket.ownership is Ownership.BUCKET_OWNER_PREFERRED and asked.acl == canned.BUCKET_OWNER_FULL_CONTROL
    owner = bucket.owner if is_owners or is_left else caller.user
    grants = await asked_grants(
        call, asked, (owner, bucket.owner), lambda name: canned.of_object(name, owner, bucket.owner)
    )
    return kept(bucket, Acl(owner, private_to(owner) if grants is None else grants))


def kept(bucket: Bucket, acl: Acl) -> Acl | None:
    """What is written down of a list of an object. None: it says what holds anyway. Raises S3Error AccessDenied."""
    check_public(bucket, acl.grants)
    return None if acl == Acl(bucket.owner, private_to(bucket.owner)) else acl


def check_public(bucket: Bucket, grants: Grants) -> None:
    """Raise S3Error AccessDenied when a list is public that may not be. S3 User Guide, "BlockPublicAcls"."""
    if bucket.public_access is not None and bucket.public_access.block_acls and is_public(grants):
        raise S3Error("AccessDenied", "The bucket blocks public access control lists.")


async def asked_grants(
    call: Call, asked: AclHeaders, known: Sequence[UserId], canned_list: Callable[[str], Grants | None]
) -> Grants | None:
    """What the headers grant; None: they say nothing. `known`: as in `resolved`. Raises S3Error, Unavailable."""
    listed = asked.listed()
    if asked.acl is None:
        wanted = [(each, permission) for permission, name, text in listed for each in grantees.of_header(name, text)]
        return await resolved(call, wanted, known) if listed else None
    if listed:
        raise S3Error("InvalidRequest", "Specifying both Canned ACLs and Header Grants is not allowed")
    if asked.acl == _OF_AWS:
        raise S3Error("NotImplemented", Header="x-amz-acl")
    grants = canned_list(asked.acl)
    if grants is None:
        raise S3Error("InvalidArgument", ArgumentName="x-amz-acl", ArgumentValue=asked.acl)
    return ordered(grants)


_OF_AWS: Final = "aws-exec-read"  # grants something to Amazon EC2, which is not here


async def resolved(call: Call, wanted: Wanted, known: Sequence[UserId]) -> Grants:
    """Grants by the ids of users. `known`: who may be named without being a user of the registry, such as root.

    A user that is not known here may have been made through another node a moment ago. Raises S3Error, Unavailable.
    """
    if len(wanted) > limits.acl_grants_max:
        raise S3Error("MalformedACLError", f"An access control list has at most {limits.acl_grants_max} grants.")
    registry = call.services.ports.registry
    candidates = (*known, call.caller.user)
    try:
        return _resolved(registry.view(), wanted, candidates)
    except S3Error:
        await registry.barrier()
        return _resolved(registry.view(), wanted, candidates)


def _resolved(reader: Reader, wanted: Wanted, known: Sequence[UserId]) -> Grants:
    return ordered(tuple(Grant(_name_of(reader, grantee, known), permission) for grantee, permission in wanted))


def _name_of(reader: Reader, grantee: Grantee, known: Sequence[UserId]) -> str:
    """As whom a grantee is written down. Raises S3Error UnresolvableGrantByEmailAddress, InvalidArgument."""
    value = grantee.value
    match grantee.kind:
        case Kind.GROUP:
            if value not in GROUPS:
                raise S3Error("InvalidArgument", "Invalid group uri", ArgumentName="uri", ArgumentValue=value)
            return value
        case Kind.EMAIL:
            user = queries.user_of_email(reader, value) if value else None
            if user is None:
                raise S3Error("UnresolvableGrantByEmailAddress")
            return user
        case Kind.ID:
            if value and queries.user(reader, UserId(value)) is not None:
                return value
            found = next((each for each in known if each and owner_element(reader, each)["ID"] == value), None)
            if found is None:
                raise S3Error("InvalidArgument", "Invalid id", ArgumentName="CanonicalUser/ID", ArgumentValue=value)
            return found
