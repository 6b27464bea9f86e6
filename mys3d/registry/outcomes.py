"""What the registry answers.        Floor: registry (pure). Called by: engine, operations, consensus.

Law: an outcome is a function of the log alone, is kept as a row for 200,000 entries, and is the same when asked again.
"""

import msgspec

from mys3d.errors import Reason, Rejected
from mys3d.model.names import BodyId, BucketId, Instant, LogIndex, ObjectKey, UploadId, VersionId


class BucketMade(msgspec.Struct, frozen=True, array_like=True, tag="mb"):
    bucket: BucketId


class BodyStaged(msgspec.Struct, frozen=True, array_like=True, tag="stage"):
    body: BodyId


class UploadBegun(msgspec.Struct, frozen=True, array_like=True, tag="begun"):
    upload: UploadId


class PartPut(msgspec.Struct, frozen=True, array_like=True, tag="part"):
    modified_at: Instant


class VersionPut(msgspec.Struct, frozen=True, array_like=True, tag="put"):
    version: VersionId
    modified_at: Instant
    is_null: bool


class VersionRemoved(msgspec.Struct, frozen=True, array_like=True, tag="rm"):
    """What became of one key. `existed` is False when there was nothing to remove."""

    key: ObjectKey
    existed: bool
    version: VersionId | None = None  # that was removed for good, when one was named
    marker: VersionId | None = None  # that was made
    is_null: bool = False  # of the marker that was made
    was_marker: bool = False  # what was removed for good
    reason: Reason | None = None  # why nothing was done; None: it was
    detail: str = ""


class VersionsRemoved(msgspec.Struct, frozen=True, array_like=True, tag="rms"):
    removed: tuple[VersionRemoved, ...]


Detail = BucketMade | BodyStaged | UploadBegun | PartPut | VersionPut | VersionRemoved | VersionsRemoved


class Applied(msgspec.Struct, frozen=True, array_like=True):
    """The command took effect at this log index."""

    index: LogIndex
    detail: Detail | None = None


Outcome = Applied | Rejected
