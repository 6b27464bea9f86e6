"""Records that only the registry itself reads.        Floor: registry (pure). Called by: codec, tables.

Law: every record starts with a format number; an older format stays readable for ever.
"""

import msgspec

from mys3d.errors import Reason, Rejected
from mys3d.model.body import BlobRef
from mys3d.model.buckets import Versioning
from mys3d.model.cors import CorsRule
from mys3d.model.names import (
    BucketId,
    BucketName,
    Epoch,
    GcEpoch,
    Instant,
    LogIndex,
    NodeId,
    ObjectKey,
    OperationId,
    Term,
    UploadId,
    UserId,
    VersionId,
)
from mys3d.model.objects import Checksum
from mys3d.model.uploads import PartRun
from mys3d.registry.outcomes import Applied, Outcome, VersionPut


class AppliedRow(msgspec.Struct, frozen=True, array_like=True):
    """The last entry whose rows are all here."""

    format: int
    index: LogIndex
    term: Term


class NowRow(msgspec.Struct, frozen=True, array_like=True):
    """The registry's clock: the latest time any command carried."""

    format: int
    time: Instant


class Cluster(msgspec.Struct, frozen=True, array_like=True):
    """What was fixed when the cluster was made."""

    format: int
    cluster_id: bytes
    region: str
    created_at: Instant


class GcEpochRow(msgspec.Struct, frozen=True, array_like=True):
    format: int
    epoch: GcEpoch


class VotersRow(msgspec.Struct, frozen=True, array_like=True):
    format: int
    nodes: tuple[NodeId, ...]


class BucketNameRow(msgspec.Struct, frozen=True, array_like=True):
    """From a bucket's id to its name, and what every write to it has to know of it."""

    format: int
    name: BucketName
    versioning: Versioning = Versioning.NEVER  # as in the row of the bucket itself


class NullRow(msgspec.Struct, frozen=True, array_like=True):
    """Which version is the null version of a key, while it is not the visible one."""

    format: int
    version: VersionId


class UserNameRow(msgspec.Struct, frozen=True, array_like=True):
    """From a user's name or e-mail to its id."""

    format: int
    user: UserId


class UserThingRow(msgspec.Struct, frozen=True, array_like=True):
    """That a user has the key or bucket which the row's key names."""

    format: int


class Reference(msgspec.Struct, frozen=True, array_like=True):
    """How many bodies name a blob. The row exists only while it is more than 0."""

    format: int
    count: int
    length: int  # bytes of the blob


class BodyRow(msgspec.Struct, frozen=True, array_like=True):
    """A body that has extents. Without owners it is unfinished, and has a row that says when it may be given up."""

    format: int
    owners_count: int  # versions that name it
    blobs_count: int
    extents_count: int
    size: int  # bytes


class ExtentRow(msgspec.Struct, frozen=True, array_like=True):
    """Some blobs of a body, in order. Each of them counts one reference while the row exists."""

    format: int
    blobs: tuple[BlobRef, ...]


class UnfinishedRow(msgspec.Struct, frozen=True, array_like=True):
    """A body that is being staged. The row goes when the body becomes visible, or dies."""

    format: int
    expires_at: Instant


class DeadBody(msgspec.Struct, frozen=True, array_like=True):
    """A body that nobody owns any more. Its extents from `cursor` on are still there."""

    format: int
    cursor: int  # a sequence; of parts, a part number
    died_at: Instant
    is_parts: bool = False  # True: its rows are parts, and not extents


class PartTableRow(msgspec.Struct, frozen=True, array_like=True):
    """Which parts make an object, in how few runs they can be told."""

    format: int
    runs: tuple[PartRun, ...]


class LeftoversRow(msgspec.Struct, frozen=True, array_like=True):
    """Parts that a completed upload did not name. Those below `cursor` are gone."""

    format: int
    cursor: int  # a part number


class Completed(msgspec.Struct, frozen=True, array_like=True):
    """What a completed upload was answered, for a client that asks again."""

    format: int
    token: bytes
    bucket: BucketId
    key: ObjectKey
    made: VersionPut
    etag: str
    checksums: tuple[Checksum, ...]
    expires_at: Instant


class CompletedAtRow(msgspec.Struct, frozen=True, array_like=True):
    """The upload that one log index completed."""

    format: int
    upload: UploadId


class OrphansRow(msgspec.Struct, frozen=True, array_like=True):
    """A bucket that was deleted while uploads were open. The row goes with the last of them."""

    format: int


class CorsRow(msgspec.Struct, frozen=True, array_like=True):
    """What pages of other origins may do with a bucket. Without rules there is no row."""

    format: int
    rules: tuple[CorsRule, ...]


class Fence(msgspec.Struct, frozen=True, array_like=True):
    """The part of a layout that every commit is held against; small, because every commit reads it."""

    format: int
    epoch: Epoch
    sealed: Epoch
    seal_index: LogIndex
    reported: tuple[NodeId, ...]


class Homes(msgspec.Struct, frozen=True, array_like=True):
    """The tables of a layout: nodes once, then indexes into them per partition. About 4 KiB a table."""

    format: int
    nodes: tuple[NodeId, ...]
    base: tuple[tuple[int, ...], ...]
    target: tuple[tuple[int, ...], ...]


class OutcomeRow(msgspec.Struct, frozen=True, array_like=True):
    """What became of an operation. Exactly one of `applied` and `reason` is set."""

    format: int
    applied: Applied | None
    reason: Reason | None = None
    detail: str = ""

    @classmethod
    def of(cls, outcome: Outcome) -> "OutcomeRow":
        if isinstance(outcome, Applied):
            return cls(1, outcome)
        return cls(1, None, outcome.reason, outcome.detail)

    def outcome(self) -> Outcome:
        if self.applied is not None:
            return self.applied
        assert self.reason is not None, "an outcome row has an answer"
        return Rejected(self.reason, self.detail)


class OutcomesAtRow(msgspec.Struct, frozen=True, array_like=True):
    """The operations whose outcomes were decided at one log index; dropped together when they are old."""

    format: int
    operations: tuple[OperationId, ...]
