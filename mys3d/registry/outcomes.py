"""What the registry answers.        Floor: registry (pure). Called by: engine, operations, consensus.

Law: an outcome is a function of the log alone, is kept as a row for 200,000 entries, and is the same when asked again.
"""

import msgspec

from mys3d.errors import Rejected
from mys3d.model.names import BodyId, BucketId, Instant, LogIndex, ObjectKey, VersionId


class BucketMade(msgspec.Struct, frozen=True, array_like=True, tag="mb"):
    bucket: BucketId


class BodyStaged(msgspec.Struct, frozen=True, array_like=True, tag="stage"):
    body: BodyId


class VersionPut(msgspec.Struct, frozen=True, array_like=True, tag="put"):
    version: VersionId
    modified_at: Instant
    is_null: bool


class VersionRemoved(msgspec.Struct, frozen=True, array_like=True, tag="rm"):
    """`existed` is False when there was nothing to remove; `marker` is set when a delete marker was made."""

    key: ObjectKey
    existed: bool
    version: VersionId | None = None
    marker: VersionId | None = None


class VersionsRemoved(msgspec.Struct, frozen=True, array_like=True, tag="rms"):
    removed: tuple[VersionRemoved, ...]


Detail = BucketMade | BodyStaged | VersionPut | VersionRemoved | VersionsRemoved


class Applied(msgspec.Struct, frozen=True, array_like=True):
    """The command took effect at this log index."""

    index: LogIndex
    detail: Detail | None = None


Outcome = Applied | Rejected
