"""What may be asked of the registry.        Floor: registry (pure). Called by: engine, operations, node.

Law: a command carries every choice (ids, time, randomness) as a field, so that it gives the same rows
on every node. A command is at most 128 KiB encoded and touches at most 1,024 rows. Tags are bytes on disk: never
rename or reuse one.
"""

import msgspec

from mys3d.model.acl import Acl, Grants, Ownership
from mys3d.model.body import BlobRef, SimpleBody
from mys3d.model.buckets import BucketConfiguration, Versioning
from mys3d.model.members import Addresses, MemberState
from mys3d.model.names import (
    AccessKey,
    BodyId,
    BucketId,
    BucketName,
    Epoch,
    GcEpoch,
    Instant,
    LogIndex,
    NodeId,
    ObjectKey,
    OperationId,
    UploadId,
    UserId,
    VersionId,
)
from mys3d.model.objects import Checksum, Content
from mys3d.model.settings import WriteQuorum
from mys3d.model.uploads import PartRun
from mys3d.registry.access_commands import AccessCommand
from mys3d.registry.amendments import Amendment
from mys3d.registry.upload_commands import AbortUpload, CreateUpload, PutPart
from mys3d.registry.user_commands import CreateKey, CreateUser, DeleteKey, DeleteUser


class InitialiseCluster(msgspec.Struct, frozen=True, array_like=True, tag="init"):
    """The first command of a cluster: its id, its first member and the layout of epoch 1 with that one home."""

    cluster_id: bytes
    node: NodeId
    name: str
    incarnation: bytes
    addresses: Addresses
    zone: str
    capacity_bytes: int
    region: str
    level: int = 0


class CreateToken(msgspec.Struct, frozen=True, array_like=True, tag="token"):
    """Remember a join token by the digest of its secret. Expired tokens are dropped by the same rule."""

    secret_digest: bytes
    expires_at: Instant


class JoinMember(msgspec.Struct, frozen=True, array_like=True, tag="join"):
    """Consume a token and add a member (state joining). Both or nothing. Refused: TOKEN_INVALID, MEMBER_EXISTS,
    SOFTWARE_TOO_OLD (it knows less than all members, so the log may hold what it does not know)."""

    secret_digest: bytes
    node: NodeId
    name: str
    incarnation: bytes
    addresses: Addresses
    zone: str
    capacity_bytes: int
    level: int = 0


class UpdateMember(msgspec.Struct, frozen=True, array_like=True, tag="member"):
    """Change what a member says of itself. None: keep. Refused: NO_SUCH_MEMBER, MEMBER_VOTES (another incarnation of a
    voter: it loses its vote first)."""

    node: NodeId
    incarnation: bytes | None = None
    addresses: Addresses | None = None
    zone: str | None = None
    capacity_bytes: int | None = None
    state: MemberState | None = None
    level: int | None = None


class RemoveMember(msgspec.Struct, frozen=True, array_like=True, tag="remove"):
    """Drop the row of a leaving member. Refused: NO_SUCH_MEMBER, STILL_NEEDED (it votes, is a home, or is to stay)."""

    node: NodeId


class BeginLayout(msgspec.Struct, frozen=True, array_like=True, tag="begin"):
    """Start a transition to `epoch` = current + 1, computed by `placement` from the members. Refused:
    TRANSITION_RUNNING, LAYOUT_EPOCH_OLD (not the next epoch), NO_SUCH_MEMBER.

    `target` is packed: `nodes` lists the homes once, `target` holds per partition the indexes into it.
    """

    epoch: Epoch
    nodes: tuple[NodeId, ...]
    target: tuple[tuple[int, ...], ...]


class SealLayout(msgspec.Struct, frozen=True, array_like=True, tag="seal"):
    """From here on commits of epochs below `epoch` are refused. Refused: NO_TRANSITION, LAYOUT_EPOCH_OLD."""

    epoch: Epoch


class ReportHomes(msgspec.Struct, frozen=True, array_like=True, tag="report"):
    """`node` holds and verified every referenced blob of its target partitions, at applied >= the seal index.

    Refused: NO_TRANSITION (also when `checked_at` is below the seal index), LAYOUT_EPOCH_OLD.
    """

    epoch: Epoch
    node: NodeId
    checked_at: LogIndex


class ReleaseLayout(msgspec.Struct, frozen=True, array_like=True, tag="release"):
    """Target becomes base. Refused: NO_TRANSITION, LAYOUT_EPOCH_OLD, TRANSITION_RUNNING (a home has not reported)."""

    epoch: Epoch


class PutCredential(msgspec.Struct, frozen=True, array_like=True, tag="cred"):
    """Store an access key. Refused: ACCESS_KEY_EXISTS unless `replace`."""

    access_key: AccessKey
    sealed_secret: bytes
    user: str
    is_root: bool
    replace: bool


class ChangeSettings(msgspec.Struct, frozen=True, array_like=True, tag="set"):
    """Change settings of the whole cluster. None: keep. INVALID_COMMAND when a number is out of its bounds."""

    write_quorum: WriteQuorum | None = None
    straggler_ms: int | None = None
    gc_period_ms: int | None = None
    dead_after_ms: int | None = None


class BumpGcEpoch(msgspec.Struct, frozen=True, array_like=True, tag="gc"):
    """Advance the garbage collection epoch to `epoch` = current + 1. Any other number changes nothing."""

    epoch: GcEpoch


class CreateBucket(msgspec.Struct, frozen=True, array_like=True, tag="mb"):
    """Refused: BUCKET_OWNED_BY_YOU, BUCKET_EXISTS, NO_SUCH_USER (the owner has a row no longer)."""

    name: BucketName
    owner: UserId
    configuration: BucketConfiguration
    is_users: bool = False  # True: the owner is a user with a row, and not root
    grants: Grants | None = None
    ownership: Ownership = Ownership.UNSET


class DeleteBucket(msgspec.Struct, frozen=True, array_like=True, tag="rb"):
    """Refused: NO_SUCH_BUCKET, BUCKET_NOT_EMPTY."""

    bucket: BucketId
    name: BucketName


class SetVersioning(msgspec.Struct, frozen=True, array_like=True, tag="versioning"):
    """Have a bucket keep versions, or stop making new ones. Refused: NO_SUCH_BUCKET."""

    bucket: BucketId
    versioning: Versioning  # not NEVER: a bucket does not forget that it kept versions


class Precondition(msgspec.Struct, frozen=True, array_like=True):
    """Decided at apply, so that of two racing writers exactly one wins. Empty strings: no condition; `*` as in HTTP."""

    if_match: str = ""
    if_none_match: str = ""
    if_modified_at: Instant | None = None  # removals only; whole seconds mean any instant of that second
    if_size: int | None = None  # removals only; bytes


class StageExtent(msgspec.Struct, frozen=True, array_like=True, tag="stage"):
    """Name the next 1 to 256 blobs of a body that is not visible yet; the first extent (`body` None) creates it.

    Every blob is durable on its write quorum under `layout_epoch`; `gc_epoch` is the lowest epoch of its pushes.
    From here on the blobs are referenced. Refused: LAYOUT_EPOCH_OLD, GC_EPOCH_OLD, NO_SUCH_BODY (committed, given up or
    never begun), INVALID_COMMAND (not the next sequence).
    """

    body: BodyId | None
    sequence: int  # 0 for the first extent
    blobs: tuple[BlobRef, ...]
    layout_epoch: Epoch
    gc_epoch: GcEpoch
    expires_at: Instant  # from then on the body may be given up, unless it was committed or another extent came


class AbandonBody(msgspec.Struct, frozen=True, array_like=True, tag="abandon"):
    """Put a staged body that was never committed among the dead. Refused: NO_SUCH_BODY (also before it expired, when
    `is_expired` says that this is the reason)."""

    body: BodyId
    is_expired: bool


class Reap(msgspec.Struct, frozen=True, array_like=True, tag="reap"):
    """Remove the extent of a dead body at its cursor, and what it counts; with the last one the body is gone.

    Of a dead body of parts, and of the parts that a completed upload left over, some parts from the cursor on.
    Refused: NO_SUCH_BODY (neither dead nor with leftovers, or the cursor has moved on).
    """

    body: BodyId
    cursor: int  # a sequence, or a part number


class PutObject(msgspec.Struct, frozen=True, array_like=True, tag="put"):
    """Make a version visible. Every blob of an inline body is durable on its write quorum under `layout_epoch`.

    `gc_epoch` is the lowest epoch of its pushes; the blobs of a staged body were held against both when they were
    staged. Refused: NO_SUCH_BUCKET, PRECONDITION_FAILED, NO_SUCH_KEY (If-Match on a missing key), LAYOUT_EPOCH_OLD,
    GC_EPOCH_OLD, NO_SUCH_BODY (committed or given up before), INVALID_COMMAND (other blobs or bytes than were staged).
    """

    bucket: BucketId
    key: ObjectKey
    size: int
    etag: str
    body: SimpleBody
    content: Content
    checksums: tuple[Checksum, ...]
    layout_epoch: Epoch
    gc_epoch: GcEpoch
    precondition: Precondition = Precondition()
    acl: Acl | None = None


class CompleteUpload(msgspec.Struct, frozen=True, array_like=True, tag="complete"):
    """Make an object of the parts of an upload, as they were at `revision`. The same one again has the same answer.

    Refused: NO_SUCH_BUCKET, NO_SUCH_UPLOAD (aborted, never begun, or completed with another entity tag),
    UPLOAD_CHANGED (another revision), PRECONDITION_FAILED, NO_SUCH_KEY (If-Match on a missing key).
    """

    bucket: BucketId
    key: ObjectKey
    upload: UploadId
    revision: int
    runs: tuple[PartRun, ...]  # the parts that count, ascending
    size: int
    etag: str
    checksums: tuple[Checksum, ...]
    precondition: Precondition = Precondition()


class CopyObject(msgspec.Struct, frozen=True, array_like=True, tag="cp"):
    """Make a version from the body of another one, which moves no bytes: the blobs are named already.

    Refused: NO_SUCH_BUCKET, SOURCE_CHANGED (the source is gone, or another version is visible and `is_current` says
    that the visible one was meant), PRECONDITION_FAILED, NO_SUCH_KEY (If-Match on a missing key).
    """

    bucket: BucketId
    key: ObjectKey
    source_bucket: BucketId
    source_key: ObjectKey
    source_version: VersionId
    content: Content | None  # None: that of the source
    precondition: Precondition = Precondition()  # on the key that is written
    checksums: tuple[Checksum, ...] | None = None  # None: those of the source
    is_current: bool = True  # False: the client named this version, visible or not
    acl: Acl | None = None  # never that of the source


class DeleteObject(msgspec.Struct, frozen=True, array_like=True, tag="rm"):
    """Remove the visible version of a key, as its bucket's versioning says, or one version for good.

    What is not there is no error. Refused: NO_SUCH_BUCKET, PRECONDITION_FAILED.
    """

    bucket: BucketId
    key: ObjectKey
    version: VersionId | None = None  # None: the visible one; NULL_VERSION: the null version
    precondition: Precondition = Precondition()


class Wanted(msgspec.Struct, frozen=True, array_like=True):
    """What is asked of one key of DeleteObjects beside its name, as in DeleteObject."""

    version: VersionId | None = None
    precondition: Precondition = Precondition()


class DeleteObjects(msgspec.Struct, frozen=True, array_like=True, tag="rms"):
    """Remove several keys, each decided on its own; the outcome lists one entry per key, in order.

    At most 120 keys (240 where versions were never kept) and 64 KiB: the proposer splits longer requests. Refused as a
    whole: NO_SUCH_BUCKET, TOO_LARGE (too many keys for a bucket that keeps versions).
    """

    bucket: BucketId
    keys: tuple[ObjectKey, ...]
    wanted: tuple[Wanted, ...] = ()  # one for each key; or empty: the visible version of each, on no condition


class CompareRows(msgspec.Struct, frozen=True, array_like=True, tag="compare"):
    """Have every node name at most `rows_max` rows from the key `start` on, as they are behind this entry."""

    start: bytes
    rows_max: int


class CondemnRows(msgspec.Struct, frozen=True, array_like=True, tag="condemn"):
    """Tell `node` that most nodes named the stretch of an earlier CompareRows `digest`: one that named it otherwise
    makes its rows anew. Refused: NO_SUCH_MEMBER."""

    node: NodeId
    index: LogIndex
    start: bytes
    digest: bytes


class CancelOperation(msgspec.Struct, frozen=True, array_like=True, tag="cancel"):
    """Give up an operation in doubt: from here on it is remembered as not applied, unless it already was."""

    operation: OperationId


Command = (
    InitialiseCluster
    | CreateToken
    | JoinMember
    | UpdateMember
    | RemoveMember
    | BeginLayout
    | SealLayout
    | ReportHomes
    | ReleaseLayout
    | PutCredential
    | CreateUser
    | DeleteUser
    | CreateKey
    | DeleteKey
    | ChangeSettings
    | BumpGcEpoch
    | CreateBucket
    | DeleteBucket
    | SetVersioning
    | StageExtent
    | AbandonBody
    | Reap
    | PutObject
    | CreateUpload
    | PutPart
    | CompleteUpload
    | AbortUpload
    | CopyObject
    | Amendment
    | AccessCommand
    | DeleteObject
    | DeleteObjects
    | CancelOperation
    | CompareRows
    | CondemnRows
)


class Proposal(msgspec.Struct, frozen=True, array_like=True):
    """What one log entry carries: a command and the choices of its proposer."""

    format: int
    operation: OperationId
    expires_at: LogIndex  # apply refuses it beyond this log index, as definitely not applied
    time: Instant  # the proposer's clock; the registry's `now` never runs backwards
    command: Command
