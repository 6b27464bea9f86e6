"""Buckets: how they were asked for, if they keep versions, who may use them.        Floor: model (pure).

Called by: registry, policy, operations.

Law: a bucket that has kept versions once never forgets that: it can only stop making new ones.
Source: S3 User Guide, "Retaining multiple versions of objects with S3 Versioning".
"""

import enum

import msgspec

from mys3d.model.acl import Acl, Grants, Ownership, PublicAccessBlock, private_to
from mys3d.model.names import BucketId, BucketName, Instant, UserId


class BucketConfiguration(msgspec.Struct, frozen=True, array_like=True):
    """CreateBucketConfiguration as the client sent it; its tags may be replaced. Source: S3 API, CreateBucket."""

    location_constraint: str = ""  # empty: the default region us-east-1
    location_name: str = ""
    location_type: str = ""
    data_redundancy: str = ""
    bucket_type: str = ""
    tags: tuple[tuple[str, str], ...] = ()  # by key


class Versioning(enum.StrEnum):
    """What becomes of a version when another one takes its place. The values are those of S3's XML."""

    NEVER = ""  # it is gone: the only version of a key is its null version
    ENABLED = "Enabled"  # it is kept
    SUSPENDED = "Suspended"  # the null version is gone, every other one is kept


class Bucket(msgspec.Struct, frozen=True, array_like=True):
    """The row of one bucket."""

    format: int
    id: BucketId
    name: BucketName
    owner: UserId
    created_at: Instant
    configuration: BucketConfiguration
    versioning: Versioning = Versioning.NEVER
    grants: Grants | None = None  # None: full control to the owner, and nothing else
    ownership: Ownership = Ownership.UNSET
    public_access: PublicAccessBlock | None = None  # None: nothing is blocked

    @property
    def acl(self) -> Acl:
        """The list of the bucket itself."""
        if self.grants is None or self.ownership is Ownership.BUCKET_OWNER_ENFORCED:
            return Acl(self.owner, private_to(self.owner))
        return Acl(self.owner, self.grants)

    @property
    def ignores_public_grants(self) -> bool:
        """True when what a list grants to the public does not count."""
        return self.public_access is not None and self.public_access.ignore_acls

    def acl_of(self, kept: Acl | None) -> Acl:
        """The list that counts for an object which keeps this one."""
        if kept is None or self.ownership is Ownership.BUCKET_OWNER_ENFORCED:
            return Acl(self.owner, private_to(self.owner))
        return kept
