"""Rows as values: one reader and one writer for each table.        Floor: registry (pure). Called by: rules, queries.

Law: only this module (and `user_tables`) knows which record lies under which key. Writers are called by rules and
by nothing else.
"""

from functools import lru_cache
from typing import Final

from mys3d import limits
from mys3d.model.access import Credential, JoinToken
from mys3d.model.body import BlobRef
from mys3d.model.buckets import Bucket, Versioning
from mys3d.model.digest import Digest
from mys3d.model.members import Layout, Member
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
    Term,
)
from mys3d.model.objects import Version
from mys3d.model.settings import ClusterSettings
from mys3d.registry import keys
from mys3d.registry.codec import FORMAT, decoder, encode
from mys3d.registry.outcomes import Outcome
from mys3d.registry.records import (
    AppliedRow,
    BodyRow,
    BucketNameRow,
    Cluster,
    DeadBody,
    ExtentRow,
    Fence,
    GcEpochRow,
    Homes,
    NowRow,
    OutcomeRow,
    OutcomesAtRow,
    Reference,
    UnfinishedRow,
    VotersRow,
)
from mys3d.registry.transaction import Reader, Transaction

_applied: Final = decoder(AppliedRow).decode
_now: Final = decoder(NowRow).decode
_cluster: Final = decoder(Cluster).decode
_gc_epoch: Final = lru_cache(maxsize=4)(decoder(GcEpochRow).decode)  # rows that are read again and again are decoded
_settings: Final = lru_cache(maxsize=4)(decoder(ClusterSettings).decode)  # once, by their bytes
_voters: Final = decoder(VotersRow).decode
decode_member: Final = decoder(Member).decode
decode_token: Final = decoder(JoinToken).decode
decode_credential: Final = lru_cache(maxsize=limits.rows_kept)(decoder(Credential).decode)
decode_bucket: Final = lru_cache(maxsize=limits.rows_kept)(decoder(Bucket).decode)
_bucket_name: Final = lru_cache(maxsize=limits.rows_kept)(decoder(BucketNameRow).decode)
_fence: Final = lru_cache(maxsize=4)(decoder(Fence).decode)
_homes: Final = decoder(Homes).decode
_reference: Final = decoder(Reference).decode
_body: Final = decoder(BodyRow).decode
_outcome: Final = decoder(OutcomeRow).decode
_outcomes_at: Final = decoder(OutcomesAtRow).decode
decode_extent: Final = decoder(ExtentRow).decode
decode_unfinished: Final = decoder(UnfinishedRow).decode
decode_dead: Final = decoder(DeadBody).decode
decode_version: Final = decoder(Version).decode


# --- the log and the cluster ------------------------------------------------------------------------------------
def applied(reader: Reader) -> tuple[LogIndex, Term]:
    """The last applied entry; (0, 0) for an empty store."""
    row = reader.get(keys.APPLIED)
    if row is None:
        return LogIndex(0), Term(0)
    found = _applied(row)
    return found.index, found.term


def put_applied(tx: Transaction, index: LogIndex, term: Term) -> None:
    tx.put(keys.APPLIED, encode(AppliedRow(FORMAT, index, term)))


def now(reader: Reader) -> Instant:
    row = reader.get(keys.NOW)
    return Instant(0) if row is None else _now(row).time


def put_now(tx: Transaction, time: Instant) -> None:
    tx.put(keys.NOW, encode(NowRow(FORMAT, time)))


def cluster(reader: Reader) -> Cluster | None:
    row = reader.get(keys.CLUSTER)
    return None if row is None else _cluster(row)


def put_cluster(tx: Transaction, record: Cluster) -> None:
    tx.put(keys.CLUSTER, encode(record))


def gc_epoch(reader: Reader) -> GcEpoch:
    """The garbage collection epoch; 0 before the cluster is initialised."""
    row = reader.get(keys.GC_EPOCH)
    return GcEpoch(0) if row is None else _gc_epoch(row).epoch


def put_gc_epoch(tx: Transaction, epoch: GcEpoch) -> None:
    tx.put(keys.GC_EPOCH, encode(GcEpochRow(FORMAT, epoch)))


def settings(reader: Reader) -> ClusterSettings:
    row = reader.get(keys.SETTINGS)
    return ClusterSettings() if row is None else _settings(row)


def put_settings(tx: Transaction, record: ClusterSettings) -> None:
    tx.put(keys.SETTINGS, encode(record))


# --- members and layout -----------------------------------------------------------------------------------------
def member(reader: Reader, node: NodeId) -> Member | None:
    row = reader.get(keys.member(node))
    return None if row is None else decode_member(row)


def members(reader: Reader) -> tuple[Member, ...]:
    """All members, by node id."""
    return tuple(decode_member(row) for _, row in reader.scan(*keys.stretch(keys.MEMBERS)))


def put_member(tx: Transaction, record: Member) -> None:
    tx.put(keys.member(record.id), encode(record))


def drop_member(tx: Transaction, node: NodeId) -> None:
    tx.delete(keys.member(node))


def voters(reader: Reader) -> tuple[NodeId, ...]:
    row = reader.get(keys.VOTERS)
    return () if row is None else _voters(row).nodes


def put_voters(tx: Transaction, nodes: tuple[NodeId, ...]) -> None:
    tx.put(keys.VOTERS, encode(VotersRow(FORMAT, nodes)))


def token(reader: Reader, secret_digest: bytes) -> JoinToken | None:
    row = reader.get(keys.token(secret_digest))
    return None if row is None else decode_token(row)


def tokens(reader: Reader) -> list[JoinToken]:
    return [decode_token(row) for _, row in reader.scan(*keys.stretch(keys.TOKENS))]


def put_token(tx: Transaction, record: JoinToken) -> None:
    tx.put(keys.token(record.secret_digest), encode(record))


def drop_token(tx: Transaction, secret_digest: bytes) -> None:
    tx.delete(keys.token(secret_digest))


def fence(reader: Reader) -> Fence | None:
    row = reader.get(keys.LAYOUT)
    return None if row is None else _fence(row)


def layout(reader: Reader) -> Layout | None:
    fence_row, homes_row = reader.get(keys.LAYOUT), reader.get(keys.HOMES)
    if fence_row is None or homes_row is None:
        return None
    return _unpacked(fence_row, homes_row)


@lru_cache(maxsize=8)  # a layout changes rarely and is asked for by every write
def _unpacked(fence_row: bytes, homes_row: bytes) -> Layout:
    found, homes = _fence(fence_row), _homes(homes_row)
    return Layout(
        FORMAT,
        found.epoch,
        found.sealed,
        found.seal_index,
        base=tuple(tuple(homes.nodes[index] for index in row) for row in homes.base),
        target=tuple(tuple(homes.nodes[index] for index in row) for row in homes.target),
        reported=found.reported,
    )


def put_layout(tx: Transaction, record: Layout) -> None:
    nodes = tuple(dict.fromkeys(node for row in record.base + record.target for node in row))
    index = {node: position for position, node in enumerate(nodes)}
    base = tuple(tuple(index[node] for node in row) for row in record.base)
    target = tuple(tuple(index[node] for node in row) for row in record.target)
    put_fence(tx, Fence(FORMAT, record.epoch, record.sealed, record.seal_index, record.reported))
    tx.put(keys.HOMES, encode(Homes(FORMAT, nodes, base, target)))


def put_fence(tx: Transaction, record: Fence) -> None:
    tx.put(keys.LAYOUT, encode(record))


def accepts(reader: Reader, epoch: Epoch) -> bool:
    """True when a commit of this layout epoch is accepted."""
    found = fence(reader)
    return found is not None and found.sealed < epoch <= found.epoch


# --- access -----------------------------------------------------------------------------------------------------
def credential(reader: Reader, access_key: AccessKey) -> Credential | None:
    row = reader.get(keys.credential(access_key))
    return None if row is None else decode_credential(row)


def put_credential(tx: Transaction, record: Credential) -> None:
    tx.put(keys.credential(record.access_key), encode(record))


def drop_credential(tx: Transaction, access_key: AccessKey) -> None:
    tx.delete(keys.credential(access_key))


# --- buckets and objects ----------------------------------------------------------------------------------------
def bucket(reader: Reader, name: BucketName) -> Bucket | None:
    row = reader.get(keys.bucket(name))
    return None if row is None else decode_bucket(row)


def bucket_by_id(reader: Reader, bucket_id: BucketId) -> Bucket | None:
    name = bucket_name(reader, bucket_id)
    return None if name is None else bucket(reader, name)


def bucket_name(reader: Reader, bucket_id: BucketId) -> BucketName | None:
    row = reader.get(keys.bucket_name(bucket_id))
    return None if row is None else _bucket_name(row).name


def has_bucket(reader: Reader, bucket_id: BucketId) -> bool:
    return reader.get(keys.bucket_name(bucket_id)) is not None


def versioning(reader: Reader, bucket_id: BucketId) -> Versioning | None:
    """Whether a bucket keeps versions. None: there is no such bucket."""
    row = reader.get(keys.bucket_name(bucket_id))
    return None if row is None else _bucket_name(row).versioning


def buckets(reader: Reader, after: str, limit: int) -> list[Bucket]:
    """At most `limit` buckets whose names sort behind `after`, by name."""
    start, stop = keys.stretch(keys.BUCKETS)
    found: list[Bucket] = []
    for _, row in reader.scan(start + after.encode() + b"\x00" if after else start, stop):
        if len(found) >= limit:
            break
        found.append(decode_bucket(row))
    return found


def put_bucket(tx: Transaction, record: Bucket) -> None:
    tx.put(keys.bucket(record.name), encode(record))
    tx.put(keys.bucket_name(record.id), encode(BucketNameRow(FORMAT, record.name, record.versioning)))


def drop_bucket(tx: Transaction, bucket_id: BucketId, name: BucketName) -> None:
    tx.delete(keys.bucket(name))
    tx.delete(keys.bucket_name(bucket_id))


def is_empty(reader: Reader, bucket_id: BucketId) -> bool:
    """True when no key of the bucket has a version or marker."""
    for stretch in (keys.lives(bucket_id), keys.versions(bucket_id)):
        if next(iter(reader.scan(*stretch)), None) is not None:
            return False
    return True


def live(reader: Reader, bucket_id: BucketId, key: ObjectKey) -> Version | None:
    """The visible version of a key."""
    row = reader.get(keys.live(bucket_id, key))
    return None if row is None else decode_version(row)


def put_live(tx: Transaction, bucket_id: BucketId, key: ObjectKey, record: Version) -> None:
    tx.put(keys.live(bucket_id, key), encode(record))


def drop_live(tx: Transaction, bucket_id: BucketId, key: ObjectKey) -> None:
    tx.delete(keys.live(bucket_id, key))


# --- references -------------------------------------------------------------------------------------------------
def reference(reader: Reader, digest: Digest) -> Reference | None:
    row = reader.get(keys.reference(digest))
    return None if row is None else _reference(row)


def put_reference(tx: Transaction, blob: BlobRef, count: int) -> None:
    tx.put(keys.reference(blob.digest), encode(Reference(FORMAT, count, blob.length)))


def drop_reference(tx: Transaction, digest: Digest) -> None:
    tx.delete(keys.reference(digest))


def blob_of(key: bytes, row: bytes) -> tuple[BlobRef, int]:
    """The blob and count of one reference row."""
    found = _reference(row)
    return BlobRef(Digest(key[1:]), found.length), found.count


# --- bodies -----------------------------------------------------------------------------------------------------
SINGLE_PART: Final = 0  # bodies of one PUT have no parts


def body(reader: Reader, body_id: BodyId) -> BodyRow | None:
    """A body that is unfinished or owned; dead ones have no row here."""
    row = reader.get(keys.body(body_id))
    return None if row is None else _body(row)


def put_body(tx: Transaction, body_id: BodyId, record: BodyRow) -> None:
    tx.put(keys.body(body_id), encode(record))


def drop_body(tx: Transaction, body_id: BodyId) -> None:
    tx.delete(keys.body(body_id))


def extent(reader: Reader, body_id: BodyId, sequence: int) -> tuple[BlobRef, ...] | None:
    row = reader.get(keys.extent(body_id, SINGLE_PART, sequence))
    return None if row is None else decode_extent(row).blobs


def put_extent(tx: Transaction, body_id: BodyId, sequence: int, blobs: tuple[BlobRef, ...]) -> None:
    tx.put(keys.extent(body_id, SINGLE_PART, sequence), encode(ExtentRow(FORMAT, blobs)))


def drop_extent(tx: Transaction, body_id: BodyId, sequence: int) -> None:
    tx.delete(keys.extent(body_id, SINGLE_PART, sequence))


def unfinished(reader: Reader, body_id: BodyId) -> UnfinishedRow | None:
    row = reader.get(keys.unfinished(body_id))
    return None if row is None else decode_unfinished(row)


def put_unfinished(tx: Transaction, body_id: BodyId, expires_at: Instant) -> None:
    tx.put(keys.unfinished(body_id), encode(UnfinishedRow(FORMAT, expires_at)))


def drop_unfinished(tx: Transaction, body_id: BodyId) -> None:
    tx.delete(keys.unfinished(body_id))


def dead_body(reader: Reader, body_id: BodyId) -> DeadBody | None:
    row = reader.get(keys.dead_body(body_id))
    return None if row is None else decode_dead(row)


def put_dead_body(tx: Transaction, body_id: BodyId, record: DeadBody) -> None:
    tx.put(keys.dead_body(body_id), encode(record))


def drop_dead_body(tx: Transaction, body_id: BodyId) -> None:
    tx.delete(keys.dead_body(body_id))


# --- outcomes ---------------------------------------------------------------------------------------------------
def outcome(reader: Reader, operation: OperationId) -> Outcome | None:
    row = reader.get(keys.outcome(operation))
    return None if row is None else _outcome(row).outcome()


def put_outcome(tx: Transaction, operation: OperationId, result: Outcome) -> None:
    tx.put(keys.outcome(operation), encode(OutcomeRow.of(result)))


def outcomes_at(reader: Reader, index: LogIndex) -> tuple[OperationId, ...]:
    row = reader.get(keys.outcomes_at(index))
    return () if row is None else _outcomes_at(row).operations


def put_outcomes_at(tx: Transaction, index: LogIndex, operations: tuple[OperationId, ...]) -> None:
    tx.put(keys.outcomes_at(index), encode(OutcomesAtRow(FORMAT, operations)))


def drop_outcomes_at(tx: Transaction, index: LogIndex) -> None:
    for operation in outcomes_at(tx, index):
        tx.delete(keys.outcome(operation))
    tx.delete(keys.outcomes_at(index))
