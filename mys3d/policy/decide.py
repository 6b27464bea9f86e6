"""May this caller do that?        Floor: policy (pure). Called by: operations.

Law: what is not allowed is denied, and the answer depends on the arguments alone. The owner of a bucket may do anything
with it and with every object in it; only for others a list of grants is looked at.
LIMIT: there are no policies yet.
Source: S3 User Guide, "Access control list (ACL) overview", "Mapping of ACL permissions and access policy permissions".
"""

import enum
from collections.abc import Mapping
from typing import Final

import msgspec

from mys3d.model.acl import ALL_USERS, AUTHENTICATED_USERS, Acl, Ownership, Permission
from mys3d.model.buckets import Bucket
from mys3d.model.names import AccessKey, UserId


class Decision(enum.Enum):
    ALLOW = enum.auto()
    DENY = enum.auto()


class Principal(msgspec.Struct, frozen=True):
    """Who speaks, after the signature was verified."""

    access_key: AccessKey  # empty: nobody signed
    user: UserId  # the owner of what it makes; empty: nobody signed
    is_root: bool


ANONYMOUS: Final = Principal(AccessKey(""), UserId(""), is_root=False)

LIST_BUCKETS: Final = "s3:ListAllMyBuckets"

# What a grant on a bucket allows. S3 lets who may write overwrite and delete what others wrote, but no named version.
_OF_BUCKETS: Final[Mapping[str, Permission]] = {
    "s3:ListBucket": Permission.READ,
    "s3:ListBucketVersions": Permission.READ,
    "s3:ListBucketMultipartUploads": Permission.READ,
    "s3:PutObject": Permission.WRITE,
    "s3:DeleteObject": Permission.WRITE,
    "s3:AbortMultipartUpload": Permission.WRITE,
    "s3:ListMultipartUploadParts": Permission.WRITE,
    "s3:GetBucketAcl": Permission.READ_ACP,
    "s3:PutBucketAcl": Permission.WRITE_ACP,
}

# What a grant on an object allows: its own list decides, and not that of its bucket.
OF_OBJECTS: Final[Mapping[str, Permission]] = {
    "s3:GetObject": Permission.READ,
    "s3:GetObjectAttributes": Permission.READ,
    "s3:GetObjectAcl": Permission.READ_ACP,
    "s3:PutObjectAcl": Permission.WRITE_ACP,
}


def decide(principal: Principal, action: str, bucket: Bucket | None, acl: Acl | None = None) -> Decision:
    """Decide on `action` (`s3:GetObject`) in `bucket` (None: it concerns none that exists).

    `acl`: what the object keeps that is looked at. None: it keeps none, or none is looked at.
    """
    assert action.startswith("s3:"), f"an action is s3:..., found {action}"
    if bucket is None:
        return Decision.ALLOW if principal != ANONYMOUS or action == LIST_BUCKETS else Decision.DENY
    is_allowed = rules_over(principal, bucket) or _is_granted(principal, action, bucket, acl)
    return Decision.ALLOW if is_allowed else Decision.DENY


def rules_over(principal: Principal, bucket: Bucket) -> bool:
    """True for root and the owner of a bucket, whom no list concerns."""
    return principal.is_root or (principal.user == bucket.owner and principal != ANONYMOUS)


def _is_granted(principal: Principal, action: str, bucket: Bucket, acl: Acl | None) -> bool:
    if bucket.ownership is Ownership.BUCKET_OWNER_ENFORCED:
        return False
    needed = OF_OBJECTS.get(action)
    if needed is None:
        needed, grants = _OF_BUCKETS.get(action), bucket.grants
    else:
        grants = None if acl is None else acl.grants
        is_own = acl is not None and acl.owner == principal.user and principal != ANONYMOUS
        if is_own and needed in (Permission.READ_ACP, Permission.WRITE_ACP):  # an owner can always grant itself more
            return True
    if needed is None or grants is None:
        return False
    names = _names_of(principal, bucket)
    return any(grant.permission in (needed, Permission.FULL_CONTROL) and grant.grantee in names for grant in grants)


def _names_of(principal: Principal, bucket: Bucket) -> tuple[str, ...]:
    """As whom a caller may be granted something."""
    is_ignored = bucket.ignores_public_grants
    everybody = () if is_ignored else (ALL_USERS,)
    if principal == ANONYMOUS:
        return everybody
    return (principal.user, *everybody) if is_ignored else (principal.user, AUTHENTICATED_USERS, *everybody)
