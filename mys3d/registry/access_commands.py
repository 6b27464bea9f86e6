"""What may be asked of the registry about who may use what.        Floor: registry (pure). Called by: commands.

Law: as in `commands`, of whose union these are members: every choice is a field, and tags are bytes on disk. Users are
named by their ids, which the proposer looked up.
"""

import msgspec

from mys3d.model.acl import Acl, Grants, Ownership, PublicAccessBlock
from mys3d.model.names import BucketId, ObjectKey, VersionId


class GrantBucket(msgspec.Struct, frozen=True, array_like=True, tag="aclb"):
    """Put these grants in the place of those of a bucket. Refused: NO_SUCH_BUCKET."""

    bucket: BucketId
    grants: Grants | None  # None: full control to the owner, and nothing else


class GrantVersion(msgspec.Struct, frozen=True, array_like=True, tag="aclv"):
    """Put this list in the place of that of a version; it stays the same version.

    Refused: NO_SUCH_BUCKET, NO_SUCH_VERSION.
    """

    bucket: BucketId
    key: ObjectKey
    version: VersionId  # the entry that made it, whatever clients call it: the one that the proposer decided on
    acl: Acl | None


class SetOwnership(msgspec.Struct, frozen=True, array_like=True, tag="owns"):
    """Say who owns what others put into a bucket. Refused: NO_SUCH_BUCKET."""

    bucket: BucketId
    ownership: Ownership


class BlockPublicAccess(msgspec.Struct, frozen=True, array_like=True, tag="pab"):
    """Say what may not be public in a bucket. Refused: NO_SUCH_BUCKET."""

    bucket: BucketId
    block: PublicAccessBlock | None  # None: nothing is blocked


AccessCommand = GrantBucket | GrantVersion | SetOwnership | BlockPublicAccess
