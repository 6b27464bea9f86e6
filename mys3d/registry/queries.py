"""What may be read of the registry.        Floor: registry (pure). Called by: engine, operations, consensus.

Law: a query is a function of one reader, so its answer is one consistent state; every list has a limit.
"""

from collections.abc import Iterator
from itertools import islice

from mys3d import limits
from mys3d.model.access import Credential, User
from mys3d.model.body import BlobRef, PartsBody
from mys3d.model.buckets import Bucket
from mys3d.model.cors import CorsRule
from mys3d.model.digest import Digest
from mys3d.model.members import Layout, Member
from mys3d.model.names import (
    AccessKey,
    BodyId,
    BucketId,
    BucketName,
    GcEpoch,
    Instant,
    LogIndex,
    NodeId,
    ObjectKey,
    OperationId,
    Partition,
    Term,
    UploadId,
    UserId,
    VersionId,
)
from mys3d.model.objects import Version
from mys3d.model.settings import ClusterSettings
from mys3d.model.uploads import Part, PartTable, Upload
from mys3d.registry import cors_tables, keys, stack, tables, upload_tables, user_tables
from mys3d.registry.outcomes import Outcome
from mys3d.registry.records import Cluster, Completed, DeadBody
from mys3d.registry.transaction import Reader


def applied(reader: Reader) -> tuple[LogIndex, Term]:
    """The last applied entry; (0, 0) for an empty store."""
    return tables.applied(reader)


def now(reader: Reader) -> Instant:
    """The registry's clock: never runs backwards."""
    return tables.now(reader)


def cluster(reader: Reader) -> Cluster | None:
    """None: not initialised."""
    return tables.cluster(reader)


def gc_epoch(reader: Reader) -> GcEpoch:
    """The garbage collection epoch; 0 before the cluster is initialised."""
    return tables.gc_epoch(reader)


def settings(reader: Reader) -> ClusterSettings:
    """What operators decided for the whole cluster; the defaults until they did. Cached by its bytes."""
    return tables.settings(reader)


def bucket(reader: Reader, name: BucketName) -> Bucket | None:
    return tables.bucket(reader, name)


def bucket_by_id(reader: Reader, bucket_id: BucketId) -> Bucket | None:
    return tables.bucket_by_id(reader, bucket_id)


def cors(reader: Reader, bucket_id: BucketId) -> tuple[CorsRule, ...]:
    """What pages of other origins may do with a bucket: its rules, in their order."""
    return cors_tables.cors(reader, bucket_id)


def buckets(reader: Reader, after: BucketName | str, limit: int) -> list[Bucket]:
    """At most `limit` buckets whose names sort behind `after` (empty: from the first), by name."""
    return tables.buckets(reader, after, limit)


def live(reader: Reader, bucket_id: BucketId, key: ObjectKey) -> Version | None:
    """The visible version of a key: one row."""
    return tables.live(reader, bucket_id, key)


def version(reader: Reader, bucket_id: BucketId, key: ObjectKey, version_id: VersionId) -> Version | None:
    """The version or marker of a key that a client names: by its id, or NULL_VERSION."""
    return stack.find(reader, bucket_id, key, version_id)


def newest(reader: Reader, bucket_id: BucketId, key: ObjectKey) -> Version | None:
    """The newest version of a key: the visible one, or the marker that hides those behind it."""
    return stack.newest(reader, bucket_id, key)


def members(reader: Reader) -> tuple[Member, ...]:
    """All members, by node id."""
    return tables.members(reader)


def incarnations(reader: Reader) -> dict[NodeId, bytes]:
    """In which incarnation each member votes, or voted last."""
    return {member.id: member.incarnation for member in tables.members(reader)}


def member(reader: Reader, node: NodeId) -> Member | None:
    return tables.member(reader, node)


def voters(reader: Reader) -> tuple[NodeId, ...]:
    """Who votes, in the order in which they became voters."""
    return tables.voters(reader)


def layout(reader: Reader) -> Layout | None:
    """None: not initialised. Cached by its bytes, so asking often is cheap."""
    return tables.layout(reader)


def credential(reader: Reader, access_key: AccessKey) -> Credential | None:
    return tables.credential(reader, access_key)


def user(reader: Reader, user_id: UserId) -> User | None:
    """None: no such user, or root."""
    return user_tables.user(reader, user_id)


def users(reader: Reader) -> list[User]:
    """The first `limits.users_max` users, by id."""
    return list(islice(user_tables.users(reader), limits.users_max))


def find_user(reader: Reader, words: str) -> User | None:
    """The user of an id, name or e-mail."""
    by_id = user_tables.user(reader, UserId(words))
    if by_id is not None:
        return by_id
    found = user_tables.user_named(reader, words) or user_tables.user_of_email(reader, words)
    return None if found is None else user_tables.user(reader, found)


def user_of_email(reader: Reader, email: str) -> UserId | None:
    return user_tables.user_of_email(reader, email)


def access_keys(reader: Reader, user_id: UserId) -> list[AccessKey]:
    """All access keys of a user, sorted."""
    return user_tables.access_keys(reader, user_id, limits.keys_per_user_max)


def buckets_of(reader: Reader, owner: UserId, after: str, limit: int) -> list[Bucket]:
    """At most `limit` buckets of a user (not of root) whose names sort behind `after`, by name."""
    names = user_tables.bucket_names(reader, owner, after, limit)
    return [bucket for name in names if (bucket := tables.bucket(reader, name)) is not None]


def outcome(reader: Reader, operation: OperationId) -> Outcome | None:
    """What became of an operation. None: not seen, or longer than 200,000 entries ago."""
    return tables.outcome(reader, operation)


def references_count(reader: Reader, digest: Digest) -> int:
    """How many bodies name a blob."""
    found = tables.reference(reader, digest)
    return 0 if found is None else found.count


def referenced(reader: Reader, partition: Partition, after: Digest | None, limit: int) -> list[BlobRef]:
    """At most `limit` blobs of a partition that some body names, behind `after`, in digest order."""
    start, stop = keys.references(partition)
    found: list[BlobRef] = []
    for key, row in reader.scan(start if after is None else max(start, keys.reference(after) + b"\x00"), stop):
        if len(found) >= limit:
            break
        found.append(tables.blob_of(key, row)[0])
    return found


def extent(reader: Reader, body: BodyId, sequence: int) -> tuple[BlobRef, ...] | None:
    """At most 256 blobs of a staged body. None: it has no such extent, or the body was removed and reaped."""
    return tables.extent(reader, body, sequence)


def parts_of(reader: Reader, body: PartsBody) -> PartTable | None:
    """Where the parts of an object lie. None: the body was removed and reaped."""
    return upload_tables.part_table(reader, body.body)


def part(reader: Reader, body: PartsBody, ordinal: int) -> Part | None:
    """One part of an object, by its place from 1. None: there are fewer, or the body was removed and reaped."""
    table = parts_of(reader, body)
    if table is None or table.part_range(ordinal) is None:
        return None
    return upload_tables.part(reader, body.body, table.number(ordinal))


def upload(reader: Reader, bucket: BucketId, key: ObjectKey, upload_id: UploadId) -> Upload | None:
    """An open upload."""
    return upload_tables.upload(reader, bucket, key, upload_id)


def uploaded_parts(reader: Reader, upload_id: UploadId, after: int, limit: int) -> list[tuple[int, Part]]:
    """At most `limit` parts of an open upload whose numbers are above `after`, in order."""
    return list(islice(upload_tables.parts(reader, upload_id, after + 1), limit))


def completed(reader: Reader, upload_id: UploadId) -> Completed | None:
    """What a completed upload was answered. None: it was not completed, or longer than a day ago."""
    return upload_tables.completed(reader, upload_id)


def leftovers(reader: Reader) -> list[BodyId]:
    """Some bodies with parts that they do not name."""
    return [keys.body_id(key) for key, _ in islice(_first_rows(reader, keys.LEFTOVERS), limits.reap_bodies_max)]


def reapable_from(reader: Reader, body: BodyId) -> int | None:
    """The cursor of the next Reap of a body. None: it is not dead and has no leftovers, or all is gone."""
    dead = tables.dead_body(reader, body)
    return upload_tables.leftovers(reader, body) if dead is None else dead.cursor


def uploads_orphaned(reader: Reader) -> list[tuple[BucketId, ObjectKey, UploadId]]:
    """Some open uploads of buckets that are gone."""
    buckets = (BucketId(keys.body_id(key)) for key, _ in reader.scan(*keys.stretch(keys.ORPHANS)))
    rows = (key for bucket_id in buckets for key, _ in reader.scan(*keys.uploads(bucket_id)))
    found = (keys.upload_place(key) for key in islice(rows, limits.reap_bodies_max))
    return [(bucket_id, ObjectKey(key), upload_id) for bucket_id, key, upload_id in found]


def bodies_expired(reader: Reader, at: Instant) -> list[BodyId]:
    """Some bodies that were staged and not committed in their time, of the oldest 10,000 unfinished ones."""
    found = (
        keys.body_id(key)
        for key, row in _first_rows(reader, keys.UNFINISHED)
        if tables.decode_unfinished(row).expires_at <= at
    )
    return list(islice(found, limits.reap_bodies_max))


def bodies_dead(reader: Reader, died_until: Instant) -> list[tuple[BodyId, DeadBody]]:
    """Some bodies that died at or before an instant, of the oldest 10,000 dead ones."""
    rows = ((keys.body_id(key), tables.decode_dead(row)) for key, row in _first_rows(reader, keys.DEAD_BODIES))
    return list(islice((found for found in rows if found[1].died_at <= died_until), limits.reap_bodies_max))


def _first_rows(reader: Reader, table: bytes) -> Iterator[tuple[bytes, bytes]]:
    return islice(reader.scan(*keys.stretch(table)), limits.scan_rows_max)


def dead_body(reader: Reader, body: BodyId) -> DeadBody | None:
    """How far a dead body has been reaped. None: it is not dead, or gone."""
    return tables.dead_body(reader, body)
