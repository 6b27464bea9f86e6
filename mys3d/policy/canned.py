"""Canned lists of grants: a name for what is often granted.        Floor: policy (pure). Called by: operations.

Law: a name that S3 does not know for buckets, or for objects, has no list.
Source: S3 User Guide, "Canned ACL".
"""

from collections.abc import Mapping
from typing import Final

from mys3d.model.acl import ALL_USERS, AUTHENTICATED_USERS, LOG_DELIVERY, Grant, Grants, Permission, private_to
from mys3d.model.names import UserId

BUCKET_OWNER_FULL_CONTROL: Final = "bucket-owner-full-control"

_GROUPS: Final[Mapping[str, Grants]] = {
    "private": (),
    "public-read": (Grant(ALL_USERS, Permission.READ),),
    "public-read-write": (Grant(ALL_USERS, Permission.READ), Grant(ALL_USERS, Permission.WRITE)),
    "authenticated-read": (Grant(AUTHENTICATED_USERS, Permission.READ),),
}
_LOG_DELIVERY: Final = (Grant(LOG_DELIVERY, Permission.WRITE), Grant(LOG_DELIVERY, Permission.READ_ACP))
_BUCKET_OWNER: Final[Mapping[str, Permission]] = {
    "bucket-owner-read": Permission.READ,
    BUCKET_OWNER_FULL_CONTROL: Permission.FULL_CONTROL,
}


def of_bucket(name: str, owner: UserId) -> Grants | None:
    """The list of a bucket. None: there is no such name. Those that mean a bucket's owner mean nothing more here."""
    if name in _BUCKET_OWNER:
        return private_to(owner)
    if name == "log-delivery-write":
        return _LOG_DELIVERY + private_to(owner)
    return _GROUPS[name] + private_to(owner) if name in _GROUPS else None


def of_object(name: str, owner: UserId, bucket_owner: UserId) -> Grants | None:
    """The list of an object. None: there is no such name."""
    if name in _BUCKET_OWNER:
        more = () if owner == bucket_owner else (Grant(bucket_owner, _BUCKET_OWNER[name]),)
        return private_to(owner) + more
    return _GROUPS[name] + private_to(owner) if name in _GROUPS else None
