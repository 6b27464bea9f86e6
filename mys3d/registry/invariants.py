"""What is true of the rows after every entry.        Floor: registry (pure). Called by: tests, simulation, checks.

Law: an empty list means the rows hang together; a sentence names the row that does not. Reads everything: for tests and
for an operator's check, never on the way of a request.
"""

import hashlib
from collections.abc import Iterator
from itertools import chain

from mys3d import limits
from mys3d.model.body import BlobRef, Body, StagedBody
from mys3d.model.members import MemberState
from mys3d.model.names import BodyId, BucketId
from mys3d.registry import keys, references, tables
from mys3d.registry.transaction import Reader


def violations(reader: Reader) -> list[str]:
    """Every broken promise among the rows."""
    checks = (_references, _bodies, _objects, _buckets, _members, _layout, _outcomes)
    return [sentence for check in checks for sentence in check(reader)]


def digest(reader: Reader) -> str:
    """One name for all rows: equal on every node that applied the same entries."""
    found = hashlib.sha256()
    for key, row in reader.scan(b"", b"\xff"):
        found.update(len(key).to_bytes(4, "big") + key + len(row).to_bytes(4, "big") + row)
    return found.hexdigest()


def _references(reader: Reader) -> Iterator[str]:
    """The count of a blob is the number of times that inline bodies and extents name it."""
    expected: dict[bytes, tuple[int, int]] = {}
    inline = (blob for body in _bodies_of_versions(reader) for blob in references.blobs_of(body))
    staged = (blob for _, row in reader.scan(*keys.stretch(keys.EXTENTS)) for blob in tables.decode_extent(row).blobs)
    for blob in chain(inline, staged):
        count, _ = expected.get(blob.digest, (0, 0))
        expected[blob.digest] = (count + 1, blob.length)
    for key, row in reader.scan(*keys.stretch(keys.REFERENCES)):
        blob, count = tables.blob_of(key, row)
        if expected.pop(blob.digest, (0, 0)) != (count, blob.length):
            yield f"blob {blob.digest.hex()}: {count} references of {blob.length} bytes are not what bodies name"
    for name in expected:
        yield f"blob {name.hex()}: named by a body, and has no references"


def _bodies_of_versions(reader: Reader) -> Iterator[Body | None]:
    for table in (keys.LIVE, keys.VERSIONS):
        for _, row in reader.scan(*keys.stretch(table)):
            yield tables.decode_version(row).body


def _bodies(reader: Reader) -> Iterator[str]:
    """A body is unfinished, owned or dead, and has all its extents; a dead one has those from its cursor on."""
    owners: dict[BodyId, int] = {}
    for body in _bodies_of_versions(reader):
        if isinstance(body, StagedBody):
            owners[body.body] = owners.get(body.body, 0) + 1
    unfinished = {keys.body_id(key): None for key, _ in reader.scan(*keys.stretch(keys.UNFINISHED))}
    dead = {keys.body_id(key): row for key, row in reader.scan(*keys.stretch(keys.DEAD_BODIES))}
    extents: dict[BodyId, list[tuple[int, tuple[BlobRef, ...]]]] = {}
    for key, row in reader.scan(*keys.stretch(keys.EXTENTS)):
        extents.setdefault(keys.body_id(key), []).append(
            (int.from_bytes(key[9:], "big"), tables.decode_extent(row).blobs)
        )
    for key, _ in reader.scan(*keys.stretch(keys.BODIES)):
        body_id = keys.body_id(key)
        found = tables.body(reader, body_id)
        assert found is not None, "a row that was scanned is there"
        if owners.pop(body_id, 0) != found.owners_count:
            yield f"body {body_id}: {found.owners_count} owners are not what versions name"
        is_unfinished = unfinished.pop(body_id, found) is None
        if is_unfinished != (found.owners_count == 0) or body_id in dead:
            yield f"body {body_id}: is not one of unfinished, owned and dead"
        own = extents.pop(body_id, [])
        blobs = [blob for _, each in own for blob in each]
        is_whole = [sequence for sequence, _ in own] == list(range(found.extents_count))
        if not is_whole or (len(blobs), sum(blob.length for blob in blobs)) != (found.blobs_count, found.size):
            yield f"body {body_id}: its extents are not what was staged"
    for body_id, row in dead.items():
        cursor = tables.decode_dead(row).cursor
        left = [sequence for sequence, _ in extents.pop(body_id, [])]
        if not left or left != list(range(cursor, cursor + len(left))):
            yield f"dead body {body_id}: its extents do not begin at {cursor}"
    for body_id in chain(owners, unfinished, extents):
        yield f"body {body_id}: is named, and has no row"


def _objects(reader: Reader) -> Iterator[str]:
    """A key has a live row exactly while its newest version is no delete marker; the live row is that version."""
    newest: dict[bytes, tuple[int, bool]] = {}
    for key, row in reader.scan(*keys.stretch(keys.VERSIONS)):
        version = tables.decode_version(row)
        newest.setdefault(key[1:-8], (version.id, version.body is None))
    for key, row in reader.scan(*keys.stretch(keys.LIVE)):
        version = tables.decode_version(row)
        older, _ = newest.pop(key[1:], (0, False))
        if version.body is None or older >= version.id:
            yield f"live row {key.hex()}: version {version.id} is a marker, or older than version {older}"
        if tables.bucket_name(reader, BucketId(int.from_bytes(key[1:9], "big"))) is None:
            yield f"live row {key.hex()}: its bucket is gone"
    for name, (index, is_marker) in newest.items():
        if not is_marker:
            yield f"key {name.hex()}: version {index} is visible and has no live row"


def _buckets(reader: Reader) -> Iterator[str]:
    """A bucket's two rows name each other."""
    names = 0
    for bucket in tables.buckets(reader, "", limits.buckets_max * 10):
        names += 1
        if tables.bucket_name(reader, bucket.id) != bucket.name:
            yield f"bucket {bucket.name}: its id {bucket.id} does not lead back to it"
    ids = sum(1 for _ in reader.scan(*keys.stretch(keys.BUCKET_NAMES)))
    if ids != names:
        yield f"{names} buckets have names and {ids} have ids"


def _members(reader: Reader) -> Iterator[str]:
    """Voters are members. Once there is a cluster, it has a voter, a layout and an epoch of collection."""
    members = {member.id: member for member in tables.members(reader)}
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


def _layout(reader: Reader) -> Iterator[str]:
    layout = tables.layout(reader)
    if layout is None:
        return
    if not layout.sealed < layout.epoch <= layout.sealed + 2:
        yield f"layout: epoch {layout.epoch}, sealed {layout.sealed}"
    if (layout.epoch == layout.sealed + 2) != (bool(layout.target) and layout.seal_index == 0):
        yield f"layout: epoch {layout.epoch} is begun and sealed {layout.sealed} at index {layout.seal_index}"
    if layout.reported and layout.seal_index == 0:
        yield "layout: homes reported before the seal"
    for homes in layout.base + layout.target:
        if not 1 <= len(homes) <= limits.replicas_max or len(dict.fromkeys(homes)) != len(homes):
            yield f"layout: a partition has the homes {homes}"
    for node in dict.fromkeys(node for homes in layout.base for node in homes):
        member = tables.member(reader, node)
        if member is None or member.state is MemberState.JOINING:
            yield f"layout: {node} is a base home and no settled member"


def _outcomes(reader: Reader) -> Iterator[str]:
    """Each outcome has its place in the queue of those to forget, and none is older than its life."""
    index, _ = tables.applied(reader)
    queued: dict[bytes, None] = {}
    for key, _ in reader.scan(*keys.stretch(keys.OUTCOMES_AT)):
        decided = int.from_bytes(key[1:], "big")
        if not index - limits.operation_lifetime_entries < decided <= index:
            yield f"outcomes of index {decided} are kept at index {index}"
        queued |= {keys.outcome(operation): None for operation in tables.outcomes_at(reader, type(index)(decided))}
    stored = {key: None for key, _ in reader.scan(*keys.stretch(keys.OUTCOMES))}
    if queued.keys() != stored.keys():
        yield f"{len(stored)} outcomes are stored and {len(queued)} are queued to be forgotten"
