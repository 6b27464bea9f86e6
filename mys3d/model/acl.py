"""Access control lists: what was granted to whom.        Floor: model (pure). Called by: registry, policy, operations.

Law: a list is the whole truth of what it stands for, in the order in which it is told: groups first. None in its place
says that nothing is granted beyond what the owner of the bucket may do anyway, and costs nothing.
Source: S3 User Guide, "Access control list (ACL) overview", "Controlling ownership of objects", "Blocking public
access".
"""

import enum
from typing import Final

import msgspec

from mys3d.model.names import UserId


class Permission(enum.StrEnum):
    READ = "READ"
    WRITE = "WRITE"
    READ_ACP = "READ_ACP"
    WRITE_ACP = "WRITE_ACP"
    FULL_CONTROL = "FULL_CONTROL"


ALL_USERS: Final = "http://acs.amazonaws.com/groups/global/AllUsers"
AUTHENTICATED_USERS: Final = "http://acs.amazonaws.com/groups/global/AuthenticatedUsers"
LOG_DELIVERY: Final = "http://acs.amazonaws.com/groups/s3/LogDelivery"  # nobody here is in it
PUBLIC: Final = frozenset({ALL_USERS, AUTHENTICATED_USERS})
GROUPS: Final = PUBLIC | {LOG_DELIVERY}


class Grant(msgspec.Struct, frozen=True, array_like=True):
    grantee: str  # a user id, or the URI of a group
    permission: Permission


Grants = tuple[Grant, ...]


class Acl(msgspec.Struct, frozen=True, array_like=True):
    """What an object keeps: who owns it, and what was granted."""

    owner: UserId
    grants: Grants


class Ownership(enum.StrEnum):
    """Who owns what others put into a bucket. The values are those of S3's XML."""

    UNSET = ""  # as OBJECT_WRITER
    OBJECT_WRITER = "ObjectWriter"
    BUCKET_OWNER_PREFERRED = "BucketOwnerPreferred"  # the bucket's owner, if the writer grants it full control
    BUCKET_OWNER_ENFORCED = "BucketOwnerEnforced"  # the bucket's owner, and no list counts


class PublicAccessBlock(msgspec.Struct, frozen=True, array_like=True):
    """What may not be made public in a bucket, and what is not believed that was."""

    block_acls: bool = False  # no new list grants anything to the public
    ignore_acls: bool = False  # no list does
    block_policy: bool = False
    restrict_buckets: bool = False


def private_to(owner: UserId) -> Grants:
    """The list of what only its owner uses."""
    return (Grant(owner, Permission.FULL_CONTROL),)


def ordered(grants: Grants) -> Grants:
    """Groups first, and otherwise in the order given."""
    return tuple(sorted(grants, key=lambda grant: grant.grantee not in GROUPS))


def is_public(grants: Grants) -> bool:
    """True when something is granted to everybody, or to everybody who signs."""
    return any(grant.grantee in PUBLIC for grant in grants)
