"""What may be asked of the registry about uploads in parts.        Floor: registry (pure). Called by: commands, engine.

Law: as in `commands`, of whose union these are members: every choice is a field, and tags are bytes on disk.
`CompleteUpload`, which carries a condition, stands there.
"""

import msgspec

from mys3d.model.acl import Acl
from mys3d.model.body import SimpleBody
from mys3d.model.names import BucketId, Epoch, GcEpoch, ObjectKey, UploadId, UserId
from mys3d.model.objects import Checksum, Content


class CreateUpload(msgspec.Struct, frozen=True, array_like=True, tag="mpu"):
    """Begin an upload; its id is the log index. Refused: NO_SUCH_BUCKET."""

    bucket: BucketId
    key: ObjectKey
    token: bytes
    owner: UserId
    content: Content
    algorithm: str
    is_composite: bool
    acl: Acl | None = None


class PutPart(msgspec.Struct, frozen=True, array_like=True, tag="part"):
    """Put a part, in place of the one of its number. Every blob of an inline body is durable, as in PutObject.

    Refused: NO_SUCH_UPLOAD (completed, aborted or never begun), LAYOUT_EPOCH_OLD, GC_EPOCH_OLD, NO_SUCH_BODY,
    INVALID_COMMAND, as PutObject is.
    """

    bucket: BucketId
    key: ObjectKey
    upload: UploadId
    number: int  # 1 to 10,000
    size: int
    etag: str
    body: SimpleBody
    checksums: tuple[Checksum, ...]
    layout_epoch: Epoch
    gc_epoch: GcEpoch


class AbortUpload(msgspec.Struct, frozen=True, array_like=True, tag="abort"):
    """Give an upload up, with all its parts. Refused: NO_SUCH_UPLOAD (also when it was completed)."""

    bucket: BucketId
    key: ObjectKey
    upload: UploadId
