"""Whether blobs and bodies are counted as they are named.        Floor: registry (pure). Called by: invariants.

Law: each check yields a sentence for every row that is not as others say. Memory is bounded: the names of a large
registry are counted range by range, about `limits.check_names_max` blobs at once; the rest is merged in key order.
"""

from collections.abc import Iterator
from itertools import groupby

from mys3d import limits
from mys3d.model.body import BlobRef, InlineBlobs, PartsBody, StagedBody
from mys3d.model.digest import Digest
from mys3d.model.names import BodyId
from mys3d.model.objects import Version
from mys3d.registry import keys, tables
from mys3d.registry.transaction import Reader
from mys3d.registry.upload_tables import all_parts


def check_references(reader: Reader) -> Iterator[str]:
    """The count of a blob is the number of times that inline bodies and extents name it."""
    count = sum(1 for _ in reader.scan(*keys.stretch(keys.REFERENCES)))
    ranges = min(256, count // limits.check_names_max + 1)
    for number in range(ranges):
        yield from _check_range(reader, 256 * number // ranges, 256 * (number + 1) // ranges)


def _check_range(reader: Reader, first: int, stop: int) -> Iterator[str]:
    """The blobs whose digests begin with a byte of [first, stop)."""
    expected: dict[Digest, tuple[int, int]] = {}
    for blob in _named(reader):
        if first <= blob.digest[0] < stop:
            count, _ = expected.get(blob.digest, (0, 0))
            expected[blob.digest] = (count + 1, blob.length)
    start = keys.REFERENCES + bytes([first])
    end = keys.REFERENCES + bytes([stop]) if stop < 256 else keys.after(keys.REFERENCES)
    for key, row in reader.scan(start, end):
        blob, count = tables.blob_of(key, row)
        if expected.pop(blob.digest, (0, 0)) != (count, blob.length):
            yield f"blob {blob.digest.hex()}: {count} references of {blob.length} bytes are not what bodies name"
    for name in expected:
        yield f"blob {name.hex()}: named by a body, and has no references"


def _named(reader: Reader) -> Iterator[BlobRef]:
    for _, version in _versions(reader):
        if isinstance(version.body, InlineBlobs):
            yield from version.body.blobs
    for _, part in all_parts(reader):
        if isinstance(part.body, InlineBlobs):
            yield from part.body.blobs
    for _, row in reader.scan(*keys.stretch(keys.EXTENTS)):
        yield from tables.decode_extent(row).blobs


def _versions(reader: Reader) -> Iterator[tuple[bytes, Version]]:
    for table in (keys.LIVE, keys.VERSIONS):
        for key, row in reader.scan(*keys.stretch(table)):
            yield key, tables.decode_version(row)


def check_bodies(reader: Reader) -> Iterator[str]:
    """A body is unfinished, owned or dead, and has all its extents; a dead one has those from its cursor on."""
    owners: dict[BodyId, int] = {}
    for key, version in _versions(reader):
        if isinstance(version.body, StagedBody | PartsBody):
            owners[version.body.body] = owners.get(version.body.body, 0) + 1
        if isinstance(version.body, StagedBody):
            yield from _check_staged(reader, key, version.size, version.body)
    for key, part in all_parts(reader):
        if isinstance(part.body, StagedBody):
            owners[part.body.body] = owners.get(part.body.body, 0) + 1
            yield from _check_staged(reader, key, part.size, part.body)
    for key, _ in reader.scan(*keys.stretch(keys.BODIES)):
        body_id = keys.body_id(key)
        found = tables.body(reader, body_id)
        assert found is not None, "a row that was scanned is there"
        if owners.pop(body_id, 0) != found.owners_count:
            yield f"body {body_id}: {found.owners_count} owners are not what versions and parts name"
        is_unfinished = tables.unfinished(reader, body_id) is not None
        if is_unfinished != (found.owners_count == 0) or tables.dead_body(reader, body_id) is not None:
            yield f"body {body_id}: is not one of unfinished, owned and dead"
        if found.extents_count and next(iter(reader.scan(*keys.extents(body_id))), None) is None:
            yield f"body {body_id}: its extents are not what was staged"
    for body_id in owners:
        yield f"body {body_id}: is named, and has no row"
    for table in (keys.UNFINISHED, keys.DEAD_BODIES):
        yield from _check_rows_of_bodies(reader, table)
    yield from _check_extents(reader)


def _check_staged(reader: Reader, key: bytes, size: int, body: StagedBody) -> Iterator[str]:
    found = tables.body(reader, body.body)
    if found is not None and (found.blobs_count, found.size) != (body.blobs_count, size):
        yield f"row {key.hex()}: {size} bytes in {body.blobs_count} blobs are not those of body {body.body}"


def _check_rows_of_bodies(reader: Reader, table: bytes) -> Iterator[str]:
    """What is unfinished has its row; what is dead has extents left."""
    for key, _ in reader.scan(*keys.stretch(table)):
        body_id = keys.body_id(key)
        if table == keys.UNFINISHED and tables.body(reader, body_id) is None:
            yield f"body {body_id}: is named, and has no row"
        rows = keys.extents(body_id)
        dead = tables.dead_body(reader, body_id)
        if dead is not None and dead.is_parts:
            rows = keys.parts_from(body_id, dead.cursor)
        if table == keys.DEAD_BODIES and next(iter(reader.scan(*rows)), None) is None:
            yield f"dead body {body_id}: has no extents left"


def _check_extents(reader: Reader) -> Iterator[str]:
    """One body after the other, its extents in order."""
    rows = reader.scan(*keys.stretch(keys.EXTENTS))
    for body_id, own in groupby(rows, key=lambda row: keys.body_id(row[0])):
        sequences: list[int] = []
        blobs_count, size = 0, 0
        for key, row in own:
            sequences.append(int.from_bytes(key[9:], "big"))
            blobs = tables.decode_extent(row).blobs
            blobs_count, size = blobs_count + len(blobs), size + sum(blob.length for blob in blobs)
            if not 1 <= len(blobs) <= limits.extent_blobs_max:
                yield f"body {body_id}: an extent of {len(blobs)} blobs"
        found, dead = tables.body(reader, body_id), tables.dead_body(reader, body_id)
        if found is not None:
            is_whole = sequences == list(range(found.extents_count))
            if not is_whole or (blobs_count, size) != (found.blobs_count, found.size):
                yield f"body {body_id}: its extents are not what was staged"
        elif dead is None:
            yield f"body {body_id}: is named, and has no row"
        elif sequences != list(range(dead.cursor, dead.cursor + len(sequences))):
            yield f"dead body {body_id}: its extents do not begin at {dead.cursor}"
