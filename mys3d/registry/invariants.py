"""What is true of the rows after every entry.        Floor: registry (pure). Called by: tests, simulation, doctor.

Law: an empty list means the rows hang together; a sentence names the row that does not, and a row that does not decode
is a sentence too. Reads everything, in bounded memory: for tests and an operator's check, never for a request.
"""

import hashlib
from collections.abc import Callable, Iterator
from itertools import islice
from typing import Final

from mys3d import limits
from mys3d.model.members import Member, MemberState
from mys3d.model.names import BucketId, LogIndex, NodeId
from mys3d.registry import cors_tables, keys, tables
from mys3d.registry.codec import RowDamaged
from mys3d.registry.naming import check_bodies, check_references
from mys3d.registry.ordering import check_hidden, check_live, check_nulls
from mys3d.registry.transaction import Reader
from mys3d.registry.upload_checks import check_completed, check_part_tables, check_uploads
from mys3d.registry.users import check_users

_SINGLES: Final = (keys.APPLIED, keys.CLUSTER, keys.GC_EPOCH, keys.HOMES, keys.LAYOUT, keys.NOW, keys.VOTERS)
_KEY_BYTES: Final = {  # tables whose keys have one length
    keys.BODIES: 9,
    keys.EXTENTS: 17,
    keys.DEAD_BODIES: 9,
    keys.BUCKET_NAMES: 9,
    keys.REFERENCES: 33,
    keys.OUTCOMES: 17,
    keys.OUTCOMES_AT: 9,
    keys.UNFINISHED: 9,
    keys.PARTS: 13,
    keys.PART_TABLES: 9,
    keys.LEFTOVERS: 9,
    keys.COMPLETED: 9,
    keys.COMPLETED_AT: 9,
    keys.ORPHANS: 9,
    keys.CORS: 9,
} | dict.fromkeys(_SINGLES, 1)
_NAMED: Final = (
    keys.BUCKETS, keys.CREDENTIALS, keys.LIVE, keys.MEMBERS, keys.NULLS, keys.SETTINGS, keys.TOKENS, keys.UPLOADS,
    keys.VERSIONS,
    keys.USER_BUCKETS, keys.USER_KEYS, keys.USER_NAMES, keys.USERS,
)  # fmt: skip


def violations(reader: Reader) -> list[str]:
    """Broken promises among the rows, at most `limits.violations_max` of them."""
    return list(islice(_all(reader), limits.violations_max))


def digest(reader: Reader) -> str:
    """One name for all rows: equal on every node that applied the same entries."""
    found = hashlib.sha256()
    for key, row in reader.scan(b"", b"\xff"):
        found.update(len(key).to_bytes(4, "big") + key + len(row).to_bytes(4, "big") + row)
    return found.hexdigest()


def _all(reader: Reader) -> Iterator[str]:
    checks: tuple[Callable[[Reader], Iterator[str]], ...] = (
        _check_keys,
        _check_log,
        check_references,
        check_bodies,
        check_live,
        check_hidden,
        check_nulls,
        check_uploads,
        check_part_tables,
        check_completed,
        _check_buckets,
        _check_members,
        _check_layout,
        _check_access,
        check_users,
        _check_outcomes,
    )
    for check in checks:
        try:
            yield from check(reader)
        except RowDamaged as error:
            yield f"{check.__name__.lstrip('_').replace('_', ' ')}: {error}"


def _check_keys(reader: Reader) -> Iterator[str]:
    """Every row lies in a table that is written today, under a key of its form."""
    for key, _ in reader.scan(b"", b"\xff"):
        length = _KEY_BYTES.get(key[:1])
        if length is None and key[:1] not in _NAMED:
            yield f"row {key.hex()}: there is no such table"
        elif length is not None and len(key) != length:
            yield f"row {key.hex()}: a key of {len(key)} bytes in a table of {length}"


def _check_log(reader: Reader) -> Iterator[str]:
    """Nothing is newer than the last applied entry, nor than the registry's clock."""
    index, _ = tables.applied(reader)
    now = tables.now(reader)
    for table in (keys.LIVE, keys.VERSIONS):
        for key, row in reader.scan(*keys.stretch(table)):
            version = tables.decode_version(row)
            if version.id > index or version.modified_at > now:
                yield f"row {key.hex()}: version {version.id} at {version.modified_at} is newer than entry {index}"
    for table in (keys.BODIES, keys.BUCKET_NAMES, keys.DEAD_BODIES):
        for key, _ in reader.scan(*keys.stretch(table)):
            if keys.body_id(key) > index:
                yield f"row {key.hex()}: its id is newer than entry {index}"


def _check_buckets(reader: Reader) -> Iterator[str]:
    """A bucket's two rows name each other."""
    names = 0
    for bucket in tables.buckets(reader, "", limits.buckets_max * 10):
        names += 1
        if tables.bucket_name(reader, bucket.id) != bucket.name:
            yield f"bucket {bucket.name}: its id {bucket.id} does not lead back to it"
        elif tables.versioning(reader, bucket.id) is not bucket.versioning:
            yield f"bucket {bucket.name}: its two rows disagree about versioning"
    ids = sum(1 for _ in reader.scan(*keys.stretch(keys.BUCKET_NAMES)))
    if ids != names:
        yield f"{names} buckets have names and {ids} have ids"
    for key, _ in reader.scan(*keys.stretch(keys.CORS)):
        bucket_id = BucketId(keys.body_id(key))
        if not tables.has_bucket(reader, bucket_id):
            yield f"rules for other origins: there is no bucket {bucket_id}"
        elif not cors_tables.cors(reader, bucket_id):
            yield f"bucket {bucket_id}: a row for other origins without a rule"


def _check_members(reader: Reader) -> Iterator[str]:
    """Voters are members. Once there is a cluster, it has a voter, a layout and an epoch of collection."""
    members: dict[NodeId, Member] = {}
    for key, row in reader.scan(*keys.stretch(keys.MEMBERS)):
        member = tables.decode_member(row)
        members[member.id] = member
        if keys.member(member.id) != key:
            yield f"member {member.id} lies under another key"
    voters = tables.voters(reader)
    if tables.cluster(reader) is None:
        if members:
            yield "there are members and no cluster"
        return
    for node in voters:
        if node not in members:
            yield f"voter {node} is no member"
    if not voters or len(dict.fromkeys(voters)) != len(voters):
        yield f"the voters are {voters}"
    if tables.layout(reader) is None or tables.gc_epoch(reader) < 1:
        yield "a cluster has a layout and an epoch of collection"


def _check_layout(reader: Reader) -> Iterator[str]:
    layout = tables.layout(reader)
    if layout is None:
        return
    if not layout.sealed < layout.epoch <= layout.sealed + 2:
        yield f"layout: epoch {layout.epoch}, sealed {layout.sealed}"
    if (layout.epoch == layout.sealed + 2) != (bool(layout.target) and layout.seal_index == 0):
        yield f"layout: epoch {layout.epoch} is begun and sealed {layout.sealed} at index {layout.seal_index}"
    if layout.reported and layout.seal_index == 0:
        yield "layout: homes reported before the seal"
    if len(layout.base) != limits.partitions_count or len(layout.target) not in (0, limits.partitions_count):
        yield f"layout: {len(layout.base)} base and {len(layout.target)} target partitions"
    for homes in layout.base + layout.target:
        if not 1 <= len(homes) <= limits.replicas_max or len(dict.fromkeys(homes)) != len(homes):
            yield f"layout: a partition has the homes {homes}"
    for node in dict.fromkeys(node for homes in layout.base for node in homes):
        member = tables.member(reader, node)
        if member is None or member.state is MemberState.JOINING:
            yield f"layout: {node} is a base home and no settled member"
    for node in dict.fromkeys(node for homes in layout.target for node in homes):
        if tables.member(reader, node) is None:
            yield f"layout: {node} is a target home and no member"


def _check_access(reader: Reader) -> Iterator[str]:
    """Tokens and access keys lie under their names."""
    count = 0
    for key, row in reader.scan(*keys.stretch(keys.TOKENS)):
        count += 1
        token = tables.decode_token(row)
        if keys.token(token.secret_digest) != key:
            yield f"join token {token.secret_digest.hex()} lies under another key"
    if count > limits.tokens_max:
        yield f"there are {count} join tokens"
    for key, row in reader.scan(*keys.stretch(keys.CREDENTIALS)):
        found = tables.decode_credential(row)
        if keys.credential(found.access_key) != key:
            yield f"access key {found.access_key} lies under another key"


def _check_outcomes(reader: Reader) -> Iterator[str]:
    """Each outcome has its place in the queue of those to forget, and none is older than its life."""
    index, _ = tables.applied(reader)
    queued: dict[bytes, None] = {}
    for key, _ in reader.scan(*keys.stretch(keys.OUTCOMES_AT)):
        decided = LogIndex(int.from_bytes(key[1:], "big"))
        if not index - limits.operation_lifetime_entries < decided <= index:
            yield f"outcomes of index {decided} are kept at index {index}"
        queued |= {keys.outcome(operation): None for operation in tables.outcomes_at(reader, decided)}
    stored = {key: None for key, _ in reader.scan(*keys.stretch(keys.OUTCOMES))}
    if queued.keys() != stored.keys():
        yield f"{len(stored)} outcomes are stored and {len(queued)} are queued to be forgotten"
